//! The only writer: it owns the connection, stores batches in one transaction each, and answers after COMMIT. It also
//! removes what is no longer kept, in pieces. This file reads nothing for others, and does not know in which thread it
//! works: that is [`shared_writer`](super::shared_writer)'s business.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hobnob_protocol::chain::{LogId, Position, Seq};
use rusqlite::Connection;
use tokio::sync::watch;

use super::full_disk::{Wal, begin_wal_anew, is_full};
use super::head_record::HeadRecord;
use super::insert::{NotStored, RoomChanges, RoomsStored, insert};
use super::log_number::LogNumber;
use super::sizes::{Kept, gives_way};
use super::wal_room::WalRoom;
use super::worker::Reply;
use super::{Opened, SqliteOptions, file, prune, wal_tail};
use crate::log::in_place::InPlace;
use crate::log::posts::Posts;
use crate::log::{Batch, LogError, RoomBatch, Standing, end_after, first_shown};

/// How many batches are stored in one transaction at most, and so how many share one sync.
pub(super) const GROUP: usize = 64;

/// How many messages are removed in one transaction: some milliseconds' work, and one sync for a thousand.
pub(super) const CHUNK: u64 = 1000;

/// A batch, and where the answer to it goes.
#[derive(Debug)]
pub(super) struct Append {
    pub(super) batch: Batch,
    pub(super) answer: Reply<()>,
}

/// What the writer tells all others.
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// The position of the newest message.
    pub(super) head: watch::Sender<Position>,
    /// The number of the oldest message that is shown.
    pub(super) first: Arc<AtomicU64>,
    /// The posts that are stored. Locked for a few lines; every method leaves it consistent.
    pub(super) posts: Arc<Mutex<Posts>>,
}

/// Owns the connection that writes.
pub(super) struct Writer {
    conn: Connection,
    lobby: Kept,
    /// The logs of rooms, by their ids.
    rooms: HashMap<LogId, Kept>,
    /// How much each room is used, by its log.
    standings: HashMap<LogId, Standing>,
    /// How many messages were ever stored in rooms.
    in_rooms: u64,
    /// The numbers of removed rooms' logs whose messages still have to be deleted.
    gone: Vec<LogNumber>,
    options: SqliteOptions,
    told: Told,
    /// The note beside the log of how far the log goes.
    noted: HeadRecord,
    in_place: InPlace,
    wal_room: WalRoom,
    /// Whether a batch that is not stored may be in the WAL, where the next start would find it.
    has_tail: bool,
    /// Whether the last batch could not be stored because the disk is full.
    found_full: bool,
    /// A buffer for the records of a row, kept for the next row.
    records: Vec<u8>,
    /// Whether something was stored since it was last checked whether messages have to be removed.
    may_be_full: bool,
}

/// What is to be removed next.
enum Surplus {
    /// The messages of this log up to this number.
    Messages(Kept, Seq),
    /// This many bytes of messages of this log.
    Bytes(Kept, u64),
    /// Some rows of a removed room's log.
    Gone(LogNumber),
}

impl Writer {
    /// Makes a writer that goes on after what is in the log.
    pub(super) fn new(opened: Opened, options: SqliteOptions) -> Self {
        let Opened { conn, lobby, logs_of_rooms, standings, in_rooms, gone, posts, .. } = opened;
        let Opened { record: noted, in_place, .. } = opened;
        let head = lobby.head;
        let first = Arc::new(AtomicU64::new(first_shown(lobby.base.seq, head.seq, options.history).0));
        let told = Told { head: watch::Sender::new(head), first, posts: Arc::new(Mutex::new(posts)) };
        let rooms = logs_of_rooms.into_iter().map(|kept| (kept.log, kept)).collect();
        let wal_room = WalRoom::of(&conn);
        let (records, has_tail, found_full, may_be_full) = (Vec::new(), false, false, true);
        Self {
            conn,
            lobby,
            rooms,
            standings,
            in_rooms,
            gone,
            options,
            told,
            noted,
            in_place,
            wal_room,
            has_tail,
            found_full,
            records,
            may_be_full,
        }
    }

    pub(super) fn told(&self) -> Told {
        self.told.clone()
    }

    /// Stores all of `group`, answers each batch, and removes some of what is no longer kept.
    pub(super) fn commit_and_remove(&mut self, group: &mut Vec<Append>) {
        let before = self.lobby.head.seq.0;
        self.commit(group);
        // More messages are removed than came, because otherwise a busy lobby would add messages faster than they are
        // removed.
        self.remove_surplus(CHUNK + 2 * (self.lobby.head.seq.0 - before));
    }

    /// Stores one batch, and removes nothing.
    pub(super) fn append(&mut self, batch: &Batch) -> Result<(), LogError> {
        self.store(std::iter::once(batch))
    }

    /// Whether the file has something that is no longer kept.
    pub(super) fn has_surplus(&self) -> bool {
        self.may_be_full && self.surplus(CHUNK).is_some()
    }

    /// Leaves a file that is whole without its WAL and has nothing that is no longer kept, and a note that survives a power
    /// cut. If other files are now where the log was, they belong to somebody else and are not touched.
    pub(super) fn end(mut self) {
        self.prune_rest();
        if self.in_place.check().is_ok() {
            return self.noted.sync();
        }
        if let Err(err) = file::tidy_at_end(&self.conn, false) {
            tracing::warn!(%err, "the log is not where it was, and cannot be closed with care");
        }
    }

    /// Stores all of `group`, in one transaction if possible, and answers each batch.
    pub(super) fn commit(&mut self, group: &mut Vec<Append>) {
        let together = group.len() > 1
            && group.iter().all(|append| append.batch.is_of_lobby_alone())
            && self.store(group.iter().map(|append| &append.batch)).is_ok();
        for Append { batch, answer } in group.drain(..) {
            // A batch that cannot be stored does not prevent the others from being stored.
            let result = if together { Ok(()) } else { self.append(&batch) };
            // The asker may have gone; the batch is stored nevertheless.
            let _ = answer.send(result);
        }
    }

    /// Stores batches in one transaction. If the disk is full, and nobody reads from the WAL, the transaction is written
    /// over what the WAL has.
    fn store<'a>(&mut self, batches: impl Iterator<Item = &'a Batch> + Clone) -> Result<(), LogError> {
        self.found_full = false;
        let stored = self.try_to_store(batches.clone());
        if stored.is_err() && self.found_full && begin_wal_anew(&self.conn, Wal::Long) {
            return self.try_to_store(batches);
        }
        stored
    }

    fn try_to_store<'a>(&mut self, batches: impl Iterator<Item = &'a Batch> + Clone) -> Result<(), LogError> {
        // Without this, a batch that is refused now could be the one that the next start finds.
        self.clear_tail()?;
        let head = batches.clone().try_fold(self.lobby.head, |head, batch| batch.end_after(head))?;
        self.posts().are_new(batches.clone().flat_map(|batch| batch.messages.iter()))?;
        let with_rooms = batches.clone().find(|batch| !batch.is_of_lobby_alone());
        let rooms = with_rooms.map(|batch| self.rooms_after(batch)).transpose()?.unwrap_or_default();
        // What would be written into a folder that is gone would be lost.
        self.in_place.check().map_err(|moved| LogError::Write(moved.to_string()))?;
        let in_rooms = self.in_rooms + rooms.count();
        let (records, wal_room) = (&mut self.records, &mut self.wal_room);
        let inserted = insert(&mut self.conn, batches.clone(), head.seq, rooms, records, wal_room);
        let (added, rooms) = inserted.map_err(|err| self.not_stored(&err))?;
        if head != self.lobby.head || in_rooms != self.in_rooms {
            self.noted.note(head, in_rooms);
        }
        self.in_rooms = in_rooms;
        self.lobby.head = head;
        self.lobby.bytes += added;
        self.rooms_stored(rooms);
        self.may_be_full = true;
        self.posts().note_all(batches.flat_map(|batch| batch.messages.iter()));
        self.tell();
        Ok(())
    }

    /// Returns the error for a batch that was not stored, after what may be left of it was taken back.
    fn not_stored(&mut self, err: &NotStored) -> LogError {
        let (NotStored::BeforeCommit(cause) | NotStored::AtCommit(cause)) = err;
        self.found_full = is_full(cause);
        self.has_tail |= matches!(err, NotStored::AtCommit(_));
        if let Err(unknown) = self.clear_tail() {
            tracing::error!(%err, %unknown, "a batch may be found in the log after the next start");
            self.found_full = false;
            return unknown;
        }
        let file = self.conn.path().unwrap_or("the log's file");
        LogError::Write(format!("{file}: {err}"))
    }

    /// Takes back a batch that is not stored, if one may be in the WAL.
    fn clear_tail(&mut self) -> Result<(), LogError> {
        if self.has_tail {
            wal_tail::clear(&mut self.conn).map_err(|err| {
                let file = self.conn.path().unwrap_or("the log's file");
                LogError::Unknown(format!(
                    "what a failed COMMIT left in {file}-wal cannot be taken back: {err}"
                ))
            })?;
            self.has_tail = false;
        }
        Ok(())
    }

    /// Returns what a batch changes in rooms. A room in which nothing was ever said is not stored.
    fn rooms_after<'a>(&self, batch: &'a Batch) -> Result<RoomChanges<'a>, LogError> {
        let gone = batch.gone_rooms.iter().filter(|log| self.rooms.contains_key(log)).copied().collect();
        let mut taken: BTreeSet<LogNumber> = self.rooms.values().map(|kept| kept.number).collect();
        taken.extend(&self.gone);
        let (mut after, mut standings) = (Vec::with_capacity(batch.rooms.len()), Vec::new());
        for room in &batch.rooms {
            let log = room.kept.id.log;
            let start = batch.begin(log);
            let before = match self.rooms.get(&log) {
                Some(before) => *before,
                None if room.messages.is_empty() => continue,
                None => {
                    let number = LogNumber::first_free(taken.iter().copied());
                    Kept { number, log, base: start, head: start, bytes: 0 }
                }
            };
            taken.insert(before.number);
            after.push((Kept { head: end_after(before.head, &room.messages)?, ..before }, room));
            if !room.messages.is_empty() {
                standings.push((log, self.standing_after(batch, room)));
            }
        }
        Ok(RoomChanges { after, gone, standings })
    }

    /// Returns how much a room is used after its new messages.
    fn standing_after(&self, batch: &Batch, room: &RoomBatch) -> Standing {
        let log = room.kept.id.log;
        batch.standings.get(&log).cloned().unwrap_or_else(|| {
            let mut standing = self.standings.get(&log).cloned().unwrap_or_default();
            room.messages.iter().for_each(|said| standing.spoke(said.key, said.at, |_| true));
            standing
        })
    }

    fn rooms_stored(&mut self, changes: RoomsStored) {
        for kept in changes.after {
            self.rooms.insert(kept.log, kept);
        }
        let numbers = changes.gone.iter().filter_map(|log| self.rooms.remove(log)).map(|kept| kept.number);
        let numbers: Vec<LogNumber> = numbers.collect();
        self.gone.extend(numbers);
        self.standings.extend(changes.standings);
        changes.gone.iter().for_each(|log| drop(self.standings.remove(log)));
    }

    fn posts(&self) -> std::sync::MutexGuard<'_, Posts> {
        self.told.posts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        let head = self.lobby.head;
        let first = first_shown(self.lobby.base.seq, head.seq, self.options.history);
        self.told.first.store(first.0, Ordering::Release);
        if *self.told.head.borrow() != head {
            self.told.head.send_replace(head);
        }
    }

    /// Removes some of what is no longer kept, at most `limit` messages of one log. Returns false if there is nothing
    /// to remove, or if removing failed.
    pub(super) fn remove_surplus(&mut self, limit: u64) -> bool {
        let Some(surplus) = self.may_be_full.then(|| self.surplus(limit)).flatten() else {
            self.may_be_full = false;
            return false;
        };
        let removed = match surplus {
            Surplus::Messages(log, base) => self.prune_log(log, base),
            Surplus::Bytes(log, bytes) => prune::oldest(&self.conn, &log.meta(), log.head.seq, bytes)
                .and_then(|base| self.prune_log(log, base)),
            Surplus::Gone(number) => self.clear(number),
        };
        if let Err(err) = &removed {
            tracing::warn!(%err, "old messages could not be removed from the log");
            self.may_be_full = false;
        }
        removed.is_ok()
    }

    fn surplus(&self, limit: u64) -> Option<Surplus> {
        let history = self.options.history;
        let mut logs = std::iter::once(&self.lobby).chain(self.rooms.values());
        if let Some(log) = logs.find(|log| log.excess(history) >= CHUNK) {
            return Some(Surplus::Messages(*log, Seq(log.base.seq.0 + log.excess(history).min(limit))));
        }
        if let Some((log, bytes)) = gives_way(&self.lobby, self.rooms.values(), self.options.max_bytes) {
            return Some(Surplus::Bytes(*log, bytes));
        }
        self.gone.first().map(|number| Surplus::Gone(*number))
    }

    fn prune_log(&mut self, log: Kept, base: Seq) -> Result<(), LogError> {
        let standing = self.standings.get(&log.log);
        let (base, freed) = prune::prune(&mut self.conn, &log.meta(), base, log.head.seq, standing)?;
        let kept = match log.number {
            LogNumber::LOBBY => Some(&mut self.lobby),
            _ => self.rooms.get_mut(&log.log),
        };
        if let Some(kept) = kept {
            (kept.base, kept.bytes) = (base, kept.bytes.saturating_sub(freed));
        }
        self.tell();
        Ok(())
    }

    fn clear(&mut self, number: LogNumber) -> Result<(), LogError> {
        if prune::clear(&mut self.conn, number).map_err(|err| LogError::Write(err.to_string()))? {
            self.gone.retain(|gone| *gone != number);
        }
        Ok(())
    }

    /// Removes messages that are no longer shown, even if there are fewer than would otherwise be worth a transaction.
    fn prune_rest(&mut self) {
        let excess = self.lobby.excess(self.options.history).min(2 * CHUNK);
        if excess > 0
            && let Err(err) = self.prune_log(self.lobby, Seq(self.lobby.base.seq.0 + excess))
        {
            tracing::warn!(%err, "old messages could not be removed from the log");
        }
    }

    /// Returns the connection, for tests that make it fail.
    #[cfg(test)]
    pub(super) fn connection(&self) -> &Connection {
        &self.conn
    }
}
