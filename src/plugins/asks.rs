//! What a running program asks for: one JSON object a line, `{"notice":…}`, `{"say":…}` or
//! `{"command":…}`. Owns their form; knows nothing of rights.

use hobnob_protocol::name::Text;
use serde::Deserialize;
use thiserror::Error;

use crate::input::invisible::without_mark;
use crate::input::request::{self, Wish};

/// One thing a program asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ask {
    /// To show something to the user alone.
    Notice(String),
    /// To say something in the session it was called from.
    Say(Text),
    /// To run a command.
    Command {
        /// The command's name, without the backslash.
        name: String,
        /// What follows the name.
        args: String,
    },
}

/// A line of a program that asks for nothing.
#[derive(Debug, Error)]
pub(crate) enum NotAnAsk {
    /// It is not one JSON object of a known form.
    #[error("{0}")]
    NotJson(serde_json::Error),
    /// It asks for a command that is not one line, or has no name.
    #[error("a command is one line that begins with its name")]
    NotACommand,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Notice(String),
    Say(Text),
    Command(String),
}

/// Reads one line; none for an empty one.
///
/// # Errors
/// When the line is neither empty nor one of them.
pub(crate) fn parse(line: &str) -> Result<Option<Ask>, NotAnAsk> {
    let line = without_mark(line);
    if line.trim().is_empty() {
        return Ok(None);
    }
    let line = serde_json::from_str(line).map_err(NotAnAsk::NotJson)?;
    Ok(Some(match line {
        Line::Notice(text) => Ask::Notice(text),
        Line::Say(text) => Ask::Say(text),
        Line::Command(line) => match request::command(&line) {
            Some(Wish::Command { name, args }) => Ask::Command { name, args },
            _ => return Err(NotAnAsk::NotACommand),
        },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_object_a_line_is_one_ask() {
        assert_eq!(parse(r#"{"notice":"x"}"#).unwrap(), Some(Ask::Notice("x".to_owned())));
        assert_eq!(parse("\u{feff}{\"notice\":\"x\"}").unwrap(), Some(Ask::Notice("x".to_owned())));
        assert_eq!(parse(r#"{"say":"x"}"#).unwrap(), Some(Ask::Say(Text::new("x").unwrap())));
        let (name, args) = ("sw".to_owned(), "1".to_owned());
        assert_eq!(parse(r#"{"command":"\\sw 1"}"#).unwrap(), Some(Ask::Command { name, args }));
        assert_eq!(parse("  ").unwrap(), None);
        for bad in ["hello", "{}", r#"{"say":""}"#, r#"{"say":"x","notice":"y"}"#, r#"{"command":"a\nb"}"#] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
