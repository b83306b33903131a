//! What is kept of a message, and where it was said. Plain values; knows nothing of how they are stored.

use std::sync::Arc;

use hobnob_protocol::name::{ChainHash, LogId, PairToken, PublicKey, Text, UserName};
use hobnob_protocol::room::RoomName;

/// Where something was said: messages of one talk are numbered together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Talk {
    /// In the lobby, or in a room, each of which is a log of its own.
    Log {
        /// The key of the server that keeps the log.
        server: PublicKey,
        /// Which log.
        log: LogId,
        /// The room's name; none for the lobby.
        room: Option<RoomName>,
    },
    /// In one private session.
    Private {
        /// This user's key.
        own: PublicKey,
        /// This user's name, the one its key is kept under.
        own_name: UserName,
        /// The other's key.
        other: PublicKey,
        /// The other's name.
        name: UserName,
        /// Which session of the two.
        session: PairToken,
    },
}

/// Who said it. In a private session each side counts its own messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// This user; also whoever says something in a log, where all count together.
    Own,
    /// The other of a private session.
    Other,
}

/// A message that is to be kept.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Where it was said.
    pub talk: Arc<Talk>,
    /// By which side.
    pub side: Side,
    /// Its number there, which no other message of this talk and side has.
    pub number: u64,
    /// When, in milliseconds since 1970-01-01 UTC.
    pub at: u64,
    /// By whom.
    pub from: UserName,
    /// The key of whoever said it.
    pub key: PublicKey,
    /// What.
    pub text: Text,
}

/// Where a kept message was said, as a person names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Whereabouts {
    /// In a lobby.
    Lobby,
    /// In the room of this name.
    Room(RoomName),
    /// In private with the user of this name.
    Private(UserName),
}

/// A message that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Grows with the order in which messages of its class were kept; for the next page.
    pub id: i64,
    /// Where it was said.
    pub place: Whereabouts,
    /// Whether this user said it, in a private session.
    pub own: bool,
    /// Its number in its talk.
    pub number: u64,
    /// When, in milliseconds since 1970-01-01 UTC.
    pub at: u64,
    /// By whom.
    pub from: UserName,
    /// The key of whoever said it.
    pub key: PublicKey,
    /// What.
    pub text: Text,
}

/// Whose mark it is: a script never moves a person's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// A person at a terminal.
    Person,
    /// A program on a pipe.
    Script,
}

/// How far a user has come in a log. What lies between the two numbers is kept here and was not read yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Which log.
    pub log: LogId,
    /// The last message that was read.
    pub read: u64,
    /// The last message that was fetched.
    pub fetched: u64,
    /// Its hash, by which the server knows that it is a place in its log.
    pub hash: ChainHash,
    /// When `read` was set, in milliseconds since 1970-01-01 UTC.
    pub at: u64,
}
