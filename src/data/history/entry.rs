//! What is kept of a message, and where it was said. These are plain values, which know nothing of how they are stored.

use std::sync::Arc;

use hobnob_protocol::chain::{ChainHash, LogId};
use hobnob_protocol::ids::PairToken;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;
use hobnob_protocol::text::Text;

/// A talk: a log or a private session, whose messages are numbered together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Talk {
    /// The log of a lobby or of a room.
    Log {
        /// The key of the server that keeps the log.
        server: PublicKey,
        /// The id of the log.
        log: LogId,
        /// The name of the room; `None` for the lobby.
        room: Option<RoomName>,
    },
    /// One private session between this user and another.
    Private {
        /// The key of this user.
        own: PublicKey,
        /// The name under which this user's key is kept.
        own_name: UserName,
        /// The key of the other user.
        other: PublicKey,
        /// The name of the other user.
        name: UserName,
        /// The token of the session, which tells it from other sessions of the same two users.
        token: PairToken,
    },
}

/// Which side said a message. In a private session each side numbers its own messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// This user. All messages of a log also count as this side, because they are numbered together.
    Own,
    /// The other user of a private session.
    Other,
}

/// A message that is to be stored.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The talk in which it was said.
    pub talk: Arc<Talk>,
    /// The side that said it.
    pub side: Side,
    /// Its number. No other message of the same talk and side has this number.
    pub number: u64,
    /// When it was said, in milliseconds since 1970-01-01 UTC.
    pub at: u64,
    /// The name of its author.
    pub from: UserName,
    /// The key of its author.
    pub key: PublicKey,
    /// What its author said.
    pub text: Text,
}

/// Where a stored message was said, in the words of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Whereabouts {
    /// It was said in a lobby.
    Lobby,
    /// It was said in the room with this name.
    Room(RoomName),
    /// It was said in a private session with the user of this name.
    Private(UserName),
}

/// A message that was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    /// The id of its row. Ids grow in the order in which messages of a class were stored, and say where the next page
    /// begins.
    pub id: i64,
    /// Where it was said.
    pub place: Whereabouts,
    /// Whether this user said it in a private session.
    pub own: bool,
    /// Its number in its talk.
    pub number: u64,
    /// When it was said, in milliseconds since 1970-01-01 UTC.
    pub at: u64,
    /// The name of its author.
    pub from: UserName,
    /// The key of its author.
    pub key: PublicKey,
    /// What its author said.
    pub text: Text,
}

/// Who reads. Persons and scripts have separate marks, so that a script never moves the mark of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// A person at a terminal.
    Person,
    /// A program on a pipe.
    Script,
}

/// How far a user has come in a log. Messages between `read` and `fetched` are stored here and were not read yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The id of the log.
    pub log: LogId,
    /// The number of the last message that was read.
    pub read: u64,
    /// The number of the last message that was fetched.
    pub fetched: u64,
    /// The hash of the last message that was fetched, by which the server recognizes the position in its log.
    pub hash: ChainHash,
    /// When `read` was set, in milliseconds since 1970-01-01 UTC.
    pub at: u64,
}
