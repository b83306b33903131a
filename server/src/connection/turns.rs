//! The turns in which connections read from the log, for an answer to `history` or because a client is far behind.
//! Reading and encoding is work that would hold up the users who speak, and the log has one reader. Therefore only one
//! part for one client is worked on at a time, and a client that asks for much is served in turns with all others that
//! ask. This file knows nothing of the log.

use tokio::sync::{Semaphore, SemaphorePermit};

/// How many parts are worked on at once.
const AT_ONCE: usize = 1;

/// The queue. Each connection waits in it with at most one part, and joins the end of the queue again for its next
/// part.
#[derive(Debug)]
pub(crate) struct Turns {
    /// The semaphore is fair: whoever waits longest is next.
    slots: Semaphore,
}

/// The turn of one connection; it lasts until it is dropped.
#[derive(Debug)]
#[must_use]
pub(super) struct Turn<'a> {
    _slot: Option<SemaphorePermit<'a>>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { slots: Semaphore::new(AT_ONCE) }
    }
}

impl Turns {
    /// Waits until it is the caller's turn.
    pub(super) async fn next(&self) -> Turn<'_> {
        // The semaphore is never closed. If it were, nobody would have to wait.
        Turn { _slot: self.slots.acquire().await.ok() }
    }
}
