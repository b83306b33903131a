//! The table of rooms: which rooms there are, the number of each room's log in this file, and what is kept of a room
//! besides its messages. The row of a removed room has no folded name any more and stays until the room's messages are
//! deleted. This file knows nothing of who is in a room.

use hobnob_protocol::chain::LogId;
use hobnob_protocol::content::ShortText;
use hobnob_protocol::room::RoomName;
use rusqlite::{Connection, OptionalExtension, Row};

use super::log_number::LogNumber;
use super::stored_form::{Meta, blob, number, parsed_meta, said, stored, text, unreadable};
use crate::log::{KeptRoom, LogError, RoomId};

/// The table of rooms in this version.
pub(super) const TABLE: &str = "
CREATE TABLE rooms (
    number INTEGER PRIMARY KEY, folded TEXT UNIQUE, name TEXT NOT NULL, log BLOB NOT NULL UNIQUE,
    base_seq INTEGER NOT NULL, base_hash BLOB NOT NULL, head_seq INTEGER NOT NULL,
    topic TEXT, seen INTEGER NOT NULL
) STRICT;
";

/// A room in the file.
#[derive(Debug, Clone)]
pub(crate) struct RoomRow {
    /// The number, the base and the head of the room's log.
    pub(crate) meta: Meta,
    /// What is kept of the room besides its messages; `None` for a removed room.
    pub(crate) kept: Option<KeptRoom>,
}

const COLUMNS: &str = "number, folded, name, log, base_seq, base_hash, head_seq, topic, seen";

/// Returns all rooms, in the order of their numbers.
pub(crate) fn rooms(conn: &Connection) -> Result<Vec<RoomRow>, LogError> {
    let failed = |err| unreadable(conn, &err);
    let mut statement =
        conn.prepare(&format!("SELECT {COLUMNS} FROM rooms ORDER BY number")).map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    let mut rooms = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        rooms.push(parsed(row).map_err(|reason| damaged(conn, &reason))?);
    }
    Ok(rooms)
}

/// Returns the number, the base and the head of the log of a room.
pub(super) fn meta(conn: &Connection, log: LogId) -> Result<Meta, LogError> {
    let row = |row: &Row<'_>| Ok(parsed(row));
    let sql = format!("SELECT {COLUMNS} FROM rooms WHERE log = ?1 AND folded IS NOT NULL");
    let found = conn
        .prepare_cached(&sql)
        .and_then(|mut statement| statement.query_row([log.as_bytes()], row).optional())
        .map_err(|err| unreadable(conn, &err))?;
    match found {
        Some(row) => Ok(row.map_err(|reason| damaged(conn, &reason))?.meta),
        None => Err(LogError::Read(format!("no room has the log {log}"))),
    }
}

fn damaged(conn: &Connection, reason: &str) -> LogError {
    let file = conn.path().unwrap_or("the log's file");
    LogError::Read(format!("{file}: what is kept of a room is damaged: {reason}; {}", super::RESTORE))
}

fn parsed(row: &Row<'_>) -> Result<RoomRow, String> {
    let room = LogNumber::of_room(row.get(0).map_err(said)?).ok_or("its number is none")?;
    let meta = parsed_meta(
        room,
        blob(row, 3).map_err(said)?,
        row.get(4).map_err(said)?,
        blob(row, 5).map_err(said)?,
        row.get(6).map_err(said)?,
    )
    .ok_or("where its messages are was changed")?;
    let folded: Option<String> = row.get(1).map_err(said)?;
    let Some(folded) = folded else { return Ok(RoomRow { meta, kept: None }) };
    let name: RoomName = text(row, 2)?.parse().map_err(said)?;
    if name.folded() != folded {
        return Err(format!("{name:?} is filed under another name"));
    }
    let topic: Option<String> = row.get(7).map_err(said)?;
    let topic = topic.map(ShortText::new).transpose().map_err(said)?;
    let id = RoomId { name, log: meta.log };
    Ok(RoomRow { meta, kept: Some(KeptRoom { id, topic, seen: number(row, 8)? }) })
}

/// Stores what is kept of a room. The room's newest message is the one in `meta`.
pub(super) fn store(tx: &Connection, meta: &Meta, kept: &KeptRoom) -> rusqlite::Result<()> {
    let sql = "INSERT INTO rooms (number, folded, name, log, base_seq, base_hash, head_seq, topic, seen)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
               ON CONFLICT (number) DO UPDATE SET head_seq = ?7, topic = ?8, seen = ?9";
    tx.prepare_cached(sql)?.execute((
        meta.number.stored(),
        kept.id.name.folded(),
        kept.id.name.as_str(),
        meta.log.as_bytes(),
        stored(meta.base.seq.0),
        meta.base.hash.as_bytes(),
        stored(meta.head.0),
        kept.topic.as_ref().map(ShortText::as_str),
        stored(kept.seen),
    ))?;
    Ok(())
}

/// Returns the log of the room that has this name in the file.
pub(super) fn holder(tx: &Connection, name: &RoomName) -> rusqlite::Result<Option<LogId>> {
    let mut statement = tx.prepare_cached("SELECT log FROM rooms WHERE folded = ?1")?;
    let log: Option<[u8; 16]> = statement.query_row([name.folded()], |row| row.get(0)).optional()?;
    Ok(log.map(LogId::new))
}

/// Removes a room: its name is free at once, and its messages are deleted later.
pub(super) fn gone(tx: &Connection, log: LogId) -> rusqlite::Result<()> {
    tx.prepare_cached("UPDATE rooms SET folded = NULL WHERE log = ?1")?.execute([log.as_bytes()])?;
    Ok(())
}
