//! Failures in the lobby: of its link, and of questions to the server.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;

use hobnob_protocol::chain::BrokenChain;
use hobnob_protocol::message::{NoAnswerCode, NotAccepted, NotAcceptedCode};
use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;
use thiserror::Error;

use super::Failing;
use super::operators::what_is_so_already;
use crate::show::unsent::{LobbyEnded, Unsent};
use crate::show::{ErrorCode, operators, room, saying};

/// A failure in the lobby.
#[derive(Debug, Error)]
pub(crate) enum Lobby<'a> {
    /// The server is needed, and the lobby's link is down.
    #[error("the lobby is down; it comes back by itself, try again then")]
    Down,
    /// The server is needed, and the lobby's link has ended for good.
    #[error("{}", ended(*.0))]
    Ended(LobbyEnded),
    /// The lobby's link was lost before the server answered.
    #[error("the lobby went down before it answered; try again when it is back")]
    WentDown,
    /// The server did not answer in time.
    #[error("the server did not answer in time; try again, \\ss shows whether the lobby is up")]
    NoAnswerInTime,
    /// The server does not answer a question.
    #[error("{}", no_answer(*.0))]
    NoAnswer(NoAnswerCode),
    /// The user of this name does not let this user in.
    #[error("{0} does not want to talk in private now")]
    Declined(&'a UserName),
    /// There is no user of this name in the lobby.
    #[error("{0} is not in the lobby; \\users lists who is")]
    NotThere(&'a UserName),
    /// The command belongs in the lobby or a room, and a private session is current.
    #[error("in the lobby or a room only: \\lobby first")]
    NotCurrent,
    /// A message does not follow from the one before it.
    #[error("{broken}; do not rely on what {} shows before it", room::place(*room))]
    Broken {
        /// The room; `None` for the lobby.
        room: Option<&'a RoomName>,
        /// Where the chain is broken.
        broken: &'a BrokenChain,
    },
    /// Something that this user wanted to do was not done.
    #[error("{}", act_not_taken(command, answer))]
    ActNotTaken {
        /// The command that wanted to do it.
        command: &'a str,
        /// The answer of the server.
        answer: &'a NotAccepted,
    },
    /// The server has a key other than before.
    #[error("{reason}; {advice}")]
    KeyChanged {
        /// Which key was expected and which was shown, as a sentence.
        reason: &'a str,
        /// What that may mean, and what to do.
        advice: NewServerKey<'a>,
    },
}

/// What it may mean that a server has another key than the trusted one, and what to do. This follows the sentence that
/// says which keys they are, at the start of a run and during it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewServerKey<'a> {
    /// The addresses at which the old key is pinned.
    pub(crate) pinned_at: &'a [String],
    /// The file with the pins.
    pub(crate) trust_file: &'a Path,
}

impl NewServerKey<'_> {
    /// Whether the server is reached only from this machine, where any user may host a lobby.
    fn is_on_this_machine(&self) -> bool {
        let is_here = |at: &String| at.parse().is_ok_and(|at: SocketAddr| at.ip().is_loopback());
        !self.pinned_at.is_empty() && self.pinned_at.iter().all(is_here)
    }
}

impl fmt::Display for NewServerKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (harmless, expected) = match self.is_on_this_machine() {
            true => ("another user of this machine hosts a lobby there now", "you expect that"),
            false => ("the server was given a new key", "its owner confirms the new key"),
        };
        let sections: Vec<String> = self.pinned_at.iter().map(|at| format!("[servers.\"{at}\"]")).collect();
        let what = if sections.is_empty() { "the server".to_owned() } else { sections.join(" and ") };
        write!(
            f,
            "either {harmless}, or somebody answers in its place to read along, so nothing is sent to it; if {expected}, \
             remove {what} from {} and start hobnob again",
            self.trust_file.display()
        )
    }
}

/// Returns a sentence that says why the lobby's link has ended for good, and how this user can come back, if he can.
fn ended(why: LobbyEnded) -> String {
    match why {
        LobbyEnded::Kicked => {
            format!("you were sent out of the lobby; {}", saying::Operators::ComeBack { banned: false })
        }
        LobbyEnded::Banned { until: until @ Some(_) } => {
            let until = operators::until_and_why(until, None);
            format!("you are banned from the lobby{until}; {}", saying::Operators::ComeBack { banned: true })
        }
        LobbyEnded::Banned { until: None } => "you are banned from the lobby for good".to_owned(),
        LobbyEnded::KeyChanged => {
            "the server's key changed, and the lobby does not come back in this run".to_owned()
        }
    }
}

/// Returns why something was not done. If it would have changed nothing, the sentence says what is so already.
fn act_not_taken(command: &str, answer: &NotAccepted) -> String {
    match answer.code {
        NotAcceptedCode::Unchanged => what_is_so_already(command).to_owned(),
        _ => Unsent::NotAccepted(answer).to_string(),
    }
}

const fn no_answer(code: NoAnswerCode) -> &'static str {
    match code {
        NoAnswerCode::Yourself => "that is your own key, in another client; a session takes two",
        NoAnswerCode::Store => "the server cannot read its stored messages; its own diagnostics say why",
        NoAnswerCode::Busy => {
            "the server or the other client is busy with such questions; try again in a few seconds"
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
            Self::Ended(LobbyEnded::Kicked) => ErrorCode::Kicked,
            Self::Ended(LobbyEnded::Banned { .. }) => ErrorCode::Banned,
            Self::Ended(LobbyEnded::KeyChanged) | Self::KeyChanged { .. } => ErrorCode::KeyChanged,
            Self::NoAnswer(NoAnswerCode::Yourself) => ErrorCode::SelfFork,
            Self::NoAnswer(NoAnswerCode::Silent) => ErrorCode::PeerUnreachable,
            Self::NoAnswer(NoAnswerCode::NotOperator) => ErrorCode::NotOperator,
            Self::ActNotTaken { answer, .. } => match answer.code {
                NotAcceptedCode::NotOperator => ErrorCode::NotOperator,
                NotAcceptedCode::NoSuchUser => ErrorCode::NoSuchUser,
                NotAcceptedCode::Muted => ErrorCode::Muted,
                _ => ErrorCode::Refused,
            },
            Self::NoAnswer(NoAnswerCode::Declined) | Self::Declined(_) => ErrorCode::Declined,
            Self::NoAnswer(NoAnswerCode::Busy) => ErrorCode::Busy,
            Self::NoAnswer(_) | Self::Broken { .. } => ErrorCode::Refused,
            Self::NotThere(_) => ErrorCode::NoSuchUser,
            Self::NotCurrent => ErrorCode::NotInLobby,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timestamp::Timestamp;

    #[test]
    fn a_new_key_of_a_server_is_told_with_what_it_may_mean_and_what_to_remove_from_which_file() {
        let told = |pinned_at: &[&str]| {
            let pinned_at: Vec<String> = pinned_at.iter().map(|&at| at.to_owned()).collect();
            let advice = NewServerKey { pinned_at: &pinned_at, trust_file: Path::new("/known_keys.toml") };
            Lobby::KeyChanged { reason: "another key", advice }.to_string()
        };
        assert_eq!(
            told(&["one.example:7", "two.example:7"]),
            "another key; either the server was given a new key, or somebody answers in its place to read along, so \
             nothing is sent to it; if its owner confirms the new key, remove [servers.\"one.example:7\"] and \
             [servers.\"two.example:7\"] from /known_keys.toml and start hobnob again"
        );
        let here = told(&["127.0.0.1:43210"]);
        assert!(here.contains("another user of this machine hosts a lobby there now, or somebody"), "{here}");
        assert!(here.contains("if you expect that, remove [servers.\"127.0.0.1:43210\"] from"), "{here}");
        assert!(told(&[]).contains("remove the server from /known_keys.toml"), "{}", told(&[]));
    }

    #[test]
    fn the_error_of_an_ended_lobby_promises_no_return_and_says_how_to_come_back() {
        let fails = |why| (Lobby::Ended(why).to_string(), Lobby::Ended(why).code());
        let told = "you were sent out of the lobby; \\quit and start hobnob again to come back";
        assert_eq!(fails(LobbyEnded::Kicked), (told.to_owned(), ErrorCode::Kicked));
        let until = Some(Timestamp(1_800_000_000_000));
        let time = crate::timestamp::told(Timestamp(1_800_000_000_000));
        let told = format!(
            "you are banned from the lobby until {time}; \\quit, and start hobnob again when the ban is over"
        );
        assert_eq!(fails(LobbyEnded::Banned { until }), (told, ErrorCode::Banned));
        let told = "you are banned from the lobby for good";
        assert_eq!(fails(LobbyEnded::Banned { until: None }), (told.to_owned(), ErrorCode::Banned));
        let told = "the server's key changed, and the lobby does not come back in this run";
        assert_eq!(fails(LobbyEnded::KeyChanged), (told.to_owned(), ErrorCode::KeyChanged));
    }
}
