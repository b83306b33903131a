//! The thread that writes: what is taken from the queue goes into one transaction. Owns what happens when the disk
//! does not take what is to be kept: it is let go, and the chat goes on.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{fmt, io, thread};

use hobnob_protocol::name::{PublicKey, UserName};
use rusqlite::{Connection, TransactionBehavior};

use super::entry::{Entry, Mark, Reader};
use super::file::{HistoryError, told};
use super::queue::{Full, Order, Queue};
use super::room_marks::{RoomNote, RoomReader};
use super::rows::{self, Talks};
use super::{file, marks, room_marks};

/// How long a reader waits for what was said just now to be written.
const FLUSH: Duration = Duration::from_secs(1);

/// What both sides know.
#[derive(Default)]
struct Shared {
    queue: Queue,
    in_trouble: AtomicBool,
    trouble: Mutex<Option<String>>,
}

impl Shared {
    /// Something went wrong; whoever asks next is told, once in a run, however often it does.
    fn trouble(&self, reason: String) {
        if !self.in_trouble.swap(true, Ordering::Relaxed) {
            *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
        }
    }
}

/// The thread that writes, and what it shares with those who ask it to.
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
    /// Starts it. Each class of messages may take `share` bytes.
    ///
    /// # Errors
    /// When the file cannot be used, or no thread be started.
    pub(super) fn start(data_dir: &Path, share: i64) -> Result<Self, HistoryError> {
        let conn = file::open(data_dir)?;
        let shared = Arc::new(Shared::default());
        let run = Run { conn, share, talks: Talks::default(), shared: Arc::clone(&shared) };
        let started = thread::Builder::new().name("history".to_owned()).spawn(move || run.run());
        let failed = |err: io::Error| HistoryError { path: file::path(data_dir), reason: err.to_string() };
        Ok(Self { shared, thread: Some(started.map_err(failed)?) })
    }

    /// Keeps a message, without waiting. Where too much waits already it is not kept.
    pub(super) fn keep(&self, entry: Entry) {
        if let Err(Full) = self.shared.queue.put(Order::Keep(entry)) {
            self.shared.trouble("the disk is slower than the chat".to_owned());
        }
    }

    /// Sets a mark: `anew`, or further on than it stands.
    pub(super) fn mark(&self, server: PublicKey, name: &UserName, reader: Reader, mark: Mark, anew: bool) {
        self.order(Order::Mark { server, name: name.folded().to_owned(), reader, mark, anew });
    }

    /// Notes something of a room.
    pub(super) fn note_room(&self, name: &UserName, reader: RoomReader, note: RoomNote) {
        self.order(Order::Room { name: name.folded().to_owned(), reader, note });
    }

    /// Removes what was said in private with a key.
    pub(super) fn forget(&self, own_name: &UserName, other: PublicKey) {
        self.order(Order::Forget { own_name: own_name.folded().to_owned(), other });
    }

    /// Waits until all that was given so far is written; no longer than a second.
    pub(super) fn flush(&self) {
        let (done, answer) = sync_channel(1);
        if self.order(Order::Flush(done)) {
            // Where the disk is slower than that, what is not there yet is not found.
            let _written = answer.recv_timeout(FLUSH);
        }
    }

    /// What went wrong since the last call, in words.
    pub(super) fn take_trouble(&self) -> Option<String> {
        if !self.shared.in_trouble.load(Ordering::Relaxed) {
            return None;
        }
        self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether there was room for it in the queue.
    fn order(&self, order: Order) -> bool {
        self.shared.queue.put(order).is_ok()
    }
}

impl Drop for Writer {
    /// Waits for what is queued to be written.
    fn drop(&mut self) {
        self.shared.queue.close();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so; nothing is left to be done here.
            let _ended = thread.join();
        }
    }
}

/// The thread's own.
struct Run {
    conn: Connection,
    share: i64,
    talks: Talks,
    shared: Arc<Shared>,
}

impl Run {
    fn run(mut self) {
        loop {
            let orders = self.shared.queue.take();
            if orders.is_empty() {
                break;
            }
            self.obey(orders);
        }
        // The last one to close the file tidies the WAL away; a file that could not be is tidied the next time.
        let _closed = self.conn.close();
    }

    fn obey(&mut self, orders: Vec<Order>) {
        let (mut entries, mut rest) = (Vec::new(), Vec::new());
        for order in orders {
            match order {
                Order::Keep(entry) => entries.push(entry),
                other => rest.push(other),
            }
        }
        if let Err(err) = self.write(&entries, &rest) {
            // An id of a talk may be of the transaction that was undone.
            self.talks = Talks::default();
            self.shared.trouble(told(&err));
        }
        for order in rest {
            if let Order::Flush(done) = order {
                // Whoever asked has given up.
                let _asked = done.send(());
            }
        }
    }

    fn write(&mut self, entries: &[Entry], rest: &[Order]) -> rusqlite::Result<()> {
        if entries.is_empty() && rest.iter().all(|order| matches!(order, Order::Flush(_))) {
            return Ok(());
        }
        let transaction = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        rows::add(&transaction, &mut self.talks, entries, self.share)?;
        for order in rest {
            match order {
                Order::Mark { server, name, reader, mark, anew } => {
                    if *anew {
                        marks::remove(&transaction, server, name, *reader, mark)?;
                    }
                    marks::set(&transaction, server, name, *reader, mark)?;
                }
                Order::Room { name, reader, note } => room_marks::note(&transaction, name, reader, note)?,
                Order::Forget { own_name, other } => {
                    rows::forget(&transaction, own_name, other.as_bytes())?;
                }
                Order::Keep(_) | Order::Flush(_) => {}
            }
        }
        transaction.commit()
    }
}
