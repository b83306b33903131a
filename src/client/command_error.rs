//! Why a command failed: what kind of reason, and the words with what to do next. Apart from the
//! commands, because the state they change says no as well. It can be made out of what `show` words, and of nothing else.

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
    /// What kind of reason.
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
