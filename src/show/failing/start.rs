//! Failures before a run begins.

use thiserror::Error;

use super::Failing;
use crate::show::ErrorCode;

/// A failure before a run begins.
#[derive(Debug, Error)]
pub(crate) enum Start {
    /// The user asked to end the program.
    #[error("asked to end before the lobby was joined")]
    AskedToEnd,
    /// The command line, the config file or the data directory cannot be used: what was tried, and what caused it.
    #[error("{0}")]
    Unusable(String),
}

impl Failing for Start {
    fn code(&self) -> ErrorCode {
        match self {
            Self::AskedToEnd => ErrorCode::LobbyDown,
            Self::Unusable(_) => ErrorCode::Usage,
        }
    }
}
