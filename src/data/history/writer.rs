//! The writing thread, which writes what it takes from the queue in one transaction at a time. This file owns what
//! happens if the disk does not accept a message: the message is dropped, and the chat goes on.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{fmt, io, thread};

use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;
use rusqlite::{Connection, TransactionBehavior};

use super::entry::{Entry, Mark, Reader};
use super::file::{HistoryError, told};
use super::private_marks::{self, ReadUntil};
use super::queue::{Full, Job, Queue};
use super::room_marks::{RoomNote, RoomReader};
use super::rows::{self, Talks};
use super::{file, marks, removal, room_marks, sizes};

/// How long a reader waits until the latest messages are written.
const FLUSH: Duration = Duration::from_secs(1);

/// What the callers and the writing thread share.
#[derive(Default)]
struct Shared {
    queue: Queue,
    in_trouble: AtomicBool,
    trouble: Mutex<Option<String>>,
}

impl Shared {
    /// Notes that something went wrong. Only the first problem of a run is noted, for the next caller who asks.
    fn trouble(&self, reason: String) {
        if !self.in_trouble.swap(true, Ordering::Relaxed) {
            *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
        }
    }
}

/// The handle of the writing thread, and what it shares with its callers.
pub(super) struct Writer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

impl Writer {
    /// Starts the writing thread. Public and private messages may each take `share` bytes.
    ///
    /// # Errors
    /// Fails if the file is not usable, or if the thread cannot be started.
    pub(super) fn start(data_dir: &Path, share: i64) -> Result<Self, HistoryError> {
        let conn = file::open(data_dir)?;
        let shared = Arc::new(Shared::default());
        let run = Run { conn, share, talks: Talks::default(), shared: Arc::clone(&shared) };
        let started = thread::Builder::new().name("history".to_owned()).spawn(move || run.run());
        let failed = |err: io::Error| HistoryError { path: file::path(data_dir), reason: err.to_string() };
        Ok(Self { shared, thread: Some(started.map_err(failed)?) })
    }

    /// Hands over a message to be stored, without waiting. If the queue is full, the message is not stored.
    pub(super) fn keep(&self, entry: Entry) {
        if let Err(Full) = self.shared.queue.put(Job::Keep(entry)) {
            self.shared.trouble("the disk is slower than the chat".to_owned());
        }
    }

    /// Sets a mark: with `anew` in any case, and otherwise only if it is further on than the stored mark.
    pub(super) fn mark(&self, server: PublicKey, name: &UserName, reader: Reader, mark: Mark, anew: bool) {
        self.put(Job::Mark { server, name: name.folded().to_owned(), reader, mark, anew });
    }

    /// Notes how far the user has come in a room, or that the user has left it.
    pub(super) fn note_room(&self, name: &UserName, reader: RoomReader, note: RoomNote) {
        self.put(Job::Room { name: name.folded().to_owned(), reader, note });
    }

    /// Notes what a person has read of private talk with a key.
    pub(super) fn read_talk(&self, own_name: &UserName, other: PublicKey, until: ReadUntil) {
        self.put(Job::Talk { own_name: own_name.folded().to_owned(), other, until });
    }

    /// Removes all private messages that were exchanged with a key.
    pub(super) fn forget(&self, own_name: &UserName, other: PublicKey) {
        self.put(Job::Forget { own_name: own_name.folded().to_owned(), other });
    }

    /// Waits until everything that was handed over so far is written, but at most one second. Returns whether it is.
    pub(super) fn flush(&self) -> bool {
        let (done, answer) = sync_channel(1);
        self.put(Job::Flush(done)) && answer.recv_timeout(FLUSH).is_ok()
    }

    /// Returns what went wrong since the last call, as words for the user.
    pub(super) fn take_trouble(&self) -> Option<String> {
        if !self.shared.in_trouble.load(Ordering::Relaxed) {
            return None;
        }
        self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Puts a job into the queue. Returns false if the queue is full.
    fn put(&self, job: Job) -> bool {
        self.shared.queue.put(job).is_ok()
    }
}

impl Drop for Writer {
    /// Waits until everything in the queue is written.
    fn drop(&mut self) {
        self.shared.queue.close();
        if let Some(thread) = self.thread.take() {
            // If the thread panicked, its message was already shown, and nothing is left to do here.
            let _ended = thread.join();
        }
    }
}

/// What belongs to the writing thread alone.
struct Run {
    conn: Connection,
    share: i64,
    talks: Talks,
    shared: Arc<Shared>,
}

impl Run {
    fn run(mut self) {
        if let Err(err) = sizes::settle(&mut self.conn) {
            self.shared.trouble(told(&err));
        }
        loop {
            let jobs = self.shared.queue.take();
            if jobs.is_empty() {
                break;
            }
            self.obey(jobs);
        }
        // The connection that closes the file last removes the WAL. If that fails, the WAL is removed the next time.
        let _closed = self.conn.close();
    }

    fn obey(&mut self, jobs: Vec<Job>) {
        let (mut entries, mut rest) = (Vec::new(), Vec::new());
        for job in jobs {
            match job {
                Job::Keep(entry) => entries.push(entry),
                other => rest.push(other),
            }
        }
        if let Err(err) = self.write(&entries, &rest) {
            // The id of a talk may come from the transaction that was undone, so none of them is used any more.
            self.talks = Talks::default();
            self.shared.trouble(told(&err));
        }
        for job in rest {
            if let Job::Flush(done) = job {
                // An error means that the caller has stopped waiting.
                let _asked = done.send(());
            }
        }
    }

    fn write(&mut self, entries: &[Entry], rest: &[Job]) -> rusqlite::Result<()> {
        if entries.is_empty() && rest.iter().all(|job| matches!(job, Job::Flush(_))) {
            return Ok(());
        }
        let transaction = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        rows::add(&transaction, &mut self.talks, entries, self.share)?;
        for job in rest {
            match job {
                Job::Mark { server, name, reader, mark, anew } => {
                    if *anew {
                        marks::remove(&transaction, server, name, *reader, mark)?;
                    }
                    marks::set(&transaction, server, name, *reader, mark)?;
                }
                Job::Room { name, reader, note } => room_marks::note(&transaction, name, reader, note)?,
                Job::Talk { own_name, other, until } => {
                    private_marks::set(&transaction, own_name, other, *until)?;
                }
                Job::Forget { own_name, other } => {
                    removal::forget(&transaction, own_name, other.as_bytes())?;
                    private_marks::forget(&transaction, own_name, other)?;
                }
                Job::Keep(_) | Job::Flush(_) => {}
            }
        }
        transaction.commit()
    }
}
