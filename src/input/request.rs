//! The requests of programs. A request is a JSON object on one line of standard input, such as
//! `{"say":"text","session":1,"id":7}` or `{"command":"fork bobby","id":8}`. This file owns the form of requests; it
//! knows nothing of how they are carried out.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::line::bare_command;
use crate::session::id::SessionId;

/// The id that a program gives to one of its requests. It may be any JSON value but null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub Value);

/// One request of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The id that the answer repeats. If it is absent, the request is not answered.
    pub id: Option<RequestId>,
    /// What the program wants.
    pub kind: RequestKind,
}

/// What a program wants the client to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestKind {
    /// To say a text exactly as it is written. A backslash has no special meaning here.
    Say {
        /// The text to be said.
        text: String,
        /// The session in which the text is said; the current session if it is absent.
        session: Option<SessionId>,
    },
    /// To run a command.
    Command {
        /// The name of the command, without a backslash.
        name: String,
        /// What follows the name, without blanks at both ends.
        args: String,
    },
}

/// A line that is not a valid request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRequest {
    /// The id of the request, if it could be read.
    pub id: Option<RequestId>,
    /// What is wrong with the line.
    pub reason: NotARequest,
}

/// Why a line is not a valid request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotARequest {
    /// The line is not a JSON object, or has members that a request does not have.
    #[error("no request ({0}); nothing of it was done or sent")]
    NotJson(String),
    /// The command has no name or has more than one line.
    #[error("a command is one line that begins with its name")]
    NotACommand,
    /// The request names a session together with a command.
    #[error("\"session\" goes with \"say\"; \\sw makes another session current")]
    SessionOfCommand,
    /// The request has a text and a command.
    #[error("\"say\" and \"command\" exclude each other")]
    Both,
    /// The request has neither a text nor a command.
    #[error("a request has \"say\" or \"command\"")]
    Neither,
}

/// The members of a request. A member with an unknown name is refused: if `session` is mistyped, the text would
/// otherwise be sent to the wrong session.
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

/// Reads a request from a line.
///
/// # Errors
/// Fails if the line is not a request of one of the two forms.
pub fn parse(line: &str) -> Result<Request, BadRequest> {
    let object: Object = serde_json::from_str(line)
        .map_err(|err| BadRequest { id: id_of(line), reason: NotARequest::NotJson(err.to_string()) })?;
    let id = object.id.map(RequestId);
    let bad = |id, reason| Err(BadRequest { id, reason });
    match (object.say, object.command, object.session) {
        (Some(text), None, session) => Ok(Request { id, kind: RequestKind::Say { text, session } }),
        (None, Some(line), None) => match command(&line) {
            Some(kind) => Ok(Request { id, kind }),
            None => bad(id, NotARequest::NotACommand),
        },
        (None, Some(_), Some(_)) => bad(id, NotARequest::SessionOfCommand),
        (Some(_), Some(_), _) => bad(id, NotARequest::Both),
        (None, None, _) => bad(id, NotARequest::Neither),
    }
}

/// Reads a command as a request writes it, with or without its backslash.
#[must_use]
pub fn command(line: &str) -> Option<RequestKind> {
    let call = bare_command(line)?;
    Some(RequestKind::Command { name: call.word.to_owned(), args: call.args.to_owned() })
}

/// Returns the `id` of a JSON object that is not a valid request.
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
    fn both_forms_of_a_request_are_read_with_any_id_or_none() {
        let request = parse(r#"{"say":"\\quit","session":1,"id":{"n":[1]}}"#).unwrap();
        assert_eq!(request.id, id(json!({"n": [1]})));
        assert_eq!(request.kind, RequestKind::Say { text: "\\quit".to_owned(), session: Some(SessionId(1)) });
        for line in [r#"{"command":"fork  bobby "}"#, r#"{"command":"\\fork bobby","id":null}"#] {
            let request = parse(line).unwrap();
            assert_eq!(request.id, None);
            assert_eq!(
                request.kind,
                RequestKind::Command { name: "fork".to_owned(), args: "bobby".to_owned() }
            );
        }
    }

    #[test]
    fn an_invalid_request_is_refused_with_its_id() {
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
