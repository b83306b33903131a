//! The newest messages of each session, for `\history`. This is plain data with bounds; it does not know where messages
//! come from.

use std::collections::{HashMap, VecDeque};

use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;

use crate::session::SessionId;
use crate::show::Message;

/// How many messages are kept for each session.
pub(super) const KEPT: usize = 1000;

/// How many texts are kept of a stranger whom this user has not answered.
const KEPT_OF_STRANGER: usize = 100;

/// How many bytes of text are kept of such a stranger.
const BYTES_OF_STRANGER: usize = 256 * 1024;

/// The newest messages of each session, including this user's own.
#[derive(Debug, Default)]
pub struct Recent {
    sessions: HashMap<SessionId, VecDeque<Message>>,
}

impl Recent {
    /// Keeps a message, and drops the oldest one of its session if too many are kept.
    pub fn keep(&mut self, message: Message) {
        let kept = self.sessions.entry(message.session).or_default();
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(message);
    }

    /// Keeps a message of a stranger, for whom there is less room.
    pub fn keep_of_stranger(&mut self, message: Message) {
        let kept = self.sessions.entry(message.session).or_default();
        kept.push_back(message);
        let mut bytes: usize = kept.iter().map(|it| it.text.len()).sum();
        while kept.len() > KEPT_OF_STRANGER || bytes > BYTES_OF_STRANGER {
            bytes -= kept.pop_front().map_or(0, |oldest| oldest.text.len());
        }
    }

    /// Removes and returns the messages of a session, oldest first.
    pub fn take(&mut self, session: SessionId) -> Vec<Message> {
        self.sessions.remove(&session).unwrap_or_default().into()
    }

    /// Returns the newest `count` messages of a session, oldest first.
    #[must_use]
    pub fn last(&self, session: SessionId, count: usize) -> Vec<Message> {
        let Some(kept) = self.sessions.get(&session) else { return Vec::new() };
        kept.iter().skip(kept.len().saturating_sub(count)).cloned().collect()
    }

    /// Whether older messages of a session had to be dropped.
    #[must_use]
    pub fn is_full(&self, session: SessionId) -> bool {
        self.sessions.get(&session).is_some_and(|kept| kept.len() == KEPT)
    }

    /// Returns all messages, session by session.
    pub fn all(&self) -> impl Iterator<Item = &Message> {
        self.sessions.values().flatten()
    }

    /// Returns the key of the user who last said something under this name.
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

    fn said(text: String) -> Message {
        Message::new(SessionId(1), None, "anna".parse().unwrap(), &text, Timestamp(0))
    }

    #[test]
    fn few_messages_of_a_stranger_are_kept() {
        let mut recent = Recent::default();
        for number in 0..KEPT_OF_STRANGER + 10 {
            recent.keep_of_stranger(said(number.to_string()));
        }
        let kept = recent.last(SessionId(1), usize::MAX);
        assert_eq!((kept.len(), kept[0].text.as_str()), (KEPT_OF_STRANGER, "10"));
        for _ in 0..100 {
            recent.keep_of_stranger(said("x".repeat(16 * 1024)));
        }
        assert_eq!(recent.take(SessionId(1)).len(), BYTES_OF_STRANGER / (16 * 1024));
        assert!(recent.last(SessionId(1), 1).is_empty());
    }

    #[test]
    fn the_newest_messages_of_a_session_are_kept_in_order() {
        let mut recent = Recent::default();
        for number in 0..KEPT + 10 {
            recent.keep(said(number.to_string()));
        }
        let texts: Vec<String> = recent.last(SessionId(1), 2).into_iter().map(|it| it.text).collect();
        assert_eq!(texts, ["1008", "1009"]);
        assert_eq!(recent.last(SessionId(1), usize::MAX).len(), KEPT);
        assert!(recent.last(SessionId(2), 5).is_empty());
    }
}
