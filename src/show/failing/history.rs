//! Failures of the history that is kept on this machine.

use hobnob_protocol::name::UserName;
use thiserror::Error;

use super::Failing;
use crate::data::history::HistoryError;
use crate::show::ErrorCode;

/// A failure of the history that is kept on this machine.
#[derive(Debug, Error)]
pub(crate) enum History<'a> {
    /// The history cannot be read.
    #[error("what is kept cannot be read: {0}")]
    Unreadable(HistoryError),
    /// The history cannot be searched.
    #[error("what is kept cannot be searched: {0}")]
    Unsearchable(HistoryError),
    /// What was missed cannot be read.
    #[error("what you missed cannot be read: {0}")]
    MissedUnreadable(HistoryError),
    /// Nothing is kept, so nothing says how far this user had read.
    #[error("nothing is kept on this machine, so hobnob cannot know what you missed")]
    NoMark,
    /// Nothing was said in private with this user.
    #[error("nothing is kept of private talk with {0}")]
    NoTalk(&'a UserName),
    /// A time in a search is not valid.
    #[error("{0}")]
    NoTime(String),
}

impl Failing for History<'_> {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Unreadable(_) | Self::Unsearchable(_) | Self::MissedUnreadable(_) | Self::NoMark => {
                ErrorCode::Refused
            }
            Self::NoTalk(_) => ErrorCode::NoSuchUser,
            Self::NoTime(_) => ErrorCode::Usage,
        }
    }
}
