//! What this machine keeps of private sessions, and what a peer who floods a session can do with that.

use std::fs;

use serde_json::json;

use crate::support::client::Client;
use crate::support::home::Home;
use crate::support::server::Server;

/// The size limit of the history in this test, in bytes, which is the smallest possible. Half of it is for private
/// talk.
const MOST: u64 = 4 * 1024 * 1024;

/// How many texts the flood has. Together with their index they take more space than private talk may have.
const TEXTS: usize = 100;

/// Returns the most memory that the process of a client has used so far, in bytes.
fn peak_memory(client: &mut Client) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", client.process().pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[test]
fn a_flood_in_a_private_session_takes_neither_disk_nor_memory() {
    let (server, home) = (Server::start(&[]), Home::new());
    home.write_config(&format!("history-size = {MOST}\n"));
    let stranger = server.join("stranger");
    let mut bobby = server.client("bobby").home(&home).join();
    bobby.fork("stranger");
    stranger.wait(json!({"event": "opened"}));
    stranger.send("\\sw 1");
    let before = peak_memory(&mut bobby);
    let text = "\u{1}".repeat(16 * 1024);
    for _ in 0..TEXTS {
        stranger.send(&text);
    }
    stranger.send("the last");
    bobby.wait(json!({"event": "message", "text": "the last"}));
    // The texts that are shown in a session are kept in memory, too: a hundred texts of 16 KiB are 1.6 MB.
    let grown = peak_memory(&mut bobby) - before;
    assert!(grown < 64 * 1024 * 1024, "{grown}");
    let _ended = bobby.finish();
    let bytes = fs::metadata(home.data_dir().join("history.sqlite")).unwrap().len();
    assert!(bytes <= MOST, "{bytes}");

    // A new session shows the newest of the old texts, as many as somebody would read.
    let bobby = server.client("bobby").home(&home).join();
    bobby.fork("stranger");
    bobby.ask("\\history 5", json!({"event": "message", "text": "the last", "replayed": true}));
    assert!(bobby.all(json!({"event": "message", "replayed": true, "text": text})).len() < 5);
}
