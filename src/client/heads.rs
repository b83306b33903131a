//! The number of the newest message in the log of the lobby and of each room, as far as this run knows.

use std::collections::HashMap;

use crate::session::SessionId;

/// The newest numbers, by session.
#[derive(Debug, Clone, Default)]
pub struct Heads {
    newest: HashMap<SessionId, u64>,
}

impl Heads {
    /// Notes that a log goes at least as far as this number.
    pub(crate) fn reach(&mut self, session: SessionId, seq: u64) {
        let newest = self.newest.entry(session).or_default();
        *newest = seq.max(*newest);
    }

    /// Returns the newest number of a log; 0 if none is known.
    #[must_use]
    pub fn of(&self, session: SessionId) -> u64 {
        self.newest.get(&session).copied().unwrap_or_default()
    }

    /// Whether a number of this log is known.
    #[must_use]
    pub(crate) fn knows(&self, session: SessionId) -> bool {
        self.newest.contains_key(&session)
    }

    /// Forgets the log of a session that is over.
    pub(crate) fn forget(&mut self, session: SessionId) {
        self.newest.remove(&session);
    }
}
