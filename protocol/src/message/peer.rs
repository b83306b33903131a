//! The messages that two peers send each other.

use serde::{Deserialize, Serialize};

use super::code::PeerRefusedCode;
use crate::ids::PairToken;
use crate::text::Text;
use crate::verification::VerifyMessage;

/// What a connection between two peers is used for. One session may have several connections for different purposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The connection carries the texts that the two users send each other.
    Words,
    /// A purpose that this build does not know.
    #[serde(other)]
    Other,
}

/// A message from one peer to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum PeerMessage {
    /// The first message on every connection, sent by both sides.
    Hello {
        /// The version of the protocol that this side speaks; see [`PROTOCOL_VERSION`](crate::PROTOCOL_VERSION).
        protocol: u32,
        /// The token of the session that this connection belongs to.
        session: PairToken,
        /// The number of the last text that this side has received in the session.
        received: u64,
        /// What the connection is used for; absent if it carries the texts of the session.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        purpose: Option<Purpose>,
    },
    /// Answers the `hello` of a connection that this side has no use for, although its session goes on. The connection
    /// is then closed, and the session is not affected.
    Refused {
        /// The reason why the connection is not wanted.
        code: PeerRefusedCode,
    },
    /// From now on this connection carries the texts. The side with the smaller key sends this.
    Chosen,
    /// A user says a text.
    Say {
        /// The number of the text. Each side counts up from 1, over all connections of the session.
        number: u64,
        /// When the text was typed, in milliseconds since 1970-01-01 UTC.
        at: u64,
        /// What the user says.
        text: Text,
    },
    /// Acknowledges all texts up to and including this number.
    Received {
        /// The number of the last text that arrived.
        number: u64,
    },
    /// One step of a verification, in which two users compare their keys.
    Verify(VerifyMessage),
    /// Asks the other side for a sign of life.
    Ping,
    /// Answers a `ping`.
    Pong,
    /// The sender has ended the session.
    Goodbye,
    /// Any message of a type that this build does not know.
    #[serde(other)]
    Unknown,
}
