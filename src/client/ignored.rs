//! Whom this user does not want to hear: their texts, in the lobby and in private, are marked and shown to programs
//! alone; so are their comings and goings, which the server tells by name. Owns what being ignored means; the list
//! itself is kept by [`User`](super::user::User).

use hobnob_protocol::name::{PublicKey, UserName};

use crate::client::State;
use crate::client::command_error::CommandError;
use crate::data::history::entry::Kept;
use crate::show::{Message, failing, saying};

impl State {
    /// Nothing of what this key says is shown from now on, and it opens no private session.
    ///
    /// # Errors
    /// When the key is this user's own, or that it is ignored cannot be kept.
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

    /// The key of whoever has this name, as far as this run has met it: of a private session, or of what was said last.
    #[must_use]
    pub(crate) fn met_key(&self, name: &UserName) -> Option<PublicKey> {
        let session = self.sessions.with_name(name).and_then(|session| self.sessions.peer(session)?.key);
        session.or_else(|| self.recent.key_of(name))
    }

    /// A message that may have been kept for a while, marked by whether its author is ignored now.
    #[must_use]
    pub(crate) fn marked(&self, message: Message) -> Message {
        let ignored = message.key.is_some_and(|key| self.user.ignores(&key));
        Message { ignored, ..message }
    }

    /// Whether a kept message is not to be shown: this user's own are, whoever they were said to.
    #[must_use]
    pub(crate) fn is_ignored(&self, kept: &Kept) -> bool {
        self.user.ignores(&kept.key)
    }

    /// This user talks to somebody, or reads what was said with them: that nothing of theirs is seen is told.
    pub(crate) fn tell_of_unheard(&mut self, name: &UserName, key: &PublicKey) {
        if self.user.ignores(key) {
            self.emit(saying::User::PeerIsIgnored { name }.into());
        }
    }
}
