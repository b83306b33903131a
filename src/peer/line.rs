//! A message of a session as a line and back. Both ways nearly all are texts, and those are spared
//! what serde does for messages of every kind. Knows nothing of numbers, outboxes or sockets.

use std::fmt::Write;

use bytes::{BufMut, BytesMut};
use hobnob_protocol::codec::{encode_into, encode_text_into};
use hobnob_protocol::message::PeerMessage;
use hobnob_protocol::name::Text;
use serde::Deserialize;

/// Writes a message. A text, which may be long, goes without serde's look at every single byte.
pub(super) fn encode(message: &PeerMessage, out: &mut BytesMut) {
    let PeerMessage::Say { number, at, text } = message else { return encode_into(message, out) };
    write!(out, r#"{{"type":"say","number":{number},"at":{at},"text":"#).expect("memory takes it");
    encode_text_into(text.as_str(), out);
    out.put_slice(b"}\n");
}

/// A text whose type is known beforehand.
#[derive(Deserialize)]
struct Say {
    number: u64,
    at: u64,
    text: Text,
}

/// Reads a message. Nearly all are texts, and for those that name their type first the detour that
/// serde takes to find the type (it copies the whole message aside) is left out.
pub(super) fn decode(line: &[u8]) -> serde_json::Result<PeerMessage> {
    if line.starts_with(br#"{"type":"say","#) {
        let Say { number, at, text } = serde_json::from_slice(line)?;
        return Ok(PeerMessage::Say { number, at, text });
    }
    serde_json::from_slice(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_read_alike_wherever_their_type_stands() {
        let say = PeerMessage::Say { number: 3, at: 4, text: Text::new("a\n\u{7}b").unwrap() };
        for line in [
            r#"{"type":"say","number":3,"at":4,"text":"a\n\u0007b"}"#,
            r#"{"type":"say","mood":{},"text":"a\n\u0007b","at":4,"number":3}"#,
            r#"{"number":3,"at":4,"text":"a\n\u0007b","type":"say"}"#,
        ] {
            assert_eq!(decode(line.as_bytes()).unwrap(), say);
        }
        assert_eq!(decode(br#"{"type":"ping"}"#).unwrap(), PeerMessage::Ping);
        for message in [say, PeerMessage::Ping, PeerMessage::Received { number: 7 }] {
            let mut line = BytesMut::new();
            encode(&message, &mut line);
            assert_eq!(line, hobnob_protocol::codec::encode(&message));
        }
        for bad in [r#"{"type":"say","number":3,"at":4}"#, r#"{"type":"say","number":3,"at":4,"text":""}"#] {
            assert!(decode(bad.as_bytes()).is_err());
        }
    }
}
