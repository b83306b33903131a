//! What only a log in a file does: it outlives its process, fills its disk, is damaged, or belongs to another user.

mod damaged;
mod kept;
mod refused;
mod stored;
mod tail;

use std::fs;
use std::path::Path;

use hobnob_protocol::chain::Seq;
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::writer::{Append, Writer};
use super::{Opened, SqliteLog, SqliteOptions, file};
use crate::log::check::verify;
use crate::log::suite::author::{ANNA, Author, BOB, RUN, batch, binding, shown};
use crate::log::{Batch, LobbyLog, LogError, Remembers};

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
