//! What one transaction stores: the names, messages and rooms of its batches, and how many messages there are now. This
//! file does not decide what is stored, and does not remember what was.

use hobnob_protocol::chain::{LobbyMessage, LogId, Seq};
use rusqlite::Connection;
use thiserror::Error;

use super::log_number::LogNumber;
use super::message_rows::{ROW_BYTES, insert_row};
use super::rules_row;
use super::sizes::Kept;
use super::standing_rows::{self, is_due};
use super::stored_form::stored;
use super::transaction::Transaction;
use super::wal_room::WalRoom;
use super::{full_disk, record, room_rows};
use crate::log::{Batch, RoomBatch, Standing};

/// What a batch changes in rooms.
#[derive(Default)]
pub(super) struct RoomChanges<'a> {
    /// Each room with its log as it is afterwards, and what is new in the room.
    pub(super) after: Vec<(Kept, &'a RoomBatch)>,
    pub(super) gone: Vec<LogId>,
    /// How much the rooms are used in which something new was said.
    pub(super) standings: Vec<(LogId, Standing)>,
}

impl RoomChanges<'_> {
    /// Returns how many messages the changes have.
    pub(super) fn count(&self) -> u64 {
        self.after.iter().map(|(_, room)| room.messages.len() as u64).sum()
    }
}

/// The same changes after they were stored.
pub(super) struct RoomsStored {
    pub(super) after: Vec<Kept>,
    pub(super) gone: Vec<LogId>,
    pub(super) standings: Vec<(LogId, Standing)>,
}

/// Why a transaction was not stored.
#[derive(Debug, Error)]
pub(super) enum NotStored {
    /// Nothing of it can be found later.
    #[error(transparent)]
    BeforeCommit(#[from] rusqlite::Error),
    /// All of it may be in the WAL, see [`wal_tail`](super::wal_tail).
    #[error(transparent)]
    AtCommit(rusqlite::Error),
}

/// Stores `batches`; `head` is the newest message of the lobby among them. `records` is a buffer to write in. Returns
/// how many bytes the lobby's messages take, and the rooms as they are now.
pub(super) fn insert<'a>(
    conn: &mut Connection,
    batches: impl Iterator<Item = &'a Batch> + Clone,
    head: Seq,
    rooms: RoomChanges<'_>,
    records: &mut Vec<u8>,
    wal_room: &mut WalRoom,
) -> Result<(u64, RoomsStored), NotStored> {
    // If the transaction is dropped before COMMIT, on any error, it is rolled back.
    let tx = Transaction::begin(conn)?;
    batches.clone().try_for_each(|batch| insert_names(&tx, batch))?;
    let messages = batches.flat_map(|batch| batch.messages.iter());
    let bytes = insert_messages(&tx, LogNumber::LOBBY, messages, head, records)?;
    if bytes > 0 {
        tx.prepare_cached("UPDATE meta SET head_seq = ?1")?.execute([stored(head.0)])?;
    }
    let has_words = bytes > 0 || rooms.count() > 0;
    let rooms = insert_rooms(&tx, rooms, records)?;
    if has_words {
        // The transaction has written, so until it ends nobody else writes to the WAL.
        wal_room.make();
    }
    full_disk::leave_room(&tx)?;
    tx.commit().map_err(NotStored::AtCommit)?;
    Ok((bytes, rooms))
}

fn insert_rooms(
    tx: &Connection,
    rooms: RoomChanges<'_>,
    records: &mut Vec<u8>,
) -> rusqlite::Result<RoomsStored> {
    let count = rooms.count();
    if count > 0 {
        tx.prepare_cached("UPDATE meta SET in_rooms = in_rooms + ?1")?.execute([stored(count)])?;
    }
    let RoomChanges { after, mut gone, standings } = rooms;
    let displaced = after.iter().map(|(kept, room)| displaced(tx, kept, room));
    gone.extend(displaced.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().flatten());
    // This comes first, because another room may have the name now.
    gone.iter().try_for_each(|log| remove(tx, *log))?;
    let mut done = Vec::with_capacity(after.len());
    for (mut kept, room) in after {
        kept.bytes += insert_messages(tx, kept.number, room.messages.iter(), kept.head.seq, records)?;
        room_rows::store(tx, &kept.meta(), &room.kept)?;
        done.push(kept);
        let before = Seq(kept.head.seq.0 - room.messages.len() as u64);
        let noted = standings.iter().find(|(log, _)| *log == kept.log && is_due(before, kept.head.seq));
        noted.map_or(Ok(()), |(log, standing)| standing_rows::write(tx, *log, kept.head.seq, standing))?;
    }
    Ok(RoomsStored { after: done, gone, standings })
}

/// Returns the log whose room has the name of a room that is stored for the first time. The lobby of a single server
/// leaves such rooms in the file when it becomes the beginning of one on many servers, which does not have them.
fn displaced(tx: &Connection, kept: &Kept, room: &RoomBatch) -> rusqlite::Result<Option<LogId>> {
    let is_new = room.messages.first().is_some_and(|first| first.seq == kept.base.seq.next());
    let holder = if is_new { room_rows::holder(tx, &room.kept.id.name)? } else { None };
    Ok(holder.filter(|log| *log != kept.log))
}

fn remove(tx: &Connection, log: LogId) -> rusqlite::Result<()> {
    room_rows::gone(tx, log)?;
    standing_rows::forget(tx, log)
}

fn insert_names(tx: &Connection, batch: &Batch) -> rusqlite::Result<()> {
    for name in &batch.freed {
        tx.prepare_cached("DELETE FROM names WHERE folded = ?1")?.execute([name.folded()])?;
    }
    for binding in &batch.names {
        let sql = "INSERT OR REPLACE INTO names (folded, name, key, seen, spoke, since)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        tx.prepare_cached(sql)?.execute((
            binding.name.folded(),
            binding.name.as_str(),
            binding.key.as_bytes(),
            stored(binding.seen),
            binding.spoke,
            stored(binding.since),
        ))?;
    }
    batch.rules.as_ref().map_or(Ok(()), |rules| rules_row::write(tx, rules))
}

/// Stores messages of one log, the newest of which is `head`, and gives how many bytes they take.
fn insert_messages<'a>(
    tx: &Connection,
    number: LogNumber,
    messages: impl Iterator<Item = &'a LobbyMessage>,
    head: Seq,
    records: &mut Vec<u8>,
) -> rusqlite::Result<u64> {
    records.clear();
    let mut bytes = 0;
    for message in messages {
        record::write(message, records);
        if records.len() >= ROW_BYTES || message.seq == head {
            insert_row(tx, number, message.seq, records)?;
            bytes += records.len() as u64;
            records.clear();
        }
    }
    Ok(bytes)
}
