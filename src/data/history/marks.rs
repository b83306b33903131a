//! Marks, which say how far a user has come in a log. This file owns the rule that a mark only moves forward.

use std::collections::HashMap;

use hobnob_protocol::chain::{ChainHash, LogId};
use hobnob_protocol::key::PublicKey;
use rusqlite::{Connection, params};

use super::entry::{Mark, Reader};

pub(super) const fn column(reader: Reader) -> i64 {
    match reader {
        Reader::Person => 0,
        Reader::Script => 1,
    }
}

/// Sets a mark, unless the stored mark is further on, because another client of this user may have read more. A user
/// who comes as far as the stored mark, and no further, was here again, so the time is that of the new mark. Number 0
/// says that nothing was read.
pub(super) fn set(
    conn: &Connection,
    server: &PublicKey,
    name: &str,
    reader: Reader,
    mark: &Mark,
) -> rusqlite::Result<()> {
    let column_of = |number: u64| i64::try_from(number).ok();
    let (Some(read), Some(fetched), Some(at)) =
        (column_of(mark.read), column_of(mark.fetched), column_of(mark.at))
    else {
        return Ok(());
    };
    let (server, log, hash) = (server.as_bytes(), mark.log.as_bytes(), mark.hash.as_bytes());
    conn.prepare_cached(
        "INSERT INTO marks VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
             hash = iif(excluded.fetched >= fetched, excluded.hash, hash),
             fetched = max(fetched, excluded.fetched),
             at = iif(excluded.read >= max(read, 1), excluded.at, at),
             read = max(read, excluded.read)",
    )?
    .execute(params![server, log, name, column(reader), read, fetched, hash, at])
    .map(drop)
}

/// Removes the mark of a log. It is used when the server no longer has the log in which the mark was set.
pub(super) fn remove(
    conn: &Connection,
    server: &PublicKey,
    name: &str,
    reader: Reader,
    mark: &Mark,
) -> rusqlite::Result<()> {
    conn.prepare_cached("DELETE FROM marks WHERE server = ? AND log = ? AND name = ? AND reader = ?")?
        .execute(params![server.as_bytes(), mark.log.as_bytes(), name, column(reader)])
        .map(drop)
}

/// Returns the marks of a user, by the key of the server that keeps the log. If a server has begun a new log, there are
/// two marks. The one in the new log was set later, and this one is returned.
pub(super) fn by_server(
    conn: &Connection,
    name: &str,
    reader: Reader,
) -> rusqlite::Result<HashMap<PublicKey, Mark>> {
    let mut statement = conn.prepare(
        "SELECT server, log, read, fetched, hash, at FROM marks WHERE name = ? AND reader = ? ORDER BY at",
    )?;
    let marks = statement.query_map(params![name, column(reader)], |row| {
        let mark = Mark {
            log: LogId::new(row.get(1)?),
            read: row.get::<_, i64>(2)?.cast_unsigned(),
            fetched: row.get::<_, i64>(3)?.cast_unsigned(),
            hash: ChainHash::new(row.get(4)?),
            at: row.get::<_, i64>(5)?.cast_unsigned(),
        };
        Ok((PublicKey::new(row.get(0)?), mark))
    })?;
    marks.collect()
}
