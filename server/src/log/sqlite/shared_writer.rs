//! The thread in which the one writer works: a thread of the log's own, which has a queue, or the thread of the caller if
//! nothing waits in that queue. This file knows nothing of what is written.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, TryLockError};

use tokio::sync::mpsc;

use super::writer::{Append, CHUNK, GROUP, Writer};
use crate::log::{AppendedHere, Batch};

/// The writer, for all threads in which it may work. Cheap to clone.
#[derive(Clone)]
pub(super) struct SharedWriter {
    /// `None` once the log's thread has ended. If a thread panics while it holds the writer, nothing is written any
    /// more.
    writer: Arc<Mutex<Option<Writer>>>,
    queued: Arc<AtomicUsize>,
}

impl std::fmt::Debug for SharedWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedWriter").field("queued", &self.queued).finish_non_exhaustive()
    }
}

/// Counts one batch that waits for the log's thread, until the batch is answered.
#[derive(Debug)]
pub(super) struct Queued(Arc<AtomicUsize>);

impl Drop for Queued {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}

/// A batch on its way to the log's thread, and its place in the count of such batches.
pub(super) type Waiting = (Append, Queued);

impl SharedWriter {
    pub(super) fn new(writer: Writer) -> Self {
        Self { writer: Arc::new(Mutex::new(Some(writer))), queued: Arc::default() }
    }

    /// Counts one more batch that is sent to the log's thread.
    pub(super) fn queue(&self) -> Queued {
        self.queued.fetch_add(1, Ordering::Acquire);
        Queued(Arc::clone(&self.queued))
    }

    /// Stores a batch in this thread. The batch is given back if other batches are before it, or if something has to be
    /// removed first, which is the work of the log's thread.
    pub(super) fn append(&self, batch: Batch) -> AppendedHere {
        if self.queued.load(Ordering::Acquire) > 0 {
            return AppendedHere::NotTaken(batch);
        }
        match self.writer.try_lock().as_deref_mut() {
            Ok(Some(writer)) if !writer.has_surplus() => AppendedHere::Done(writer.append(&batch)),
            Ok(_) | Err(TryLockError::WouldBlock | TryLockError::Poisoned(_)) => {
                AppendedHere::NotTaken(batch)
            }
        }
    }

    /// Runs the log's thread: stores and answers what arrives, until every sender of `appends` is gone and nothing
    /// waits.
    pub(super) fn run(self, mut appends: mpsc::Receiver<Waiting>) {
        let mut waiting = Vec::with_capacity(GROUP);
        loop {
            while appends.is_empty() && self.with(|writer| writer.remove_surplus(CHUNK)).unwrap_or_default() {
            }
            if appends.blocking_recv_many(&mut waiting, GROUP) == 0 {
                break;
            }
            let (mut group, queued): (Vec<Append>, Vec<Queued>) = waiting.drain(..).unzip();
            let done = self.with(|writer| {
                writer.commit_and_remove(&mut group);
                drop(queued);
            });
            if done.is_none() {
                return;
            }
        }
        let writer = self.writer.lock().ok().and_then(|mut writer| writer.take());
        if let Some(writer) = writer {
            writer.end();
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Writer) -> T) -> Option<T> {
        self.writer.lock().ok()?.as_mut().map(work)
    }
}
