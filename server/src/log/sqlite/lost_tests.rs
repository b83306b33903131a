//! Acknowledged messages that were lost with a damaged WAL: the start and the check of a log notice that, in whichever
//! way the WAL was damaged. What an ordinary end of the process leaves can be opened as it is.

use std::fs;
use std::path::Path;

use hobnob_protocol::chain::Seq;
use tempfile::TempDir;

use super::{SqliteLog, SqliteOptions};
use crate::log::check::verify;
use crate::log::suite::author::{Author, batch};
use crate::log::{LobbyLog, LogError};

const FILES: [&str; 3] = ["lobby.sqlite", "lobby.sqlite-wal", "lobby.head"];

fn open(dir: &Path) -> Result<SqliteLog, LogError> {
    SqliteLog::open(dir, SqliteOptions { history: 100_000, ..SqliteOptions::default() })
}

/// Returns the folder that a server leaves when it is killed after `batches` batches of ten messages were acknowledged.
async fn killed_after(batches: usize) -> TempDir {
    let (running, left) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let log = open(running.path()).unwrap();
    let mut author = Author::of(&log);
    for _ in 0..batches {
        log.append(batch(author.say_many(10))).await.unwrap();
    }
    for file in FILES {
        fs::copy(running.path().join(file), left.path().join(file)).unwrap();
    }
    left
}

/// Checks that the log in `dir` is refused because messages from `first` on are missing, and that nothing in the folder
/// is changed by that.
#[track_caller]
fn is_refused(dir: &Path, first: u64, what: &str) {
    let wal = || fs::read(dir.join("lobby.sqlite-wal")).unwrap_or_default();
    let before = wal();
    for err in [verify(dir).unwrap_err(), open(dir).unwrap_err(), verify(dir).unwrap_err()] {
        assert!(matches!(err, LogError::Damaged { seq: Seq(seq), .. } if seq == first), "{what}: {err}");
        let said = err.to_string();
        assert!(said.contains("acknowledged and ") && said.contains("backup"), "{what}: {said}");
        assert!(said.contains("-wal") && said.contains("lobby.head"), "{what}: {said}");
    }
    assert_eq!(wal(), before, "{what}: what may be mended is left");
}

#[tokio::test]
async fn the_log_of_a_killed_server_opens_as_it_is() {
    let left = killed_after(5).await;
    assert_eq!(verify(left.path()).unwrap().head.seq, Seq(50));
    assert_eq!(open(left.path()).unwrap().contents().head.seq, Seq(50));
}

#[tokio::test]
async fn a_log_with_an_older_note_as_a_power_cut_leaves_it_opens_as_it_is() {
    let running = tempfile::tempdir().unwrap();
    let log = open(running.path()).unwrap();
    let mut author = Author::of(&log);
    log.append(batch(author.say_many(3))).await.unwrap();
    let older = fs::read(running.path().join("lobby.head")).unwrap();
    log.append(batch(author.say_many(3))).await.unwrap();
    drop(log);
    fs::write(running.path().join("lobby.head"), older).unwrap();
    assert_eq!(verify(running.path()).unwrap().head.seq, Seq(6));
    assert_eq!(open(running.path()).unwrap().contents().head.seq, Seq(6));
    fs::remove_file(running.path().join("lobby.sqlite")).unwrap();
    assert!(open(running.path()).unwrap_err().to_string().contains("6 messages"), "noted anew at the start");
}

#[tokio::test]
async fn a_wal_that_is_removed_emptied_zeroed_cut_or_flipped_is_noticed() {
    let left = killed_after(5).await;
    let wal = left.path().join("lobby.sqlite-wal");
    let whole = fs::read(&wal).unwrap();

    fs::remove_file(&wal).unwrap();
    is_refused(left.path(), 1, "removed");
    fs::write(&wal, []).unwrap();
    is_refused(left.path(), 1, "emptied");
    fs::write(&wal, vec![0; whole.len()]).unwrap();
    is_refused(left.path(), 1, "zeroed");
    fs::write(&wal, &whole[..whole.len() - 1]).unwrap();
    is_refused(left.path(), 41, "cut by a byte");
    for at in [40, whole.len() - 100] {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        fs::write(&wal, flipped).unwrap();
        is_refused(left.path(), if at == 40 { 1 } else { 41 }, "flipped");
    }
    fs::write(&wal, &whole).unwrap();
    assert_eq!(open(left.path()).unwrap().contents().head.seq, Seq(50), "mended, it goes on");
}

#[tokio::test]
async fn an_administrator_can_go_on_without_the_missing_messages() {
    let left = killed_after(5).await;
    let wal = left.path().join("lobby.sqlite-wal");
    let whole = fs::read(&wal).unwrap();
    fs::write(&wal, &whole[..whole.len() - 1]).unwrap();
    fs::remove_file(left.path().join("lobby.head")).unwrap();
    assert_eq!(verify(left.path()).unwrap().head.seq, Seq(40));
    let log = open(left.path()).unwrap();
    let mut author = Author::of(&log);
    log.append(batch(author.say_many(1))).await.unwrap();
    drop(log);
    assert_eq!(open(left.path()).unwrap().contents().head.seq, Seq(41));
}

#[tokio::test]
async fn a_file_older_than_what_was_acknowledged_is_noticed_after_an_orderly_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lobby.sqlite");
    let say = async |count| {
        let log = open(folder.path()).unwrap();
        let mut author = Author::of(&log);
        log.append(batch(author.say_many(count))).await.unwrap();
    };
    say(7).await;
    let older = fs::read(&path).unwrap();
    say(1).await;
    fs::write(&path, &older).unwrap();
    is_refused(folder.path(), 8, "an older copy");
    // The log has gone on differently since then, as it does with a build that writes no notes.
    let note = fs::read(folder.path().join("lobby.head")).unwrap();
    fs::remove_file(folder.path().join("lobby.head")).unwrap();
    let log = open(folder.path()).unwrap();
    let mut author = Author::of(&log);
    log.append(batch(vec![author.say("another"), author.say("and more")])).await.unwrap();
    drop(log);
    fs::write(folder.path().join("lobby.head"), note).unwrap();
    let said = open(folder.path()).unwrap_err().to_string();
    assert!(said.contains("at message 8") && said.contains("was replaced"), "{said}");
}

#[tokio::test]
async fn a_log_that_is_gone_as_a_whole_is_not_begun_anew() {
    let left = killed_after(1).await;
    for file in ["lobby.sqlite", "lobby.sqlite-wal"] {
        fs::remove_file(left.path().join(file)).unwrap();
    }
    let said = open(left.path()).unwrap_err().to_string();
    assert!(
        said.contains("is gone") && said.contains("10 messages") && said.contains("lobby.head"),
        "{said}"
    );
    assert!(!left.path().join("lobby.sqlite").exists());
    fs::remove_file(left.path().join("lobby.head")).unwrap();
    assert_eq!(open(left.path()).unwrap().contents().head.seq, Seq(0));
}

#[tokio::test]
async fn another_log_in_its_place_is_noticed() {
    let (one, other) = (killed_after(2).await, killed_after(3).await);
    fs::copy(other.path().join("lobby.head"), one.path().join("lobby.head")).unwrap();
    let said = open(one.path()).unwrap_err().to_string();
    assert!(said.contains("tells of log") && said.contains("up to 30"), "{said}");
}

#[tokio::test]
async fn an_empty_log_and_one_with_only_names_have_nothing_to_lose() {
    let left = killed_after(0).await;
    fs::remove_file(left.path().join("lobby.sqlite-wal")).unwrap();
    assert_eq!(verify(left.path()).unwrap().messages, 0);
    assert_eq!(open(left.path()).unwrap().contents().head.seq, Seq(0));
}

#[tokio::test]
async fn a_log_whose_folder_is_gone_stores_nothing_more_and_does_not_touch_a_new_folder_there() {
    type Change = fn(&Path, &Path);
    let changes: [Change; 4] = [
        |_, dir| fs::remove_dir_all(dir).unwrap(),
        |root, dir| fs::rename(dir, root.join("elsewhere")).unwrap(),
        |_, dir| fs::remove_file(dir.join("lobby.sqlite")).unwrap(),
        |_, dir| fs::remove_file(dir.join("lobby.sqlite-wal")).unwrap(),
    ];
    for (which, change) in changes.into_iter().enumerate() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("server");
        let log = open(&dir).unwrap();
        let mut author = Author::of(&log);
        log.append(batch(author.say_many(3))).await.unwrap();
        change(root.path(), &dir);
        let refused = log.append(batch(author.say_many(1))).await.unwrap_err();
        assert!(
            matches!(&refused, LogError::Write(said) if said.contains("was deleted")),
            "{which}: {refused}"
        );
        if which < 2 {
            // Another server begins in its place, and is not disturbed by the end of the first.
            let second = open(&dir).unwrap();
            let mut author = Author::of(&second);
            second.append(batch(author.say_many(2))).await.unwrap();
            drop(log);
            second.append(batch(author.say_many(2))).await.unwrap();
            assert_eq!(verify(&dir).unwrap().messages, 4);
        }
        if which == 1 {
            let kept = open(&root.path().join("elsewhere")).unwrap();
            assert_eq!(kept.contents().head.seq, Seq(3), "what was acknowledged went with the folder");
        }
    }
}
