//! What follows from an entry. A server stores what is to be stored, then tells its own clients; effects that
//! concern connections of other servers it passes over.

use std::sync::Arc;

use hobnob_protocol::chain::{LobbyMessage, Position};
use hobnob_protocol::name::{Seq, Text, UserName};

use super::entry::ConnectionId;
use super::roster::NameBinding;

/// One thing that follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// A text has its number. To be stored, then told to everybody; that is its author's answer.
    Said {
        /// On which connection it was said.
        from: ConnectionId,
        /// With number, time and hash.
        message: LobbyMessage,
    },
    /// A text was said before and has a number already.
    Accepted {
        /// On which connection it was said now.
        to: ConnectionId,
        /// The text's number in its author's run.
        id: u64,
        /// Its number in the lobby.
        seq: Seq,
        /// The text as it was said now. It is another one where a client uses an id twice.
        text: Text,
    },
    /// A text was said before and has no number, and a later one of its run has: it was not stored, and would
    /// stand in the wrong order if it were now.
    Refused {
        /// On which connection it was said now.
        to: ConnectionId,
        /// The text's number in its author's run.
        id: u64,
    },
    /// Somebody is in.
    Joined {
        /// On which connection.
        id: ConnectionId,
        /// The name others see.
        name: Arc<UserName>,
        /// The newest message before that.
        head: Position,
        /// The name belonged to nobody, and is its own from now on.
        is_new: bool,
    },
    /// Somebody is not let in, since every numbered form of the name is taken.
    NoNameLeft {
        /// On which connection.
        id: ConnectionId,
    },
    /// A connection gave its place to another one. [`Effect::Left`] follows.
    TakenOver {
        /// Which.
        id: ConnectionId,
    },
    /// Somebody is gone.
    Left {
        /// On which connection.
        id: ConnectionId,
        /// The name others saw.
        name: Arc<UserName>,
    },
    /// A name belongs to a key, its user was seen now, or its key spoke for the first time. To be stored.
    Bound {
        /// Which.
        binding: NameBinding,
        /// Whether it belonged to nobody: then it is stored before its user is told of it.
        is_new: bool,
    },
    /// A name belongs to nobody any more. To be stored.
    Freed(UserName),
}
