//! The one writer: a thread that owns the connection, stores what is queued in one transaction, and
//! answers after COMMIT. Also drops what is no longer kept, in pieces. Reads nothing for others.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hobnob_protocol::chain::Position;
use hobnob_protocol::name::Seq;
use rusqlite::{Connection, Statement, Transaction};
use tokio::sync::{mpsc, watch};

use super::rows::{hash_at, ordered, stored};
use super::worker::Answer;
use crate::log::{Batch, LogError, POSTS_REMEMBERED, first_shown};

/// Batches stored in one transaction at the most, and so how many wait for one sync.
pub(super) const GROUP: usize = 64;

/// Messages that go in one transaction: some milliseconds' work, and one sync for a thousand.
const CHUNK: u64 = 1000;

/// A batch and who waits for it.
#[derive(Debug)]
pub(super) struct Append {
    pub(super) batch: Batch,
    pub(super) answer: Answer<()>,
}

/// What the writer tells everybody else.
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// The newest message.
    pub(super) head: watch::Sender<Position>,
    /// The oldest message that is shown.
    pub(super) first: Arc<AtomicU64>,
}

/// Owns the connection that writes.
pub(super) struct Writer {
    conn: Connection,
    head: Position,
    /// The newest message that is gone.
    base: Seq,
    history: u64,
    told: Told,
}

impl Writer {
    /// A writer that goes on after `head`, keeping `history` messages of those after `base`.
    pub(super) fn new(conn: Connection, head: Position, base: Seq, history: u64) -> Self {
        let first = Arc::new(AtomicU64::new(first_shown(base, head.seq, history).0));
        Self { conn, head, base, history, told: Told { head: watch::Sender::new(head), first } }
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
        insert(&mut self.conn, batches).map_err(|err| {
            let file = self.conn.path().unwrap_or("the log's file");
            LogError::Write(format!("{file}: {err}"))
        })?;
        self.head = head;
        self.tell();
        Ok(())
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
        let keep_posts_after = self.head.seq.0.saturating_sub(self.history.max(POSTS_REMEMBERED));
        match delete(&mut self.conn, base, keep_posts_after, limit) {
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

fn insert<'a>(conn: &mut Connection, batches: impl Iterator<Item = &'a Batch>) -> rusqlite::Result<()> {
    // Dropped before COMMIT, on any error, it rolls back.
    let tx = conn.transaction()?;
    for batch in batches {
        insert_names(&tx, batch)?;
        insert_messages(&tx, batch)?;
    }
    tx.commit()
}

fn insert_names(tx: &Transaction<'_>, batch: &Batch) -> rusqlite::Result<()> {
    for name in &batch.freed {
        tx.prepare_cached("DELETE FROM names WHERE folded = ?1")?.execute([name.folded()])?;
    }
    for binding in &batch.names {
        tx.prepare_cached("INSERT OR REPLACE INTO names (folded, name, key, seen) VALUES (?1, ?2, ?3, ?4)")?
            .execute((
                binding.name.folded(),
                binding.name.as_str(),
                binding.key.as_bytes(),
                stored(binding.seen),
            ))?;
    }
    Ok(())
}

fn insert_messages(tx: &Transaction<'_>, batch: &Batch) -> rusqlite::Result<()> {
    let mut log = tx.prepare_cached(
        "INSERT INTO log (seq, at, name, key, run, id, text, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    let mut posts = tx.prepare_cached("INSERT INTO posts (key, run, id, seq) VALUES (?1, ?2, ?3, ?4)")?;
    for message in &batch.messages {
        let (key, run, id) = (message.key.as_bytes(), message.run.as_bytes(), ordered(message.id));
        log.execute((
            stored(message.seq.0),
            stored(message.at),
            message.name.as_str(),
            key,
            run,
            id,
            message.text.as_str(),
            message.hash.as_bytes(),
        ))?;
        posts.execute((key, run, id, stored(message.seq.0)))?;
    }
    Ok(())
}

/// Removes the messages up to `base`, and up to `limit` of the posts up to `last_post`, oldest first.
fn delete(conn: &mut Connection, base: Seq, last_post: u64, limit: u64) -> Result<(), LogError> {
    let hash = hash_at(conn, base)?;
    let failed = |err: rusqlite::Error| LogError::Write(err.to_string());
    let tx = conn.transaction().map_err(failed)?;
    let run = |statement: rusqlite::Result<Statement<'_>>, params: &[&dyn rusqlite::ToSql]| {
        statement.and_then(|mut statement| statement.execute(params)).map_err(failed)
    };
    run(tx.prepare("UPDATE meta SET base_seq = ?1, base_hash = ?2"), &[&stored(base.0), hash.as_bytes()])?;
    run(tx.prepare("DELETE FROM log WHERE seq <= ?1"), &[&stored(base.0)])?;
    run(
        tx.prepare("DELETE FROM posts WHERE seq <= min(?1, (SELECT min(seq) FROM posts) + ?2)"),
        &[&stored(last_post), &stored(limit)],
    )?;
    tx.commit().map_err(failed)
}
