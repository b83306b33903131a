//! Private sessions when the process of the other user, the server, or the link between the two dies.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::client::{Client, texts_of};
use crate::support::home::Home;
use crate::support::server::Server;

fn forked(server: &Server) -> [Client; 2] {
    let [anna, bobby] = ["anna", "bobby"].map(|name| server.join(name));
    anna.fork("bobby");
    bobby.wait(json!({"event": "opened", "peer": "anna"}));
    [anna, bobby]
}

#[test]
fn a_killed_peer_is_reported_as_gone_and_its_undelivered_texts_as_unsent() {
    let server = Server::start(&[]);
    let [anna, mut bobby] = forked(&server);
    anna.say("taken");
    bobby.process().kill_hard();
    anna.wait(json!({"event": "link", "session": 1, "state": "down"}));
    anna.send("never taken");
    let closed = anna.wait_within(Duration::from_secs(30), json!({"event": "closed", "session": 1}));
    assert_eq!(closed["reason"], "gone");
    anna.wait(json!({"event": "unsent", "session": 1, "text": "never taken"}));
    anna.has_no(json!({"event": "sent", "text": "never taken"}));
    anna.has_no(json!({"event": "unsent", "text": "taken"}));
    // On a pipe no session is current afterwards, and the lobby never sees what was meant for bobby.
    anna.say_in_vain("to whom?");
    let _output = anna.finish().ended_with(1);
}

#[test]
fn a_session_goes_on_while_the_server_is_dead_and_when_it_is_back() {
    let mut server = Server::start(&[]);
    let [anna, bobby] = forked(&server);
    bobby.send("\\sw 1");
    server.kill();
    anna.wait(json!({"event": "link", "session": 0, "state": "down"}));
    for number in 0..50 {
        anna.send(&format!("a{number}"));
        bobby.send(&format!("b{number}"));
    }
    let heard = [&anna, &bobby].map(|who| who.wait_count(50, json!({"event": "message", "kind": "peer"})));
    for (heard, letter) in heard.iter().zip(["b", "a"]) {
        let expected: Vec<String> = (0..50).map(|number| format!("{letter}{number}")).collect();
        assert_eq!(texts_of(heard), expected);
    }
    server.restart();
    anna.wait(json!({"event": "link", "session": 0, "state": "up"}));
    anna.say("still here");
    bobby.wait(json!({"event": "message", "text": "still here"}));
    anna.has_no(json!({"event": "link", "session": 1, "state": "down"}));
}

#[test]
fn private_talk_is_found_after_a_restart_in_a_new_session() {
    let server = Server::start(&[]);
    let (home, other) = (Home::new(), Home::new());
    let first = |flags: &[&str]| {
        let anna = server.client("anna").home(&home).args(flags.iter().copied()).join();
        let bobby = server.client("bobby").home(&other).join();
        anna.fork("bobby");
        bobby.wait(json!({"event": "opened"}));
        (anna, bobby)
    };
    let (mut anna, mut bobby) = first(&[]);
    for number in 0..25 {
        anna.say(&format!("kept {number}"));
    }
    bobby.send("\\sw 1");
    bobby.say("and the answer");
    anna.wait(json!({"event": "message", "text": "and the answer"}));
    for client in [&anna, &bobby] {
        client.ask("\\search answer", json!({"event": "kept", "text": "and the answer"}));
    }
    // The processes are killed and not closed, so what is found afterwards was already on the disk.
    anna.process().kill_hard();
    bobby.process().kill_hard();
    let (anna, bobby) = first(&[]);
    let history = |client: &Client, line: &str, count: usize| {
        client.send(line);
        let past: Vec<Value> = client.wait_count(count, json!({"event": "message", "replayed": true}));
        texts_of(&past)
    };
    let mut kept: Vec<String> = (6..25).map(|number| format!("kept {number}")).collect();
    kept.push("and the answer".to_owned());
    assert_eq!(history(&anna, "\\history", 20), kept);
    bobby.send("\\sw 1");
    assert_eq!(history(&bobby, "\\history 2", 2), ["kept 24", "and the answer"]);
}

#[test]
fn without_history_nothing_is_kept() {
    let server = Server::start(&[]);
    let home = Home::new();
    let anna = server.client("anna").home(&home).arg("--no-history").join();
    let bobby = server.join("bobby");
    anna.fork("bobby");
    anna.say("a secret");
    let _output = anna.finish().ended_with(0);
    bobby.wait(json!({"event": "message", "text": "a secret"}));
    assert!(home.key_file("anna").exists(), "this is where the client keeps its files");
    let mut folders = vec![home.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).unwrap();
                let found = bytes.windows(8).any(|window| window == b"a secret");
                assert!(!found, "{} contains the text", path.display());
            }
        }
    }
}
