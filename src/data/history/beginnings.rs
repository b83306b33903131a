//! Finds messages by the beginnings of words, among the newest messages. For the beginning of a word, the index of the
//! whole history collects all places of all such words before it returns the first message. With a million messages and
//! one or two letters this takes a third of a second. A beginning that is so frequent is also found among the newest
//! messages. Therefore the newest messages are first put into an index of their own, which is in memory and lasts only
//! for the answer.

use rusqlite::{Connection, params};

use super::file::TOKENIZER;
use super::words;

/// How many messages are searched. If fewer of them match than are wanted, the beginning is rare, and the index of the
/// whole history is quick.
const NEWEST: usize = 1000;

/// How many bytes of text are searched at most, because messages of the greatest length would take too long.
const MOST_BYTES: usize = 256 * 1024;

/// Returns the ids of the matching messages among the newest messages with ids from `first` to `last`, the newest
/// first. Also returns whether these newest messages are all messages in that range.
pub(super) fn among_newest(
    conn: &Connection,
    matching: &str,
    (first, last): (i64, i64),
) -> rusqlite::Result<(Vec<i64>, bool)> {
    let (texts, is_all) = newest_texts(conn, (first, last))?;
    if texts.is_empty() {
        return Ok((Vec::new(), is_all));
    }
    let index = Connection::open_in_memory()?;
    index.execute_batch(&format!("CREATE VIRTUAL TABLE words USING fts5 (text, content='', {TOKENIZER})"))?;
    let transaction = index.unchecked_transaction()?;
    let mut insert = index.prepare("INSERT INTO words (rowid, text) VALUES (?, ?)")?;
    // The index takes growing ids. Ids in another order would make it write out what it holds each time.
    for (id, text) in texts.iter().rev() {
        insert.execute(params![id, words::spaced(text)])?;
    }
    drop(insert);
    transaction.commit()?;
    let mut select = index.prepare("SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid DESC")?;
    let ids = select.query_map([matching], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    Ok((ids, is_all))
}

/// Returns the newest messages in the range of ids, the newest first, and whether these are all messages in that range.
fn newest_texts(
    conn: &Connection,
    (first, last): (i64, i64),
) -> rusqlite::Result<(Vec<(i64, String)>, bool)> {
    let mut statement = conn
        .prepare_cached("SELECT id, text FROM messages WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT ?")?;
    let one_more = i64::try_from(NEWEST).unwrap_or(i64::MAX).saturating_add(1);
    let mut rows = statement.query(params![first, last, one_more])?;
    let (mut texts, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        if texts.len() >= NEWEST || bytes >= MOST_BYTES {
            return Ok((texts, false));
        }
        let text: String = row.get(1)?;
        bytes += text.len();
        texts.push((row.get(0)?, text));
    }
    Ok((texts, true))
}
