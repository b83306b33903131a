//! A failure as users and scripts get it: its code, its words, and the command that caused it. The sentences themselves
//! are in [`failing`](super::failing).

use hobnob_protocol::message::RefusedCode;
use serde::{Deserialize, Serialize};

/// What kind of thing failed; the names are the `--json` contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it, and docs/SCRIPTING.md says when each is told")]
pub enum ErrorCode {
    Usage,
    UnknownCommand,
    NotInLobby,
    NoSuchUser,
    NoSuchSession,
    SelfFork,
    AlreadyForked,
    PeerUnreachable,
    LobbyDown,
    TooLong,
    BadName,
    KeyChanged,
    Refused,
    NotOperator,
    Banned,
    Kicked,
    Muted,
    Declined,
    Busy,
}

impl ErrorCode {
    /// The code of a refusal to let this user in.
    #[must_use]
    pub(crate) const fn of_refusal(code: RefusedCode) -> Self {
        match code {
            RefusedCode::Kicked => Self::Kicked,
            RefusedCode::Banned => Self::Banned,
            _ => Self::Refused,
        }
    }

    /// Returns the code as the contract spells it.
    #[must_use]
    pub fn name(self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(name)) => name,
            _ => String::new(),
        }
    }
}

/// What failed, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind of failure.
    pub code: ErrorCode,
    /// The failure in words.
    pub text: String,
    /// The command that caused it, if a command did: its name without the backslash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

impl Failure {
    /// Returns the same failure, caused by the command of this name.
    pub(crate) fn of_command(self, command: &str) -> Self {
        Self { command: Some(command.to_owned()), ..self }
    }
}
