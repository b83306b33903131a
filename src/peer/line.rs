//! Writes a message of a session as a line, and reads it back. Nearly all messages are texts and acknowledgements, so
//! texts are written, and both are read, without serde, which is slower. This file knows nothing of numbers, outboxes
//! or sockets.

use std::fmt::Write;

use bytes::{BufMut, BytesMut};
use hobnob_protocol::codec::{encode_into, encode_text_into};
use hobnob_protocol::fast_path;
use hobnob_protocol::message::PeerMessage;
use hobnob_protocol::text::Text;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Writes a message. A text may be long, so it is written without serde, which looks at every single byte.
pub fn encode(message: &PeerMessage, out: &mut BytesMut) {
    let PeerMessage::Say { number, at, text } = message else { return encode_into(message, out) };
    write!(out, r#"{{"type":"say","number":{number},"at":{at},"text":"#)
        .expect("writing to memory cannot fail");
    encode_text_into(text.as_str(), out);
    out.put_slice(b"}\n");
}

/// A text, and no other message. A line with an unknown or a repeated member is refused here. Serde then reads that
/// line as a message of any kind, which has rules of its own for such members.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Say {
    #[serde(rename = "type")]
    _type: IgnoredAny,
    number: u64,
    at: u64,
    text: Text,
}

/// Reads a message, in one of three ways. Acknowledgements, and texts with nothing escaped that [`encode`] has written,
/// are read directly; nearly all messages are of this kind. Other texts that name their type first are read by serde as
/// a `Say`; so serde does not have to copy the whole message in order to find its type. Everything else is read by
/// serde as a message of any kind. All three ways read the same message from a line, or refuse it.
///
/// # Errors
/// Returns an error if the line is not a message.
pub fn decode(line: &[u8]) -> serde_json::Result<PeerMessage> {
    if let Some(message) = plain_say(line).or_else(|| received(line)) {
        return Ok(message);
    }
    if line.starts_with(br#"{"type":"say","#)
        && let Ok(Say { number, at, text, .. }) = serde_json::from_slice(line)
    {
        return Ok(PeerMessage::Say { number, at, text });
    }
    serde_json::from_slice(line)
}

/// Reads a text in the form that hobnob itself writes. For any other form it returns `None`, and serde reads the line.
fn plain_say(line: &[u8]) -> Option<PeerMessage> {
    let (number, rest) = fast_path::number(line.strip_prefix(br#"{"type":"say","number":"#)?)?;
    let (at, rest) = fast_path::number(rest.strip_prefix(br#","at":"#)?)?;
    let text = fast_path::text(rest.strip_prefix(br#","text":""#)?.strip_suffix(br#""}"#)?)?;
    Some(PeerMessage::Say { number, at, text })
}

/// Reads an acknowledgement in the form that hobnob itself writes. There may be one for each text, so it is
/// worth reading them quickly.
fn received(line: &[u8]) -> Option<PeerMessage> {
    match fast_path::number(line.strip_prefix(br#"{"type":"received","number":"#)?)? {
        (number, b"}") => Some(PeerMessage::Received { number }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_is_read_wherever_its_type_stands() {
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
    }

    /// What is read without serde is only what serde accepts, too, and it is read as serde reads it.
    #[test]
    fn a_line_is_read_with_and_without_serde_in_the_same_way() {
        let lines = [
            r#"{"type":"say","number":3,"at":4,"text":"plain, ünïcode 🦀"}"#,
            r#"{"type":"say","number":0,"at":18446744073709551615,"text":"x"}"#,
            r#"{"type":"say","number":3,"at":4,"text":"a\\"}"#,
            r#"{"type":"say","number":3,"at":4,"text":"a\""}"#,
            r#"{"type":"say","number":3,"at":4,"text":"a","mood":"b"}"#,
            r#"{"type":"say","number":3,"at":4,"text":"a"},"text":"b"}"#,
            r#"{"type":"received","number":7}"#,
            r#"{"type":"received","number":7,"mood":1}"#,
            r#"{"type":"received","number":07}"#,
            r#"{"type":"received","number":7"#,
            r#"{"type":"say","number":3,"at":4}"#,
            r#"{"type":"say","number":3,"at":4,"text":""}"#,
            r#"{"type":"say","number":03,"at":4,"text":"x"}"#,
            r#"{"type":"say","number":,"at":4,"text":"x"}"#,
            r#"{"type":"say","number":-3,"at":4,"text":"x"}"#,
            r#"{"type":"say","number":3,"at":18446744073709551616,"text":"x"}"#,
            r#"{"type":"say","number":3,"at":4,"text":"a\n","mood":"b"}"#,
            r#"{"type":"say","number":3,"at":4,"text":"a\n","type":"say"}"#,
            r#"{"type":"say","number":3,"at":4,"text":"a","number":4}"#,
            r#"{"type":"say","number":3,"at":4,"text":"a","mood":1e999}"#,
            r#"{"type":"say","number":3,"at":4,"text":"a","mood":"\ud800"}"#,
            "{\"type\":\"say\",\"number\":3,\"at\":4,\"text\":\"a\tb\"}",
            "{\"type\":\"say\",\"number\":3,\"at\":4,\"text\":\"a\u{7f}b\"}",
        ];
        let long = format!(r#"{{"type":"say","number":3,"at":4,"text":"{}"}}"#, "x".repeat(16 * 1024 + 1));
        let nested = format!(
            r#"{{"type":"say","number":3,"at":4,"text":"a","mood":{}{}}}"#,
            "[".repeat(200),
            "]".repeat(200)
        );
        let bytes: [&[u8]; 4] = [
            long.as_bytes(),
            nested.as_bytes(),
            b"{\"type\":\"say\",\"number\":3,\"at\":4,\"text\":\"a\xff\"}",
            b"{\"type\":\"say\",\"number\":3,\"at\":4,\"text\":\"a\",\"mood\":\"\xff\"}",
        ];
        for line in lines.iter().map(|line| line.as_bytes()).chain(bytes) {
            let (ours, serdes) = (decode(line).ok(), serde_json::from_slice::<PeerMessage>(line).ok());
            assert_eq!(ours, serdes, "{}", String::from_utf8_lossy(line));
        }
    }

    proptest! {
        /// The same holds for damaged lines.
        #[test]
        fn a_damaged_line_is_read_with_and_without_serde_in_the_same_way(
            number in any::<u64>(),
            words in "[a-z\\u{0}-\\u{20}\"\\\\ü🦀]{1,12}",
            damages in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 0..4),
        ) {
            let say = PeerMessage::Say { number, at: number / 3, text: Text::new(words.as_str()).unwrap() };
            for message in [say, PeerMessage::Received { number }] {
                let mut out = BytesMut::new();
                encode(&message, &mut out);
                let mut line = out[..out.len() - 1].to_vec();
                prop_assert_eq!(decode(&line).ok(), Some(message));
                for (at, byte, damage) in &damages {
                    let at = at.index(line.len());
                    match damage {
                        0 => line[at] = *byte,
                        1 => line.insert(at, *byte),
                        _ => drop(line.remove(at)),
                    }
                }
                let (ours, serdes) = (decode(&line).ok(), serde_json::from_slice::<PeerMessage>(&line).ok());
                prop_assert_eq!(ours, serdes, "{}", String::from_utf8_lossy(&line));
            }
        }
    }
}
