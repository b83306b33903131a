//! What only a log in a file does: it outlives its process, fills its disk, is damaged, or belongs to another user.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use hobnob_protocol::chain::Seq;
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::record::Records;
use super::shared_writer::SharedWriter;
use super::writer::{Append, Writer};
use super::{Opened, SqliteLog, SqliteOptions, file, rows};
use crate::log::check::verify;
use crate::log::suite::{ANNA, Author, BOB, RUN, batch, binding, name, shown};
use crate::log::{AppendedHere, Batch, LobbyLog, LogError, Remembers};

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn open(dir: &Path) -> SqliteLog {
    try_open(dir).unwrap()
}

fn try_open(dir: &Path) -> Result<SqliteLog, LogError> {
    SqliteLog::open(dir, SqliteOptions { history: 100_000, ..SqliteOptions::default() })
}

/// Returns a closed log of `count` messages.
async fn log_of(dir: &Path, count: usize) -> Author {
    let log = open(dir);
    let mut author = Author::of(&log);
    log.append(batch(author.say_many(count))).await.unwrap();
    author
}

/// Changes the closed file as somebody with SQLite could.
fn tamper(dir: &Path, sql: &str) {
    Connection::open(dir.join("lobby.sqlite")).unwrap().execute_batch(sql).unwrap();
}

/// Changes the bytes of one record in the closed file.
fn alter(dir: &Path, seq: u64, change: impl FnOnce(&mut Vec<u8>)) {
    let conn = Connection::open(dir.join("lobby.sqlite")).unwrap();
    let (last, row): (i64, Vec<u8>) = conn
        .query_row(
            "SELECT last, records FROM log WHERE last >= ?1 ORDER BY last LIMIT 1",
            [seq as i64],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    let mut records = Records::new(&row);
    let mut from = 0;
    while records.next(Seq(seq)).unwrap().unwrap().seq != Seq(seq) {
        from = row.len() - records.rest().len();
    }
    let to = row.len() - records.rest().len();
    let mut record = row[from..to].to_vec();
    change(&mut record);
    let changed = [&row[..from], &record, &row[to..]].concat();
    conn.execute("UPDATE log SET records = ?2 WHERE last = ?1", (last, changed)).unwrap();
}

fn replace(record: &mut [u8], what: &[u8], with: &[u8]) {
    let at = record.windows(what.len()).position(|window| window == what).unwrap();
    record[at..][..with.len()].copy_from_slice(with);
}

fn writer_keeping(dir: &Path, history: u64) -> Writer {
    Writer::new(Opened::open(dir).unwrap(), SqliteOptions { history, ..SqliteOptions::default() })
}

fn writer(dir: &Path) -> Writer {
    writer_keeping(dir, 100_000)
}

/// Returns what the writer answers to batches that were queued together.
fn commit(writer: &mut Writer, batches: Vec<Batch>) -> Vec<Result<(), LogError>> {
    let (mut group, mut answers) = (Vec::new(), Vec::new());
    for batch in batches {
        let (answer, answered) = oneshot::channel();
        group.push(Append { batch, answer });
        answers.push(answered);
    }
    writer.commit(&mut group);
    answers.into_iter().map(|mut answered| answered.try_recv().unwrap()).collect()
}

#[tokio::test]
async fn a_log_is_the_same_after_it_was_closed() {
    let folder = folder();
    let log = open(folder.path());
    let id = log.contents().log;
    let mut author = Author::of(&log);
    let messages = author.say_many(3);
    let names = vec![binding("anna", ANNA, 1), binding("bob", BOB, 2)];
    log.append(Batch { messages: messages.clone().into(), names, ..Batch::default() }).await.unwrap();
    drop(log);

    let log = open(folder.path());
    assert_eq!(log.contents().log, id);
    assert_eq!(log.contents().head, author.head);
    assert_eq!(log.contents().names, [binding("anna", ANNA, 1), binding("bob", BOB, 2)]);
    assert_eq!(*log.subscribe().borrow(), author.head);
    assert_eq!(log.read(Seq(0), 10, 1000).await.unwrap().messages, messages);
    assert_eq!(log.find(ANNA, RUN, 2).await.unwrap(), Some(Seq(2)));
    log.append(batch(author.say_many(1))).await.unwrap();
    assert_eq!(shown(&log).await, [1, 2, 3, 4]);
}

#[tokio::test]
async fn confirmed_messages_survive_the_end_of_the_process() {
    let (folder, copy) = (folder(), folder());
    let log = open(folder.path());
    let mut author = Author::of(&log);
    for round in 0..20 {
        log.append(batch(author.say_many(round))).await.unwrap();
        // The files are copied as they are at this moment, which is how a killed process would leave them.
        for file in ["lobby.sqlite", "lobby.sqlite-wal"] {
            fs::copy(folder.path().join(file), copy.path().join(file)).unwrap();
        }
        let _ = fs::remove_file(copy.path().join("lobby.sqlite-shm"));
        let after_the_kill = open(copy.path());
        assert_eq!(after_the_kill.contents().head, author.head);
        assert_eq!(after_the_kill.contents().log, log.contents().log);
    }
}

#[tokio::test]
async fn an_incomplete_end_of_the_wal_loses_no_confirmed_message() {
    let (folder, copy) = (folder(), folder());
    let log = open(folder.path());
    let mut author = Author::of(&log);
    log.append(batch(author.say_many(3))).await.unwrap();
    let answered = author.head;
    let whole = fs::read(folder.path().join("lobby.sqlite-wal")).unwrap();
    log.append(batch(author.say_many(3))).await.unwrap();
    let longer = fs::read(folder.path().join("lobby.sqlite-wal")).unwrap();
    fs::copy(folder.path().join("lobby.sqlite"), copy.path().join("lobby.sqlite")).unwrap();
    for cut in [whole.len(), whole.len() + 1, (whole.len() + longer.len()) / 2, longer.len() - 1] {
        fs::write(copy.path().join("lobby.sqlite-wal"), &longer[..cut]).unwrap();
        let conn = file::open_for_reading(copy.path()).unwrap();
        assert_eq!(file::contents(&conn).unwrap().head, answered, "cut at {cut}");
    }
}

#[tokio::test]
async fn a_smaller_history_takes_effect_when_the_log_is_opened() {
    let folder = folder();
    log_of(folder.path(), 5000).await;
    let log =
        SqliteLog::open(folder.path(), SqliteOptions { history: 10, ..SqliteOptions::default() }).unwrap();
    assert_eq!(log.first(), Seq(4991));
    drop(log);
    // Messages that were no longer shown are gone: a larger history does not bring them back.
    let log = open(folder.path());
    assert!(log.first() > Seq(4000), "{}", log.first());
    assert_eq!(shown(&log).await.first(), Some(&log.first().0));
    assert_eq!(verify(folder.path()).unwrap().head.seq, Seq(5000));
}

#[tokio::test]
async fn messages_that_are_not_shown_are_removed_from_the_file() {
    let folder = folder();
    let log =
        SqliteLog::open(folder.path(), SqliteOptions { history: 1, ..SqliteOptions::default() }).unwrap();
    let mut author = Author::of(&log);
    for _ in 0..50 {
        log.append(batch(author.say_many(100))).await.unwrap();
        let report = verify(folder.path()).unwrap();
        assert!(report.messages < 1200, "{report}");
    }
    drop(log);
    let report = verify(folder.path()).unwrap();
    assert_eq!((report.first, report.messages), (Seq(5000), 1));
}

#[test]
fn queued_batches_are_stored_together_and_each_is_answered() {
    let folder = folder();
    let mut writer = writer(folder.path());
    let mut author = Author { head: *writer.told().head.borrow() };
    let batches = (0..10).map(|_| batch(author.say_many(2))).collect();
    assert!(commit(&mut writer, batches).iter().all(Result::is_ok));
    assert_eq!(*writer.told().head.borrow(), author.head);
}

#[test]
fn a_batch_that_cannot_be_stored_does_not_take_others_with_it() {
    let folder = folder();
    let mut writer = writer(folder.path());
    let mut author = Author { head: *writer.told().head.borrow() };
    let first = batch(author.say_many(1));
    let mut elsewhere = Author { head: writer.told().head.borrow().to_owned() };
    let forged = batch(vec![elsewhere.say("forged")]);
    let second = batch(author.say_many(1));
    let names = Batch { names: vec![binding("anna", ANNA, 1)], ..Batch::default() };
    let answers = commit(&mut writer, vec![first, forged, names, second]);
    let stored: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(stored, [true, false, true, true], "{answers:?}");
    assert_eq!(verify(folder.path()).unwrap().messages, 2);
}

#[tokio::test]
async fn bindings_and_messages_of_many_at_once_are_all_stored() {
    let folder = folder();
    let log = Arc::new(open(folder.path()));
    let mut author = Author::of(&*log);
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..300_u64 {
        let log = Arc::clone(&log);
        let names = vec![binding(&format!("user{n}"), ANNA, n)];
        tasks.spawn(async move { log.append(Batch { names, ..Batch::default() }).await });
    }
    for _ in 0..30 {
        log.append(batch(author.say_many(3))).await.unwrap();
    }
    while let Some(stored) = tasks.join_next().await {
        stored.unwrap().unwrap();
    }
    drop(log);
    let log = open(folder.path());
    assert_eq!(log.contents().names.len(), 300);
    assert_eq!(log.contents().head, author.head);
}

#[test]
fn a_full_disk_stores_nothing_and_space_makes_it_go_on() {
    let folder = folder();
    let mut writer = writer(folder.path());
    let mut author = Author { head: *writer.told().head.borrow() };
    assert!(commit(&mut writer, vec![batch(author.say_many(10))])[0].is_ok());
    let pages: i64 = writer.connection().pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    writer.connection().pragma_update(None, "max_page_count", pages + 2).unwrap();

    let head = author.head;
    let much = Batch {
        messages: Arc::new((0..100).map(|_| author.say(&"x".repeat(10_000))).collect()),
        names: vec![binding("anna", ANNA, 1)],
        freed: vec![name("bob")],
        ..Batch::default()
    };
    // The batch fails together with others, and fails again alone; the ones that fit are still stored.
    let fits = Batch { names: vec![binding("bob", BOB, 1)], ..Batch::default() };
    let answers = commit(&mut writer, vec![much.clone(), fits]);
    assert!(matches!(&answers[0], Err(LogError::Write(text)) if text.contains("full")), "{answers:?}");
    assert!(answers[1].is_ok(), "{answers:?}");
    assert_eq!(*writer.told().head.borrow(), head);
    let reading = file::open_for_reading(folder.path()).unwrap();
    assert_eq!(rows::names(&reading).unwrap(), [binding("bob", BOB, 1)]);
    assert_eq!(verify(folder.path()).unwrap().head, head);

    writer.connection().pragma_update(None, "max_page_count", 1_000_000).unwrap();
    assert!(commit(&mut writer, vec![much])[0].is_ok());
    assert_eq!(verify(folder.path()).unwrap().head, author.head);
}

#[test]
fn a_store_that_may_not_be_written_refuses_and_can_go_on_later() {
    let folder = folder();
    let mut writer = writer(folder.path());
    let mut author = Author { head: *writer.told().head.borrow() };
    let messages = batch(author.say_many(1));
    writer.connection().pragma_update(None, "query_only", true).unwrap();
    let answer = commit(&mut writer, vec![messages.clone()]).remove(0);
    assert!(matches!(&answer, Err(LogError::Write(text)) if text.contains("lobby.sqlite")), "{answer:?}");
    writer.connection().pragma_update(None, "query_only", false).unwrap();
    assert!(commit(&mut writer, vec![messages])[0].is_ok());
}

#[test]
fn a_file_that_may_only_be_read_is_refused() {
    let folder = folder();
    drop(open(folder.path()));
    let reading = file::open_for_reading(folder.path()).unwrap();
    let text = file::require_writable(&reading).unwrap_err().to_string();
    assert!(text.contains("lobby.sqlite") && text.contains("read-only"), "{text}");
}

#[tokio::test]
async fn old_messages_that_cannot_be_removed_do_not_stop_new_ones() {
    let folder = folder();
    log_of(folder.path(), 3000).await;
    let mut writer = writer_keeping(folder.path(), 1);
    let head = *writer.told().head.borrow();
    writer.connection().pragma_update(None, "query_only", true).unwrap();
    assert!(!writer.remove_surplus(1000));
    writer.connection().pragma_update(None, "query_only", false).unwrap();
    assert!(commit(&mut writer, vec![batch(Author { head }.say_many(1))])[0].is_ok());
    assert!(writer.remove_surplus(1000));
    assert_eq!(verify(folder.path()).unwrap().first, Seq(1001));
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error() {
    let folder = folder();
    fs::write(folder.path().join("server"), "a file").unwrap();
    assert!(matches!(try_open(&folder.path().join("server")), Err(LogError::Write(_))));
    fs::create_dir_all(folder.path().join("other/lobby.sqlite")).unwrap();
    assert!(matches!(try_open(&folder.path().join("other")), Err(LogError::Read(_))));
}

#[cfg(unix)]
#[test]
fn the_folder_and_the_files_are_private_to_their_owner() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let dir = folder.path().join("data/server");
    let _log = open(&dir);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    for entry in fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[track_caller]
fn refused(dir: &Path, words: &[&str]) {
    let text = try_open(dir).unwrap_err().to_string();
    for word in words.iter().chain(&["lobby.sqlite"]) {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_log_is_refused_with_what_to_do_and_left_alone() {
    for content in [&b""[..], b"x", &[0; 4096], &[0xa5; 100_000]] {
        let folder = folder();
        fs::write(folder.path().join("lobby.sqlite"), content).unwrap();
        refused(folder.path(), &["backup", "move it"]);
        assert_eq!(fs::read(folder.path().join("lobby.sqlite")).unwrap(), content);
    }
    let folder = folder();
    tamper(folder.path(), "CREATE TABLE log (seq)");
    refused(folder.path(), &["not a hobnob log", "backup"]);
}

#[tokio::test]
async fn a_log_of_a_newer_build_is_refused() {
    let folder = folder();
    log_of(folder.path(), 1).await;
    tamper(folder.path(), "PRAGMA user_version = 5");
    refused(folder.path(), &["newer hobnob", "format is 5"]);
}

#[tokio::test]
async fn no_new_log_is_started_beside_the_remains_of_an_old_one() {
    let folder = folder();
    let log = open(folder.path());
    let mut author = Author::of(&log);
    log.append(batch(author.say_many(1))).await.unwrap();
    let wal = fs::read(folder.path().join("lobby.sqlite-wal")).unwrap();
    drop(log);
    fs::remove_file(folder.path().join("lobby.sqlite")).unwrap();
    fs::write(folder.path().join("lobby.sqlite-wal"), wal).unwrap();
    refused(folder.path(), &["is gone", "backup"]);
}

#[test]
fn a_half_made_log_of_a_killed_process_is_made_anew() {
    let folder = folder();
    fs::write(folder.path().join("lobby.sqlite.new"), "half").unwrap();
    fs::write(folder.path().join("lobby.sqlite.new-journal"), "half").unwrap();
    open(folder.path());
    assert!(!folder.path().join("lobby.sqlite.new").exists());
}

#[track_caller]
fn damaged_at(dir: &Path, what: &str, seq: u64) {
    match try_open(dir) {
        Err(LogError::Damaged { seq: at, reason }) => {
            assert_eq!(at, Seq(seq), "{what}: {reason}");
            assert!(reason.contains("lobby.sqlite") && reason.contains("backup"), "{reason}");
        }
        other => panic!("{what}: {other:?}"),
    }
}

#[tokio::test]
async fn changes_to_the_newest_messages_are_noticed_at_the_start() {
    type Change = fn(&mut Vec<u8>);
    let changes: [(&str, Change, u64); 7] = [
        ("text", |record| replace(record, b"text", b"TEXT"), 1500),
        ("name", |record| replace(record, b"nn", b"n "), 1500),
        ("name that is not UTF-8", |record| replace(record, b"nn", b"n\xff"), 1500),
        ("hash", |record| *record.last_mut().unwrap() ^= 1, 1500),
        ("gone", Vec::clear, 1500),
        ("number", |record| record[7] ^= 1, 1500),
        ("doubled", |record| record.extend(record.clone()), 1501),
    ];
    for (what, change, seq) in changes {
        let folder = folder();
        log_of(folder.path(), 2000).await;
        alter(folder.path(), 1500, change);
        damaged_at(folder.path(), what, seq);
    }
    for (sql, seq) in [
        ("DELETE FROM log WHERE last > 0; UPDATE meta SET base_seq = 7", 8),
        ("UPDATE meta SET base_seq = 2000", 2001),
        ("UPDATE meta SET base_seq = -1", 0),
        ("UPDATE meta SET head_seq = 2001", 2001),
        ("UPDATE meta SET head_seq = -1", 0),
        ("UPDATE meta SET log = x'00112233445566778899aabbccddeeff'", 0),
        ("UPDATE meta SET log = x'00'", 0),
        ("UPDATE log SET last = 9223372036854775807 WHERE last = 2000", 1941),
        ("UPDATE log SET last = 1099511627775 WHERE last = 2000", 1),
        ("INSERT INTO log SELECT (7 << 40) + last, records FROM log WHERE last = 2000", 0),
        ("UPDATE log SET records = x'00' WHERE last = 2000", 2000),
    ] {
        let folder = folder();
        log_of(folder.path(), 2000).await;
        tamper(folder.path(), sql);
        damaged_at(folder.path(), sql, seq);
    }
    let folder = folder();
    log_of(folder.path(), 1).await;
    tamper(folder.path(), "DELETE FROM meta");
    refused(folder.path(), &["backup"]);
}

#[tokio::test]
async fn an_end_that_was_cut_off_is_noticed() {
    let folder = folder();
    let log = open(folder.path());
    let mut author = Author::of(&log);
    for _ in 0..3 {
        log.append(batch(author.say_many(2))).await.unwrap();
    }
    drop(log);
    tamper(folder.path(), "DELETE FROM log WHERE last = 6");
    damaged_at(folder.path(), "the end", 5);
}

#[tokio::test]
async fn a_change_far_back_is_noticed_when_it_is_read() {
    let folder = folder();
    log_of(folder.path(), 2000).await;
    alter(folder.path(), 500, |record| replace(record, b"text", b"TEXT"));
    let log = open(folder.path());
    assert!(log.read(Seq(0), 499, usize::MAX).await.is_ok());
    let result = log.read(Seq(0), 500, usize::MAX).await;
    assert!(matches!(result, Err(LogError::Damaged { seq: Seq(500), .. })), "{result:?}");
    assert!(log.read(Seq(500), 500, usize::MAX).await.is_ok(), "what follows it can be read");
}

#[tokio::test]
async fn a_change_far_back_that_hides_whose_post_it_was_is_noticed_at_the_start() {
    type Change = fn(&mut Vec<u8>);
    let changes: [(&str, Change); 5] = [
        ("number", |record| record[7] ^= 1),
        ("no number", |record| record[..8].fill(0xff)),
        ("gone", Vec::clear),
        ("cut short", |record| record.truncate(100)),
        ("doubled", |record| record.extend(record.clone())),
    ];
    for (what, change) in changes {
        let folder = folder();
        log_of(folder.path(), 3000).await;
        alter(folder.path(), 500, change);
        match try_open(folder.path()) {
            Err(LogError::Damaged { seq: Seq(499..=501), reason }) => {
                assert!(reason.contains("lobby.sqlite"), "{reason}");
            }
            other => panic!("{what}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_log_that_is_dropped_stores_what_is_queued_even_if_nobody_waits_for_it() {
    let folder = folder();
    let log = open(folder.path());
    let mut author = Author::of(&log);
    let answer = log.append(batch(author.say_many(3)));
    drop(log);
    answer.await.unwrap();
    assert_eq!(verify(folder.path()).unwrap().head, author.head);
}

#[tokio::test]
async fn posts_are_known_after_a_restart_whether_their_texts_are_kept_or_not() {
    let folder = folder();
    let log =
        SqliteLog::open(folder.path(), SqliteOptions { history: 10, ..SqliteOptions::default() }).unwrap();
    let mut author = Author::of(&log);
    for _ in 0..5 {
        log.append(batch(author.say_many(700))).await.unwrap();
    }
    drop(log);
    let log =
        SqliteLog::open(folder.path(), SqliteOptions { history: 10, ..SqliteOptions::default() }).unwrap();
    assert_eq!(log.first(), Seq(3491));
    for id in [1, 700, 1001, 3490, 3491, 3500] {
        assert_eq!(log.find(ANNA, RUN, id).await.unwrap(), Some(Seq(id)), "{id}");
    }
    assert_eq!(log.last_id(ANNA, RUN).await.unwrap(), Some(3500));
    let head = author.head;
    let again = author.say_as(ANNA, RUN, 7, "again");
    assert!(matches!(log.append(batch(vec![again])).await, Err(LogError::Write(_))));
    author.head = head;
    log.append(batch(author.say_many(1))).await.unwrap();
}

#[tokio::test]
async fn a_damaged_file_never_causes_a_panic_and_is_never_taken_for_whole() {
    let folder = folder();
    log_of(folder.path(), 1500).await;
    let path = folder.path().join("lobby.sqlite");
    let whole = fs::read(&path).unwrap();
    let pages = whole.len() / 4096;
    for page in 0..pages {
        let mut bad = whole.clone();
        // The second byte of the garbage differs from page to page, so that many kinds of damage occur.
        for (offset, byte) in bad[page * 4096..][..64].iter_mut().enumerate() {
            *byte = (offset * 7 + page * 13) as u8 ^ 0xa5;
        }
        fs::write(&path, bad).unwrap();
        if let Ok(log) = try_open(folder.path()) {
            let _ = log.read(Seq(0), usize::MAX, usize::MAX).await;
            let _ = log.last_id(ANNA, RUN).await;
            let _ = log.append(batch(Author::of(&log).say_many(1))).await;
        }
        assert!(verify(folder.path()).is_err(), "garbage in page {page} of {pages}");

        without_side_files(folder.path());
        fs::write(&path, &whole[..page * 4096 + 100]).unwrap();
        assert!(verify(folder.path()).is_err(), "cut in page {page} of {pages}");
        // A cut in the last page is noticed only when that page is read, so opening may succeed: a crash may have left
        // the file so, with the whole page in the WAL.
        assert!(try_open(folder.path()).is_err() || page + 1 == pages, "cut in page {page} of {pages}");
        without_side_files(folder.path());
    }
}

fn without_side_files(dir: &Path) {
    for side in ["lobby.sqlite-wal", "lobby.sqlite-shm"] {
        let _ = fs::remove_file(dir.join(side));
    }
}

#[tokio::test]
async fn the_asker_stores_in_its_own_thread_when_no_batch_is_before_it() {
    let folder = folder();
    let log = open(folder.path());
    let mut author = Author::of(&log);
    let (first, second) = (batch(author.say_many(2)), batch(author.say_many(1)));
    assert!(matches!(log.append_here(first), AppendedHere::Done(Ok(()))));
    assert_eq!(log.subscribe().borrow().seq, Seq(2), "it is stored when the call returns");
    log.append(second).await.unwrap();
    assert_eq!(shown(&log).await, [1, 2, 3]);
    // This message follows from the beginning of the log, and not from its head.
    let stray = Author::of(&log).say_many(1);
    let stored = (0..1000).find_map(|_| {
        std::thread::yield_now();
        match log.append_here(batch(stray.clone())) {
            AppendedHere::Done(stored) => Some(stored),
            AppendedHere::NotTaken(_) => None,
        }
    });
    assert!(matches!(stored, Some(Err(LogError::Damaged { .. }))), "{stored:?}");
    drop(log);
    assert_eq!(shown(&open(folder.path())).await, [1, 2, 3]);
}

#[tokio::test]
async fn the_asker_does_not_store_when_a_batch_is_before_it_or_messages_have_to_be_removed() {
    let folder = folder();
    let opened = Opened::open(folder.path()).unwrap();
    let mut author = Author { head: opened.contents.head };
    let options = SqliteOptions { history: 10, ..SqliteOptions::default() };
    let shared = SharedWriter::new(Writer::new(opened, options));
    let queued = shared.queue();
    let messages = author.say_many(1);
    assert!(
        matches!(shared.append(batch(messages.clone())), AppendedHere::NotTaken(_)),
        "another is before it"
    );
    drop(queued);
    assert!(matches!(shared.append(batch(messages)), AppendedHere::Done(Ok(()))));
    // These messages are so many that removing them is worth a transaction once they are no longer shown.
    assert!(matches!(shared.append(batch(author.say_many(1100))), AppendedHere::Done(Ok(()))));
    let AppendedHere::NotTaken(given_back) = shared.append(batch(author.say_many(1))) else {
        panic!("something has to be removed first");
    };
    assert_eq!(given_back.messages.len(), 1, "the log's thread has something to remove");
}
