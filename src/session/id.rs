//! The number of a session. Knows nothing else, so that every part of the client can speak of one.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A session's number as `\sessions` shows it: 0 is the lobby, peer sessions count up from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub u32);

impl SessionId {
    /// The lobby.
    pub const LOBBY: Self = Self(0);
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
