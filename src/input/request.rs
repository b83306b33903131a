//! Requests of a program, as JSON objects on standard input, one a line:
//! `{"say":"text","session":1,"id":7}` and `{"command":"fork bobby","id":8}`. Owns their form; knows
//! nothing of how they are carried out.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::line::bare_command;
use crate::session::id::SessionId;

/// What a program calls one of its requests: any JSON value but null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub Value);

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// To answer by; without one there is no answer.
    pub id: Option<RequestId>,
    /// What is to be done.
    pub wish: Wish,
}

/// What a program wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// To say something, as it stands: a backslash means nothing here.
    Say {
        /// What.
        text: String,
        /// Where; without it, in the current session.
        session: Option<SessionId>,
    },
    /// A command: its word, and what follows it, trimmed.
    Command {
        /// The word.
        name: String,
        /// The rest.
        args: String,
    },
}

/// A line that is no request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRequest {
    /// To answer by, where so much could be read.
    pub id: Option<RequestId>,
    /// What is wrong with it.
    pub reason: NotARequest,
}

/// What is wrong with a line that is no request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotARequest {
    /// It is no JSON object, or one of another form.
    #[error("no request ({0}); nothing of it was done or sent")]
    NotJson(String),
    /// Its command is no command, or more than one line.
    #[error("a command is one line that begins with its name")]
    NotACommand,
    /// It names a session for a command.
    #[error("\"session\" goes with \"say\"; \\sw makes another session current")]
    SessionOfCommand,
    /// It asks for two things.
    #[error("\"say\" and \"command\" exclude each other")]
    Both,
    /// It asks for nothing.
    #[error("a request has \"say\" or \"command\"")]
    Neither,
}

/// A member that is not known is refused rather than passed over: a mistyped `session` would send a
/// text where it was not meant to go.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Object {
    #[serde(default)]
    id: Option<Value>,
    #[serde(default)]
    say: Option<String>,
    #[serde(default)]
    session: Option<SessionId>,
    #[serde(default)]
    command: Option<String>,
}

/// Reads one line.
///
/// # Errors
/// When it is no object of either form.
pub fn parse(line: &str) -> Result<Request, BadRequest> {
    let object: Object = serde_json::from_str(line)
        .map_err(|err| BadRequest { id: id_of(line), reason: NotARequest::NotJson(err.to_string()) })?;
    let id = object.id.map(RequestId);
    let bad = |id, reason| Err(BadRequest { id, reason });
    match (object.say, object.command, object.session) {
        (Some(text), None, session) => Ok(Request { id, wish: Wish::Say { text, session } }),
        (None, Some(line), None) => match command(&line) {
            Some(wish) => Ok(Request { id, wish }),
            None => bad(id, NotARequest::NotACommand),
        },
        (None, Some(_), Some(_)) => bad(id, NotARequest::SessionOfCommand),
        (Some(_), Some(_), _) => bad(id, NotARequest::Both),
        (None, None, _) => bad(id, NotARequest::Neither),
    }
}

/// A command as a request writes it: with its backslash or without.
#[must_use]
pub fn command(line: &str) -> Option<Wish> {
    let call = bare_command(line)?;
    Some(Wish::Command { name: call.word.to_owned(), args: call.args.to_owned() })
}

/// The `id` of an object that is wrong in another way.
fn id_of(line: &str) -> Option<RequestId> {
    let value: Value = serde_json::from_str(line).ok()?;
    value.get("id").filter(|id| !id.is_null()).cloned().map(RequestId)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn id(value: Value) -> Option<RequestId> {
        Some(RequestId(value))
    }

    #[test]
    fn both_forms_are_read_with_any_id_or_none() {
        let request = parse(r#"{"say":"\\quit","session":1,"id":{"n":[1]}}"#).unwrap();
        assert_eq!(request.id, id(json!({"n": [1]})));
        assert_eq!(request.wish, Wish::Say { text: "\\quit".to_owned(), session: Some(SessionId(1)) });
        for line in [r#"{"command":"fork  bobby "}"#, r#"{"command":"\\fork bobby","id":null}"#] {
            let request = parse(line).unwrap();
            assert_eq!(request.id, None);
            assert_eq!(request.wish, Wish::Command { name: "fork".to_owned(), args: "bobby".to_owned() });
        }
    }

    #[test]
    fn what_is_no_request_is_refused_and_its_id_kept() {
        for (line, id) in [
            (r#"{"say":"x","sesion":1,"id":4}"#, id(json!(4))),
            (r#"{"say":"x","command":"q","id":"a"}"#, id(json!("a"))),
            (r#"{"say":7,"id":5}"#, id(json!(5))),
            (r#"{"say":"x","session":-1,"id":5}"#, id(json!(5))),
            (r#"{"command":"ss","session":1,"id":6}"#, id(json!(6))),
            (r#"{"command":"quit\nsecret","id":6}"#, id(json!(6))),
            (r#"{"command":"","id":6}"#, id(json!(6))),
            ("{\"command\":\"\u{200b}fork bobby\",\"id\":6}", id(json!(6))),
            (r#"{"id":7}"#, id(json!(7))),
            (r#"{"say":"x""#, None),
            ("{}", None),
            ("{hello}", None),
        ] {
            assert_eq!(parse(line).unwrap_err().id, id, "{line}");
        }
    }
}
