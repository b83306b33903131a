//! Failures of the history that is kept on this machine.

use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;
use thiserror::Error;

use super::Failing;
use crate::data::history::HistoryError;
use crate::show::{ErrorCode, room};

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
    /// Nothing was said in private with a user whose fingerprint begins so.
    #[error("nothing is kept of private talk with a key that begins with {0}")]
    NoTalkWithKey(&'a str),
    /// There was private talk with several users whose fingerprints begin so.
    #[error("private talk with several keys that begin with {0} is kept: give more of the fingerprint")]
    SeveralKeys(&'a str),
    /// Nothing was searched in this run, so there is no next page.
    #[error("\\search WORDS comes first; \\search alone then shows the next page of it")]
    NothingSearched,
    /// The messages of a room are shown in the room.
    #[error("what was said in {label} is shown there: \\sw {label}, then \\history", label = room::label(.0))]
    OfRoom(&'a RoomName),
    /// The messages of the lobby are shown in the lobby.
    #[error("what was said in the lobby is shown there: \\lobby, then \\history")]
    OfLobby,
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
            Self::NoTalk(_) | Self::NoTalkWithKey(_) => ErrorCode::NoSuchUser,
            Self::SeveralKeys(_)
            | Self::NoTime(_)
            | Self::NothingSearched
            | Self::OfRoom(_)
            | Self::OfLobby => ErrorCode::Usage,
        }
    }
}
