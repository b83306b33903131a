//! Messages of one log by their numbers: the oldest or the newest of a range, and who said how many of them. This file
//! knows nothing of words and names.

use std::collections::HashMap;

use hobnob_protocol::chain::LogId;
use hobnob_protocol::key::PublicKey;
use rusqlite::types::Value;
use rusqlite::{Connection, params};

use super::entry::Kept;
use super::question::Select;

/// Returns messages of a log with numbers from `first` to `last`, both included, with the oldest first. If there are
/// more than `count`, the newest ones are returned if `newest` is true, and otherwise the oldest ones.
pub(super) fn of_log(
    conn: &Connection,
    server: &PublicKey,
    log: &LogId,
    (first, last): (u64, u64),
    count: usize,
    newest: bool,
) -> rusqlite::Result<Vec<Kept>> {
    let mut select = Select::new("talks t CROSS JOIN messages m ON m.talk = t.id");
    let keys = [server.as_bytes().to_vec(), log.as_bytes().to_vec()].map(Value::Blob);
    select.and("t.kind < 2 AND t.own = ? AND t.other = ? AND m.side = 0", keys);
    select.and("m.number BETWEEN ? AND ?", [column(first), column(last)]);
    select.sql.push_str(if newest {
        " ORDER BY m.number DESC LIMIT ?"
    } else {
        " ORDER BY m.number LIMIT ?"
    });
    select.values.push(Value::Integer(i64::try_from(count).unwrap_or(i64::MAX)));
    let mut found = Vec::new();
    select.each(conn, |kept| {
        found.push(kept);
        true
    })?;
    if newest {
        found.reverse();
    }
    Ok(found)
}

/// Returns who said how many of the messages of a log with numbers from `first` to `last`, both included. At most
/// `most` messages are counted, the oldest ones.
pub(super) fn authors(
    conn: &Connection,
    server: &PublicKey,
    log: &LogId,
    (first, last): (u64, u64),
    most: u64,
) -> rusqlite::Result<HashMap<PublicKey, u64>> {
    let mut statement = conn.prepare_cached(
        "SELECT author, count(*) FROM (
             SELECT coalesce(m.key, t.own) AS author FROM talks t CROSS JOIN messages m ON m.talk = t.id
             WHERE t.kind < 2 AND t.own = ? AND t.other = ? AND m.side = 0 AND m.number BETWEEN ? AND ?
             ORDER BY m.number LIMIT ?
         ) GROUP BY author",
    )?;
    let range = [first, last, most].map(column);
    let counts = statement
        .query_map(params![server.as_bytes(), log.as_bytes(), range[0], range[1], range[2]], |row| {
            Ok((PublicKey::new(row.get(0)?), row.get::<_, i64>(1)?.cast_unsigned()))
        })?;
    counts.collect()
}

/// Returns a number as a column has it. No message has a number that is too large for a column.
fn column(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}
