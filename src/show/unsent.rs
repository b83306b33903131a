//! Why a text was not sent, as facts and in words. A text that was on its way when its link was lost may have arrived,
//! and the words say so. This file knows neither links nor the states of sessions.

use std::fmt;

use hobnob_protocol::content::ShortText;
use hobnob_protocol::message::{NotAccepted, NotAcceptedCode};
use hobnob_protocol::name::UserName;

use super::operators::until_and_why;
use crate::timestamp::Timestamp;

/// The beginning of the reason for a text that may have arrived.
const PERHAPS: &str = "perhaps not delivered: ";

/// Why the lobby's link has ended for good. It does not come back in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LobbyEnded {
    /// An operator sent this user out, and he may come back.
    Kicked,
    /// An operator keeps this user out.
    Banned {
        /// Until when; `None` for good.
        until: Option<Timestamp>,
    },
    /// The server has a key other than before.
    KeyChanged,
}

/// Why a text was not sent; [`fmt::Display`] words it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unsent<'a> {
    /// No session is current.
    NoSession,
    /// A request names no session, and none is current.
    RequestNamesNone,
    /// The session of the line was over when its author finished it.
    SessionOfFinishedLineOver,
    /// The session of an unfinished line is over.
    SessionOfLineOver,
    /// The session from which a program was called is over.
    SessionOfCallOver,
    /// The line was complete before anybody can have read its prompt.
    TypedTooEarly,
    /// A command was typed behind a text that was in the editor already.
    CommandBehind,
    /// The user left instead of answering whether the text is to be sent.
    LeftBeforeYes,
    /// The run was ended from outside before the line had its turn.
    EndedBeforeItsTurn,
    /// The other side still answers, but has acknowledged nothing for too long.
    NothingAcknowledged,
    /// The text was not acknowledged when the run ended.
    NotAcknowledged,
    /// The lobby was down when the run ended.
    LobbyDownToTheEnd,
    /// The user has ended the run, and all sessions with it.
    UserLeft,
    /// The user ended the session.
    UserEnded,
    /// The user left the room.
    RoomLeft,
    /// The other side, the user of this name, left the session.
    OtherLeft(&'a UserName),
    /// The session is over.
    SessionOver,
    /// The session was ended to make room.
    SessionGaveWay,
    /// The program of the other user was started anew, and does not know the session.
    OtherStartedAnew,
    /// The lobby's link does not come back, for this reason.
    LobbyEnded(LobbyEnded),
    /// The lobby's link takes no more texts.
    LobbyLinkEnded,
    /// The server did not take the text.
    NotAccepted(&'a NotAccepted),
    /// The server did not take the text because of an operator, and the user can bring the text back.
    HeldBack(&'a NotAccepted),
    /// Another failure, which words itself.
    Failed(&'a dyn std::error::Error),
}

impl fmt::Display for Unsent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSession => "no session is current; \\lobby, \\sw or \\fork first",
            Self::RequestNamesNone => "no session is current; name one with \"session\"",
            Self::SessionOfFinishedLineOver => {
                "the session it was typed in is over; the Up key brings it back"
            }
            Self::SessionOfLineOver => "the session it was typed in is over",
            Self::SessionOfCallOver => "the session from which the program was called is over",
            Self::TypedTooEarly => "it was typed before this prompt was there; the Up key brings it back",
            Self::CommandBehind => {
                "a command was typed behind the text that was there; the Up key brings both back"
            }
            Self::LeftBeforeYes => "you quit without answering whether to send it",
            Self::EndedBeforeItsTurn => "the run was ended before its turn",
            Self::NothingAcknowledged => "the other's program answers, but acknowledges nothing",
            Self::NotAcknowledged => "it was not acknowledged before the end",
            Self::LobbyDownToTheEnd => "the lobby was down until the end",
            Self::UserLeft => "you left",
            Self::UserEnded => "you ended the session",
            Self::RoomLeft => "you left the room",
            Self::OtherLeft(name) => return write!(f, "{name} left"),
            Self::SessionOver => "the session is over",
            Self::SessionGaveWay => "the session gave way to a newer one",
            Self::OtherStartedAnew => "the other's program was started anew",
            Self::LobbyEnded(LobbyEnded::Kicked | LobbyEnded::Banned { .. }) => {
                "you were sent out of the lobby"
            }
            Self::LobbyEnded(LobbyEnded::KeyChanged) => "the server's key changed",
            Self::LobbyLinkEnded => "the lobby's link has ended for good",
            Self::NotAccepted(answer) => return f.write_str(&not_accepted(answer)),
            Self::HeldBack(answer) => {
                return write!(f, "{}; the Up key brings it back", not_accepted(answer));
            }
            Self::Failed(error) => return error.fmt(f),
        })
    }
}

/// Returns the reason why the server did not take a text or an act. If an operator is the cause, the reason says by
/// whom, why and until when.
fn not_accepted(answer: &NotAccepted) -> String {
    let why = match answer.code {
        NotAcceptedCode::Store => "the server could not store it",
        NotAcceptedCode::Closing => "the server was closing down",
        NotAcceptedCode::Id => {
            "the server has a later message of this run, and does not take it out of order"
        }
        NotAcceptedCode::NotInRoom => "you are not in that room",
        NotAcceptedCode::NotOperator => "only operators of the lobby may do that; \\ops lists them",
        NotAcceptedCode::Muted => return muted(answer),
        NotAcceptedCode::Slow => return slow(answer.wait),
        NotAcceptedCode::Locked => {
            let end = until_and_why(answer.until.map(Timestamp), None);
            return format!("the lobby is locked{end} for names younger than an hour");
        }
        NotAcceptedCode::NoSuchUser => "the lobby knows nobody of that name; \\users lists who is here",
        NotAcceptedCode::Yourself => "that would keep you yourself out, or silent",
        NotAcceptedCode::Protected => {
            "that is an operator by the server's own settings, whom others cannot change"
        }
        NotAcceptedCode::Unchanged => "that is so already",
        NotAcceptedCode::ListFull => "the server keeps no more acts of this kind; take one back first",
        NotAcceptedCode::BadAct => "the server does not do that, or not in this form",
        NotAcceptedCode::Other => "the server did not take it",
    };
    why.to_owned()
}

fn muted(NotAccepted { by, reason, until, .. }: &NotAccepted) -> String {
    let by = by.as_ref().map_or_else(|| "an operator".to_owned(), |by| by.visible().to_string());
    let end = until_and_why(until.map(Timestamp), reason.as_ref().map(ShortText::as_str));
    format!("you are muted by {by}{end}")
}

fn slow(wait: Option<u32>) -> String {
    match wait {
        Some(wait) => format!("slow mode: you may speak again in {wait} s"),
        None => "slow mode: wait a little before you speak again".to_owned(),
    }
}

/// Returns the reason for a text that was on its way when this happened.
#[must_use]
pub(crate) fn perhaps_delivered(why: &Unsent<'_>) -> String {
    format!("{PERHAPS}{why}")
}

/// Returns a sentence that says why a text is unsent.
#[must_use]
pub(crate) fn sentence(reason: &str) -> String {
    if reason.starts_with(PERHAPS) { reason.to_owned() } else { format!("not sent: {reason}") }
}

/// Returns the line for an unsent text; the caller has made both parts harmless.
pub(super) fn line(reason: &str, text: &str) -> String {
    match reason.strip_prefix(PERHAPS) {
        Some(reason) => format!("perhaps not delivered ({reason}): {text}"),
        None => format!("not sent ({reason}): {text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: NotAcceptedCode) -> NotAccepted {
        NotAccepted { id: 1, code, wait: None, by: None, reason: None, until: None }
    }

    #[test]
    fn a_user_who_may_not_speak_is_told_by_whom_why_and_for_how_long() {
        let muted = NotAccepted {
            by: Some("boss".parse().unwrap()),
            reason: Some(ShortText::new("calm down").unwrap()),
            until: Some(1_800_000_000_000),
            ..answer(NotAcceptedCode::Muted)
        };
        let why = Unsent::NotAccepted(&muted).to_string();
        let until = crate::timestamp::told(Timestamp(1_800_000_000_000));
        assert_eq!(why, format!("you are muted by boss until {until}: calm down"));
        let slow = NotAccepted { wait: Some(7), ..answer(NotAcceptedCode::Slow) };
        assert_eq!(Unsent::NotAccepted(&slow).to_string(), "slow mode: you may speak again in 7 s");
    }

    #[test]
    fn a_text_that_may_have_arrived_is_not_said_to_be_unsent() {
        let perhaps = perhaps_delivered(&Unsent::LobbyEnded(LobbyEnded::KeyChanged));
        assert_eq!(line(&perhaps, "x"), "perhaps not delivered (the server's key changed): x");
        assert_eq!(sentence(&perhaps), "perhaps not delivered: the server's key changed");
        for out in [LobbyEnded::Kicked, LobbyEnded::Banned { until: None }] {
            let why = Unsent::LobbyEnded(out).to_string();
            assert_eq!(line(&why, "x"), "not sent (you were sent out of the lobby): x");
        }
        let why = Unsent::NotAccepted(&answer(NotAcceptedCode::Store)).to_string();
        assert_eq!(line(&why, "x"), "not sent (the server could not store it): x");
        assert_eq!(sentence(&why), "not sent: the server could not store it");
    }
}
