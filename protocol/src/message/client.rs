//! The messages that a client sends to the server. This file knows nothing of what the server does about them.

use serde::{Deserialize, Serialize};

use super::null_is_left_out;
use crate::away::AwayText;
use crate::candidate::Candidate;
use crate::chain::{LogId, Position, Seq};
use crate::content::Act;
use crate::fast_path;
use crate::ids::{PairToken, RunId};
use crate::name::UserName;
use crate::room::RoomName;
use crate::text::Text;

/// A message from a client to the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// The first message on a connection: who the client is, and from where it reads on.
    Hello(Hello),
    /// The user says a text.
    Say {
        /// The number of the text in this run's outbox. It counts up over the lobby and all rooms, and is never used
        /// for another text.
        id: u64,
        /// The room in which the text is said; absent for the lobby.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<RoomName>,
        /// What the user says.
        text: Text,
    },
    /// The user does something that is stored in the log among the texts.
    Act {
        /// The number of the act in this run's outbox. Texts and acts are numbered in one row.
        id: u64,
        /// The room in which it is done; absent for the lobby.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<RoomName>,
        /// What the user does.
        act: Act,
        /// For how many seconds the act is to last; absent if it lasts until it is undone. The server computes `until`
        /// from it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lasts: Option<u64>,
    },
    /// Asks who and what is banned. Only operators may ask.
    Bans {
        /// The number of this request, which the answer repeats.
        request: u32,
    },
    /// Asks who is muted. Only operators may ask.
    Mutes {
        /// The number of this request, which the answer repeats.
        request: u32,
    },
    /// Asks who the operators are.
    Ops {
        /// The number of this request, which the answer repeats.
        request: u32,
    },
    /// Joins a room. The room is made if it does not exist.
    Join(JoinRoom),
    /// Leaves a room. This client is sent no more of its messages.
    Part {
        /// The room that the user leaves.
        room: RoomName,
    },
    /// Asks which rooms there are.
    Rooms {
        /// The number of this request, which the answer repeats.
        request: u32,
    },
    /// Asks who is in the lobby or in a room.
    Users {
        /// The number of this request, which the answer repeats.
        request: u32,
        /// The room that is asked about; absent for the lobby.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<RoomName>,
    },
    /// Asks about one user in the lobby.
    Whois {
        /// The number of this request, which the answer repeats.
        request: u32,
        /// The name of the user that is asked about.
        name: UserName,
    },
    /// Asks for messages of a log: the newest ones, or those just before the number `before`.
    History {
        /// The number of this request, which the answer repeats.
        request: u32,
        /// How many messages the answer may hold at most.
        limit: u32,
        /// The room whose log is asked for; absent for the lobby.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<RoomName>,
        /// If this is there, only messages with smaller numbers are asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Seq>,
    },
    /// Asks the server for an introduction to another user, for a private session.
    Pair {
        /// The number of this request, which the answer repeats.
        request: u32,
        /// The name of the other user.
        name: UserName,
        /// The token of the session that is to be rebuilt; absent for a new session.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<PairToken>,
    },
    /// The answer to an `asked`: whether the user wants the private session that somebody else asks for.
    Consent {
        /// The number of the `asked` that is answered.
        ask: u64,
        /// What the user answered, or what a rule of the user decided.
        answer: ConsentAnswer,
    },
    /// The user is away. The server tells this to everybody who asks about the user, until `back` arrives or the
    /// connection ends.
    Away {
        /// The reason for being away; empty if the user gives none.
        #[serde(default, deserialize_with = "null_is_left_out")]
        text: AwayText,
    },
    /// The user is no longer away.
    Back,
    /// Asks the server for a sign of life.
    Ping,
    /// Answers a `ping` of the server.
    Pong,
    /// The client leaves and will not reconnect.
    Leave,
    /// Any message of a type that this build does not know.
    #[serde(other)]
    Unknown,
}

/// The first message that a client sends on a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The version of the protocol that the client speaks; see [`PROTOCOL_VERSION`](crate::PROTOCOL_VERSION).
    pub protocol: u32,
    /// The client's program and version, for the server's log. The server logs at most 64 characters of it.
    #[serde(default, deserialize_with = "null_is_left_out")]
    pub agent: String,
    /// The name that the user wants.
    pub name: UserName,
    /// The run of the client, which stays the same when the client reconnects.
    pub run: RunId,
    /// The addresses at which peers can reach this client; at most [`MAX_CANDIDATES`](crate::MAX_CANDIDATES).
    #[serde(default, deserialize_with = "null_is_left_out")]
    pub candidates: Vec<Candidate>,
    /// The port on which peers can reach this client, at the address from which the server sees it connect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The log that this client has read and the position in it; the server sends what comes after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
    /// If there is no cursor: the server sends what comes after this number, whatever its hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Seq>,
    /// If there is neither a cursor nor `since`: with how many of the newest messages the server begins.
    #[serde(default, deserialize_with = "null_is_left_out")]
    pub backlog: u64,
    /// The rooms that this client is in again after a reconnect, each with the position up to which it has read; at
    /// most [`MAX_ROOMS_OF_A_KEY`](crate::MAX_ROOMS_OF_A_KEY).
    #[serde(default, deserialize_with = "null_is_left_out", skip_serializing_if = "Vec::is_empty")]
    pub rooms: Vec<RoomCursor>,
}

/// A client joins a room. As in [`Hello`], the first of `cursor`, `since` and `backlog` that is there says from where
/// the client reads on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinRoom {
    /// The number of this request, which the answer repeats.
    pub request: u32,
    /// The room to join.
    pub room: RoomName,
    /// The room's log that this client has read and the position in it; the server sends what comes after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
    /// If there is no cursor: the server sends what comes after this number, whatever its hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Seq>,
    /// If there is neither a cursor nor `since`: with how many of the newest messages the server begins.
    #[serde(default, deserialize_with = "null_is_left_out")]
    pub backlog: u64,
}

impl ClientMessage {
    /// Reads a message from a line. Nearly all lines are texts in exactly the form that [`Serialize`] writes. Those are
    /// read by the fast path, which saves the work that serde does to tell the kinds of messages apart.
    ///
    /// # Errors
    /// Fails if the line is not a message.
    pub fn read(line: &[u8]) -> serde_json::Result<Self> {
        Self::fast_say(line).map_or_else(|| serde_json::from_slice(line), Ok)
    }

    fn fast_say(line: &[u8]) -> Option<Self> {
        let (id, rest) = fast_path::number(line.strip_prefix(br#"{"type":"say","id":"#)?)?;
        let (room, rest) = Self::fast_room(rest)?;
        let text = fast_path::text(rest.strip_prefix(br#","text":""#)?.strip_suffix(br#""}"#)?)?;
        Some(Self::Say { id, room, text })
    }

    /// Reads the room in which a text is said, if the line names one. Returns the room and the bytes after it.
    fn fast_room(rest: &[u8]) -> Option<(Option<RoomName>, &[u8])> {
        let Some(named) = rest.strip_prefix(br#","room":""#) else { return Some((None, rest)) };
        let (name, rest) = named.split_at(memchr::memchr(b'"', named)?);
        // A room's name contains neither quotes nor backslashes. An escaped name does not parse here and is left to
        // serde.
        let room = std::str::from_utf8(name).ok()?.parse().ok()?;
        Some((Some(room), &rest[1..]))
    }
}

/// How far a client has read, and in which log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The log that the client has read.
    pub log: LogId,
    /// The position up to which the client has read.
    #[serde(flatten)]
    pub position: Position,
}

/// How far a client has read in the log of a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomCursor {
    /// The name of the room.
    pub room: RoomName,
    /// The room's log that the client has read, and the position in it.
    #[serde(flatten)]
    pub cursor: Cursor,
}

/// Whether a user who was asked for a private session wants one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentAnswer {
    /// Yes: the server introduces the two users to each other.
    Open,
    /// The client is asking its user. Another answer follows.
    Asking,
    /// No, the user does not want the session.
    Declined,
    /// No, because this user already has as many open sessions or open questions as are allowed.
    Busy,
    /// An answer that this build does not know. It is taken for a no.
    #[serde(other)]
    Other,
}
