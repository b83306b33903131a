//! The posts of messages that are no longer kept: a text that is sent again is still recognised after a restart. This
//! file owns the table `gone`, in which each row holds the posts of messages that follow each other, and the reading of
//! posts from both tables when the log is opened.

use hobnob_protocol::chain::Seq;
use hobnob_protocol::ids::RunId;
use hobnob_protocol::key::PublicKey;
use rusqlite::{Connection, Transaction};

use super::log_number::LogNumber;
use super::record::{Record, Records};
use super::standing_rows::NotedStanding;
use super::stored_form::{blob, missing, unreadable};
use crate::decide::{POSTS_REMEMBERED, Party, ROOM_POSTS_REMEMBERED, Standing};
use crate::log::LogError;
use crate::log::posts::{Posts, oldest_remembered};

/// The bytes of one post in a row: key, run and number.
const POST: usize = 32 + 8 + 8;

/// Appends the post of a message to the posts of the messages before it.
pub(super) fn write(record: &Record<'_>, posts: &mut Vec<u8>) {
    write_post(record.party(), record.id, posts);
}

/// Appends a post whose message is not stored as a record any more.
pub(super) fn write_post((key, run): Party, id: u64, posts: &mut Vec<u8>) {
    posts.extend_from_slice(key.as_bytes());
    posts.extend_from_slice(run.as_bytes());
    posts.extend_from_slice(&id.to_be_bytes());
}

/// Stores the posts of messages of the lobby that are removed. `last` is the number of the last of them.
pub(super) fn insert(tx: &Transaction<'_>, last: Seq, posts: &[u8]) -> rusqlite::Result<()> {
    insert_of(tx, LogNumber::LOBBY, last, posts)
}

/// Stores the posts of messages that are removed from the log `number`. `last` is the number of the last of them.
pub(super) fn insert_of(
    tx: &Transaction<'_>,
    number: LogNumber,
    last: Seq,
    posts: &[u8],
) -> rusqlite::Result<()> {
    tx.prepare_cached("INSERT INTO gone (last, posts) VALUES (?1, ?2)")?
        .execute((number.key(last), posts))?;
    Ok(())
}

/// For how many of the newest messages of a log the posts are remembered.
pub(super) fn remembered_of(number: LogNumber) -> u64 {
    if number == LogNumber::LOBBY { POSTS_REMEMBERED } else { ROOM_POSTS_REMEMBERED }
}

/// Forgets the posts of a log that need not be remembered when `head` is its newest message.
pub(super) fn forget(tx: &Transaction<'_>, number: LogNumber, head: Seq) -> rusqlite::Result<()> {
    let oldest = number.key(oldest_remembered(head, remembered_of(number)));
    let sql = "DELETE FROM gone WHERE last >= ?1 AND last < ?2";
    tx.prepare_cached(sql)?.execute((number.key(Seq(0)), oldest))?;
    Ok(())
}

/// Returns the posts of a log that are remembered when `head` is its newest message, and how much the log is used: what
/// is noted of that, and what the messages after it tell. Of old records, no more is checked than that they can be told
/// apart and that none is missing in its row.
pub(crate) fn remembered(
    conn: &Connection,
    number: LogNumber,
    head: Seq,
    noted: NotedStanding,
) -> Result<(Posts, Standing), LogError> {
    let mut posts = Posts::of_the_newest(remembered_of(number));
    let NotedStanding { up_to, mut standing } = noted;
    let oldest = oldest_remembered(head, remembered_of(number));
    let first_read = oldest.min(up_to.next());
    for_each_row(
        conn,
        "SELECT last, posts FROM gone WHERE last >= ?1 AND last < ?2 ORDER BY last",
        (number, first_read),
        |last, row| {
            let (all, []) = row.as_chunks::<POST>() else { return Err(missing(last)) };
            let first = (last.0 + 1).checked_sub(all.len() as u64).ok_or_else(|| missing(last))?;
            for (seq, post) in (first..).map(Seq).zip(all) {
                let (party, id) = parsed(post);
                if seq >= oldest {
                    posts.note(party, id, seq);
                }
                if seq > up_to {
                    standing.spoke_once(party.0);
                }
            }
            Ok(())
        },
    )?;
    for_each_row(
        conn,
        "SELECT last, records FROM log WHERE last >= ?1 AND last < ?2 ORDER BY last",
        (number, first_read),
        |last, row| {
            for_each_record(last, row, |record| {
                if record.seq >= oldest {
                    posts.note(record.party(), record.id, record.seq);
                }
                if record.seq > up_to {
                    standing.spoke(record.party().0, record.at, |_| true);
                }
            })
        },
    )?;
    Ok((posts, standing))
}

/// Gives the records of a row to `take`. The row is damaged if they do not follow one another up to `last`.
fn for_each_record(last: Seq, row: &[u8], mut take: impl FnMut(&Record<'_>)) -> Result<(), LogError> {
    let (mut records, mut expected) = (Records::new(row), None);
    while let Some(record) = records.next(expected.unwrap_or(last))? {
        if record.seq > last || expected.is_some_and(|expected| record.seq != expected) {
            return Err(missing(expected.unwrap_or(last)));
        }
        take(&record);
        expected = Some(record.seq.next());
    }
    if expected == Some(last.next()) { Ok(()) } else { Err(missing(expected.unwrap_or(last))) }
}

fn parsed(post: &[u8; POST]) -> (Party, u64) {
    let (key, rest) = post.split_first_chunk().expect("a post begins with 32 bytes of key");
    let (run, id) = rest.split_first_chunk().expect("and 8 bytes of run");
    let id = u64::from_be_bytes(id.try_into().expect("and ends with 8 bytes of number"));
    ((PublicKey::new(*key), RunId::new(*run)), id)
}

fn for_each_row(
    conn: &Connection,
    sql: &str,
    (number, from): (LogNumber, Seq),
    mut take: impl FnMut(Seq, &[u8]) -> Result<(), LogError>,
) -> Result<(), LogError> {
    let failed = |err| unreadable(conn, &err);
    let mut statement = conn.prepare(sql).map_err(failed)?;
    let mut rows = statement.query((number.key(from), number.end())).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let last = number.seq(row.get(0).map_err(failed)?);
        take(last, blob(row, 1).map_err(failed)?)?;
    }
    Ok(())
}
