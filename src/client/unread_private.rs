//! What others said in private that a person has not read: it is told when a session ends, and at the start of the next
//! run, because a run may end without being asked. This file owns what is told. It does not know how marks are stored.

use std::collections::BTreeSet;

use crate::client::State;
use crate::session::SessionId;
use crate::show::saying;

/// How many users have a row of their own. The last row sums up the others.
const ROWS: usize = 4;

impl State {
    /// Tells a person at the start of a run whose private messages are unread.
    pub(crate) fn tell_unread_private(&mut self) {
        if !self.screen.is_terminal() {
            return;
        }
        let mut unread = self.keeping.history.unread_talks().unwrap_or_else(|err| {
            tracing::warn!(%err, "which private messages are unread cannot be read");
            Vec::new()
        });
        unread.retain(|talk| !self.user.ignores(&talk.key));
        // `\\history` finds one of two users who had the same name.
        let mut named = BTreeSet::new();
        unread.retain(|talk| named.insert(talk.name.folded().to_owned()));
        let shown = if unread.len() > ROWS { ROWS - 1 } else { ROWS };
        let rest = unread.split_off(unread.len().min(shown));
        for talk in unread {
            self.emit(
                saying::History::UnreadOf { name: &talk.name, count: talk.count, newest: talk.newest }.into(),
            );
        }
        if !rest.is_empty() {
            let count = rest.iter().map(|talk| talk.count).sum();
            let names = rest.iter().map(|talk| &talk.name).collect();
            self.emit(saying::History::UnreadOfOthers { names, count }.into());
        }
    }

    /// Tells a person what is unread in a private session that ends. What was only counted has just been shown, unless
    /// it was too much.
    pub(super) fn tell_unread_at_end(&mut self, session: SessionId, left: u64) {
        if left == 0 || !self.screen.is_terminal() || !self.keeping.keeps(session) {
            return;
        }
        if let Some(name) = self.sessions.peer(session).map(|peer| peer.peer.clone()) {
            self.emit(saying::History::UnreadOf { name: &name, count: left, newest: left }.into());
        }
    }
}
