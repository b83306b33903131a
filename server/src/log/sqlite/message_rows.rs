//! The tables that hold the messages, and how a row is put into them, by the writer and by the upgrade of an older
//! file. This file knows nothing of when a row is complete.

use hobnob_protocol::chain::Seq;
use rusqlite::Connection;

use super::log_number::LogNumber;

/// The tables of messages of this version. They have changed since the first version.
pub(super) const TABLES: &str = "
CREATE TABLE log (last INTEGER PRIMARY KEY, records BLOB NOT NULL) STRICT;
CREATE TABLE gone (last INTEGER PRIMARY KEY, posts BLOB NOT NULL) STRICT;
";

/// How many bytes of records complete a row. Messages that were stored together share a row, because that costs far
/// less than a row each. To read one message, no more than this has to be read besides it.
pub(super) const ROW_BYTES: usize = 32 * 1024;

/// Stores `records` of the log `number`. `last` is the number of the last message among them.
pub(super) fn insert_row(
    tx: &Connection,
    number: LogNumber,
    last: Seq,
    records: &[u8],
) -> rusqlite::Result<()> {
    tx.prepare_cached("INSERT INTO log (last, records) VALUES (?1, ?2)")?
        .execute((number.key(last), records))?;
    Ok(())
}
