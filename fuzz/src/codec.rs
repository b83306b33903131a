//! Lines and messages of a lobby link and of a relay link: the framing, and both directions' messages. The first two bytes say in which
//! pieces the rest arrives and how long a line may be.

use bytes::Bytes;
use hobnob_protocol::codec::{LineBuffer, encode};
use hobnob_protocol::message::{ClientMessage, ServerMessage};
use hobnob_protocol::relay::{RelayAnswer, RelayRequest};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Lines do not depend on how the bytes were cut on their way and are no longer than allowed; what is read as a message
/// is written and read again the same; the short way to read a text reads what serde reads.
///
/// # Panics
/// Where that does not hold.
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

/// Every line, and `None` at the end where one was too long.
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

/// What a line is read as, having checked that it is read as the same after being written.
pub(crate) fn again<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(line: &[u8]) -> Option<T> {
    let message: T = serde_json::from_slice(line).ok()?;
    let written = encode(&message);
    let read: T = serde_json::from_slice(&written).expect("what hobnob writes it reads");
    assert_eq!(message, read);
    Some(message)
}
