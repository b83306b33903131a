//! What stands in the tables, as types: reading rows into messages that cannot be wrong, and numbers
//! into the forms SQLite stores. Used by the writer, the reader and the check of a whole log; opens
//! no file and writes nothing.

use hobnob_protocol::chain::{LobbyMessage, Position};
use hobnob_protocol::name::{ChainHash, LogId, PublicKey, RunId, Seq, Text, UserName};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row};

use crate::log::{LogError, NameBinding, Stretch, advance, first_shown};

/// What the one row of `meta` says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meta {
    /// Which log this is.
    pub(crate) log: LogId,
    /// The newest message that is gone; what is kept follows from it.
    pub(crate) base: Position,
}

/// A number as SQLite stores it: the same 64 bits. Numbers of messages and times stay far below the
/// sign bit; what a stranger chooses is stored by [`ordered`].
pub(super) fn stored(number: u64) -> i64 {
    number.cast_signed()
}

/// A number a stranger chose, over the whole range of u64, as bytes that sort as it does.
pub(super) fn ordered(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

/// An error of the engine while reading, with the file's name and what can be done.
pub(crate) fn unreadable(conn: &Connection, err: &rusqlite::Error) -> LogError {
    let file = conn.path().unwrap_or("the log's file");
    let advice = match err.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) | None => super::RESTORE,
        Some(_) => "see that its disk works and that this user may read and write it and its folder",
    };
    LogError::Read(format!("{file}: {err}; {advice}"))
}

/// The row of `meta`.
pub(crate) fn meta(conn: &Connection) -> Result<Meta, LogError> {
    let row = |row: &Row<'_>| {
        let (log, seq, hash) = (blob(row, 0)?, row.get::<_, i64>(1)?, blob(row, 2)?);
        Ok(parsed_meta(log, seq, hash))
    };
    let found = conn
        .prepare_cached("SELECT log, base_seq, base_hash FROM meta")
        .and_then(|mut statement| statement.query_row([], row))
        .map_err(|err| unreadable(conn, &err))?;
    found.ok_or_else(|| LogError::Damaged {
        seq: Seq(0),
        reason: "what the log says of itself was changed".into(),
    })
}

fn parsed_meta(log: &[u8], base_seq: i64, base_hash: &[u8]) -> Option<Meta> {
    // A number that cannot be counted on from is no message's.
    let seq = u64::try_from(base_seq).ok().filter(|_| base_seq < i64::MAX)?;
    let hash = ChainHash::from_slice(base_hash).ok()?;
    Some(Meta { log: LogId::from_slice(log).ok()?, base: Position { seq: Seq(seq), hash } })
}

/// The newest message that stands in the log; `base` when none does.
pub(crate) fn head(conn: &Connection, base: Position) -> Result<Position, LogError> {
    let newest = conn
        .prepare_cached("SELECT max(seq) FROM log")
        .and_then(|mut statement| statement.query_row([], |row| row.get::<_, Option<i64>>(0)))
        .map_err(|err| unreadable(conn, &err))?;
    match newest {
        Some(seq) if seq <= stored(base.seq.0) || seq == i64::MAX => Err(LogError::Damaged {
            seq: base.seq.next(),
            reason: "the newest message is out of place".into(),
        }),
        Some(seq) => {
            let seq = Seq(seq.cast_unsigned());
            Ok(Position { seq, hash: hash_at(conn, seq)? })
        }
        // At least one message is kept for as long as there was one.
        None if base.seq != Seq(0) => Err(missing(base.seq.next())),
        None => Ok(base),
    }
}

/// The newest post that is remembered.
pub(super) fn last_post(conn: &Connection) -> Result<Option<Seq>, LogError> {
    let last = conn.query_row("SELECT max(seq) FROM posts", [], |row| row.get::<_, Option<i64>>(0));
    last.map(|seq| seq.map(|seq| Seq(seq.cast_unsigned()))).map_err(|err| unreadable(conn, &err))
}

/// The hash that stands before the message after `seq`, which is `base` or is kept.
pub(super) fn hash_after(conn: &Connection, base: Position, seq: Seq) -> Result<ChainHash, LogError> {
    if seq == base.seq { Ok(base.hash) } else { hash_at(conn, seq) }
}

/// The hash of message `seq`.
pub(super) fn hash_at(conn: &Connection, seq: Seq) -> Result<ChainHash, LogError> {
    let hash = conn
        .prepare_cached("SELECT hash FROM log WHERE seq = ?1")
        .and_then(|mut statement| {
            statement.query_row([stored(seq.0)], |row| Ok(ChainHash::from_slice(blob(row, 0)?))).optional()
        })
        .map_err(|err| unreadable(conn, &err))?;
    match hash {
        Some(hash) => hash.map_err(|err| LogError::Damaged { seq, reason: format!("its hash: {err}") }),
        None => Err(missing(seq)),
    }
}

/// What [`LobbyLog::read`](crate::log::LobbyLog::read) answers. `conn` is in a transaction, so that
/// all of it is of one moment. Each message is checked against the one before it.
pub(super) fn stretch(
    conn: &Connection,
    after: Seq,
    limit: usize,
    max_bytes: usize,
    history: u64,
) -> Result<Stretch, LogError> {
    let base = meta(conn)?.base;
    let head = head(conn, base)?;
    let first = first_shown(base.seq, head.seq, history);
    let from = Seq(after.0.max(first.0 - 1).min(head.seq.0));
    let after = Position { seq: from, hash: hash_after(conn, base, from)? };
    let (mut messages, mut bytes) = (Vec::new(), 0);
    walk(conn, after, limit, |message| {
        bytes += message.text.as_str().len();
        let fits = messages.is_empty() || bytes <= max_bytes;
        if fits {
            messages.push(message);
        }
        fits
    })?;
    Ok(Stretch { after, messages })
}

/// Gives at most `limit` messages after `after` to `take`, for as long as it says yes. Each is
/// checked against the one before it, so none is left out.
pub(crate) fn walk(
    conn: &Connection,
    after: Position,
    limit: usize,
    mut take: impl FnMut(LobbyMessage) -> bool,
) -> Result<(), LogError> {
    let failed = |err| unreadable(conn, &err);
    let sql = "SELECT seq, at, name, key, run, id, text, hash FROM log WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    let mut statement = conn.prepare_cached(sql).map_err(failed)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query([stored(after.seq.0), limit]).map_err(failed)?;
    let mut position = after;
    while let Some(row) = rows.next().map_err(failed)? {
        let message = message(row)?;
        advance(&mut position, &message)?;
        if !take(message) {
            break;
        }
    }
    Ok(())
}

/// The largest outbox number of a run.
pub(super) fn last_id(conn: &Connection, key: PublicKey, run: RunId) -> Result<Option<u64>, LogError> {
    let sql = "SELECT id FROM posts WHERE key = ?1 AND run = ?2 ORDER BY id DESC LIMIT 1";
    conn.prepare_cached(sql)
        .and_then(|mut statement| {
            statement.query_row((key.as_bytes(), run.as_bytes()), |row| row.get::<_, [u8; 8]>(0)).optional()
        })
        .map(|id| id.map(u64::from_be_bytes))
        .map_err(|err| unreadable(conn, &err))
}

/// The number in the log of a post.
pub(super) fn find(conn: &Connection, key: PublicKey, run: RunId, id: u64) -> Result<Option<Seq>, LogError> {
    let sql = "SELECT seq FROM posts WHERE key = ?1 AND run = ?2 AND id = ?3";
    conn.prepare_cached(sql)
        .and_then(|mut statement| {
            statement
                .query_row((key.as_bytes(), run.as_bytes(), ordered(id)), |row| row.get::<_, i64>(0))
                .optional()
        })
        .map(|seq| seq.map(|seq| Seq(seq.cast_unsigned())))
        .map_err(|err| unreadable(conn, &err))
}

/// All bindings of names to keys.
pub(crate) fn names(conn: &Connection) -> Result<Vec<NameBinding>, LogError> {
    let failed = |err| unreadable(conn, &err);
    let mut statement = conn.prepare("SELECT folded, name, key, seen FROM names").map_err(failed)?;
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
    Ok(NameBinding { name, key, seen: number(row, 3)? })
}

fn message(row: &Row<'_>) -> Result<LobbyMessage, LogError> {
    let seq = Seq(row.get::<_, i64>(0).unwrap_or_default().cast_unsigned());
    fields(seq, row).map_err(|reason| LogError::Damaged { seq, reason })
}

fn fields(seq: Seq, row: &Row<'_>) -> Result<LobbyMessage, String> {
    let id: [u8; 8] = row.get(5).map_err(|_| "its outbox number is not one")?;
    Ok(LobbyMessage {
        seq,
        at: number(row, 1)?,
        name: parsed_name(text(row, 2)?)?,
        key: PublicKey::from_slice(blob(row, 3).map_err(said)?).map_err(said)?,
        run: RunId::from_slice(blob(row, 4).map_err(said)?).map_err(said)?,
        id: u64::from_be_bytes(id),
        text: Text::new(text(row, 6)?).map_err(said)?,
        hash: ChainHash::from_slice(blob(row, 7).map_err(said)?).map_err(said)?,
    })
}

fn parsed_name(text: &str) -> Result<UserName, String> {
    text.parse().map_err(said)
}

fn number(row: &Row<'_>, column: usize) -> Result<u64, String> {
    row.get::<_, i64>(column).map(i64::cast_unsigned).map_err(said)
}

fn text<'row>(row: &'row Row<'_>, column: usize) -> Result<&'row str, String> {
    match row.get_ref(column) {
        Ok(ValueRef::Text(bytes)) => std::str::from_utf8(bytes).map_err(said),
        Ok(other) => Err(format!("a text is {}", other.data_type())),
        Err(err) => Err(said(err)),
    }
}

fn blob<'row>(row: &'row Row<'_>, column: usize) -> rusqlite::Result<&'row [u8]> {
    match row.get_ref(column)? {
        ValueRef::Blob(bytes) => Ok(bytes),
        other => Err(rusqlite::Error::InvalidColumnType(column, "bytes".into(), other.data_type())),
    }
}

fn said(err: impl std::fmt::Display) -> String {
    err.to_string()
}

/// A message that should be there.
pub(super) fn missing(seq: Seq) -> LogError {
    LogError::Damaged { seq, reason: "it is missing".into() }
}
