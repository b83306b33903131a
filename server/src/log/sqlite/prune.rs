//! How messages that are no longer shown leave the file: their records are removed, and their posts stay. This file
//! does not decide how many are removed.

use hobnob_protocol::chain::{ChainHash, Position, Seq};
use rusqlite::{Connection, Transaction};

use super::gone;
use super::log_number::LogNumber;
use super::record::Records;
use super::standing_rows;
use super::stored_form::{Meta, blob, missing, stored, unreadable};
use crate::log::posts::oldest_remembered;
use crate::log::{LogError, Standing};

/// How many rows are looked at, or removed, in one transaction: two megabytes of records.
const ROWS: i64 = 64;

/// Removes the messages of a log up to `base`; `head` is its newest message. The messages may be all that tells who spoke
/// in a room, so `standing`, which says how much the room is used by now, is noted with that. Returns the new base and
/// how many bytes of records were freed.
pub(super) fn prune(
    conn: &mut Connection,
    meta: &Meta,
    base: Seq,
    head: Seq,
    standing: Option<&Standing>,
) -> Result<(Position, u64), LogError> {
    let cut = cut(conn, meta, base, head)?;
    let hash = cut.hash.ok_or_else(|| missing(base))?;
    let tx = conn.transaction().map_err(failed)?;
    let base = Position { seq: base, hash };
    remove(&tx, meta.number, base, head, &cut).map_err(failed)?;
    let noted = standing.map(|standing| standing_rows::write(&tx, meta.log, head, standing));
    noted.unwrap_or(Ok(())).map_err(failed)?;
    tx.commit().map_err(failed)?;
    Ok((base, cut.freed))
}

/// Returns the message up to which the oldest rows of a log hold at least `bytes`. Looks at no more than `ROWS` rows,
/// and never gives the newest message of all.
pub(super) fn oldest(conn: &Connection, meta: &Meta, head: Seq, bytes: u64) -> Result<Seq, LogError> {
    let unreadable = |err| unreadable(conn, &err);
    let sql = "SELECT last, length(records) FROM log WHERE last > ?1 AND last < ?2 ORDER BY last LIMIT ?3";
    let mut statement = conn.prepare_cached(sql).map_err(unreadable)?;
    let range = (meta.number.key(meta.base.seq), meta.number.end(), ROWS);
    let mut rows = statement.query(range).map_err(unreadable)?;
    let (mut gathered, mut last) = (0, meta.base.seq);
    while let Some(row) = rows.next().map_err(unreadable)? {
        last = meta.number.seq(row.get(0).map_err(unreadable)?);
        gathered += row.get::<_, i64>(1).map_err(unreadable)?.cast_unsigned();
        if gathered >= bytes {
            break;
        }
    }
    Ok(last.min(Seq(head.0.saturating_sub(1))))
}

/// Removes some of the rows of a room that is gone. Returns true when none was left; then the room's own row is
/// removed, too.
pub(super) fn clear(conn: &mut Connection, number: LogNumber) -> rusqlite::Result<bool> {
    let tx = conn.transaction()?;
    let (first, end) = (number.key(Seq(0)), number.end());
    let mut removed = 0;
    for table in ["log", "gone"] {
        let sql = format!(
            "DELETE FROM {table} WHERE last IN (SELECT last FROM {table} WHERE last >= ?1 AND last < ?2 LIMIT ?3)"
        );
        removed += tx.prepare_cached(&sql)?.execute((first, end, ROWS))?;
    }
    if removed == 0 {
        tx.prepare_cached("DELETE FROM rooms WHERE number = ?1")?.execute([number.stored()])?;
    }
    tx.commit()?;
    Ok(removed == 0)
}

fn failed(err: rusqlite::Error) -> LogError {
    LogError::Write(err.to_string())
}

/// What is removed, and what stays of the row in which the cut is.
#[derive(Debug, Default)]
struct Cut {
    /// The posts that are removed from the log and have to be remembered.
    posts: Vec<u8>,
    hash: Option<ChainHash>,
    /// How many bytes of records are removed.
    freed: u64,
    /// The row with the cut, and the records of it that stay.
    rest: Option<(Seq, Vec<u8>)>,
}

fn cut(conn: &Connection, meta: &Meta, base: Seq, head: Seq) -> Result<Cut, LogError> {
    let unreadable = |err| unreadable(conn, &err);
    let number = meta.number;
    let oldest = oldest_remembered(head, gone::remembered_of(number));
    let mut statement = conn
        .prepare_cached("SELECT last, records FROM log WHERE last > ?1 AND last < ?2 ORDER BY last")
        .map_err(unreadable)?;
    let mut rows = statement.query((number.key(meta.base.seq), number.end())).map_err(unreadable)?;
    let mut cut = Cut::default();
    while let Some(row) = rows.next().map_err(unreadable)? {
        let last = number.seq(row.get(0).map_err(unreadable)?);
        let row = blob(row, 1).map_err(unreadable)?;
        let mut records = Records::new(row);
        while let Some(record) = records.next(base)? {
            if record.seq >= oldest {
                gone::write(&record, &mut cut.posts);
            }
            if record.seq == base {
                cut.hash = Some(record.hash());
                break;
            }
        }
        cut.freed += (row.len() - records.rest().len()) as u64;
        if last >= base {
            cut.rest = Some((last, records.rest().to_vec())).filter(|(_, rest)| !rest.is_empty());
            break;
        }
    }
    Ok(cut)
}

fn remove(
    tx: &Transaction<'_>,
    number: LogNumber,
    base: Position,
    head: Seq,
    cut: &Cut,
) -> rusqlite::Result<()> {
    let (seq, hash) = (stored(base.seq.0), base.hash.as_bytes());
    if number == LogNumber::LOBBY {
        tx.prepare_cached("UPDATE meta SET base_seq = ?1, base_hash = ?2")?.execute((seq, hash))?;
    } else {
        let sql = "UPDATE rooms SET base_seq = ?1, base_hash = ?2 WHERE number = ?3";
        tx.prepare_cached(sql)?.execute((seq, hash, number.stored()))?;
    }
    let sql = "DELETE FROM log WHERE last >= ?1 AND last <= ?2";
    tx.prepare_cached(sql)?.execute((number.key(Seq(0)), number.key(base.seq)))?;
    if let Some((last, rest)) = &cut.rest {
        tx.prepare_cached("UPDATE log SET records = ?2 WHERE last = ?1")?
            .execute((number.key(*last), rest))?;
    }
    if !cut.posts.is_empty() {
        gone::insert_of(tx, number, base.seq, &cut.posts)?;
    }
    gone::forget(tx, number, head)
}
