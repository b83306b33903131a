//! Notices as NDJSON: one object in each line, with `"event"` first. This file knows nothing of the human form.

use std::io;

use serde::{Deserialize, Serialize};
use serde_json::ser::{Formatter, Serializer};

use super::Notice;
use super::harmless::{is_hostile, write_json_escape};
use crate::session::SessionId;
use crate::timestamp::Timestamp;

/// Events that are only in a record, because no program needs to be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Keystrokes {
    /// A line was typed at a terminal.
    Typed {
        /// The session whose prompt stood before the line.
        session: SessionId,
        /// The line, command or text.
        text: String,
        /// The text that the line said. It is missing if the line said nothing, or was refused.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        said: Option<String>,
    },
}

/// One line of a record: the event, and when it was recorded.
#[derive(Serialize)]
struct Recorded<'a, T> {
    #[serde(flatten)]
    event: &'a T,
    recorded: Timestamp,
}

/// Returns `notice` as one line, including the newline.
///
/// # Panics
/// Never panics: a notice can always be JSON, and a `Vec` takes every byte.
#[must_use]
pub fn line(notice: &Notice) -> String {
    written(notice)
}

/// Returns `event`, which is a notice or [`Keystrokes`], as one line of a record.
#[must_use]
pub fn recorded(event: &impl Serialize, recorded: Timestamp) -> String {
    written(&Recorded { event, recorded })
}

fn written(event: &impl Serialize) -> String {
    let mut out = Vec::with_capacity(160);
    let mut serializer = Serializer::with_formatter(&mut out, EscapeHostile);
    event.serialize(&mut serializer).expect("a notice is JSON");
    out.push(b'\n');
    String::from_utf8(out).expect("serde_json writes UTF-8")
}

/// Escapes more than serde_json, which escapes only C0. A terminal that shows NDJSON needs C1, bidirectional controls
/// and similar characters escaped, too.
struct EscapeHostile;

impl Formatter for EscapeHostile {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, part: &str) -> io::Result<()> {
        let mut plain = 0;
        for (at, c) in part.char_indices().filter(|&(_, c)| is_hostile(c)) {
            writer.write_all(&part.as_bytes()[plain..at])?;
            let mut escape = String::with_capacity(12);
            write_json_escape(c, &mut escape);
            writer.write_all(escape.as_bytes())?;
            plain = at + c.len_utf8();
        }
        writer.write_all(&part.as_bytes()[plain..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::SessionId;

    #[test]
    fn the_event_field_comes_first_and_hostile_text_is_escaped() {
        let notice = Notice::Sent {
            session: SessionId(0),
            text: "\u{1b}[2J\u{9b}\u{202e}\u{e0041}\n".into(),
            seq: Some(4),
        };
        assert_eq!(
            line(&notice),
            "{\"event\":\"sent\",\"session\":0,\"text\":\"\\u001b[2J\\u009b\\u202e\\udb40\\udc41\\n\",\"seq\":4}\n"
        );
    }

    #[test]
    fn escaped_text_is_read_back_unchanged() {
        let text = "a\u{7f}\u{85}\u{2028}\"\\b\u{feff}";
        let value: serde_json::Value =
            serde_json::from_str(&line(&Notice::Notice { text: text.into() })).unwrap();
        assert_eq!(value["text"], text);
    }
}
