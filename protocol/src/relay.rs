//! What a client and a server say to each other before the server copies bytes between two clients. Knows
//! nothing of what is copied.
//!
//! After TLS with ALPN `hobnob-relay/1`, one line in each direction or two:
//! 1. The client sends `meet`: which session, and the key of its other side.
//! 2. The server answers `waiting` until the other side is there as well, then `met`; or `refused`, and closes.
//! 3. From `met` on the connection belongs to the two clients: the TLS of this connection is over, without a
//!    goodbye, and what either sends is what the other reads. So whoever reads `met` must not have read past it.

use serde::{Deserialize, Serialize};

use crate::name::{PairToken, PublicKey};

/// What a client tells a server that is to relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RelayRequest {
    /// Asks to be joined to the other side of a session.
    Meet {
        /// The session's token, as the introduction named it.
        session: PairToken,
        /// The key of the other side.
        other: PublicKey,
    },
    /// A message of a type this build does not know; it is passed over.
    #[serde(other)]
    Unknown,
}

/// What the server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RelayAnswer {
    /// The other side is not there yet; the client waits and sends nothing.
    Waiting,
    /// Both sides are there. Nothing more is said to the server on this connection.
    Met,
    /// The client is not joined to anybody, and is closed.
    Refused {
        /// Why.
        code: RelayRefusedCode,
    },
    /// A message of a type this build does not know; it is passed over.
    #[serde(other)]
    Unknown,
}

/// Why a server does not relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RelayRefusedCode {
    /// It relays nothing at all.
    Off,
    /// The token was not given to these two keys by a server of this lobby.
    Token,
    /// As much is relayed as may be, for this key, its address or in all; it may be tried again.
    Busy,
    /// The other side did not come in time; it may be tried again.
    Alone,
    /// The client has come again, on another connection.
    TakenOver,
    /// The server shuts down.
    Closing,
    /// Operators of the lobby sent this key out: it is banned, or was kicked and is not in the lobby again; it may be tried
    /// again.
    SentOut,
    /// A reason this build does not know.
    #[serde(other)]
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_passed_over() {
        let unknown: RelayRequest = serde_json::from_str(r#"{"type":"dance","with":1}"#).unwrap();
        assert_eq!(unknown, RelayRequest::Unknown);
        let answer: RelayAnswer =
            serde_json::from_str(r#"{"type":"refused","code":"moon","x":null}"#).unwrap();
        assert_eq!(answer, RelayAnswer::Refused { code: RelayRefusedCode::Other });
    }

    #[test]
    fn a_meeting_names_a_session_and_a_key_and_nothing_less() {
        for bad in [
            r#"{"type":"meet"}"#,
            r#"{"type":"meet","session":"AAAAAAAAAAAAAAAAAAAAAA"}"#,
            r#"{"type":"meet","session":"AAAA","other":"QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8"}"#,
        ] {
            assert!(serde_json::from_str::<RelayRequest>(bad).is_err(), "{bad}");
        }
    }
}
