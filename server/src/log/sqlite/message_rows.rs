//! The tables that hold the messages, and how a row comes into them: made by the writer, and by the upgrade of an older
//! file. Knows nothing of when a row is complete.

use hobnob_protocol::name::Seq;
use rusqlite::Transaction;

use super::log_number::LogNumber;

/// The tables of messages: the ones of this version. All other tables are the same since the first version.
pub(super) const TABLES: &str = "
CREATE TABLE log (last INTEGER PRIMARY KEY, records BLOB NOT NULL) STRICT;
CREATE TABLE gone (last INTEGER PRIMARY KEY, posts BLOB NOT NULL) STRICT;
";

/// Bytes of records from which on a row is closed. What was said meanwhile makes one row, for that
/// costs far less than a row each; whoever reads one message reads no more than this beside it.
pub(super) const ROW_BYTES: usize = 32 * 1024;

/// Stores `records` of the log `number`, the last of which is message `last`.
pub(super) fn insert_row(
    tx: &Transaction<'_>,
    number: LogNumber,
    last: Seq,
    records: &[u8],
) -> rusqlite::Result<()> {
    tx.prepare_cached("INSERT INTO log (last, records) VALUES (?1, ?2)")?
        .execute((number.key(last), records))?;
    Ok(())
}
