//! Lines of a private session's link: what another user's program could send.

use bytes::BytesMut;
use hobnob::peer::line::{decode, encode};
use hobnob_protocol::message::PeerMessage;

use crate::codec::again;

/// The short way to read a line reads what serde reads, and the short way to write it writes what serde writes.
///
/// # Panics
/// Where that does not hold.
pub fn run(data: &[u8]) {
    let message = again::<PeerMessage>(data);
    assert_eq!(decode(data).ok(), message);
    if let Some(message) = message {
        let mut line = BytesMut::new();
        encode(&message, &mut line);
        assert_eq!(line, hobnob_protocol::codec::encode(&message));
    }
}
