//! What an operator can decide, as a type that cannot be wrong, and why a decision does not count. Owns no state: the
//! machine makes these from a client's act and what it knows of names; [`Rules`](super::Rules) applies them.

use hobnob_protocol::content::ShortText;
use hobnob_protocol::name::{Fingerprint, PublicKey, UserName};
use thiserror::Error;

use super::banned::Banned;
use super::range::AddressRange;
use super::term::Term;
use crate::network::Network;

/// Somebody whom a decision is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Who {
    /// The name by which he was meant; `None` where only a fingerprint was given.
    pub(crate) name: Option<UserName>,
    /// His key's fingerprint.
    pub(crate) fingerprint: Fingerprint,
    /// His key, where the lobby knows it.
    pub(crate) key: Option<PublicKey>,
}

/// One decision of an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Moderation {
    /// Somebody is sent out and may come back.
    Kick {
        who: Who,
        reason: Option<ShortText>,
    },
    /// A key is sent out and stays out.
    Ban {
        who: Who,
        /// From where he is connected now, if he is.
        network: Option<Network>,
        term: Term,
        reason: Option<ShortText>,
    },
    /// Addresses are refused.
    BanAddress {
        range: AddressRange,
        term: Term,
        reason: Option<ShortText>,
    },
    Unban(Banned),
    /// Somebody hears and may not speak.
    Mute {
        who: Who,
        term: Term,
        reason: Option<ShortText>,
    },
    Unmute(Who),
    /// One text in so many seconds for everybody who is no operator; 0 for as many as they like.
    Slow(u32),
    /// Only keys whose name is older than an hour, and admitted ones, may join or speak.
    Lock(Term),
    Unlock,
    /// A key may join and speak while the lobby is locked.
    Admit(Fingerprint),
    Op(Who),
    Deop(Who),
    /// What the lobby is about; none for nothing.
    Topic(Option<ShortText>),
}

impl Moderation {
    /// Whom it is done to, where it takes something from somebody.
    pub(super) fn acts_on(&self) -> Option<&Who> {
        match self {
            Self::Kick { who, .. } | Self::Ban { who, .. } | Self::Mute { who, .. } | Self::Deop(who) => {
                Some(who)
            }
            Self::BanAddress { .. }
            | Self::Unban(_)
            | Self::Unmute(_)
            | Self::Slow(_)
            | Self::Lock(_)
            | Self::Unlock
            | Self::Admit(_)
            | Self::Op(_)
            | Self::Topic(_) => None,
        }
    }

    /// How long it is to hold, where it holds for a time.
    pub(crate) fn term(&self) -> Option<Term> {
        match self {
            Self::Ban { term, .. }
            | Self::BanAddress { term, .. }
            | Self::Mute { term, .. }
            | Self::Lock(term) => Some(*term),
            _ => None,
        }
    }
}

/// Why a decision does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Denied {
    /// Whoever decided it is no operator.
    #[error("only operators may do that")]
    NotOperator,
    /// It is about nobody the lobby knows.
    #[error("the lobby knows nobody of that name")]
    NoSuchUser,
    /// It would keep its author out, or silent.
    #[error("that would be done to oneself")]
    Oneself,
    /// The operators' file protects whom it is about.
    #[error("the operators' file lists that key")]
    InFile,
    /// Things are so already.
    #[error("that changes nothing")]
    Unchanged,
    /// The list it would go into is full.
    #[error("the list is full")]
    ListFull,
    /// It is not put as a decision of its kind has to be.
    #[error("that is not how it is put")]
    Malformed,
}
