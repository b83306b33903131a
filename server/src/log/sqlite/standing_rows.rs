//! How much each room is used, as the file keeps it: what its messages up to some number tell. Messages leave the file
//! before the room does, and reading all of a long room at each start would take too long. So the writer notes this from
//! time to time, and when it removes messages; what was said since then is read from the messages. This file knows
//! nothing of what the standing of a room means.
//!
//! The table came after format 4 of the file, which it does not change: a build that does not know the table leaves it
//! as it is, and what that build stores is read from the messages.

use std::collections::HashMap;

use hobnob_protocol::chain::{LogId, Seq};
use rusqlite::{Connection, Row};

use super::stored_form::{blob, said, stored, unreadable};
use crate::log::{LogError, Standing};

/// The table. A new file has it; to an older file it is added once the log is known to be whole.
pub(super) const TABLE: &str = "
CREATE TABLE IF NOT EXISTS standings (
    log BLOB PRIMARY KEY, up_to INTEGER NOT NULL, standing TEXT NOT NULL
) WITHOUT ROWID, STRICT;
";

/// How many messages may be said in a room until its standing is noted again.
pub(super) const NOTED_EVERY: u64 = 512;

/// What is noted of one room.
#[derive(Debug, Clone, Default)]
pub(crate) struct NotedStanding {
    /// The newest message that is in it.
    pub(crate) up_to: Seq,
    pub(crate) standing: Standing,
}

/// Whether the standing has to be noted when a room goes on from the message `before` to `now`.
pub(super) fn is_due(before: Seq, now: Seq) -> bool {
    before.0 / NOTED_EVERY < now.0 / NOTED_EVERY
}

/// Adds the table to a file of a build that did not know it.
pub(super) fn add_table(conn: &Connection) -> Result<(), LogError> {
    let file = conn.path().unwrap_or("the log's file");
    conn.execute_batch(TABLE).map_err(|err| LogError::Write(format!("{file}: {err}")))
}

/// Returns what is noted of all rooms: nothing if the file has no such table yet. A damaged note is left out, because
/// the messages tell the same.
pub(super) fn read(conn: &Connection) -> Result<HashMap<LogId, NotedStanding>, LogError> {
    let failed = |err| unreadable(conn, &err);
    if !conn.table_exists(None, "standings").map_err(failed)? {
        return Ok(HashMap::new());
    }
    let mut statement = conn.prepare("SELECT log, up_to, standing FROM standings").map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    let mut noted = HashMap::new();
    while let Some(row) = rows.next().map_err(failed)? {
        match parsed(row) {
            Ok((log, standing)) => drop(noted.insert(log, standing)),
            Err(reason) => {
                tracing::warn!(
                    reason,
                    "what is noted of who spoke in a room is damaged; the room's messages are read instead"
                );
            }
        }
    }
    Ok(noted)
}

fn parsed(row: &Row<'_>) -> Result<(LogId, NotedStanding), String> {
    let log = LogId::from_slice(blob(row, 0).map_err(said)?).map_err(said)?;
    let up_to = Seq(row.get::<_, i64>(1).map_err(said)?.cast_unsigned());
    let standing: String = row.get(2).map_err(said)?;
    Ok((log, NotedStanding { up_to, standing: serde_json::from_str(&standing).map_err(said)? }))
}

/// Notes how much the room with this log is used after the message `up_to`.
pub(super) fn write(tx: &Connection, log: LogId, up_to: Seq, standing: &Standing) -> rusqlite::Result<()> {
    let standing =
        serde_json::to_string(standing).map_err(|err| rusqlite::Error::ToSqlConversionFailure(err.into()))?;
    let sql = "INSERT OR REPLACE INTO standings (log, up_to, standing) VALUES (?1, ?2, ?3)";
    tx.prepare_cached(sql)?.execute((log.as_bytes(), stored(up_to.0), standing)).map(drop)
}

/// Forgets what is noted of a room that is gone.
pub(super) fn forget(tx: &Connection, log: LogId) -> rusqlite::Result<()> {
    tx.prepare_cached("DELETE FROM standings WHERE log = ?1")?.execute([log.as_bytes()]).map(drop)
}
