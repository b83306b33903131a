//! What is in the tables, as types: turns rows into checked messages, and numbers into the form that SQLite stores.
//! This file is used by the writer, the reader and the check of a whole log; it opens no file and writes nothing.

use hobnob_protocol::chain::{ChainHash, LobbyMessage, LogId, Position, Seq};
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row};

use super::log_number::LogNumber;
use super::record::Records;
use crate::log::{LogError, NameBinding, Stretch, advance, first_shown};

/// What the file says of one of its logs: for the lobby the only row of `meta`, for a room its row of `rooms`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meta {
    /// The number of the log in this file.
    pub(crate) number: LogNumber,
    /// The id of the log.
    pub(crate) log: LogId,
    /// The newest message that is no longer kept; the first kept message follows from it.
    pub(crate) base: Position,
    /// The newest message that was stored.
    pub(crate) head: Seq,
}

/// Returns a number as SQLite stores it: the same 64 bits. Numbers of messages and times stay far below the sign bit;
/// numbers that clients choose are inside records.
pub(super) fn stored(number: u64) -> i64 {
    number.cast_signed()
}

/// Returns an error of SQLite while reading, with the name of the file and what can be done.
pub(crate) fn unreadable(conn: &Connection, err: &rusqlite::Error) -> LogError {
    let file = conn.path().unwrap_or("the log's file");
    let advice = match err.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) | None => super::RESTORE,
        Some(_) => "see that its disk works and that this user may read and write it and its folder",
    };
    LogError::Read(format!("{file}: {err}; {advice}"))
}

/// Returns the only row of `meta`.
pub(crate) fn meta(conn: &Connection) -> Result<Meta, LogError> {
    let row = |row: &Row<'_>| {
        let (log, base, head) = (blob(row, 0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(3)?);
        Ok(parsed_meta(LogNumber::LOBBY, log, base, blob(row, 2)?, head))
    };
    let found = conn
        .prepare_cached("SELECT log, base_seq, base_hash, head_seq FROM meta")
        .and_then(|mut statement| statement.query_row([], row))
        .map_err(|err| unreadable(conn, &err))?;
    found.ok_or_else(|| LogError::Damaged {
        seq: Seq(0),
        reason: "what the log says of itself was changed".into(),
    })
}

/// Returns how many messages were ever stored in rooms.
pub(super) fn in_rooms(conn: &Connection) -> Result<u64, LogError> {
    let number = conn.query_row("SELECT in_rooms FROM meta", [], |row| row.get::<_, i64>(0));
    number.map(i64::cast_unsigned).map_err(|err| unreadable(conn, &err))
}

pub(super) fn parsed_meta(
    number: LogNumber,
    log: &[u8],
    base: i64,
    base_hash: &[u8],
    head: i64,
) -> Option<Meta> {
    // A number after which none can follow is no number of a message.
    let last = number.seq(number.end() - 1);
    let seq = |number: i64| u64::try_from(number).ok().map(Seq).filter(|seq| *seq < last);
    let base = Position { seq: seq(base)?, hash: ChainHash::from_slice(base_hash).ok()? };
    Some(Meta { number, log: LogId::from_slice(log).ok()?, base, head: seq(head)? })
}

/// Returns the position of the newest message in the log, or the base of a log that has no messages yet.
pub(crate) fn head(conn: &Connection, meta: &Meta) -> Result<Position, LogError> {
    let number = meta.number;
    let newest = conn
        .prepare_cached("SELECT last FROM log WHERE last >= ?1 AND last < ?2 ORDER BY last DESC LIMIT 1")
        .and_then(|mut statement| {
            let range = (number.key(Seq(0)), number.end());
            statement.query_row(range, |row| row.get::<_, i64>(0)).optional()
        })
        .map_err(|err| unreadable(conn, &err))?;
    let newest = newest.map(|key| number.seq(key));
    match newest {
        // At least one message is kept if there ever was one.
        None if meta.base.seq != Seq(0) => Err(missing(meta.base.seq.next())),
        Some(seq) if seq <= meta.base.seq || number.key(seq.next()) == number.key(seq) => {
            Err(LogError::Damaged {
                seq: meta.base.seq.next(),
                reason: format!("the newest message is out of place, at {seq}"),
            })
        }
        // The hash chain does not show that its end was cut off, but the head in `meta` or `rooms` does.
        newest if newest.unwrap_or_default() < meta.head => Err(missing(newest.unwrap_or_default().next())),
        Some(seq) => Ok(Position { seq, hash: hash_at(conn, number, seq)? }),
        None => Ok(meta.base),
    }
}

/// Returns the hash of message `seq`, which is the base of the log or is kept.
pub(super) fn hash_after(conn: &Connection, meta: &Meta, seq: Seq) -> Result<ChainHash, LogError> {
    if seq == meta.base.seq { Ok(meta.base.hash) } else { hash_at(conn, meta.number, seq) }
}

/// Returns the hash of message `seq` of a log.
pub(super) fn hash_at(conn: &Connection, number: LogNumber, seq: Seq) -> Result<ChainHash, LogError> {
    let row = |row: &Row<'_>| {
        let records = blob(row, 0)?;
        Ok(hash_among(records, seq))
    };
    let found = conn
        .prepare_cached("SELECT records FROM log WHERE last >= ?1 AND last < ?2 ORDER BY last LIMIT 1")
        .and_then(|mut statement| statement.query_row((number.key(seq), number.end()), row).optional())
        .map_err(|err| unreadable(conn, &err))?;
    found.unwrap_or_else(|| Err(missing(seq)))
}

fn hash_among(records: &[u8], seq: Seq) -> Result<ChainHash, LogError> {
    let mut records = Records::new(records);
    while let Some(record) = records.next(seq)? {
        if record.seq == seq {
            return Ok(record.hash());
        }
    }
    Err(missing(seq))
}

/// Returns the answer of [`LobbyLog::read`](crate::log::LobbyLog::read). `conn` is in a transaction, so that everything
/// is read as of one moment. Each message is checked against the one before it.
pub(super) fn stretch(
    conn: &Connection,
    meta: &Meta,
    after: Seq,
    limit: usize,
    max_bytes: usize,
    history: u64,
) -> Result<Stretch, LogError> {
    let head = head(conn, meta)?;
    let first = first_shown(meta.base.seq, head.seq, history);
    let from = Seq(after.0.max(first.0 - 1).min(head.seq.0));
    let after = Position { seq: from, hash: hash_after(conn, meta, from)? };
    let (mut messages, mut bytes) = (Vec::new(), 0);
    walk(conn, meta.number, after, limit, |message| {
        bytes += message.content.bytes_of_text();
        let fits = messages.is_empty() || bytes <= max_bytes;
        if fits {
            messages.push(message);
        }
        fits
    })?;
    Ok(Stretch { after, messages })
}

/// Gives at most `limit` messages after `after` to `take`, as long as `take` returns true. Each message is checked
/// against the one before it, so none is left out.
pub(crate) fn walk(
    conn: &Connection,
    number: LogNumber,
    after: Position,
    limit: usize,
    mut take: impl FnMut(LobbyMessage) -> bool,
) -> Result<(), LogError> {
    let failed = |err| unreadable(conn, &err);
    let sql = "SELECT last, records FROM log WHERE last > ?1 AND last < ?2 ORDER BY last";
    let mut statement = conn.prepare_cached(sql).map_err(failed)?;
    let mut rows = statement.query((number.key(after.seq), number.end())).map_err(failed)?;
    let (mut position, mut left) = (after, limit);
    while let Some(row) = rows.next().map_err(failed)? {
        let last = number.seq(row.get(0).map_err(failed)?);
        let mut records = Records::new(blob(row, 1).map_err(failed)?);
        while let Some(record) = records.next(position.seq.next())? {
            if record.seq <= after.seq {
                continue;
            }
            if left == 0 {
                return Ok(());
            }
            left -= 1;
            let message = record.message()?;
            advance(&mut position, &message)?;
            if !take(message) {
                return Ok(());
            }
        }
        if position.seq != last {
            return Err(missing(position.seq.next()));
        }
    }
    Ok(())
}

/// Returns all bindings of names to keys.
pub(crate) fn names(conn: &Connection) -> Result<Vec<NameBinding>, LogError> {
    let failed = |err| unreadable(conn, &err);
    let mut statement =
        conn.prepare("SELECT folded, name, key, seen, spoke, since FROM names").map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    let mut names = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        names.push(binding(row).map_err(|reason| {
            let file = conn.path().unwrap_or("the log's file");
            LogError::Read(format!("{file}: a name's binding is damaged: {reason}; {}", super::RESTORE))
        })?);
    }
    Ok(names)
}

fn binding(row: &Row<'_>) -> Result<NameBinding, String> {
    let name = parsed_name(text(row, 1)?)?;
    if name.folded() != text(row, 0)? {
        return Err(format!("{name:?} is filed under another name"));
    }
    let key = PublicKey::from_slice(blob(row, 2).map_err(said)?).map_err(said)?;
    let (seen, spoke, since) = (number(row, 3)?, number(row, 4)? != 0, number(row, 5)?);
    Ok(NameBinding { name, key, seen, spoke, since })
}

pub(super) fn parsed_name(text: &str) -> Result<UserName, String> {
    UserName::kept(text).map_err(said)
}

pub(super) fn number(row: &Row<'_>, column: usize) -> Result<u64, String> {
    row.get::<_, i64>(column).map(i64::cast_unsigned).map_err(said)
}

pub(super) fn text<'row>(row: &'row Row<'_>, column: usize) -> Result<&'row str, String> {
    match row.get_ref(column) {
        Ok(ValueRef::Text(bytes)) => std::str::from_utf8(bytes).map_err(said),
        Ok(other) => Err(format!("a text is {}", other.data_type())),
        Err(err) => Err(said(err)),
    }
}

pub(super) fn blob<'row>(row: &'row Row<'_>, column: usize) -> rusqlite::Result<&'row [u8]> {
    match row.get_ref(column)? {
        ValueRef::Blob(bytes) => Ok(bytes),
        other => Err(rusqlite::Error::InvalidColumnType(column, "bytes".into(), other.data_type())),
    }
}

pub(super) fn said(err: impl std::fmt::Display) -> String {
    err.to_string()
}

/// Returns the error about a message that is missing.
pub(super) fn missing(seq: Seq) -> LogError {
    LogError::Damaged { seq, reason: "it is missing".into() }
}
