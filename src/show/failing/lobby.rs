//! What fails in the lobby: its link, and what the server does not answer.

use std::path::Path;

use hobnob_protocol::chain::BrokenChain;
use hobnob_protocol::message::{NoAnswerCode, NotAccepted, NotAcceptedCode};
use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;
use thiserror::Error;

use super::Failing;
use crate::show::unsent::Unsent;
use crate::show::{ErrorCode, room};

/// What failed in the lobby.
#[derive(Debug, Error)]
pub(crate) enum Lobby<'a> {
    /// Its link is down, and the server is needed.
    #[error("the lobby is down; it comes back by itself, try again then")]
    Down,
    /// Its link was lost before the server answered.
    #[error("the lobby went down before it answered; try again when it is back")]
    WentDown,
    /// The server did not answer in time.
    #[error("the server did not answer in time; try again, \\ss shows whether the lobby is up")]
    NoAnswerInTime,
    /// The server does not answer a question.
    #[error("{}", no_answer(*.0))]
    NoAnswer(NoAnswerCode),
    /// Nobody of this name is there.
    #[error("{0} is not in the lobby; \\users lists who is")]
    NotThere(&'a UserName),
    /// The command belongs into the lobby or a room, and a private session is current.
    #[error("in the lobby or a room only: \\lobby first")]
    NotCurrent,
    /// A message does not follow from the one before.
    #[error("{broken}; do not rely on what {} shows before it", room::place(*room))]
    Broken {
        /// In which room; none for the lobby.
        room: Option<&'a RoomName>,
        /// Which.
        broken: &'a BrokenChain,
    },
    /// Something this user wanted done was not.
    #[error("{}", Unsent::NotAccepted(.0))]
    ActNotTaken(&'a NotAccepted),
    /// The server at this address has another key than before.
    #[error("{reason}; if that is right, remove the server from {} and start again", trust_file.display())]
    KeyChanged {
        /// Which key is another one.
        reason: &'a str,
        /// The file in which the old key stands.
        trust_file: &'a Path,
    },
}

const fn no_answer(code: NoAnswerCode) -> &'static str {
    match code {
        NoAnswerCode::Yourself => "that is your own key, in another client; a session takes two",
        NoAnswerCode::Store => "the server cannot read its log; whoever runs it finds why in its own",
        NoAnswerCode::Busy => {
            "the server, or the other one's client, has enough to do with such questions; try again in a few seconds"
        }
        NoAnswerCode::Declined => "the other does not want to talk in private now",
        NoAnswerCode::Silent => "the other one's client does not answer; try again in a few seconds",
        NoAnswerCode::NotInRoom => "you are not in that room",
        NoAnswerCode::NotOperator => "only operators of the lobby may ask that",
        NoAnswerCode::Other => "the server does not answer that",
    }
}

impl Failing for Lobby<'_> {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Down | Self::WentDown | Self::NoAnswerInTime => ErrorCode::LobbyDown,
            Self::NoAnswer(NoAnswerCode::Yourself) => ErrorCode::SelfFork,
            Self::NoAnswer(NoAnswerCode::Silent) => ErrorCode::PeerUnreachable,
            Self::NoAnswer(NoAnswerCode::NotOperator) => ErrorCode::NotOperator,
            Self::ActNotTaken(answer) => match answer.code {
                NotAcceptedCode::NotOperator => ErrorCode::NotOperator,
                NotAcceptedCode::NoSuchUser => ErrorCode::NoSuchUser,
                NotAcceptedCode::Muted => ErrorCode::Muted,
                _ => ErrorCode::Refused,
            },
            Self::NoAnswer(NoAnswerCode::Declined) => ErrorCode::Declined,
            Self::NoAnswer(NoAnswerCode::Busy) => ErrorCode::Busy,
            Self::NoAnswer(_) | Self::Broken { .. } => ErrorCode::Refused,
            Self::NotThere(_) => ErrorCode::NoSuchUser,
            Self::NotCurrent => ErrorCode::NotInLobby,
            Self::KeyChanged { .. } => ErrorCode::KeyChanged,
        }
    }
}
