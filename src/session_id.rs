//! The number of a session, as the user types it after `\switch` and reads it in `\sessions`.
//!
//! Knows nothing of what a session is.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One session of this run: 0 is the lobby, peers are 1, 2, 3 … in the order they opened. Never
/// used twice in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(
    /// The number itself.
    pub u32,
);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
