//! Disks that fill, stores that cannot be written, files that are damaged.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::crashes::verified;
use crate::ledger::{notices, seen};
use crate::support::home::Home;
use crate::support::launch::Launch;
use crate::support::output::Output;
use crate::support::server::Server;

/// A small disk for one test; it is unmounted when it is dropped.
struct Disk(PathBuf);

impl Disk {
    /// Makes a disk of this many megabytes at `place`. Returns `None`, and prints the reason, if this machine does not
    /// allow it.
    fn at(place: &str, megabytes: u32) -> Option<Self> {
        std::fs::create_dir_all(place).unwrap();
        let size = format!("size={megabytes}m");
        match Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs", place]).output() {
            Ok(output) if output.status.success() => Some(Self(place.into())),
            Ok(output) => {
                eprintln!("skipped, no small disk: {}", String::from_utf8_lossy(&output.stderr).trim());
                None
            }
            Err(err) => {
                eprintln!("skipped, no small disk: mount: {err}");
                None
            }
        }
    }

    /// Fills the disk completely.
    fn fill(&self) {
        let mut ballast = File::create(self.ballast()).unwrap();
        for chunk in [vec![0; 64 * 1024], vec![0; 512]] {
            while ballast.write_all(&chunk).is_ok() {}
        }
    }

    fn relieve(&self) {
        std::fs::remove_file(self.ballast()).unwrap();
    }

    fn make_read_only(&self) {
        self.remount("ro");
    }

    fn grow(&self, megabytes: u32) {
        self.remount(&format!("size={megabytes}m"));
    }

    fn remount(&self, with: &str) {
        let option = format!("remount,{with}");
        let status = Command::new("mount").args(["-o", &option]).arg(&self.0).status().unwrap();
        assert!(status.success());
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // The disk is unmounted lazily, because a server that is just being killed may still have it open.
        let _gone = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// A server whose data is on a small disk.
fn on_small_disk() -> Option<(Server, Disk)> {
    on_disk_of(4)
}

fn on_disk_of(megabytes: u32) -> Option<(Server, Disk)> {
    let mut server = Server::start(&["--rate", "100000"]);
    server.kill();
    std::fs::remove_dir_all(server.data_dir()).unwrap();
    let disk = Disk::at(&server.data_dir(), megabytes)?;
    server.restart();
    Some((server, disk))
}

/// Starts a server on the data of a dead one, which must fail. Returns what it printed.
#[track_caller]
fn refuses_to_start(server: &Server) -> Output {
    let data = server.data_dir();
    let launch = Launch::server_program().args(["--listen", "127.0.0.1:0", "--data-dir", &data]);
    launch.run("").failed()
}

fn log_file(server: &Server, suffix: &str) -> PathBuf {
    Path::new(&server.data_dir()).join(format!("server/lobby.sqlite{suffix}"))
}

#[test]
fn a_full_disk_refuses_only_texts_and_takes_them_again_when_there_is_room() {
    let Some((mut server, disk)) = on_small_disk() else { return };
    let [anna, bobby] = ["anna", "bobby"].map(|name| server.join(name));
    anna.say("before");
    disk.fill();
    let long = "x".repeat(8000);
    let mut refused = 0;
    for number in 0..2000 {
        let text = format!("{number} {long}");
        anna.send(&text);
        let answer = anna.wait_event("an answer", |event| {
            (event["event"] == "sent" || event["event"] == "unsent") && event["text"] == json!(text)
        });
        refused += usize::from(answer["event"] == "unsent");
        if refused == 3 {
            break;
        }
    }
    assert_eq!(refused, 3, "the disk never filled");
    // A new client, its name and a private session do not need the disk.
    let carmen = server.join("carmen");
    assert_eq!(carmen.users(), ["anna", "bobby", "carmen"]);
    carmen.fork("anna");
    carmen.say("between us");
    anna.wait(json!({"event": "message", "kind": "peer", "text": "between us"}));
    disk.relieve();
    anna.say("after");
    bobby.wait(json!({"event": "message", "text": "after"}));
    let mut stored: Vec<String> =
        anna.all(json!({"event": "sent", "session": 0})).iter().map(|e| e["text"].to_string()).collect();
    let heard: Vec<String> = seen(&bobby).into_values().map(|text| json!(text).to_string()).collect();
    assert_eq!(heard, stored, "a text that was reported as unsent was seen");
    bobby.has_no(json!({"event": "link", "state": "down"}));
    server.kill();
    assert_eq!(verified(&server), stored.len());
    server.restart();
    let late = server.join("late");
    late.wait(json!({"event": "message", "text": "after"}));
    let shown: Vec<String> = seen(&late).into_values().map(|text| json!(text).to_string()).collect();
    assert_eq!(shown, stored.split_off(stored.len().saturating_sub(20)));
}

/// Fills a disk on which the last room goes while SQLite commits: it has lengthened its `-wal` file, but cannot
/// lengthen the index of it. Returns the server, how many texts were reported as sent, and the disk.
fn filled_within_a_commit() -> Option<(Server, usize, Disk)> {
    let (server, disk) = on_disk_of(24)?;
    let anna = server.join("anna");
    let long = "x".repeat(6000);
    let answered = || [json!({"event": "sent"}), json!({"event": "unsent"})].map(|kind| anna.all(kind).len());
    for number in 0..4000 {
        let text = format!("{number} {long}");
        anna.send(&text);
        anna.wait_event("an answer", |event| {
            (event["event"] == "sent" || event["event"] == "unsent") && event["text"] == json!(text)
        });
        if number % 50 == 0 && answered()[1] > 3 {
            break;
        }
    }
    let [sent, unsent] = answered();
    assert!(unsent > 3, "the disk never filled");
    Some((server, sent, disk))
}

#[test]
fn a_text_that_was_refused_on_a_full_disk_is_not_in_the_log_of_a_killed_server() {
    let Some((mut server, sent, disk)) = filled_within_a_commit() else { return };
    server.kill();
    disk.grow(64);
    assert_eq!(verified(&server), sent);
}

#[test]
fn a_text_that_was_refused_on_a_full_disk_is_not_in_the_log_of_a_stopped_server() {
    let Some((mut server, sent, disk)) = filled_within_a_commit() else { return };
    let _output = server.stop(nix::sys::signal::Signal::SIGTERM, crate::support::DEADLINE).ended_with(0);
    disk.grow(64);
    assert_eq!(verified(&server), sent);
}

#[test]
fn a_server_killed_on_a_full_disk_keeps_every_acknowledged_text() {
    let Some((mut server, disk)) = on_small_disk() else { return };
    let anna = server.join("anna");
    disk.fill();
    let long = "x".repeat(4000);
    for round in 1..=3 {
        (0..60).for_each(|number| anna.send(&format!("{round} {number} {long}")));
        server.kill();
        disk.relieve();
        server.restart();
        if round < 3 {
            anna.wait_count(round, json!({"event": "link", "session": 0, "state": "up"}));
            disk.fill();
        }
    }
    anna.send("the last");
    anna.wait(json!({"event": "sent", "text": "the last"}));
    let answered = anna.all(json!({"event": "sent"})).len() + anna.all(json!({"event": "unsent"})).len();
    assert_eq!(answered, 3 * 60 + 1);
    server.kill();
    assert_eq!(verified(&server), anna.all(json!({"event": "sent"})).len());
}

#[test]
fn a_read_only_store_is_refused_with_advice() {
    let Some((mut server, disk)) = on_small_disk() else { return };
    server.join("anna").say("kept");
    server.kill();
    disk.make_read_only();
    refuses_to_start(&server).complains("read-only");
}

#[test]
fn a_damaged_store_is_refused_with_advice_and_left_unchanged() {
    let mut server = Server::start(&[]);
    let anna = server.join("anna");
    (0..50).for_each(|number| drop(anna.say(&format!("{number} {}", "x".repeat(2000)))));
    let _output = server.stop(nix::sys::signal::Signal::SIGTERM, crate::support::DEADLINE).ended_with(0);
    let path = log_file(&server, "");
    let mut file = OpenOptions::new().write(true).open(&path).unwrap();
    let middle = file.metadata().unwrap().len() / 2;
    file.seek(SeekFrom::Start(middle)).unwrap();
    file.write_all(&[0xa5; 16 * 1024]).unwrap();
    let damaged = std::fs::read(&path).unwrap();
    refuses_to_start(&server).complains("restore it from a backup");
    assert_eq!(std::fs::read(&path).unwrap(), damaged);
    let data = server.data_dir();
    let _output = Launch::server_program().args(["verify", "--data-dir", &data]).run("").failed();
    File::create(&path).unwrap();
    refuses_to_start(&server).complains("not a hobnob log");
}

#[test]
fn half_a_batch_at_the_end_of_the_log_is_ignored() {
    let mut server = Server::start(&[]);
    let anna = server.join("anna");
    (0..10).for_each(|number| drop(anna.say(&number.to_string())));
    server.kill();
    let mut wal = OpenOptions::new().append(true).open(log_file(&server, "-wal")).unwrap();
    wal.write_all(&[0x5a; 5000]).unwrap();
    assert_eq!(verified(&server), 10);
    server.restart();
    anna.say("after");
    assert_eq!(server.join("late").wait(json!({"event": "message", "text": "after"}))["seq"], 11);
}

#[test]
fn clients_are_told_when_the_disk_has_lost_messages_they_have_read() {
    let mut server = Server::start(&[]);
    let anna = server.join("anna");
    (0..10).for_each(|number| drop(anna.say(&number.to_string())));
    server.kill();
    let wal = OpenOptions::new().write(true).open(log_file(&server, "-wal")).unwrap();
    // This cuts off the last batches, which a crash of a process never does.
    wal.set_len(wal.metadata().unwrap().len() / 2).unwrap();
    refuses_to_start(&server).complains("were acknowledged and are missing");
    let data = server.data_dir();
    let checked = Launch::server_program().args(["verify", "--data-dir", &data]).run("").failed();
    checked.complains("were acknowledged and are missing");
    std::fs::remove_file(Path::new(&data).join("server/lobby.head")).unwrap();
    assert!(verified(&server) < 10);
    server.restart();
    anna.wait(json!({"event": "link", "session": 0, "state": "up"}));
    anna.say("after");
    assert_eq!(notices(&anna, "not the one read before").len(), 1, "{}", anna.story());
}

#[test]
fn a_backup_onto_a_full_disk_fails_and_leaves_no_file() {
    let server = Server::start(&["--rate", "100000"]);
    let anna = server.join("anna");
    let long = "x".repeat(8000);
    for number in 0..700 {
        anna.send(&format!("{number} {long}"));
    }
    anna.wait(json!({"event": "sent", "text": format!("699 {long}")}));
    let home = Home::new();
    let place = home.path().join("small");
    let Some(disk) = Disk::at(place.to_str().unwrap(), 4) else { return };
    let (data, to) = (server.data_dir(), place.join("backup").display().to_string());
    let backup = |to: &str| Launch::server_program().args(["backup", "--data-dir", &data, to]).run("");
    backup(&to).failed().complains("is full; no backup was made, and what was begun is removed");
    assert_eq!(std::fs::read_dir(&place).unwrap().count(), 0, "the failed backup left a file");
    disk.fill();
    let _failed = backup(&to).failed();
    assert_eq!(std::fs::read_dir(&place).unwrap().count(), 1, "only the ballast is left on the disk");
    // On another disk there is room, and the server has noticed nothing.
    let elsewhere = home.path().join("backup").display().to_string();
    let _copied = backup(&elsewhere).ended_with(0);
    anna.say("and on");
}
