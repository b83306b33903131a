//! What operators decided, as one record in the file. It is stored beside the messages, so that an act that is no
//! longer kept does not lose its effect. This file knows nothing of what is in it.

use rusqlite::{Connection, OptionalExtension};

use super::stored_form::unreadable;
use crate::log::{LogError, Rules};

/// The table. It has one row after an operator has done something.
pub(super) const TABLE: &str = "
CREATE TABLE rules (one INTEGER PRIMARY KEY CHECK (one = 1), record TEXT NOT NULL) STRICT;
";

/// Reads the record that was written last. If none was written, nothing was decided.
pub(super) fn read(conn: &Connection) -> Result<Rules, LogError> {
    let record = conn
        .prepare_cached("SELECT record FROM rules")
        .and_then(|mut statement| statement.query_row([], |row| row.get::<_, String>(0)).optional())
        .map_err(|err| unreadable(conn, &err))?;
    let read = record.map_or_else(|| Ok(Rules::default()), |record| serde_json::from_str(&record));
    read.map_err(|err| {
        let file = conn.path().unwrap_or("the log's file");
        LogError::Read(format!("{file}: what operators decided is damaged: {err}; {}", super::RESTORE))
    })
}

/// Writes the record, in place of the one before.
pub(super) fn write(tx: &Connection, rules: &Rules) -> rusqlite::Result<()> {
    let record =
        serde_json::to_string(rules).map_err(|err| rusqlite::Error::ToSqlConversionFailure(err.into()))?;
    tx.prepare_cached("INSERT OR REPLACE INTO rules (one, record) VALUES (1, ?1)")?
        .execute([record])
        .map(drop)
}
