//! Which messages are removed: the oldest of the largest group of talks when a class takes more than its share or the
//! file more than it may, and all that were exchanged with a key that the user forgets. This file knows nothing of how
//! messages are added.

use rusqlite::{Connection, params};

use super::file::{self, Space};
use super::sizes;

/// How many messages are removed at once. One transaction can delete so many without holding up another client.
const LET_GO: i64 = 1000;

/// How often messages are removed at most within one transaction because the file is too large.
const ROUNDS: usize = 64;

/// How many times as much as it is counted as a class may take in the worst case: if the words of all texts differ.
const WORST: i64 = 2;

/// If a class takes more than its share, removes the oldest messages of its largest groups until it fits. A hundredth
/// more is removed, so that this does not happen again with every message.
pub(super) fn bound(conn: &Connection, private: bool, share: i64) -> rusqlite::Result<()> {
    let bytes = sizes::of_class(conn, private)?;
    if bytes <= share {
        return Ok(());
    }
    let mut over = bytes - share + share / 100;
    while over > 0 {
        let freed = let_go(conn, private, over)?;
        if freed == 0 {
            break;
        }
        over -= freed;
    }
    Ok(())
}

/// If the file takes more than twice the share of a class, removes the oldest messages of the largest groups until it
/// fits. What a message is counted as is an average. If somebody chooses texts whose words all differ, the index of
/// words takes more.
pub(super) fn bound_file(conn: &Connection, share: i64) -> rusqlite::Result<()> {
    let limit = share.saturating_mul(2);
    file::write_index(conn)?;
    for _ in 0..ROUNDS {
        let Space { bytes, unused } = file::space(conn)?;
        if bytes <= limit {
            break;
        }
        let over = bytes - unused - limit;
        if over <= 0 {
            return file::cut(conn, bytes - limit);
        }
        // Public messages can still be fetched from their server, but a class that certainly fits into its share does
        // not give way for the other one.
        let private = sizes::of_class(conn, false)? * WORST <= share;
        let over = over.max(share / 100);
        if let_go(conn, private, over)? == 0 && let_go(conn, !private, over)? == 0 {
            break;
        }
        file::merge_index(conn)?;
    }
    Ok(())
}

/// Removes the oldest messages of the largest group that take `over` bytes together, but at most [`LET_GO`] messages.
/// A flood thus displaces nothing that takes less space. Returns how many bytes were freed.
fn let_go(conn: &Connection, private: bool, over: i64) -> rusqlite::Result<i64> {
    let Some(group) = sizes::largest(conn, private)? else { return Ok(0) };
    let (mut freed, mut gone) = (0, 0);
    for talk in sizes::talks_of(conn, private, &group, LET_GO)? {
        let (bytes, count) = let_go_of(conn, talk, over - freed, LET_GO - gone)?;
        sizes::shrink(conn, talk, private, bytes)?;
        (freed, gone) = (freed + bytes, gone + count);
        if freed >= over || gone >= LET_GO {
            break;
        }
    }
    Ok(freed)
}

/// Removes the oldest messages of a talk that take `over` bytes together, but at most `most` messages. Returns how many
/// bytes were freed, and how many messages are gone.
fn let_go_of(conn: &Connection, talk: i64, over: i64, most: i64) -> rusqlite::Result<(i64, i64)> {
    // Each side numbers its own messages, and an index has them in that order.
    let mut oldest = conn.prepare_cached(
        "SELECT * FROM (SELECT id, octet_length(text) FROM messages WHERE talk = ?1 AND side = 0
                        ORDER BY number LIMIT ?2)
         UNION ALL
         SELECT * FROM (SELECT id, octet_length(text) FROM messages WHERE talk = ?1 AND side = 1
                        ORDER BY number LIMIT ?2)
         ORDER BY 1 LIMIT ?2",
    )?;
    let mut rows = oldest.query([talk, most])?;
    let (mut freed, mut ids) = (0, Vec::new());
    while let Some(row) = rows.next()? {
        ids.push(row.get::<_, i64>(0)?);
        freed += sizes::of_message(row.get(1)?);
        if freed >= over {
            break;
        }
    }
    for id in &ids {
        conn.prepare_cached("DELETE FROM words WHERE rowid = ?")?.execute([id])?;
        conn.prepare_cached("DELETE FROM messages WHERE id = ?")?.execute([id])?;
    }
    Ok((freed, i64::try_from(ids.len()).unwrap_or(most)))
}

/// Removes the private messages that this user exchanged with a key.
pub(super) fn forget(conn: &Connection, own_name: &str, other: &[u8]) -> rusqlite::Result<()> {
    let talks: Vec<i64> = conn
        .prepare_cached("SELECT id FROM talks WHERE kind = 2 AND own_name = ? AND other = ?")?
        .query_map(params![own_name, other], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for talk in talks {
        loop {
            let (bytes, count) = let_go_of(conn, talk, i64::MAX, LET_GO)?;
            sizes::shrink(conn, talk, true, bytes)?;
            if count < LET_GO {
                break;
            }
        }
    }
    Ok(())
}
