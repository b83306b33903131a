//! What fails where two users compare their keys.

use hobnob_protocol::name::UserName;
use thiserror::Error;

use super::Failing;
use crate::data::trust::TrustError;
use crate::session::SessionId;
use crate::show::ErrorCode;

/// What failed in a verification of keys.
#[derive(Debug, Error)]
pub(crate) enum Verification<'a> {
    /// It was asked for without a name where no private session is current.
    #[error("no private session is current: \\verify NAME says whose key")]
    Nobody,
    /// There is no session with somebody of this name.
    #[error("there is no private session with {0} to compare keys in; \\fork {0} opens one")]
    NoSession(&'a UserName),
    /// The link of the session is not up.
    #[error("the link of session {0} is not up, and keys are compared over it; try again when it is")]
    NoLink(SessionId),
    /// The key was compared in vain too often.
    #[error(
        "comparing keys with {0} was cancelled three times within an hour, and rests until that hour is over"
    )]
    Rests(&'a UserName),
    /// There are no words to be answered in any session.
    #[error("no keys are compared at the moment: \\verify NAME begins it, in a private session")]
    NothingToAnswer,
    /// Words are compared in several sessions, none of which is current.
    #[error("keys are compared in several sessions: \\sw to the one you mean, and answer there")]
    Unclear,
    /// It has begun, but the words are not there.
    #[error("the words are not there yet; they come in a moment")]
    NoWordsYet,
    /// The other side has cancelled it, or did what it must not.
    #[error("the other side did not go on with it; nothing has changed")]
    CancelledThere,
    /// The session ended in the middle of it.
    #[error("the session ended before both had answered; nothing has changed")]
    SessionOver,
    /// The other's program did not take part.
    #[error(
        "the other's hobnob does not take part, perhaps because it is too old for it; nothing has changed"
    )]
    NotKnownThere,
    /// The other's user has not answered for so long that a script goes on.
    #[error("the other has not answered within 2 minutes; keys are still compared")]
    NoAnswer,
    /// What came of it cannot be written down.
    #[error("what came of comparing keys with {name} cannot be kept: {reason}")]
    NotKept {
        /// Whose key.
        name: &'a UserName,
        /// Why not.
        reason: TrustError,
    },
    /// Nothing is said to this key, for its words were others.
    #[error(
        "{0}'s words were not the same when keys were compared, so its key is refused; \\forget {0} takes that back"
    )]
    KeyRefused(&'a UserName),
}

impl Failing for Verification<'_> {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Nobody | Self::NoSession(_) => ErrorCode::NoSuchSession,
            Self::NoLink(_) => ErrorCode::PeerUnreachable,
            _ => ErrorCode::Refused,
        }
    }
}
