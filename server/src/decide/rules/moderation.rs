//! What an operator can decide, as a type that cannot hold a malformed decision, and why a decision does not count.
//! This file owns no state: the machine makes these values from a client's act and what it knows of names, and
//! [`Rules`](super::Rules) applies them.

use hobnob_protocol::content::ShortText;
use hobnob_protocol::key::{Fingerprint, PublicKey};
use hobnob_protocol::name::UserName;
use thiserror::Error;

use super::banned::Banned;
use super::range::AddressRange;
use super::term::Term;
use crate::network::Network;

/// The user whom a decision is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Who {
    /// The name by which the operator meant the user; `None` where the operator gave only a fingerprint.
    pub(crate) name: Option<UserName>,
    /// The fingerprint of the user's key.
    pub(crate) fingerprint: Fingerprint,
    /// The user's key, if the lobby knows it.
    pub(crate) key: Option<PublicKey>,
}

/// One decision of an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Moderation {
    /// A user is sent out and may come back.
    Kick {
        who: Who,
        reason: Option<ShortText>,
    },
    /// A key is sent out and kept out.
    Ban {
        who: Who,
        /// The network from which the user is connected; `None` if he is not connected.
        network: Option<Network>,
        term: Term,
        reason: Option<ShortText>,
    },
    /// A range of addresses is kept out.
    BanAddress {
        range: AddressRange,
        term: Term,
        reason: Option<ShortText>,
    },
    Unban(Banned),
    /// A user may hear the lobby, but may not speak.
    Mute {
        who: Who,
        term: Term,
        reason: Option<ShortText>,
    },
    Unmute(Who),
    /// Users who are no operators may say one text in this many seconds; 0 for no limit.
    Slow(u32),
    /// Only keys whose name is older than an hour, and admitted keys, may join or speak.
    Lock(Term),
    Unlock,
    /// A key may join and speak while the lobby is locked.
    Admit(Fingerprint),
    Op(Who),
    Deop(Who),
    /// The topic of the lobby; `None` for no topic.
    Topic(Option<ShortText>),
}

impl Moderation {
    /// Returns the user from whom the decision takes something, or `None` for a decision that takes nothing from a
    /// user.
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

    /// Returns how long the decision is to hold, or `None` for a kind that does not end by itself.
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
    /// The author of the decision is no operator.
    #[error("only operators may do that")]
    NotOperator,
    /// The decision is about somebody whom the lobby does not know.
    #[error("the lobby knows nobody of that name")]
    NoSuchUser,
    /// It would keep its own author out, or silent.
    #[error("that would be done to oneself")]
    Oneself,
    /// The operators' file lists the user whom it is about, which protects him.
    #[error("the operators' file lists that key")]
    InFile,
    /// What was decided is so already.
    #[error("that changes nothing")]
    Unchanged,
    /// The list to which it would add a row is full.
    #[error("the list is full")]
    ListFull,
    /// It does not have the form that a decision of its kind needs.
    #[error("that is not how it is put")]
    Malformed,
}
