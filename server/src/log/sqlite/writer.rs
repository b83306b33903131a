//! The one writer: a thread that owns the connection, stores what is queued in one transaction, and
//! answers after COMMIT. Also drops what is no longer kept, in pieces. Reads nothing for others.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hobnob_protocol::chain::{LobbyMessage, Position};
use hobnob_protocol::name::Seq;
use rusqlite::{Connection, Transaction};
use tokio::sync::{mpsc, watch};

use super::head_record::HeadRecord;
use super::message_rows::{ROW_BYTES, insert_row};
use super::rows::stored;
use super::worker::Reply;
use super::{Opened, file, prune, record};
use crate::log::in_place::InPlace;
use crate::log::posts::Posts;
use crate::log::{Batch, LogError, first_shown};

/// Batches stored in one transaction at the most, and so how many wait for one sync.
pub(super) const GROUP: usize = 64;

/// Messages that go in one transaction: some milliseconds' work, and one sync for a thousand.
const CHUNK: u64 = 1000;

/// A batch and who waits for it.
#[derive(Debug)]
pub(super) struct Append {
    pub(super) batch: Batch,
    pub(super) answer: Reply<()>,
}

/// What the writer tells everybody else.
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// The newest message.
    pub(super) head: watch::Sender<Position>,
    /// The oldest message that is shown.
    pub(super) first: Arc<AtomicU64>,
    /// Posts that are stored. Locked for a few lines; every method leaves it whole.
    pub(super) posts: Arc<Mutex<Posts>>,
}

/// Owns the connection that writes.
pub(super) struct Writer {
    conn: Connection,
    head: Position,
    /// The newest message that is gone.
    base: Seq,
    history: u64,
    told: Told,
    /// How far the log goes, noted beside it.
    noted: HeadRecord,
    in_place: InPlace,
    /// Room for the records of a row, kept for the next.
    records: Vec<u8>,
}

impl Writer {
    /// A writer that goes on after what is in the log, keeping `history` messages.
    pub(super) fn new(opened: Opened, history: u64) -> Self {
        let Opened { conn, contents, base, posts, record: noted, in_place } = opened;
        let head = contents.head;
        let first = Arc::new(AtomicU64::new(first_shown(base, head.seq, history).0));
        let told = Told { head: watch::Sender::new(head), first, posts: Arc::new(Mutex::new(posts)) };
        Self { conn, head, base, history, told, noted, in_place, records: Vec::new() }
    }

    pub(super) fn told(&self) -> Told {
        self.told.clone()
    }

    /// Runs until every sender of `appends` is gone and all they sent is answered.
    pub(super) fn run(mut self, mut appends: mpsc::Receiver<Append>) {
        let mut group = Vec::with_capacity(GROUP);
        loop {
            while self.is_prune_due() && appends.is_empty() && self.prune(CHUNK) {}
            if appends.blocking_recv_many(&mut group, GROUP) == 0 {
                break;
            }
            let before = self.head.seq.0;
            self.commit(&mut group);
            if self.is_prune_due() {
                // More than came, or a busy lobby would outrun it.
                self.prune(CHUNK + 2 * (self.head.seq.0 - before));
            }
        }
        if self.excess() > 0 {
            self.prune(2 * CHUNK);
        }
        self.end();
    }

    /// Leaves a file that is whole by itself and a note that survives a power cut. What stands where the
    /// log stood is another's, and is not touched.
    fn end(self) {
        if self.in_place.check().is_ok() {
            return self.noted.sync();
        }
        if let Err(err) = file::tidy_at_end(&self.conn, false) {
            tracing::warn!(%err, "the log is not where it was, and cannot be closed with care");
        }
    }

    /// Stores all of `group`, together if it can be, and answers each.
    pub(super) fn commit(&mut self, group: &mut Vec<Append>) {
        let together = group.len() > 1 && self.store(group.iter().map(|append| &append.batch)).is_ok();
        for Append { batch, answer } in group.drain(..) {
            // One batch that cannot be stored does not take the others with it.
            let result = if together { Ok(()) } else { self.store(std::iter::once(&batch)) };
            // Whoever asked may have gone; the batch is stored all the same.
            let _ = answer.send(result);
        }
    }

    fn store<'a>(&mut self, batches: impl Iterator<Item = &'a Batch> + Clone) -> Result<(), LogError> {
        let head = batches.clone().try_fold(self.head, |head, batch| batch.end_after(head))?;
        self.posts().are_new(batches.clone().flat_map(|batch| batch.messages.iter()))?;
        // What is written into a folder that is gone is stored for nobody.
        self.in_place.check().map_err(|moved| LogError::Write(moved.to_string()))?;
        insert(&mut self.conn, batches.clone(), head.seq, &mut self.records).map_err(|err| {
            let file = self.conn.path().unwrap_or("the log's file");
            LogError::Write(format!("{file}: {err}"))
        })?;
        if head != self.head {
            self.noted.note(head);
        }
        self.head = head;
        self.posts().note_all(batches.flat_map(|batch| batch.messages.iter()));
        self.tell();
        Ok(())
    }

    fn posts(&self) -> std::sync::MutexGuard<'_, Posts> {
        self.told.posts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        let first = first_shown(self.base, self.head.seq, self.history);
        self.told.first.store(first.0, Ordering::Release);
        if *self.told.head.borrow() != self.head {
            self.told.head.send_replace(self.head);
        }
    }

    /// How many messages stand in the file that are no longer shown.
    fn excess(&self) -> u64 {
        self.head.seq.0.saturating_sub(self.history).saturating_sub(self.base.0)
    }

    fn is_prune_due(&self) -> bool {
        self.excess() >= CHUNK
    }

    /// Drops up to `limit` messages; false when that could not be done. The file does not shrink:
    /// its free pages are used for what comes.
    pub(super) fn prune(&mut self, limit: u64) -> bool {
        let base = Seq(self.base.0 + self.excess().min(limit));
        match prune::prune(&mut self.conn, base, self.head.seq) {
            Ok(()) => {
                self.base = base;
                true
            }
            Err(err) => {
                tracing::warn!(%err, "old messages could not be removed from the log");
                false
            }
        }
    }

    /// The connection, for tests that make it fail.
    #[cfg(test)]
    pub(super) fn connection(&self) -> &Connection {
        &self.conn
    }
}

/// Stores `batches`, which end at `head`. `records` is room to write in.
fn insert<'a>(
    conn: &mut Connection,
    batches: impl Iterator<Item = &'a Batch> + Clone,
    head: Seq,
    records: &mut Vec<u8>,
) -> rusqlite::Result<()> {
    // Dropped before COMMIT, on any error, it rolls back.
    let tx = conn.transaction()?;
    batches.clone().try_for_each(|batch| insert_names(&tx, batch))?;
    insert_messages(&tx, batches.flat_map(|batch| batch.messages.iter()), head, records)?;
    tx.commit()
}

fn insert_names(tx: &Transaction<'_>, batch: &Batch) -> rusqlite::Result<()> {
    for name in &batch.freed {
        tx.prepare_cached("DELETE FROM names WHERE folded = ?1")?.execute([name.folded()])?;
    }
    for binding in &batch.names {
        let sql = "INSERT OR REPLACE INTO names (folded, name, key, seen, spoke) VALUES (?1, ?2, ?3, ?4, ?5)";
        tx.prepare_cached(sql)?.execute((
            binding.name.folded(),
            binding.name.as_str(),
            binding.key.as_bytes(),
            stored(binding.seen),
            binding.spoke,
        ))?;
    }
    Ok(())
}

fn insert_messages<'a>(
    tx: &Transaction<'_>,
    messages: impl Iterator<Item = &'a LobbyMessage>,
    head: Seq,
    records: &mut Vec<u8>,
) -> rusqlite::Result<()> {
    records.clear();
    let mut last = None;
    for message in messages {
        record::write(message, records);
        last = Some(message.seq);
        if records.len() >= ROW_BYTES || message.seq == head {
            insert_row(tx, message.seq, records)?;
            records.clear();
        }
    }
    if last.is_some() {
        tx.prepare_cached("UPDATE meta SET head_seq = ?1")?.execute([stored(head.0)])?;
    }
    Ok(())
}
