//! What a client tells the server. Knows nothing of what follows from it.

use serde::{Deserialize, Serialize};

use super::null_is_left_out;
use crate::away::AwayText;
use crate::chain::Position;
use crate::content::Act;
use crate::fast_path;
use crate::name::{Candidate, LogId, PairToken, RunId, Seq, Text, UserName};
use crate::room::RoomName;

/// What a client tells the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// Who this is and from where it reads on.
    Hello(Hello),
    /// Says a text.
    Say {
        /// Its number in this run's outbox: counts up over the lobby and all rooms, never used for another text.
        id: u64,
        /// In which room; left out for the lobby.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<RoomName>,
        /// What is said.
        text: Text,
    },
    /// Does something that has a place among the texts.
    Act {
        /// Its number in this run's outbox, in one row with those of texts.
        id: u64,
        /// In which room; left out for the lobby.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<RoomName>,
        /// What is done.
        act: Act,
        /// For how many seconds it is to hold; left out for good. The server makes `until` of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lasts: Option<u64>,
    },
    /// Asks who and what is banned. Operators may.
    Bans {
        /// Comes back in the answer.
        request: u32,
    },
    /// Asks who the operators are.
    Ops {
        /// Comes back in the answer.
        request: u32,
    },
    /// Joins a room, which is made where there is none.
    Join(JoinRoom),
    /// Leaves a room.
    Part {
        /// Which.
        room: RoomName,
    },
    /// Asks which rooms there are.
    Rooms {
        /// Comes back in the answer.
        request: u32,
    },
    /// Asks who is in the lobby or in a room.
    Users {
        /// Comes back in the answer.
        request: u32,
        /// In which room; left out for the lobby.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<RoomName>,
    },
    /// Asks who somebody in the lobby is.
    Whois {
        /// Comes back in the answer.
        request: u32,
        /// Whom.
        name: UserName,
    },
    /// Asks for the messages that end at the newest one, or just before `before`.
    History {
        /// Comes back in the answer.
        request: u32,
        /// How many at the most.
        limit: u32,
        /// Of which room; left out for the lobby.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<RoomName>,
        /// Only messages with smaller numbers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Seq>,
    },
    /// Asks to be introduced to somebody for a private session.
    Pair {
        /// Comes back in the answer.
        request: u32,
        /// To whom.
        name: UserName,
        /// The session that is to be rebuilt; left out for a new one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<PairToken>,
    },
    /// The answer to `asked`: whether this user is to be told of whoever wants a private session.
    Consent {
        /// The number of the `asked`.
        ask: u64,
        /// What the user, or a rule of the user's, says.
        answer: ConsentAnswer,
    },
    /// This user is away: told to whoever asks, until `back` or the end of the connection.
    Away {
        /// Why; empty for no reason.
        #[serde(default, deserialize_with = "null_is_left_out")]
        text: AwayText,
    },
    /// This user is here again.
    Back,
    /// Asks for a sign of life.
    Ping,
    /// A sign of life.
    Pong,
    /// This client leaves for good.
    Leave,
    /// A message this build does not know.
    #[serde(other)]
    Unknown,
}

/// The first message of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`PROTOCOL_VERSION`](crate::PROTOCOL_VERSION).
    pub protocol: u32,
    /// Program and version, for the server's log; at most 64 bytes are kept.
    #[serde(default, deserialize_with = "null_is_left_out")]
    pub agent: String,
    /// The name wished for.
    pub name: UserName,
    /// This run of the client.
    pub run: RunId,
    /// Where peers reach this client; at most [`MAX_CANDIDATES`](crate::MAX_CANDIDATES).
    #[serde(default, deserialize_with = "null_is_left_out")]
    pub candidates: Vec<Candidate>,
    /// Where peers reach this client on the address the server sees it at: the port alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The log and the position in it up to which this client has read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
    /// Without a cursor: read on after this number, whatever its hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Seq>,
    /// Without either: how many of the newest messages to begin with.
    #[serde(default, deserialize_with = "null_is_left_out")]
    pub backlog: u64,
    /// The rooms this client is in again, each read up to a position; at most
    /// [`MAX_ROOMS_OF_A_KEY`](crate::MAX_ROOMS_OF_A_KEY).
    #[serde(default, deserialize_with = "null_is_left_out", skip_serializing_if = "Vec::is_empty")]
    pub rooms: Vec<RoomCursor>,
}

/// A client joins a room. Where it reads on is told as in [`Hello`]: the first that is there counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinRoom {
    /// Comes back in the answer.
    pub request: u32,
    /// Which room.
    pub room: RoomName,
    /// The room's log and the position in it up to which this client has read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
    /// Without a cursor: read on after this number, whatever its hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Seq>,
    /// Without either: how many of the newest messages to begin with.
    #[serde(default, deserialize_with = "null_is_left_out")]
    pub backlog: u64,
}

impl ClientMessage {
    /// Reads a line. Nearly all are texts that [`Serialize`] would write as they stand, and those are
    /// spared what serde does for messages of every kind.
    ///
    /// # Errors
    /// When the line is no message.
    pub fn read(line: &[u8]) -> serde_json::Result<Self> {
        Self::fast_say(line).map_or_else(|| serde_json::from_slice(line), Ok)
    }

    fn fast_say(line: &[u8]) -> Option<Self> {
        let (id, rest) = fast_path::number(line.strip_prefix(br#"{"type":"say","id":"#)?)?;
        let (room, rest) = Self::fast_room(rest)?;
        let text = fast_path::text(rest.strip_prefix(br#","text":""#)?.strip_suffix(br#""}"#)?)?;
        Some(Self::Say { id, room, text })
    }

    /// The room that a text is said in, where one is named, and what follows.
    fn fast_room(rest: &[u8]) -> Option<(Option<RoomName>, &[u8])> {
        let Some(named) = rest.strip_prefix(br#","room":""#) else { return Some((None, rest)) };
        let (name, rest) = named.split_at(memchr::memchr(b'"', named)?);
        // A name has neither a quote nor a backslash in it: one that was escaped is no name, and left to serde.
        let room = std::str::from_utf8(name).ok()?.parse().ok()?;
        Some((Some(room), &rest[1..]))
    }
}

/// How far a client has read, and in which log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Which log.
    pub log: LogId,
    /// Up to where.
    #[serde(flatten)]
    pub position: Position,
}

/// How far a client has read in the log of a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomCursor {
    /// Which room.
    pub room: RoomName,
    /// Which log it was, and up to where it was read.
    #[serde(flatten)]
    pub cursor: Cursor,
}

/// Whether somebody who was asked for a private session wants one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentAnswer {
    /// The two are introduced.
    Open,
    /// The user is asked, and another answer follows.
    Asking,
    /// No.
    Declined,
    /// As much of it waits already, or is open already.
    Busy,
    /// An answer this build does not know; it is taken for a no.
    #[serde(other)]
    Other,
}
