//! What was said lately in each session, for `\history`. Plain and bounded; knows nothing of where
//! messages come from.

use std::collections::{HashMap, VecDeque};

use hobnob_protocol::name::{PublicKey, UserName};

use crate::session::SessionId;
use crate::show::Message;

/// Messages kept for each session.
const KEPT: usize = 1000;

/// The newest messages of each session, one's own among them.
#[derive(Debug, Default)]
pub struct Recent {
    sessions: HashMap<SessionId, VecDeque<Message>>,
}

impl Recent {
    /// Keeps a message, and lets the session's oldest one go where too many are kept.
    pub fn keep(&mut self, message: Message) {
        let kept = self.sessions.entry(message.session).or_default();
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(message);
    }

    /// The newest `count` messages of a session, oldest first.
    #[must_use]
    pub fn last(&self, session: SessionId, count: usize) -> Vec<Message> {
        let Some(kept) = self.sessions.get(&session) else { return Vec::new() };
        kept.iter().skip(kept.len().saturating_sub(count)).cloned().collect()
    }

    /// Whether older messages of a session had to go.
    #[must_use]
    pub fn is_full(&self, session: SessionId) -> bool {
        self.sessions.get(&session).is_some_and(|kept| kept.len() == KEPT)
    }

    /// Everything kept, session after session.
    pub fn all(&self) -> impl Iterator<Item = &Message> {
        self.sessions.values().flatten()
    }

    /// The key of whoever said something under this name last.
    #[must_use]
    pub fn key_of(&self, name: &UserName) -> Option<PublicKey> {
        let said = self.all().filter(|message| message.from == *name && message.key.is_some());
        said.max_by_key(|message| message.at).and_then(|message| message.key)
    }

    /// Forgets the messages of a session that is over.
    pub fn forget(&mut self, session: SessionId) {
        self.sessions.remove(&session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timestamp::Timestamp;

    #[test]
    fn the_newest_are_kept_in_order() {
        let mut recent = Recent::default();
        for number in 0..KEPT + 10 {
            let (from, text) = ("anna".parse().unwrap(), number.to_string());
            recent.keep(Message::new(SessionId(1), None, from, &text, Timestamp(0)));
        }
        let texts: Vec<String> = recent.last(SessionId(1), 2).into_iter().map(|it| it.text).collect();
        assert_eq!(texts, ["1008", "1009"]);
        assert_eq!(recent.last(SessionId(1), usize::MAX).len(), KEPT);
        assert!(recent.last(SessionId(2), 5).is_empty());
    }
}
