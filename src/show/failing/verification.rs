//! Failures when two users compare their keys.

use hobnob_protocol::name::UserName;
use thiserror::Error;

use super::Failing;
use crate::data::trust::TrustError;
use crate::session::SessionId;
use crate::show::{ErrorCode, saying};

/// A failure in a verification of keys.
#[derive(Debug, Error)]
pub(crate) enum Verification<'a> {
    /// A verification was asked for without a name, and no private session is current.
    #[error("no private session is current; \\verify NAME verifies the key of NAME")]
    Nobody,
    /// There is no session with a user of this name.
    #[error("there is no private session with {0} to compare keys in; \\fork {0} opens one")]
    NoSession(&'a UserName),
    /// The link of the session is not up.
    #[error("the link of session {0} is not up, and keys are compared over it; try again when it is")]
    NoLink(SessionId),
    /// Verifications of this key were cancelled too often.
    #[error(
        "comparing keys with {0} was cancelled three times within an hour, and rests until that hour is over"
    )]
    Rests(&'a UserName),
    /// There are no words to answer in any session.
    #[error("no keys are compared at the moment: \\verify NAME begins it, in a private session")]
    NothingToAnswer,
    /// Words are compared in several sessions, none of which is current.
    #[error("keys are compared in several sessions: \\sw to the one you mean, and answer there")]
    Unclear,
    /// The verification has begun, but the words are not there yet.
    #[error("the words are not there yet; they come in a moment")]
    NoWordsYet,
    /// The other side has cancelled the verification, or broken its rules.
    #[error("the other side did not go on with it; nothing has changed")]
    CancelledThere,
    /// The session ended during the verification.
    #[error("the session ended before both had answered; nothing has changed")]
    SessionOver,
    /// The program of the other user did not take part.
    #[error(
        "the other's hobnob does not take part, perhaps because it is too old for it; nothing has changed"
    )]
    NotKnownThere,
    /// The other user has not answered for so long that the script goes on.
    #[error("the other has not answered within 2 minutes; keys are still compared")]
    NoAnswer,
    /// The result could not be saved.
    #[error("the outcome of comparing keys with {name} cannot be saved: {reason}")]
    NotKept {
        /// The name of the user whose key was compared.
        name: &'a UserName,
        /// Why the result could not be saved.
        reason: TrustError,
    },
    /// The words of this key were not the same, so nothing is said to it.
    #[error("{}", key_refused(.0))]
    KeyRefused(&'a UserName),
}

/// The same sentence is said to a user who asks who somebody is.
fn key_refused(name: &UserName) -> saying::Verification<'_> {
    saying::Verification::KeyRefused { name }
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
