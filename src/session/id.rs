//! The number of a session. This file knows nothing else, so that every part of the client can use it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The number of a session, as `\sessions` shows it. The lobby has 0; private sessions and rooms count up from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub u32);

impl SessionId {
    /// The number of the lobby's session.
    pub const LOBBY: Self = Self(0);
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
