//! How many bytes the stored messages are counted as: those of each class (public and private), and those of each talk.
//! This file owns what one message is counted as, and which talks give way first when a class takes too much. It
//! removes no messages.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

/// How many bytes a message takes besides its text: its row, its entries in three indexes, and unused space in pages.
/// The number was measured, and the test of the limit checks that the file keeps to it.
const OVERHEAD: i64 = 150;

/// How many tenths of a byte each byte of text takes: the byte itself and its share in the index of words.
const TEXT_TENTHS: i64 = 22;

/// The bytes of each talk that has messages. The table is separate from that of the talks, so that builds that do not
/// know it can share the file. What such builds write is counted by [`settle`].
pub(super) const TABLE: &str = "
CREATE TABLE IF NOT EXISTS talk_sizes (talk INTEGER PRIMARY KEY, bytes INTEGER NOT NULL) STRICT;
";

/// Talks that give way together: all private sessions of this user with one key, or all logs of one lobby or room.
pub(super) struct Group([Value; 2]);

/// Returns the columns that talks of one [`Group`] have in common.
const fn columns(private: bool) -> [&'static str; 2] {
    if private { ["t.own_name", "t.other"] } else { ["t.own", "t.folded"] }
}

/// Returns how many bytes a message is counted as whose text has `text` bytes.
pub(super) fn of_message(text: i64) -> i64 {
    OVERHEAD + text.saturating_mul(TEXT_TENTHS) / 10
}

/// Returns how many bytes a class takes.
pub(super) fn of_class(conn: &Connection, private: bool) -> rusqlite::Result<i64> {
    conn.prepare_cached("SELECT bytes FROM sizes WHERE private = ?")?.query_row([private], |row| row.get(0))
}

/// Notes that messages were added to a talk.
pub(super) fn grow(conn: &Connection, talk: i64, private: bool, by: i64) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "INSERT INTO talk_sizes VALUES (?, ?) ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes",
    )?
    .execute([talk, by])?;
    resize(conn, private, by)
}

/// Notes that messages were removed from a talk.
pub(super) fn shrink(conn: &Connection, talk: i64, private: bool, by: i64) -> rusqlite::Result<()> {
    conn.prepare_cached("UPDATE talk_sizes SET bytes = max(1, bytes - ?2) WHERE talk = ?1")?
        .execute([talk, by])?;
    conn.prepare_cached(
        "DELETE FROM talk_sizes WHERE talk = ?1 AND NOT EXISTS (SELECT 1 FROM messages WHERE talk = ?1)",
    )?
    .execute([talk])?;
    resize(conn, private, -by)
}

fn resize(conn: &Connection, private: bool, by: i64) -> rusqlite::Result<()> {
    conn.prepare_cached("UPDATE sizes SET bytes = max(0, bytes + ?) WHERE private = ?")?
        .execute(params![by, private])
        .map(drop)
}

/// Returns the group of a class that takes the most bytes; `None` if the class has no messages.
pub(super) fn largest(conn: &Connection, private: bool) -> rusqlite::Result<Option<Group>> {
    let [one, two] = columns(private);
    conn.prepare_cached(&format!(
        "SELECT {one}, {two} FROM talk_sizes s CROSS JOIN talks t ON t.id = s.talk
         WHERE (t.kind = 2) = ? GROUP BY 1, 2 ORDER BY sum(s.bytes) DESC LIMIT 1"
    ))?
    .query_row([private], |row| Ok(Group([row.get(0)?, row.get(1)?])))
    .optional()
}

/// Returns the talks of a group that have messages, at most `count` of them, with the oldest first.
pub(super) fn talks_of(
    conn: &Connection,
    private: bool,
    Group([first, second]): &Group,
    count: i64,
) -> rusqlite::Result<Vec<i64>> {
    let [one, two] = columns(private);
    conn.prepare_cached(&format!(
        "SELECT s.talk FROM talk_sizes s CROSS JOIN talks t ON t.id = s.talk
         WHERE (t.kind = 2) = ? AND {one} = ? AND {two} = ? ORDER BY s.talk LIMIT ?"
    ))?
    .query_map(params![private, first, second, count], |row| row.get(0))?
    .collect()
}

/// Counts all messages anew if the bytes of the talks do not add up to those of their class. This is so when a build
/// that does not know the bytes of the talks has written to the file.
///
/// # Errors
/// Fails if SQLite fails. Nothing is changed then.
pub(super) fn settle(conn: &mut Connection) -> rusqlite::Result<()> {
    if add_up(conn)? {
        return Ok(());
    }
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if !add_up(&transaction)? {
        transaction.execute_batch(&format!(
            "DELETE FROM talk_sizes;
             INSERT INTO talk_sizes
                 SELECT talk, sum({OVERHEAD} + octet_length(text) * {TEXT_TENTHS} / 10) FROM messages GROUP BY talk;
             UPDATE sizes SET bytes = {BY_TALKS};"
        ))?;
    }
    transaction.commit()
}

/// The bytes of a class, as the sum of the bytes of its talks.
const BY_TALKS: &str = "coalesce((SELECT sum(s.bytes) FROM talk_sizes s CROSS JOIN talks t ON t.id = s.talk
    WHERE (t.kind = 2) = sizes.private), 0)";

fn add_up(conn: &Connection) -> rusqlite::Result<bool> {
    conn.query_row(&format!("SELECT NOT EXISTS (SELECT 1 FROM sizes WHERE bytes <> {BY_TALKS})"), [], |row| {
        row.get(0)
    })
}
