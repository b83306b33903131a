//! What two peers tell each other.

use serde::{Deserialize, Serialize};

use super::code::PeerRefusedCode;
use crate::name::{PairToken, Text};
use crate::verification::VerifyMessage;

/// What a connection between two peers is for. One session may have several, for different purposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// What the two users say to each other.
    Words,
    /// A purpose this build does not know.
    #[serde(other)]
    Other,
}

/// What two peers tell each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum PeerMessage {
    /// The first message of both sides on every connection.
    Hello {
        /// [`PROTOCOL_VERSION`](crate::PROTOCOL_VERSION).
        protocol: u32,
        /// The session this connection is for.
        session: PairToken,
        /// The number of the last text this side has.
        received: u64,
        /// What the connection is for; left out for the words of the session.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        purpose: Option<Purpose>,
    },
    /// The answer to a `hello` of a session that goes on, for a connection this side has no use for; it
    /// closes, and the session is as it was.
    Refused {
        /// Why.
        code: PeerRefusedCode,
    },
    /// This connection carries the words from now on; sent by the side with the smaller key.
    Chosen,
    /// A text.
    Say {
        /// Counts up from 1 in each direction, over all connections of the session.
        number: u64,
        /// When it was typed, in milliseconds since 1970-01-01 UTC.
        at: u64,
        /// What is said.
        text: Text,
    },
    /// All texts up to this one have been taken.
    Received {
        /// The number of the last one.
        number: u64,
    },
    /// A step of the verification of both keys.
    Verify(VerifyMessage),
    /// Asks for a sign of life.
    Ping,
    /// A sign of life.
    Pong,
    /// The session is over.
    Goodbye,
    /// A message this build does not know.
    #[serde(other)]
    Unknown,
}
