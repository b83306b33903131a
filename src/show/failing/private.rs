//! Failures in private: sessions that are not opened, and keys other than the pinned ones.

use std::error::Error as StdError;

use hobnob_protocol::key::{Fingerprint, PublicKey};
use hobnob_protocol::name::UserName;
use thiserror::Error;

use super::Failing;
use crate::data::trust::{Pin, TrustError};
use crate::session::SessionId;
use crate::show::ErrorCode;

/// A failure in private.
#[derive(Debug, Error)]
pub(crate) enum Private<'a> {
    /// There is already a session with a user of this name.
    #[error("session {session} with {name} is there already: \\sw {session}")]
    AlreadyForked {
        /// The number of the session.
        session: SessionId,
        /// The name of the user.
        name: &'a UserName,
    },
    /// The user of a session has lost his name to another one.
    #[error("{}", two_of_one_name(name, *session, former, now, *open))]
    TwoOfOneName {
        /// The name that both had.
        name: &'a UserName,
        /// The session with the user who had the name before.
        session: SessionId,
        /// The key of that user.
        former: Fingerprint,
        /// The key that came to the lobby with the name.
        now: Fingerprint,
        /// The session with the other user, if there is one.
        open: Option<SessionId>,
    },
    /// Somebody came to the lobby with the name of a session's user a moment ago.
    #[error(
        "somebody came to the lobby as {name} just now, and it is not known yet whether it is the {name} of session \
         {session}; nothing was done: try again, or \\sw {session}"
    )]
    HolderUnknown {
        /// The name that the command was given.
        name: &'a UserName,
        /// The session with a user of this name.
        session: SessionId,
    },
    /// There is already a session with the same key, under another name.
    #[error("session {0} is with the same user, under another name: \\sw {0}")]
    SameUser(SessionId),
    /// A user wanted a session with himself.
    #[error("that is you; a session takes two, \\users shows who else is here")]
    Yourself,
    /// The session could not be opened.
    #[error("the session could not be opened: {0}")]
    NotOpened(&'a dyn StdError),
    /// The key is not the pinned one.
    #[error("{}", changed_key(name, key, pin))]
    KeyChanged {
        /// The name of the user.
        name: &'a UserName,
        /// The key that the user shows now.
        key: &'a PublicKey,
        /// The key that is pinned for the name, and when it was pinned.
        pin: &'a Pin,
    },
    /// The server introduced another user than the one that was forked.
    #[error("the server introduced {name} in place of {asked}, so nothing is said; do not trust this server")]
    AnotherIntroduced {
        /// The user who was forked.
        asked: &'a UserName,
        /// The user whom the server introduced.
        name: &'a UserName,
    },
    /// A key cannot be pinned or compared with the pinned one, so nothing is said to its user.
    #[error("{name}'s key could not be pinned, so no text is sent to {name}: {reason}")]
    NotPinned {
        /// The name of the user.
        name: &'a UserName,
        /// Why the key could not be pinned.
        reason: TrustError,
    },
    /// Another user wants a session and does not get it.
    #[error("{name} wanted a private session, and your hobnob refused it: {reason}")]
    Refused {
        /// The name of the user.
        name: &'a UserName,
        /// The kind of reason.
        code: ErrorCode,
        /// Why the user does not get the session.
        reason: &'a dyn StdError,
    },
    /// A pinned key could not be forgotten.
    #[error("{name}'s key could not be forgotten: {reason}")]
    NotForgotten {
        /// The name of the user.
        name: &'a UserName,
        /// Why the key could not be forgotten.
        reason: TrustError,
    },
    /// The private talk with a user could not be removed.
    #[error("what was said with {0} in private could not be removed yet; try again")]
    TalkNotRemoved(&'a UserName),
    /// The user of this name asked for a private session and has left the lobby since.
    #[error("{0} asked to talk in private, but has left since")]
    AskerLeft(&'a UserName),
    /// No user of this name has asked for a private session.
    #[error(
        "{0} is not waiting for an answer (\\accept alone tells who is); \\fork {0} opens a session yourself"
    )]
    NobodyWaits(&'a UserName),
    /// There is nothing to forget about this user.
    #[error("no key of {0} is pinned in this lobby, and nothing of {0} is refused")]
    NothingToForget(&'a UserName),
}

/// Returns a sentence about two users who have or had one name: which key is whose, and how to reach each.
fn two_of_one_name(
    name: &UserName,
    session: SessionId,
    former: &Fingerprint,
    now: &Fingerprint,
    open: Option<SessionId>,
) -> String {
    let other = match open {
        Some(open) => format!("\\sw {open} goes to the second"),
        None => format!("\\leave there, then \\fork {name}, goes to the second"),
    };
    format!(
        "two users came as {name}: session {session} is with the first, whose key is {former}; the second came to the \
         lobby later, with the key {now}; nothing was done: \\sw {session} goes to the first, {other}"
    )
}

/// Returns a sentence about a key that is not the pinned one: what this may mean, and what to do.
fn changed_key(name: &UserName, key: &PublicKey, pin: &Pin) -> String {
    let (new, old) = (key.fingerprint(), pin.key.fingerprint());
    let since =
        pin.seen_first().map_or_else(String::new, |at| format!(" since {}", crate::timestamp::day_told(at)));
    if pin.earlier {
        return format!(
            "{name}'s key is {new}; an earlier hobnob pinned {old} for this name{since}, perhaps in another \
             lobby: if the new one is right here, \\forget {name}, then \\fork {name}"
        );
    }
    format!(
        "{name}'s key is {new}, the one pinned{since} is {old}; if {name} confirms the new one, \
         \\forget {name}, then \\fork {name}"
    )
}

impl Failing for Private<'_> {
    fn code(&self) -> ErrorCode {
        match self {
            Self::AlreadyForked { .. } | Self::SameUser(_) => ErrorCode::AlreadyForked,
            Self::Yourself => ErrorCode::SelfFork,
            Self::NotOpened(_) => ErrorCode::PeerUnreachable,
            Self::KeyChanged { .. } | Self::NotPinned { reason: TrustError::Changed { .. }, .. } => {
                ErrorCode::KeyChanged
            }
            Self::AnotherIntroduced { .. }
            | Self::NotPinned { .. }
            | Self::NotForgotten { .. }
            | Self::TalkNotRemoved(_)
            | Self::TwoOfOneName { .. } => ErrorCode::Refused,
            Self::HolderUnknown { .. } => ErrorCode::Busy,
            Self::Refused { code, .. } => *code,
            Self::NothingToForget(_) | Self::NobodyWaits(_) | Self::AskerLeft(_) => ErrorCode::NoSuchUser,
        }
    }
}
