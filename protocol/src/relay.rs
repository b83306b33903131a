//! The messages between a client and a server before the server relays bytes between two clients. This file knows
//! nothing of the relayed bytes.
//!
//! After TLS with the ALPN name `hobnob-relay/1`, each side sends one or two lines:
//! 1. The client sends `meet` with the token of a session and the key of the session's other side.
//! 2. If the other side is not there yet, the server answers `waiting`. When both sides are there, it answers `met`. If
//!    it does not relay, it answers `refused` and closes the connection.
//! 3. After `met`, the connection belongs to the two clients. Its TLS is over, without the usual closing message, and
//!    whatever one client sends is read by the other. A client that reads `met` must therefore not read any byte beyond
//!    it.

use serde::{Deserialize, Serialize};

use crate::ids::PairToken;
use crate::key::PublicKey;

/// A message from a client to a server that is to relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RelayRequest {
    /// Asks to be connected to the other side of a session.
    Meet {
        /// The token of the session, as the introduction gave it.
        session: PairToken,
        /// The key of the other side, as the introduction gave it.
        other: PublicKey,
    },
    /// A message of a type that this build does not know. It is ignored.
    #[serde(other)]
    Unknown,
}

/// A message from a server that is asked to relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RelayAnswer {
    /// The other side is not there yet. The client has to wait, and must not send anything.
    Waiting,
    /// Both sides are there. This is the last message of the server on this connection.
    Met,
    /// The server does not relay for this client, and closes the connection.
    Refused {
        /// The reason why the server does not relay.
        code: RelayRefusedCode,
    },
    /// A message of a type that this build does not know. It is ignored.
    #[serde(other)]
    Unknown,
}

/// Why a server does not relay for a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RelayRefusedCode {
    /// The server does not relay at all.
    Off,
    /// No server of this lobby has given this token to these two keys.
    Token,
    /// The limit of relayed sessions is reached, for this key, for its address or for the whole server. The client may
    /// try again later.
    Busy,
    /// The other side did not arrive in time. The client may try again.
    Alone,
    /// The same client has connected again, and the new connection takes the place of this one.
    TakenOver,
    /// The server is shutting down.
    Closing,
    /// Operators of the lobby sent this key out: it is banned, or was kicked and has not come back into the lobby. The
    /// client may try again.
    SentOut,
    /// A reason that this build does not know.
    #[serde(other)]
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_relay_messages_and_codes_are_read_as_unknown() {
        let unknown: RelayRequest = serde_json::from_str(r#"{"type":"dance","with":1}"#).unwrap();
        assert_eq!(unknown, RelayRequest::Unknown);
        let answer: RelayAnswer =
            serde_json::from_str(r#"{"type":"refused","code":"moon","x":null}"#).unwrap();
        assert_eq!(answer, RelayAnswer::Refused { code: RelayRefusedCode::Other });
    }

    #[test]
    fn meet_without_a_session_or_a_key_is_refused() {
        for bad in [
            r#"{"type":"meet"}"#,
            r#"{"type":"meet","session":"AAAAAAAAAAAAAAAAAAAAAA"}"#,
            r#"{"type":"meet","session":"AAAA","other":"QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8"}"#,
        ] {
            assert!(serde_json::from_str::<RelayRequest>(bad).is_err(), "{bad}");
        }
    }
}
