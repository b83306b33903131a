//! Why a command failed: the kind of reason, and a text that says what to do next. This is apart from the commands,
//! because the state that they change also refuses things. It can only be made from texts that `show` words.

use thiserror::Error;

use crate::show::failing::Failing;
use crate::show::{ErrorCode, Failure};

/// Why a command did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text}")]
pub struct CommandError {
    code: ErrorCode,
    text: String,
}

impl CommandError {
    /// Returns the kind of reason.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        self.code
    }
}

impl<F: Failing> From<F> for CommandError {
    fn from(failing: F) -> Self {
        Self { code: failing.code(), text: failing.to_string() }
    }
}

impl From<CommandError> for Failure {
    fn from(CommandError { code, text }: CommandError) -> Self {
        Self { code, text, command: None }
    }
}
