//! What others said in private that a person has not read: it is told when a session ends, and at the start of the next
//! run, because a run may end without being asked. This file owns what is told, and which of several users who had the
//! same name is found by it. It does not know how marks are stored.

use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;

use crate::client::State;
use crate::data::history::{HistoryError, UnreadTalk};
use crate::session::SessionId;
use crate::show::saying;

/// How many users have a row of their own. The last row sums up the others.
const ROWS: usize = 4;

/// How many bytes of a fingerprint tell apart users who had the same name: `SHA256:` and 8 characters.
const BEGINNING: usize = 15;

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
        let shown = if unread.len() > ROWS { ROWS - 1 } else { ROWS };
        let rest = unread.split_off(unread.len().min(shown));
        unread.iter().for_each(|talk| self.tell_unread_of(talk));
        if !rest.is_empty() {
            let count = rest.iter().map(|talk| talk.count).sum();
            let mut names: Vec<&UserName> = Vec::new();
            for talk in &rest {
                if !names.contains(&&talk.name) {
                    names.push(&talk.name);
                }
            }
            self.emit(saying::History::UnreadOfOthers { names, count }.into());
        }
    }

    /// Tells a person what one user said that is unread, with the command that shows it. If the name finds another user,
    /// this is the fingerprint.
    pub(crate) fn tell_unread_of(&mut self, talk: &UnreadTalk) {
        let UnreadTalk { ref key, ref name, count, newest } = *talk;
        // If it cannot be read whom the name finds, it is probably the only user of that name.
        let is_found = self.key_in_private(name).map_or(true, |found| found == Some(*key));
        let fingerprint = key.fingerprint().to_string();
        let beginning = fingerprint.get(..BEGINNING).unwrap_or(&fingerprint);
        self.emit(match is_found {
            true => saying::History::UnreadOf { name, count, newest }.into(),
            false => saying::History::UnreadOfKey { name, beginning, count, newest }.into(),
        });
    }

    /// Returns the key of the user whom this name finds among those with whom this user talks or talked in private: of
    /// the one in an open session, or else of the last one.
    ///
    /// # Errors
    /// Fails if the history cannot be read.
    pub(crate) fn key_in_private(&self, name: &UserName) -> Result<Option<PublicKey>, HistoryError> {
        let open = self.sessions.with_name(name);
        match open.and_then(|session| self.sessions.peer(session)?.key) {
            Some(key) => Ok(Some(key)),
            None => self.keeping.history.key_of(name),
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
