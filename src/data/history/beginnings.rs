//! Messages of which only the beginning of a word is known, among the newest ones. The index of the whole history puts
//! together where all words stand that begin so, before it gives the first message: with a million messages and a
//! letter or two that takes a third of a second. What begins so often is found among the newest messages, too; so these
//! are put into an index of their own first, in memory, which is gone with the answer.

use rusqlite::{Connection, params};

use super::file::TOKENIZER;
use super::words;

/// Messages that are looked at. Where fewer fit than are wanted, so few begin so that the index of all is quick.
const NEWEST: usize = 1000;

/// Bytes of text that are looked at; messages of the greatest length take too long otherwise.
const MOST_BYTES: usize = 256 * 1024;

/// Which of the newest messages with ids from `first` to `last` match, the newest first; and whether these were all
/// there are.
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
    // An index takes ids that grow; others make it write out what it has.
    for (id, text) in texts.iter().rev() {
        insert.execute(params![id, words::spaced(text)])?;
    }
    drop(insert);
    transaction.commit()?;
    let mut select = index.prepare("SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid DESC")?;
    let ids = select.query_map([matching], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    Ok((ids, is_all))
}

/// The newest messages, the newest first; and whether there are no others.
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
