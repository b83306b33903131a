//! What a failed COMMIT leaves in the WAL is not found by the next start.

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};

use super::*;

/// Returns a copy of the files as a killed process would leave them.
fn as_killed(dir: &Path) -> TempDir {
    let copy = folder();
    for file in ["lobby.sqlite", "lobby.sqlite-wal", "lobby.head"] {
        fs::copy(dir.join(file), copy.path().join(file)).unwrap();
    }
    copy
}

/// Returns the newest message that the next start would find.
fn next_start_finds(dir: &Path) -> Seq {
    open(as_killed(dir).path()).contents().head.seq
}

/// Returns a writer that has stored a message, and whose further COMMITs of messages fail.
fn failing_writer(dir: &Path) -> (Writer, Author) {
    let mut writer = writer(dir);
    let mut author = Author { head: *writer.told().head.borrow() };
    assert!(commit(&mut writer, vec![batch(author.say_many(1))])[0].is_ok());
    let fails = "CREATE TABLE parent (id INTEGER PRIMARY KEY);
        CREATE TABLE child (parent REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
        CREATE TRIGGER fails AFTER INSERT ON log BEGIN INSERT INTO child VALUES (1); END";
    writer.connection().execute_batch(fails).unwrap();
    (writer, author)
}

const WORKS: &str = "DROP TRIGGER fails";

/// Appends to the WAL what SQLite leaves there when it fails after writing the pages of a COMMIT: whole frames of which
/// its index does not know. They hold `messages`.
fn leave_tail(dir: &Path, messages: Batch) {
    let elsewhere = as_killed(dir);
    let mut other = writer(elsewhere.path());
    other.connection().execute_batch(WORKS).unwrap();
    assert!(commit(&mut other, vec![messages])[0].is_ok());
    let longer = fs::read(elsewhere.path().join("lobby.sqlite-wal")).unwrap();
    let wal = dir.join("lobby.sqlite-wal");
    let len = fs::metadata(&wal).unwrap().len();
    let tail = &longer[usize::try_from(len).unwrap()..];
    OpenOptions::new().append(true).open(&wal).unwrap().write_all(tail).unwrap();
}

#[tokio::test]
async fn a_batch_whose_commit_failed_is_not_found_by_the_next_start() {
    let folder = folder();
    let (mut writer, mut author) = failing_writer(folder.path());
    let refused = batch(author.say_many(3));
    leave_tail(folder.path(), refused.clone());
    assert_eq!(next_start_finds(folder.path()), Seq(4), "the frames are whole");
    let answer = commit(&mut writer, vec![refused.clone()]).remove(0);
    assert!(matches!(answer, Err(LogError::Write(_))), "{answer:?}");
    assert_eq!(next_start_finds(folder.path()), Seq(1));
    writer.connection().execute_batch(WORKS).unwrap();
    assert!(commit(&mut writer, vec![refused])[0].is_ok());
    assert_eq!(next_start_finds(folder.path()), Seq(4));
    assert_eq!(verify(folder.path()).unwrap().head, author.head);
}

#[tokio::test]
async fn nobody_is_told_that_a_batch_was_refused_while_it_cannot_be_taken_back() {
    let folder = folder();
    let (mut writer, mut author) = failing_writer(folder.path());
    let messages = batch(author.say_many(1));
    leave_tail(folder.path(), messages.clone());
    let path = folder.path().join("lobby.sqlite-wal");
    let set_header = |bytes: &[u8]| {
        let mut wal = OpenOptions::new().write(true).open(&path).unwrap();
        wal.seek(SeekFrom::Start(0)).unwrap();
        wal.write_all(bytes).unwrap();
    };
    let header = fs::read(&path).unwrap()[..32].to_vec();
    set_header(&[0; 32]);
    let unknown = |writer: &mut Writer| {
        let answer = commit(writer, vec![messages.clone()]).remove(0);
        assert!(matches!(&answer, Err(err @ LogError::Unknown(_)) if !err.stored_nothing()), "{answer:?}");
    };
    unknown(&mut writer);
    // The next batch fails before COMMIT. Still nobody knows what the next start finds, because the batch before it
    // may be in the WAL.
    writer.connection().pragma_update(None, "max_page_count", 1).unwrap();
    unknown(&mut writer);
    set_header(&header);
    assert_eq!(next_start_finds(folder.path()), Seq(2));
    let answer = commit(&mut writer, vec![messages.clone()]).remove(0);
    assert!(matches!(answer, Err(LogError::Write(_))), "{answer:?}");
    assert_eq!(next_start_finds(folder.path()), Seq(1));
}
