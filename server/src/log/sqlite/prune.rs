//! How messages that are no longer shown leave the file: their records go, and of each stays whose post
//! it was. Decides nothing about how many.

use hobnob_protocol::chain::Position;
use hobnob_protocol::name::{ChainHash, Seq};
use rusqlite::{Connection, Transaction};

use super::gone;
use super::record::Records;
use super::rows::{blob, meta, missing, stored, unreadable};
use crate::log::LogError;
use crate::log::posts::oldest_remembered;

/// Removes the messages up to `base`; `head` is the newest.
pub(super) fn prune(conn: &mut Connection, base: Seq, head: Seq) -> Result<(), LogError> {
    let cut = cut(conn, base, head)?;
    let hash = cut.hash.ok_or_else(|| missing(base))?;
    let tx = conn.transaction().map_err(failed)?;
    remove(&tx, Position { seq: base, hash }, head, &cut).map_err(failed)?;
    tx.commit().map_err(failed)
}

fn failed(err: rusqlite::Error) -> LogError {
    LogError::Write(err.to_string())
}

/// What goes, and what stays of the row in which the cut is.
#[derive(Debug, Default)]
struct Cut {
    /// The posts that go and are to be remembered.
    posts: Vec<u8>,
    hash: Option<ChainHash>,
    /// The row with the cut, and its records that stay.
    rest: Option<(Seq, Vec<u8>)>,
}

fn cut(conn: &Connection, base: Seq, head: Seq) -> Result<Cut, LogError> {
    let unreadable = |err| unreadable(conn, &err);
    let oldest = oldest_remembered(head);
    let after = meta(conn)?.base.seq;
    let mut statement = conn
        .prepare_cached("SELECT last, records FROM log WHERE last > ?1 ORDER BY last")
        .map_err(unreadable)?;
    let mut rows = statement.query([stored(after.0)]).map_err(unreadable)?;
    let mut cut = Cut::default();
    while let Some(row) = rows.next().map_err(unreadable)? {
        let last = Seq(row.get::<_, i64>(0).map_err(unreadable)?.cast_unsigned());
        let mut records = Records::new(blob(row, 1).map_err(unreadable)?);
        while let Some(record) = records.next(base)? {
            if record.seq >= oldest {
                gone::write(&record, &mut cut.posts);
            }
            if record.seq == base {
                cut.hash = Some(record.hash());
                break;
            }
        }
        if last >= base {
            cut.rest = Some((last, records.rest().to_vec())).filter(|(_, rest)| !rest.is_empty());
            break;
        }
    }
    Ok(cut)
}

fn remove(tx: &Transaction<'_>, base: Position, head: Seq, cut: &Cut) -> rusqlite::Result<()> {
    let seq = stored(base.seq.0);
    tx.prepare_cached("UPDATE meta SET base_seq = ?1, base_hash = ?2")?
        .execute((seq, base.hash.as_bytes()))?;
    tx.prepare_cached("DELETE FROM log WHERE last <= ?1")?.execute([seq])?;
    if let Some((last, rest)) = &cut.rest {
        tx.prepare_cached("UPDATE log SET records = ?2 WHERE last = ?1")?.execute((stored(last.0), rest))?;
    }
    if !cut.posts.is_empty() {
        gone::insert(tx, base.seq, &cut.posts)?;
    }
    gone::forget(tx, head)
}
