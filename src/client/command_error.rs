//! Why a command failed: what kind of reason, and the words with what to do next. Apart from the
//! commands, because the state they change says no as well.

use thiserror::Error;

use crate::show::ErrorCode;

/// Why a command did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text}")]
pub struct CommandError {
    /// What kind of reason.
    pub code: ErrorCode,
    /// In words, with what to do next.
    pub text: String,
}

impl CommandError {
    /// An error of this kind.
    pub fn new(code: ErrorCode, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }
}
