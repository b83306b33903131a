//! What a running program asks for. Each request is one JSON object on a line: `{"notice":…}`, `{"say":…}` or
//! `{"command":…}`. This file owns the form of these requests; it knows nothing of rights.

use hobnob_protocol::text::Text;
use serde::Deserialize;
use thiserror::Error;

use crate::input::invisible::without_mark;
use crate::input::request::{self, RequestKind};

/// One thing that a program asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ask {
    /// To show this text to the user alone.
    Notice(String),
    /// To say this text in the session from which the program was called.
    Say(Text),
    /// To run a command of hobnob.
    Command {
        /// The name of the command, without the backslash.
        name: String,
        /// What follows the name.
        args: String,
    },
}

/// Why a line that a program wrote is not a valid request.
#[derive(Debug, Error)]
pub(crate) enum NotAnAsk {
    /// The line is not a JSON object of one of the known forms.
    #[error("{0}")]
    NotJson(serde_json::Error),
    /// The command has no name, or has more than one line.
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

/// Reads one line of a program. An empty line gives `None`.
///
/// # Errors
/// Fails if the line is not empty and is not a valid request.
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
            Some(RequestKind::Command { name, args }) => Ask::Command { name, args },
            _ => return Err(NotAnAsk::NotACommand),
        },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_with_one_object_is_one_request() {
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
