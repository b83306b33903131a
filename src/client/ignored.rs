//! The users whom this user ignores. Their texts, in the lobby and in private, are marked, and only programs see them.
//! The same holds for their comings and goings, which the server tells by name. This file owns what it means to be
//! ignored; the list itself is kept by [`User`](super::user::User).

use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;

use crate::client::State;
use crate::client::command_error::CommandError;
use crate::data::history::entry::Kept;
use crate::show::{Message, failing, saying};

impl State {
    /// Ignores a key: nothing that it says is shown from now on, and it opens no private session.
    ///
    /// # Errors
    /// Returns an error if the key is this user's own, or if the list cannot be saved.
    pub(crate) fn ignore(&mut self, name: &UserName, key: &PublicKey) -> Result<(), CommandError> {
        if self.keeping.is_own(key) {
            return Err(failing::User::IgnoreYourself.into());
        }
        let set = self.user.ignored.set(&key.to_string(), Some(name.as_str()));
        set.map_err(failing::User::NotKept)?;
        let open = self.sessions.peers().find(|(_, peer)| peer.key == Some(*key)).map(|(session, _)| session);
        self.emit(saying::User::IgnoredNow { name, open }.into());
        Ok(())
    }

    /// Returns the key of the user with this name, if this run has met it: in a private session, or in the last message
    /// under this name.
    ///
    /// # Errors
    /// Returns an error if two users have this name.
    pub(crate) fn met_key(&mut self, name: &UserName) -> Result<Option<PublicKey>, CommandError> {
        let session = self.session_named(name)?.and_then(|session| self.sessions.peer(session)?.key);
        Ok(session.or_else(|| self.recent.key_of(name)))
    }

    /// Returns a message, which may be old, marked by whether its author is ignored now.
    #[must_use]
    pub(crate) fn marked(&self, message: Message) -> Message {
        let ignored = message.key.is_some_and(|key| self.user.ignores(&key));
        Message { ignored, ..message }
    }

    /// Whether a kept message is hidden, because its author is ignored. This user's own messages never are, whoever
    /// they were said to.
    #[must_use]
    pub(crate) fn is_ignored(&self, kept: &Kept) -> bool {
        self.user.ignores(&kept.key)
    }

    /// Tells this user that he sees nothing of an ignored user, because he talks to him or reads what was said with
    /// him.
    pub(crate) fn tell_of_unheard(&mut self, name: &UserName, key: &PublicKey) {
        if self.user.ignores(key) {
            self.emit(saying::User::PeerIsIgnored { name }.into());
        }
    }
}
