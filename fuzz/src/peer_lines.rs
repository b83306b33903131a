//! Fuzzes the lines of a private session's link, which another user's program could send.

use bytes::BytesMut;
use hobnob::peer::line::{decode, encode};
use hobnob_protocol::message::PeerMessage;

use crate::codec::again;

/// Checks that the fast path for reading a line reads what serde reads, and that the fast path for writing a line
/// writes what serde writes.
///
/// # Panics
/// Panics if this does not hold.
pub fn run(data: &[u8]) {
    let message = again::<PeerMessage>(data);
    assert_eq!(decode(data).ok(), message);
    if let Some(message) = message {
        let mut line = BytesMut::new();
        encode(&message, &mut line);
        assert_eq!(line, hobnob_protocol::codec::encode(&message));
    }
}
