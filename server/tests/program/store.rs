//! The folder of the store when something happens to it: files that are damaged after a kill, a folder that goes away
//! while the server runs, and access rights of other users.

use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use hobnob_protocol::chain::Seq;
use hobnob_protocol::message::{NotAcceptedCode, ServerMessage};
use tempfile::tempdir;

use crate::stage::{ServerProcess, User, command, run_to_end};

const LISTEN: [&str; 2] = ["--listen", "127.0.0.1:0"];

/// A data directory in which a server was killed after `count` messages were acknowledged.
async fn killed_after(dir: &Path, count: u64) {
    let server = ServerProcess::start(dir, &["--log", "error"]);
    let (mut anna, _) = User::new("anna").join(server.addr).await;
    for id in 1..=count {
        anna.post(id, &format!("word {id}")).await;
    }
    server.kill();
}

#[tokio::test]
async fn a_wal_that_lost_its_end_is_reported_at_the_start_and_by_verify() {
    let dir = tempdir().unwrap();
    killed_after(dir.path(), 20).await;
    let wal = OpenOptions::new().write(true).open(dir.path().join("server/lobby.sqlite-wal")).unwrap();
    wal.set_len(wal.metadata().unwrap().len() - 1).unwrap();
    for args in [&["verify"][..], &LISTEN, &["verify"]] {
        let (code, said) = run_to_end(args, dir.path());
        assert_eq!(code, Some(1), "{args:?}: {said}");
        assert!(
            said.contains("damaged at message 20: it was acknowledged and is missing"),
            "{args:?}: {said}"
        );
        assert!(said.contains("lobby.head away to go on without"), "{args:?}: {said}");
    }
    // An administrator can go on without the missing messages.
    fs::remove_file(dir.path().join("server/lobby.head")).unwrap();
    assert_eq!(run_to_end(&["verify"], dir.path()).0, Some(0));
    let server = ServerProcess::start(dir.path(), &[]);
    assert_eq!(User::new("bobby").join(server.addr).await.1.head.seq, Seq(19));
}

#[tokio::test]
async fn a_missing_wal_is_reported_and_a_kill_alone_does_no_harm() {
    let dir = tempdir().unwrap();
    killed_after(dir.path(), 5).await;
    assert_eq!(run_to_end(&["verify"], dir.path()), (Some(0), String::new()));
    killed_after(dir.path(), 5).await;
    fs::remove_file(dir.path().join("server/lobby.sqlite-wal")).unwrap();
    let (code, said) = run_to_end(&LISTEN, dir.path());
    assert_eq!(code, Some(1));
    assert!(said.contains("were acknowledged and are missing"), "{said}");
}

#[tokio::test]
async fn a_server_whose_folder_goes_away_ends_and_acknowledges_nothing_more() {
    type Change = fn(&Path);
    let changes: [Change; 3] = [
        |dir| fs::remove_dir_all(dir).unwrap(),
        |dir| fs::rename(dir, dir.with_extension("elsewhere")).unwrap(),
        |dir| fs::remove_file(dir.join("server/lock")).unwrap(),
    ];
    for change in changes {
        let root = tempdir().unwrap();
        let dir = root.path().join("data");
        let server = ServerProcess::start_heard(&dir, &[]);
        let addr = server.addr;
        let (mut anna, _) = User::new("anna").join(addr).await;
        anna.post(1, "before").await;
        let lock_alone = {
            change(&dir);
            dir.join("server/lobby.sqlite").exists()
        };
        anna.say(2, "after").await;
        let rest = anna.rest().await;
        let is_refusal =
            |message: &ServerMessage| *message == ServerMessage::not_accepted(2, NotAcceptedCode::Store);
        assert!(lock_alone || rest.iter().any(is_refusal), "{rest:?}");
        assert_eq!(rest.last(), Some(&ServerMessage::Closing), "{rest:?}");
        let (code, said) = server.end();
        assert_eq!(code, Some(1), "{said}");
        let last = said.lines().last().unwrap();
        assert!(last.starts_with("error: ") && last.contains("was deleted, renamed or replaced"), "{said}");
        // The next server there has the folder for itself.
        let second = ServerProcess::start(&dir, &[]);
        let (mut anna, _) = User::new("anna").join(second.addr).await;
        let seq = anna.post(1, "in the new place").await;
        assert!(lock_alone || seq == Seq(1));
        second.kill();
        assert_eq!(run_to_end(&["verify"], &dir).0, Some(0));
    }
}

#[tokio::test]
async fn a_data_directory_that_others_may_write_in_is_reported() {
    let root = tempdir().unwrap();
    let dir = root.path().join("data");
    let start = || {
        let server = ServerProcess::start_heard(&dir, &[]);
        server.signal("-TERM");
        server.end().1
    };
    assert!(!start().contains("others"), "a folder the server made is its owner's alone");
    fs::set_permissions(&dir, Permissions::from_mode(0o777)).unwrap();
    fs::set_permissions(dir.join("server"), Permissions::from_mode(0o770)).unwrap();
    let said = start();
    assert!(said.contains(&format!("others may write in {} (mode 777)", dir.display())), "{said}");
    assert!(
        said.contains(&format!("others may write in {} (mode 770)", dir.join("server").display())),
        "{said}"
    );
}

#[tokio::test]
async fn files_are_private_to_their_owner_whatever_the_umask() {
    let dir = tempdir().unwrap();
    for umask in ["000", "277"] {
        let mut shell = std::process::Command::new("sh");
        let script = format!("umask {umask}; exec \"$0\" \"$@\"");
        shell.env_clear().args(["-c", &script]).arg(command().get_program());
        shell.args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(dir.path()).stderr(Stdio::inherit());
        let server = ServerProcess::run(shell);
        for file in ["lock", "holder", "lobby.sqlite", "lobby.sqlite-wal", "lobby.head", "server.key"] {
            let mode =
                fs::metadata(dir.path().join("server").join(file)).unwrap().permissions().mode() & 0o777;
            // Files that are made anew at each start must not lock out their owner.
            assert_eq!(mode, 0o600, "{file} with umask {umask}");
        }
        server.signal("-TERM");
        assert!(server.wait().0.success());
    }
}
