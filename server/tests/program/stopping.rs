//! Signals: which of them end a server in order, and which one may be ignored.

use std::process::{Command, Stdio};

use hobnob_protocol::message::ServerMessage;
use tempfile::tempdir;

use crate::stage::{ServerProcess, User, command};

#[tokio::test]
async fn a_hangup_ends_the_server_in_order() {
    let dir = tempdir().unwrap();
    let server = ServerProcess::start_heard(dir.path(), &[]);
    let (mut anna, _) = User::new("anna").join(server.addr).await;
    anna.post(1, "kept").await;
    server.signal("-HUP");
    assert_eq!(anna.rest().await.last(), Some(&ServerMessage::Closing));
    let (code, said) = server.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("SIGHUP"), "{said}");
    assert!(!dir.path().join("server/lobby.sqlite-wal").exists(), "the log was closed");
}

#[tokio::test]
async fn a_hangup_that_was_ignored_at_the_start_stays_ignored() {
    let dir = tempdir().unwrap();
    let mut shell = Command::new("sh");
    shell.env_clear().args(["-c", "trap '' HUP; exec \"$0\" \"$@\""]).arg(command().get_program());
    shell.args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(dir.path()).stderr(Stdio::inherit());
    let server = ServerProcess::run(shell);
    let (mut anna, _) = User::new("anna").join(server.addr).await;
    server.signal("-HUP");
    anna.post(1, "still here").await;
    server.signal("-TERM");
    assert_eq!(anna.rest().await.last(), Some(&ServerMessage::Closing));
    assert!(server.wait().0.success());
}
