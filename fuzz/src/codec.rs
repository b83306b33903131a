//! Fuzzes the lines and messages of lobby links and relay links: the framing, and the messages of both directions. The
//! first two bytes of an input say how large the pieces are in which the rest arrives, and how long a line may be.

use bytes::Bytes;
use hobnob_protocol::codec::{LineBuffer, encode};
use hobnob_protocol::message::{ClientMessage, ServerMessage};
use hobnob_protocol::relay::{RelayAnswer, RelayRequest};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Checks three things. The lines do not depend on the pieces in which the bytes arrive, and are not longer than
/// allowed. A message that was read can be written and read again, and stays the same. The fast path for texts reads
/// what serde reads.
///
/// # Panics
/// Panics if one of these does not hold.
pub fn run(data: &[u8]) {
    let [piece, limit, bytes @ ..] = data else { return };
    let (piece, limit) = (usize::from(*piece) + 1, (usize::from(*limit) + 1) * 8);
    let whole = lines(bytes, bytes.len().max(1), limit);
    assert_eq!(whole, lines(bytes, piece, limit));
    for line in whole.iter().flatten() {
        assert!(line.len() < limit && !line.contains(&b'\n'));
        let serdes = again::<ClientMessage>(line);
        assert_eq!(ClientMessage::read(line).ok(), serdes);
        again::<ServerMessage>(line);
        again::<RelayRequest>(line);
        again::<RelayAnswer>(line);
    }
}

/// Returns all lines. If a line was too long, `None` stands at the end.
fn lines(bytes: &[u8], piece: usize, limit: usize) -> Vec<Option<Bytes>> {
    let (mut lines, mut buffer) = (Vec::new(), LineBuffer::new(limit));
    for piece in bytes.chunks(piece) {
        buffer.extend(piece);
        loop {
            match buffer.next_line() {
                Ok(Some(line)) => lines.push(Some(line)),
                Ok(None) => break,
                Err(_) => {
                    lines.push(None);
                    return lines;
                }
            }
        }
    }
    lines
}

/// Returns the message that a line holds, if it holds one, and checks that the message is the same after it is written
/// and read again.
pub(crate) fn again<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(line: &[u8]) -> Option<T> {
    let message: T = serde_json::from_slice(line).ok()?;
    let written = encode(&message);
    let read: T = serde_json::from_slice(&written).expect("hobnob reads what it has written");
    assert_eq!(message, read);
    Some(message)
}
