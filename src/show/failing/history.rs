//! What fails with what is kept on this machine.

use hobnob_protocol::name::UserName;
use thiserror::Error;

use super::Failing;
use crate::data::history::HistoryError;
use crate::show::ErrorCode;

/// What failed with what is kept on this machine.
#[derive(Debug, Error)]
pub(crate) enum History<'a> {
    /// It cannot be read.
    #[error("what is kept cannot be read: {0}")]
    Unreadable(HistoryError),
    /// It cannot be searched.
    #[error("what is kept cannot be searched: {0}")]
    Unsearchable(HistoryError),
    /// What was missed cannot be read.
    #[error("what you missed cannot be read: {0}")]
    MissedUnreadable(HistoryError),
    /// Nothing is kept, and so no mark of how far this user had come.
    #[error("nothing is kept on this machine, so hobnob cannot know what you missed")]
    NoMark,
    /// Nothing was said in private with this user.
    #[error("nothing is kept of private talk with {0}")]
    NoTalk(&'a UserName),
    /// A time in a search is none.
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
