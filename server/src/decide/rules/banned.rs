//! What a ban is about: a key or a range of addresses, and how each of them is written. This file knows nothing of who
//! is banned.

use std::fmt;
use std::str::FromStr;

use hobnob_protocol::key::Fingerprint;

use super::range::AddressRange;

/// What a ban keeps out: a key or a range of addresses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Banned {
    /// A key, by its fingerprint.
    Key(Fingerprint),
    /// A range of addresses.
    Range(AddressRange),
}

/// The error for a text that is neither a fingerprint nor a range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotBannable;

impl FromStr for Banned {
    type Err = NotBannable;

    fn from_str(text: &str) -> Result<Self, NotBannable> {
        let key = text.parse().map(Self::Key).ok();
        key.or_else(|| text.parse().map(Self::Range).ok()).ok_or(NotBannable)
    }
}

impl fmt::Display for Banned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(fingerprint) => fingerprint.fmt(f),
            Self::Range(range) => range.fmt(f),
        }
    }
}
