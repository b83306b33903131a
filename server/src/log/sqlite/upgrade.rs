//! How the file of an older build is brought to the format of this build: in one transaction, so that a crash or a full
//! disk leaves the old file. This file owns what is still known of the old tables; nothing else reads them.
//!
//! Format 1 had a row for each message in `log` and a second one in `posts`; the table `posts` also had the posts of
//! messages that were no longer kept. Formats 1 and 2 did not say whether the key of a name had spoken. Formats up to 3
//! had neither rooms nor operators, and did not say since when a name belongs to its key.

use hobnob_protocol::chain::{ChainHash, LobbyMessage, Seq};
use hobnob_protocol::ids::RunId;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::text::Text;
use rusqlite::{Connection, Row, Transaction};

use super::log_number::LogNumber;
use super::message_rows::{self, ROW_BYTES, insert_row};
use super::stored_form::{blob, meta, missing, number, parsed_name, said, stored, text, unreadable};
use super::{gone, record, room_rows, rules_row};
use crate::log::LogError;

/// The oldest format that can be brought up to date.
pub(super) const OLDEST: i32 = 1;

/// How many posts are put into one row.
const POSTS_AT_ONCE: u64 = 100;

/// Brings the file of `conn` up to date, from format `from` to format `to`.
pub(super) fn upgrade(conn: &mut Connection, from: i32, to: i32) -> Result<(), LogError> {
    let failed = cannot_write(conn);
    let tx = conn.transaction().map_err(&failed)?;
    if from < 2 {
        gather_messages_in_rows(&tx)?;
    }
    if from < 3 {
        // It is not known whether the keys of the old names have spoken. These names are kept as if they had.
        tx.execute_batch("ALTER TABLE names ADD COLUMN spoke INTEGER NOT NULL DEFAULT 1").map_err(&failed)?;
    }
    // Rows of the lobby keep the keys that they have.
    tx.execute_batch(room_rows::TABLE).map_err(&failed)?;
    tx.execute_batch("ALTER TABLE meta ADD COLUMN in_rooms INTEGER NOT NULL DEFAULT 0").map_err(&failed)?;
    tx.execute_batch(rules_row::TABLE).map_err(&failed)?;
    // The old names count as old.
    tx.execute_batch("ALTER TABLE names ADD COLUMN since INTEGER NOT NULL DEFAULT 0").map_err(&failed)?;
    tx.pragma_update(None, "user_version", to).map_err(&failed)?;
    tx.commit().map_err(&failed)
}

/// From format 1 to format 2.
fn gather_messages_in_rows(tx: &Transaction<'_>) -> Result<(), LogError> {
    let failed = cannot_write(tx);
    tx.execute_batch("ALTER TABLE log RENAME TO log_1; ALTER TABLE posts RENAME TO posts_1")
        .map_err(&failed)?;
    tx.execute_batch(message_rows::TABLES).map_err(&failed)?;
    tx.execute_batch("ALTER TABLE meta ADD COLUMN head_seq INTEGER NOT NULL DEFAULT 0").map_err(&failed)?;
    let head = copy_messages(tx)?;
    copy_posts(tx)?;
    tx.execute("UPDATE meta SET head_seq = ?1", [stored(head.0)]).map_err(&failed)?;
    tx.execute_batch("DROP TABLE log_1; DROP TABLE posts_1").map_err(&failed)
}

/// Returns an error of SQLite while writing, with the name of the file and what is needed.
fn cannot_write(conn: &Connection) -> impl Fn(rusqlite::Error) -> LogError + use<> {
    let file = conn.path().unwrap_or("the log's file").to_owned();
    move |err| {
        LogError::Write(format!(
            "{file}: {err}; it is of an older hobnob and is left as it was: to be brought up to date it needs \
             twice its size in free space meanwhile"
        ))
    }
}

/// Copies the messages and gives the number of the newest. It is an error if one is missing.
fn copy_messages(tx: &Transaction<'_>) -> Result<Seq, LogError> {
    let (failed, not_written) = (|err| unreadable(tx, &err), cannot_write(tx));
    let sql = "SELECT seq, at, name, key, run, id, text, hash FROM log_1 ORDER BY seq";
    let mut statement = tx.prepare(sql).map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    let (mut records, mut head) = (Vec::new(), meta(tx)?.base.seq);
    while let Some(row) = rows.next().map_err(failed)? {
        let seq = Seq(row.get::<_, i64>(0).map_err(failed)?.cast_unsigned());
        if seq != head.next() {
            return Err(missing(head.next()));
        }
        let message = message(seq, row).map_err(|reason| LogError::Damaged { seq, reason })?;
        record::write(&message, &mut records);
        head = seq;
        if records.len() >= ROW_BYTES {
            insert_row(tx, LogNumber::LOBBY, head, &records).map_err(&not_written)?;
            records.clear();
        }
    }
    if !records.is_empty() {
        insert_row(tx, LogNumber::LOBBY, head, &records).map_err(&not_written)?;
    }
    // If there is a post without its message, the end of the log was cut off.
    let last: Option<i64> =
        tx.query_row("SELECT max(seq) FROM posts_1", [], |row| row.get(0)).map_err(failed)?;
    match last.map(|last| Seq(last.cast_unsigned())) {
        Some(last) if last > head => Err(missing(head.next())),
        _ => Ok(head),
    }
}

/// Copies the posts of messages that are no longer kept. Posts without a gap share a row.
fn copy_posts(tx: &Transaction<'_>) -> Result<(), LogError> {
    let (failed, not_written) = (|err| unreadable(tx, &err), cannot_write(tx));
    let sql = "SELECT seq, key, run, id FROM posts_1 WHERE seq <= (SELECT base_seq FROM meta) ORDER BY seq";
    let mut statement = tx.prepare(sql).map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    let (mut posts, mut last) = (Vec::new(), Seq(0));
    while let Some(row) = rows.next().map_err(failed)? {
        let seq = Seq(row.get::<_, i64>(0).map_err(failed)?.cast_unsigned());
        if !posts.is_empty() && (seq != last.next() || seq.0.is_multiple_of(POSTS_AT_ONCE)) {
            gone::insert(tx, last, &posts).map_err(&not_written)?;
            posts.clear();
        }
        let party = (PublicKey::new(row.get(1).map_err(failed)?), RunId::new(row.get(2).map_err(failed)?));
        gone::write_post(party, u64::from_be_bytes(row.get(3).map_err(failed)?), &mut posts);
        last = seq;
    }
    if !posts.is_empty() {
        gone::insert(tx, last, &posts).map_err(&not_written)?;
    }
    Ok(())
}

fn message(seq: Seq, row: &Row<'_>) -> Result<LobbyMessage, String> {
    let id: [u8; 8] = row.get(5).map_err(|_| "its outbox number is not one")?;
    Ok(LobbyMessage {
        seq,
        at: number(row, 1)?,
        name: parsed_name(text(row, 2)?)?,
        key: PublicKey::from_slice(blob(row, 3).map_err(said)?).map_err(said)?,
        run: RunId::from_slice(blob(row, 4).map_err(said)?).map_err(said)?,
        id: u64::from_be_bytes(id),
        content: Text::new(text(row, 6)?).map_err(said)?.into(),
        hash: ChainHash::from_slice(blob(row, 7).map_err(said)?).map_err(said)?,
    })
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::log::check::verify;
    use crate::log::suite::author::{ANNA, Author, RUN, batch, binding, shown};
    use crate::log::{LobbyLog, NameBinding, Remembers, SqliteLog, SqliteOptions};

    const OLD_TABLES: &str = "
    DROP TABLE log; DROP TABLE gone; DROP TABLE meta; DROP TABLE rooms; DROP TABLE rules;
    ALTER TABLE names DROP COLUMN spoke; ALTER TABLE names DROP COLUMN since;
    CREATE TABLE meta (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        log BLOB NOT NULL, base_seq INTEGER NOT NULL, base_hash BLOB NOT NULL
    ) STRICT;
    CREATE TABLE log (
        seq INTEGER PRIMARY KEY,
        at INTEGER NOT NULL, name TEXT NOT NULL, key BLOB NOT NULL, run BLOB NOT NULL, id BLOB NOT NULL,
        text TEXT NOT NULL, hash BLOB NOT NULL
    ) STRICT;
    CREATE TABLE posts (
        key BLOB NOT NULL, run BLOB NOT NULL, id BLOB NOT NULL, seq INTEGER NOT NULL,
        PRIMARY KEY (key, run, id)
    ) WITHOUT ROWID, STRICT;
    CREATE UNIQUE INDEX posts_by_seq ON posts (seq);
    PRAGMA user_version = 1;
    ";

    /// Returns a log in the first format: it had 1,000 messages, and the first 300 are gone.
    async fn old_log() -> (TempDir, Vec<LobbyMessage>) {
        old_log_of(|author| author.say_many(1000)).await
    }

    /// Returns the same, with the messages that `say` gives.
    async fn old_log_of(say: impl FnOnce(&mut Author) -> Vec<LobbyMessage>) -> (TempDir, Vec<LobbyMessage>) {
        let folder = tempfile::tempdir().unwrap();
        let log = open(&folder).unwrap();
        let id = log.contents().log;
        let mut author = Author::of(&log);
        log.append(crate::log::Batch { names: vec![binding("anna", ANNA, 1)], ..Default::default() })
            .await
            .unwrap();
        drop(log);
        let messages = say(&mut author);
        let conn = Connection::open(folder.path().join("lobby.sqlite")).unwrap();
        conn.execute_batch(OLD_TABLES).unwrap();
        conn.execute_batch("BEGIN").unwrap();
        let base = messages[299].hash;
        conn.execute("INSERT INTO meta VALUES (1, ?1, 300, ?2)", (id.as_bytes(), base.as_bytes())).unwrap();
        for m in &messages {
            let (key, run, id, seq) =
                (m.key.as_bytes(), m.run.as_bytes(), m.id.to_be_bytes(), m.seq.0 as i64);
            conn.execute("INSERT INTO posts VALUES (?1, ?2, ?3, ?4)", (key, run, id, seq)).unwrap();
            if m.seq > Seq(300) {
                let row = (
                    seq,
                    m.at as i64,
                    m.name.as_str(),
                    key,
                    run,
                    id,
                    m.content.text().unwrap().as_str(),
                    m.hash.as_bytes(),
                );
                conn.execute("INSERT INTO log VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", row).unwrap();
            }
        }
        conn.execute_batch("COMMIT").unwrap();
        (folder, messages)
    }

    fn open(folder: &TempDir) -> Result<SqliteLog, LogError> {
        SqliteLog::open(folder.path(), SqliteOptions { history: 100_000, ..SqliteOptions::default() })
    }

    #[tokio::test]
    async fn an_upgrade_loses_nothing_of_a_log_of_the_first_format() {
        let (folder, messages) = old_log().await;
        let err = verify(folder.path()).unwrap_err().to_string();
        assert!(err.contains("older hobnob") && err.contains("start the server"), "{err}");
        for _ in 0..2 {
            let log = open(&folder).unwrap();
            assert_eq!(log.contents().head.hash, messages[999].hash);
            let anna = binding("anna", ANNA, 1);
            assert_eq!(log.contents().names, [NameBinding { spoke: true, ..anna }], "as if she had spoken");
            assert_eq!(log.read(Seq(0), 1000, usize::MAX).await.unwrap().messages, messages[300..]);
            for id in [1, 99, 100, 300, 301, 1000] {
                assert_eq!(log.find(ANNA, RUN, id).await.unwrap(), Some(Seq(id)));
            }
        }
        assert_eq!(verify(folder.path()).unwrap().messages, 700);
        let log = open(&folder).unwrap();
        let mut author = Author::of(&log);
        log.append(batch(author.say_many(1))).await.unwrap();
        assert_eq!(shown(&log).await.len(), 701);
    }

    #[tokio::test]
    async fn names_of_the_second_format_are_kept_as_if_their_users_had_spoken() {
        let folder = tempfile::tempdir().unwrap();
        let log = open(&folder).unwrap();
        let mut author = Author::of(&log);
        let names = vec![binding("anna", ANNA, 1)];
        let messages = author.say_many(3).into();
        log.append(crate::log::Batch { names, messages, ..Default::default() }).await.unwrap();
        drop(log);
        let conn = Connection::open(folder.path().join("lobby.sqlite")).unwrap();
        conn.execute_batch(
            "ALTER TABLE names DROP COLUMN spoke; ALTER TABLE names DROP COLUMN since;
             DROP TABLE rooms; DROP TABLE rules; ALTER TABLE meta DROP COLUMN in_rooms; PRAGMA user_version = 2",
        )
        .unwrap();
        drop(conn);
        for _ in 0..2 {
            let log = open(&folder).unwrap();
            assert_eq!(log.contents().names, [NameBinding { spoke: true, ..binding("anna", ANNA, 1) }]);
            assert_eq!(shown(&log).await, [1, 2, 3]);
        }
    }

    #[tokio::test]
    async fn long_texts_are_put_into_rows_as_short_as_the_writer_makes_them() {
        let long = "x".repeat(hobnob_protocol::MAX_TEXT_BYTES);
        let (folder, messages) = old_log_of(|author| (0..1000).map(|_| author.say(&long)).collect()).await;
        let log = open(&folder).unwrap();
        assert_eq!(log.read(Seq(0), 1000, usize::MAX).await.unwrap().messages, messages[300..]);
        drop(log);
        let conn = Connection::open(folder.path().join("lobby.sqlite")).unwrap();
        let longest: isize =
            conn.query_row("SELECT max(length(records)) FROM log", [], |row| row.get(0)).unwrap();
        assert!(longest.unsigned_abs() < ROW_BYTES + long.len() + 200, "{longest}");
    }

    #[tokio::test]
    async fn an_upgrade_without_enough_disk_space_leaves_the_old_log_and_says_what_is_needed() {
        let (folder, messages) = old_log().await;
        let mut conn = Connection::open(folder.path().join("lobby.sqlite")).unwrap();
        let pages: i64 = conn.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        for more in [0, 1, 5, 20] {
            conn.pragma_update(None, "max_page_count", pages + more).unwrap();
            let err = upgrade(&mut conn, 1, 4).unwrap_err();
            let text = err.to_string();
            assert!(matches!(err, LogError::Write(_)), "{text}");
            assert!(text.contains("is full") && text.contains("free space"), "{text}");
            let version: i32 = conn.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
            assert_eq!(version, OLDEST);
        }
        drop(conn);
        let log = open(&folder).unwrap();
        assert_eq!(log.read(Seq(0), 1000, usize::MAX).await.unwrap().messages, messages[300..]);
    }

    #[tokio::test]
    async fn a_damaged_old_log_is_refused_and_left_as_it_is() {
        for (sql, seq) in [
            ("DELETE FROM log WHERE seq > 990", 991),
            ("DELETE FROM log WHERE seq = 400", 400),
            ("DELETE FROM log WHERE seq < 400", 301),
            ("DELETE FROM log", 301),
            ("UPDATE log SET text = '' WHERE seq = 400", 400),
        ] {
            let (folder, _) = old_log().await;
            let conn = Connection::open(folder.path().join("lobby.sqlite")).unwrap();
            conn.execute_batch(sql).unwrap();
            let result = open(&folder);
            assert!(
                matches!(&result, Err(LogError::Damaged { seq: Seq(at), .. }) if *at == seq),
                "{result:?}"
            );
            let version: i32 = conn.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
            assert_eq!(version, OLDEST);
        }
    }
}
