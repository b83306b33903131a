//! A backup, which is made beside a running server or without one, and a server that goes on from it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use hobnob_protocol::chain::{Position, Seq};
use hobnob_protocol::content::{Act, ActKind, ActTarget};
use hobnob_protocol::message::{ClientMessage, Cursor, RefusedCode, ServerMessage};
use tempfile::tempdir;

use crate::stage::{Client, PATIENCE, ServerProcess, User, command, output, run_to_end};

/// Makes a backup. Returns its exit code, its standard output, and its standard error.
fn back_up(data: &Path, to: &Path) -> (Option<i32>, String, String) {
    let output = command().arg("backup").arg(to).arg("--data-dir").arg(data).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn names_in(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn do_act(id: u64, kind: &str, target: &str) -> ClientMessage {
    let target = Some(ActTarget::new(target).unwrap());
    let act = Act { kind: ActKind::new(kind).unwrap(), name: None, target, until: None, text: None };
    ClientMessage::Act { id, room: None, act, lasts: None }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backups_made_while_users_talk_are_sound_and_have_every_message_acknowledged_before() {
    let root = tempdir().unwrap();
    let data = root.path().join("data");
    let server = ServerProcess::start(&data, &["--rate", "100000"]);
    let (mut anna, welcome) = User::new("anna").join(server.addr).await;
    let (mut bobby, _) = User::new("bobby").join(server.addr).await;
    let mut backups = Vec::new();
    for round in 0..4u64 {
        for number in 1..=150 {
            anna.say(round * 150 + number, &format!("anna {round} {number}")).await;
            bobby.say(round * 150 + number, &format!("bobby {round} {number}")).await;
        }
        // Some texts are acknowledged by now; the others are stored while the copy is made.
        let (_, acknowledged) = anna.answer().await.unwrap();
        let to = root.path().join(format!("backup {round}"));
        let from = data.clone();
        let making = tokio::task::spawn_blocking(move || (back_up(&from, &to), to));
        let ((code, said, wrong), to) = making.await.unwrap();
        assert_eq!(code, Some(0), "{said}{wrong}");
        assert!(said.contains("copied to") && said.contains("sound; its "), "{said}");
        backups.push((to, acknowledged));
    }
    for (to, acknowledged) in backups {
        assert_eq!(names_in(&to), ["server"]);
        assert_eq!(names_in(&to.join("server")), ["lobby.head", "lobby.sqlite", "server.key"]);
        let told = output(&["verify"], &to);
        let restored = ServerProcess::start(&to, &[]);
        assert_eq!(restored.line.split("key ").nth(1), server.line.split("key ").nth(1), "the same key");
        let (mut carol, there) = User::new("carol").join(restored.addr).await;
        assert_eq!(there.log, welcome.log);
        assert!(there.head.seq >= acknowledged, "{} < {acknowledged}", there.head.seq);
        assert!(told.contains(&format!(" messages, 1 to {}, ", there.head.seq)), "{told}");
        // What is said there follows from the copied messages.
        let next = carol.post(1, "here").await;
        assert_eq!(next, there.head.seq.next());
    }
}

/// Says a text and waits until it comes back; ignores everything else.
async fn post(client: &mut Client, id: u64, text: &str) -> Seq {
    client.say(id, text).await;
    loop {
        let message = client.message().await;
        if message.content.text().is_some_and(|said| said.as_str() == text) {
            return message.seq;
        }
    }
}

#[tokio::test]
async fn a_server_goes_on_from_a_backup_with_names_rooms_and_bans_and_notices_cursors_beyond_it() {
    let root = tempdir().unwrap();
    let (data, to) = (root.path().join("data"), root.path().join("backup"));
    let boss = User::new("boss");
    let file = root.path().join("operators");
    fs::write(&file, boss.identity.public().fingerprint().to_string()).unwrap();
    let with_file = ["--operators", file.to_str().unwrap()];
    let server = ServerProcess::start(&data, &with_file);
    let (anna, troll) = (User::new("anna"), User::new("troll"));
    let (mut a, welcome) = anna.join(server.addr).await;
    let (mut t, _) = troll.join(server.addr).await;
    // This happens before anything is said in the lobby, because a text of the lobby would be skipped while the answer
    // about the room is looked for.
    let mut position = Position::start(&a.join_room("tea").await.log);
    a.say_in("tea", 1, "kept").await;
    assert_eq!(a.said_in("tea", &mut position).await.len(), 1);
    t.post(1, "spam").await;
    let (mut b, _) = boss.join(server.addr).await;
    b.send(&do_act(1, "ban", &troll.identity.public().fingerprint().to_string())).await;
    assert!(t.rest().await.iter().any(|message| matches!(message, ServerMessage::Refused(_))));
    post(&mut a, 2, "before").await;
    let (code, said, wrong) = back_up(&data, &to);
    assert_eq!(code, Some(0), "{wrong}");
    assert!(said.contains("sound; its 3 messages, 1 to 3, follow one from another, "), "{said}");
    let after = post(&mut a, 3, "after").await;
    assert_eq!(after, Seq(4));
    let read = a.position();
    server.kill();

    let server = ServerProcess::start(&to, &with_file);
    // The name still belongs to its key, and a client with a cursor beyond the backup is told that the cursor leads
    // nowhere.
    let mut hello = anna.hello();
    hello.cursor = Some(Cursor { log: welcome.log, position: read });
    let (mut a, welcome) = anna.join_with(server.addr, hello).await;
    assert_eq!((welcome.name.as_str(), welcome.head.seq, welcome.resumed), ("anna", Seq(3), false));
    let mut t = troll.ask(server.addr, troll.hello()).await;
    let refused =
        t.find(|m| if let ServerMessage::Refused(refused) = m { Some(refused) } else { None }).await;
    assert_eq!(refused.code, RefusedCode::Banned);
    assert_eq!(post(&mut a, 4, "and on").await, Seq(4));
    assert_eq!(a.join_room("tea").await.head.seq, Seq(1));
}

#[tokio::test]
async fn a_stopped_server_is_backed_up_and_files_are_private_whatever_the_umask() {
    let root = tempdir().unwrap();
    let data = root.path().join("data");
    let server = ServerProcess::start(&data, &[]);
    User::new("anna").join(server.addr).await.0.post(1, "hi").await;
    server.signal("-TERM");
    assert!(server.wait().0.success());
    let before = names_in(&data.join("server"));
    for umask in ["000", "277"] {
        let to = root.path().join(umask);
        let mut shell = std::process::Command::new("sh");
        shell.env_clear().args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\"")]);
        shell.arg(command().get_program()).arg("backup").arg(&to).arg("--data-dir").arg(&data);
        let output = shell.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!((mode(&to), mode(&to.join("server"))), (0o700, 0o700));
        for file in names_in(&to.join("server")) {
            assert_eq!(mode(&to.join("server").join(&file)), 0o600, "{file}");
        }
    }
    let left: Vec<String> = names_in(&data.join("server"));
    assert!(left.iter().all(|name| before.contains(name) || name.starts_with("lobby.sqlite-")), "{left:?}");
    let server = ServerProcess::start(&data, &[]);
    assert_eq!(User::new("bobby").join(server.addr).await.1.head.seq, Seq(1));
}

#[tokio::test]
async fn a_backup_overwrites_nothing_and_leaves_nothing_when_it_fails() {
    let root = tempdir().unwrap();
    let data = root.path().join("data");
    ServerProcess::start(&data, &[]).kill();
    let refused = |to: &Path, why: &str| {
        let before = names_in(root.path());
        let (code, said, wrong) = back_up(&data, to);
        assert_eq!((code, said.as_str()), (Some(1), ""), "{wrong}");
        assert!(wrong.contains(why), "{wrong}");
        assert_eq!(names_in(root.path()), before);
    };
    let full = root.path().join("full");
    fs::create_dir(&full).unwrap();
    fs::write(full.join("something"), "").unwrap();
    let file = root.path().join("file");
    fs::write(&file, "").unwrap();
    let link = root.path().join("link");
    std::os::unix::fs::symlink(root.path().join("nowhere"), &link).unwrap();
    for taken in [&full, &file, &link, &data] {
        refused(taken, "is there already and is not an empty folder");
    }
    refused(&root.path().join("no/such/place"), "cannot make a backup in");
    refused(Path::new("/"), "cannot be a new folder");
    // An empty folder is accepted.
    let empty = root.path().join("empty");
    fs::create_dir(&empty).unwrap();
    assert_eq!(back_up(&data, &empty).0, Some(0));
    assert_eq!(names_in(&empty), ["server"]);
    // A log that is not sound is not copied.
    let key = data.join("server/server.key");
    let lone = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    refused(&root.path().join("new"), "cannot copy the server's key");
    fs::write(&key, lone).unwrap();
    fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    refused(&root.path().join("new"), "cannot copy the server's key");
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    fs::remove_file(data.join("server/lobby.sqlite")).unwrap();
    refused(&root.path().join("new"), "see that it is there");
    assert_eq!(run_to_end(&["backup"], &data).0, Some(2));
}

#[tokio::test]
async fn a_log_that_lost_its_end_is_not_backed_up() {
    let root = tempdir().unwrap();
    let data = root.path().join("data");
    let server = ServerProcess::start(&data, &["--log", "error"]);
    let (mut anna, _) = User::new("anna").join(server.addr).await;
    for id in 1..=5 {
        anna.post(id, "word").await;
    }
    server.kill();
    fs::remove_file(data.join("server/lobby.sqlite-wal")).unwrap();
    let (code, _, wrong) = back_up(&data, &root.path().join("backup"));
    assert_eq!(code, Some(1));
    assert!(wrong.contains("were acknowledged and are missing"), "{wrong}");
    assert_eq!(names_in(root.path()), ["data"]);
}

/// Returns a data directory whose copy takes a while, and the program at the moment at which it has begun to make a
/// backup of it.
async fn begun(root: &Path) -> (PathBuf, std::process::Child) {
    let data = root.join("data");
    let server = ServerProcess::start(&data, &["--rate", "100000", "--log", "error"]);
    let (mut anna, _) = User::new("anna").join(server.addr).await;
    let long = "x".repeat(15_000);
    for id in 1..=1500 {
        anna.say(id, &long).await;
        // The client reads in between, because a server reads no further from a client that does not read.
        while id % 20 == 0 && anna.answer().await.unwrap().0 < id {}
    }
    server.kill();
    let to = root.join("backup");
    let mut making = command();
    making.arg("backup").arg(&to).arg("--data-dir").arg(&data);
    let mut making = making.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let since = Instant::now();
    let has_begun = || {
        let copy = |name: &String| root.join(name).join("server/lobby.sqlite");
        names_in(root).iter().filter(|name| name.contains(".unfinished-")).any(|name| copy(name).exists())
    };
    while !has_begun() {
        assert!(since.elapsed() < PATIENCE && making.try_wait().unwrap().is_none());
        std::thread::yield_now();
    }
    (to, making)
}

#[tokio::test]
async fn an_interrupted_backup_leaves_nothing_and_a_killed_one_nothing_that_looks_whole() {
    for signal in ["-TERM", "-INT", "-KILL"] {
        let root = tempdir().unwrap();
        let (to, mut making) = begun(root.path()).await;
        let pid = making.id().to_string();
        assert!(std::process::Command::new("kill").args([signal, &pid]).status().unwrap().success());
        let code = making.wait().unwrap().code();
        if code == Some(0) {
            // The backup was faster than the signal.
            assert_eq!(run_to_end(&["verify"], &to).0, Some(0));
            continue;
        }
        assert!(!to.exists(), "{signal}");
        if signal != "-KILL" {
            assert_eq!(code, Some(1), "{signal}");
            let mut said = String::new();
            std::io::Read::read_to_string(&mut making.stderr.take().unwrap(), &mut said).unwrap();
            assert!(said.contains("cut short; nothing is left of it"), "{said}");
            assert_eq!(names_in(root.path()), ["data"], "{signal}");
        }
        // The next backup can be made nevertheless.
        assert_eq!(back_up(&root.path().join("data"), &to).0, Some(0));
    }
}
