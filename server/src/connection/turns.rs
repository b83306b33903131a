//! Whose turn it is to be read to from the log: for an answer to `history`, or since it is far behind. To
//! read and encode that is work which those who speak would wait behind, and the log has one reader: so one
//! part for one client is worked on at a time, and whoever asks for much is served after everybody else who
//! asks. Knows nothing of the log.

use tokio::sync::{Semaphore, SemaphorePermit};

/// Parts that are worked on at once.
const AT_ONCE: usize = 1;

/// The queue. Each connection stands in it with one part at the most, and with the next part at its end
/// again.
#[derive(Debug)]
pub(crate) struct Turns {
    /// It is fair: who waits longest is next.
    slots: Semaphore,
}

/// Somebody's turn, until it is dropped.
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
        // It is never closed; if it were, nobody would have to wait.
        Turn { _slot: self.slots.acquire().await.ok() }
    }
}
