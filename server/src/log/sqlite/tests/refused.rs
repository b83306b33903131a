//! Files and folders that are not opened as a log, and what the error says.

use super::*;

#[test]
fn a_database_that_was_opened_for_reading_is_refused_for_writing() {
    let folder = folder();
    drop(open(folder.path()));
    let reading = file::open_for_reading(folder.path()).unwrap();
    let text = file::require_writable(&reading).unwrap_err().to_string();
    assert!(text.contains("lobby.sqlite") && text.contains("read-only"), "{text}");
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error() {
    let folder = folder();
    fs::write(folder.path().join("server"), "a file").unwrap();
    assert!(matches!(try_open(&folder.path().join("server")), Err(LogError::Write(_))));
    fs::create_dir_all(folder.path().join("other/lobby.sqlite")).unwrap();
    assert!(matches!(try_open(&folder.path().join("other")), Err(LogError::Read(_))));
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
    drop(open(folder.path()));
    assert_eq!(verify(folder.path()).unwrap().messages, 0);
    for half in ["lobby.sqlite.new", "lobby.sqlite.new-journal"] {
        assert!(!folder.path().join(half).exists(), "{half}");
    }
}
