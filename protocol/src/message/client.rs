//! What a client tells the server. Knows nothing of what follows from it.

use serde::{Deserialize, Serialize};

use super::null_is_left_out;
use crate::away::AwayText;
use crate::chain::Position;
use crate::fast_path;
use crate::name::{Candidate, LogId, PairToken, RunId, Seq, Text, UserName};

/// What a client tells the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// Who this is and from where it reads on.
    Hello(Hello),
    /// Says a text in the lobby.
    Say {
        /// Its number in this run's outbox: counts up, never used for another text.
        id: u64,
        /// What is said.
        text: Text,
    },
    /// Asks who is in the lobby.
    Users {
        /// Comes back in the answer.
        request: u32,
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
        let text = fast_path::text(rest.strip_prefix(br#","text":""#)?.strip_suffix(br#""}"#)?)?;
        Some(Self::Say { id, text })
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
