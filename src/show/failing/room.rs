//! Failures with rooms: invalid names, and rooms that are not joined.

use hobnob_protocol::content::ActError;
use hobnob_protocol::message::NotJoinedCode;
use hobnob_protocol::name::NameError;
use hobnob_protocol::room::RoomName;
use thiserror::Error;

use super::Failing;
use crate::show::{ErrorCode, room};

/// A failure with rooms.
#[derive(Debug, Error)]
pub(crate) enum Room<'a> {
    /// The typed word is not a valid name of a room.
    #[error("that cannot be the name of a room: {0}")]
    NoName(NameError),
    /// The server does not let this user in.
    #[error("{}", not_joined(room, *code))]
    NotJoined {
        /// The room that was to be joined.
        room: &'a RoomName,
        /// Why the server does not let this user in.
        code: NotJoinedCode,
    },
    /// The typed text is not a valid topic or reason.
    #[error("{0}")]
    NoTopic(ActError),
    /// Too many acts wait for the server.
    #[error("too much waits for the server already, or the lobby is gone for good; nothing was done")]
    TooMuchWaits,
}

fn not_joined(name: &RoomName, code: NotJoinedCode) -> String {
    let room = room::label(name);
    match code {
        NotJoinedCode::Full => {
            format!(
                "there is no room {room}, and the server makes no more rooms: \\rooms lists those there are"
            )
        }
        NotJoinedCode::TooMany => {
            "you are in as many rooms as a user may be in: \\leave one first".to_owned()
        }
        NotJoinedCode::TooSoon => {
            format!("there is no room {room}, and you have made too many within an hour: try again later")
        }
        NotJoinedCode::Store => "the server could not store it".to_owned(),
        NotJoinedCode::Busy => {
            format!(
                "the server has not answered your other joins yet, so it did not let you into {room}: try again in a few seconds"
            )
        }
        NotJoinedCode::Other => format!("the server does not let you into {room}"),
    }
}

impl Failing for Room<'_> {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NoName(_) => ErrorCode::BadName,
            Self::NotJoined { code: NotJoinedCode::Busy, .. } => ErrorCode::Busy,
            Self::NotJoined { .. } => ErrorCode::Refused,
            Self::NoTopic(_) => ErrorCode::TooLong,
            Self::TooMuchWaits => ErrorCode::LobbyDown,
        }
    }
}
