//! Why a text was not sent, as facts and in words. A text that was on its way when its link was lost may have arrived; the
//! words say so. Knows neither links nor sessions' states.

use std::fmt;

use hobnob_protocol::message::NotAcceptedCode;

/// What the reason of an unsent text begins with where it may have arrived.
const PERHAPS: &str = "perhaps not delivered: ";

/// Why a text was not sent. [`fmt::Display`] words it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unsent<'a> {
    /// No session is current.
    NoSession,
    /// A request names no session, and none is current.
    RequestNamesNone,
    /// The session of the line is over; the line was made the next draft.
    SessionOverDraftKept,
    /// The session of the line is over.
    SessionOfLineOver,
    /// The session that a program was called from is over.
    SessionOfCallOver,
    /// The line was complete before anybody can have read its prompt.
    TypedTooEarly,
    /// The user left instead of answering whether it is to be sent.
    LeftBeforeYes,
    /// The program was asked to end before the line had its turn.
    EndedBeforeItsTurn,
    /// The other side answers, and has acknowledged nothing for too long.
    NothingAcknowledged,
    /// Nobody had acknowledged it when the run ended.
    NotAcknowledged,
    /// The lobby was down when the run ended.
    LobbyDownToTheEnd,
    /// The user left.
    UserLeft,
    /// The user ended the session.
    UserEnded,
    /// The user left the room.
    RoomLeft,
    /// The other side left the session.
    OtherLeft,
    /// The session is over.
    SessionOver,
    /// The session was ended to make room.
    SessionGaveWay,
    /// The other side's program was started anew, and knows no session.
    OtherStartedAnew,
    /// The server has another key than before.
    ServerKeyChanged,
    /// The lobby's link does not come back.
    LobbyLinkEnded,
    /// The server did not take it.
    NotAccepted(NotAcceptedCode),
    /// What failed, which words itself.
    Failed(&'a dyn std::error::Error),
}

impl fmt::Display for Unsent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSession => "no session is current; \\lobby, \\sw or \\fork first",
            Self::RequestNamesNone => "no session is current; name one with \"session\"",
            Self::SessionOverDraftKept => {
                "the session it was typed in is over; it is in the editor still, Enter says it in the lobby"
            }
            Self::SessionOfLineOver => "the session it was typed in is over",
            Self::SessionOfCallOver => "the session it was called from is over",
            Self::TypedTooEarly => "it was typed before this prompt was there; the Up key brings it back",
            Self::LeftBeforeYes => "you left before you said yes",
            Self::EndedBeforeItsTurn => "the program was asked to end before its turn",
            Self::NothingAcknowledged => "the other's program answers, but acknowledges nothing",
            Self::NotAcknowledged => "it was not acknowledged before the end",
            Self::LobbyDownToTheEnd => "the lobby was down until the end",
            Self::UserLeft => "you left",
            Self::UserEnded => "you ended the session",
            Self::RoomLeft => "you left the room",
            Self::OtherLeft => "the other left",
            Self::SessionOver => "the session is over",
            Self::SessionGaveWay => "the session gave way to a newer one",
            Self::OtherStartedAnew => "the other's program was started anew",
            Self::ServerKeyChanged => "the server's key changed",
            Self::LobbyLinkEnded => "the lobby's link has ended for good",
            Self::NotAccepted(NotAcceptedCode::Store) => "the server could not store it",
            Self::NotAccepted(NotAcceptedCode::Closing) => "the server was closing down",
            Self::NotAccepted(NotAcceptedCode::Id) => {
                "the server has a later message of this run, and does not take it out of order"
            }
            Self::NotAccepted(NotAcceptedCode::NotInRoom) => "you are not in that room",
            Self::NotAccepted(NotAcceptedCode::NotOperator) => "only operators of the lobby may do that",
            Self::NotAccepted(NotAcceptedCode::Muted) => "an operator keeps you from speaking",
            Self::NotAccepted(NotAcceptedCode::Slow) => "only one text in so many seconds is taken here now",
            Self::NotAccepted(NotAcceptedCode::Locked) => "the lobby is locked",
            Self::NotAccepted(NotAcceptedCode::Other) => "the server did not take it",
            Self::Failed(error) => return error.fmt(f),
        })
    }
}

/// The reason of a text that was on its way when this happened.
#[must_use]
pub(crate) fn perhaps_delivered(why: &Unsent<'_>) -> String {
    format!("{PERHAPS}{why}")
}

/// Why a text is unsent, as a sentence about it.
#[must_use]
pub(crate) fn sentence(reason: &str) -> String {
    if reason.starts_with(PERHAPS) { reason.to_owned() } else { format!("not sent: {reason}") }
}

/// An unsent text told in words, both made harmless by the caller.
pub(super) fn line(reason: &str, text: &str) -> String {
    match reason.strip_prefix(PERHAPS) {
        Some(reason) => format!("perhaps not delivered ({reason}): {text}"),
        None => format!("not sent ({reason}): {text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_may_have_arrived_is_not_said_to_be_unsent() {
        let perhaps = perhaps_delivered(&Unsent::ServerKeyChanged);
        assert_eq!(line(&perhaps, "x"), "perhaps not delivered (the server's key changed): x");
        assert_eq!(sentence(&perhaps), "perhaps not delivered: the server's key changed");
        let why = Unsent::NotAccepted(NotAcceptedCode::Store).to_string();
        assert_eq!(line(&why, "x"), "not sent (the server could not store it): x");
        assert_eq!(sentence(&why), "not sent: the server could not store it");
    }
}
