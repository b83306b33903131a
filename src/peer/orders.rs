//! What the app asks of one link. Owns the place where the two meet: the app writes here at any time
//! and never waits, the link's task reads when it is woken. Knows nothing of sockets.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use hobnob_protocol::MAX_CANDIDATES;
use hobnob_protocol::name::{Candidate, Text};
use thiserror::Error;
use tokio::sync::Notify;

use super::outbox::{NeverWritten, Outbox, OutboxFull};

/// Why a text was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SayError {
    /// Too much waits to be delivered.
    #[error(transparent)]
    Full(#[from] OutboxFull),
    /// The session is over, or ends.
    #[error("the session is over")]
    Over,
}

/// Bounded by what is in it: one outbox, the newest of everything else.
#[derive(Debug, Default)]
pub(super) struct Orders {
    /// A standard mutex: held for a few lines, by two tasks, never across an await.
    book: Mutex<Book>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Book {
    outbox: Outbox,
    shown: u64,
    candidates: Option<Vec<Candidate>>,
    leave: bool,
    over: bool,
}

impl Orders {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // The app's side.

    pub(super) fn say(&self, local_id: u64, text: Text, at: u64) -> Result<(), SayError> {
        let mut book = self.book();
        if book.over || book.leave {
            return Err(SayError::Over);
        }
        book.outbox.say(local_id, text, at)?;
        drop(book);
        self.changed.notify_one();
        Ok(())
    }

    pub(super) fn show(&self, number: u64) {
        let mut book = self.book();
        book.shown = book.shown.max(number);
        drop(book);
        self.changed.notify_one();
    }

    pub(super) fn offer(&self, mut candidates: Vec<Candidate>) {
        candidates.truncate(MAX_CANDIDATES);
        self.book().candidates = Some(candidates);
        self.changed.notify_one();
    }

    pub(super) fn leave(&self) {
        self.book().leave = true;
        self.changed.notify_one();
    }

    // The link's side.

    /// Waits until something was asked since the last time this returned. Cancel-safe.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    pub(super) fn shown(&self) -> u64 {
        self.book().shown
    }

    pub(super) fn take_candidates(&self) -> Option<Vec<Candidate>> {
        self.book().candidates.take()
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.book().leave
    }

    pub(super) fn all_delivered(&self) -> bool {
        self.book().outbox.is_empty()
    }

    pub(super) fn write_into(&self, out: &mut BytesMut, enough: usize) {
        self.book().outbox.write_into(out, enough);
    }

    pub(super) fn acknowledge(&self, number: u64) -> Result<Vec<u64>, NeverWritten> {
        self.book().outbox.acknowledge(number)
    }

    pub(super) fn resume(&self, received: u64) -> Result<Vec<u64>, NeverWritten> {
        self.book().outbox.resume(received)
    }

    /// Takes nothing more; what was never acknowledged.
    pub(super) fn close(&self) -> Vec<u64> {
        let mut book = self.book();
        book.over = true;
        book.outbox.give_up()
    }
}
