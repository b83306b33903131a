//! The texts with which the prompts of sessions begin: lines that their author has not finished, and lines that were
//! refused and stay in the editor. This file owns the rule that such a text begins only a line of the session in which
//! it was written, so that nobody else hears it. It knows neither the editor nor what lines mean.

use std::collections::HashMap;

use crate::repl::Draft;
use crate::session::SessionId;

/// A text with which the next prompt of its session begins.
#[derive(Debug, Default)]
pub(super) struct Begun {
    pub(super) draft: Draft,
    /// Why the text came back; `None` if it was only left for a while.
    pub(super) note: Option<String>,
}

/// At most one text for each session.
#[derive(Debug, Default)]
pub(super) struct Drafts(HashMap<SessionId, Begun>);

impl Drafts {
    /// Keeps a text for the next prompt of its session. An empty text is nothing to keep.
    pub(super) fn keep(&mut self, session: SessionId, draft: Draft, note: Option<&str>) {
        if !draft.is_empty() {
            self.0.insert(session, Begun { draft, note: note.map(str::to_owned) });
        }
    }

    /// Returns the text with which a prompt of this session begins, and forgets it.
    pub(super) fn take(&mut self, session: SessionId) -> Begun {
        self.0.remove(&session).unwrap_or_default()
    }

    /// Removes and returns the texts whose sessions get no prompt any more.
    pub(super) fn take_orphans(
        &mut self,
        gets_prompt: impl Fn(SessionId) -> bool,
    ) -> Vec<(SessionId, String)> {
        let orphans = self.0.extract_if(|session, _| !gets_prompt(*session));
        orphans.map(|(session, Begun { draft, .. })| (session, draft.left + &draft.right)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_begins_only_a_line_of_its_own_session_and_only_once() {
        let (lobby, bobby) = (SessionId(0), SessionId(1));
        let mut drafts = Drafts::default();
        drafts.keep(bobby, Draft::at_end("secret"), Some("not sent"));
        drafts.keep(lobby, Draft::default(), None);
        assert!(drafts.take(lobby).draft.is_empty());
        let Begun { draft, note } = drafts.take(bobby);
        assert_eq!((draft, note.as_deref()), (Draft::at_end("secret"), Some("not sent")));
        assert!(drafts.take(bobby).draft.is_empty());
        drafts.keep(bobby, Draft::at_end("secret"), None);
        assert_eq!(drafts.take_orphans(|session| session == lobby), [(bobby, "secret".to_owned())]);
        assert!(drafts.take_orphans(|_| false).is_empty());
    }
}
