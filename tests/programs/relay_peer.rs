//! The example relay peer, which was written only from the page of the protocol: hobnob forks it, and they talk through
//! the server.

use std::process::Command;

use hobnob_protocol::identity::{Identity, create_private_dir};
use serde_json::json;

use crate::support::LONG_DEADLINE;
use crate::support::home::Home;
use crate::support::launch::Launch;
use crate::support::server::Server;

/// Makes a home in which this name has a key from the upper half, because the example must have the smaller key.
fn home_of(name: &str) -> Home {
    let home = Home::new();
    let file = home.key_file(name);
    create_private_dir(home.data_dir().as_path()).unwrap();
    create_private_dir(file.parent().unwrap()).unwrap();
    while Identity::load_or_create(&file).unwrap().public().as_bytes()[0] < 0x80 {
        std::fs::remove_file(&file).unwrap();
    }
    home
}

#[test]
fn hobnob_and_a_peer_in_python_talk_through_the_server() {
    for program in ["python3", "openssl"] {
        if let Err(err) = Command::new(program).arg("--help").output() {
            return eprintln!("skipped, no {program}: {err}");
        }
    }
    let server = Server::start(&[]);
    let (host, port) =
        server.address().rsplit_once(':').map(|(host, port)| (host.to_owned(), port.to_owned())).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/relay_peer.py");
    let home = Home::new();
    let run = format!("cd '{}' && exec python3 {script} {host} {port} pia", home.path().display());
    let _pia = Launch::shell(&run).home(&home).spawn();
    let home = home_of("anna");
    let anna = server.client("anna").home(&home).join();
    if !anna.users().iter().any(|name| name == "pia") {
        anna.wait_within(LONG_DEADLINE, json!({"event": "joined", "name": "pia"}));
    }
    anna.send("\\fork pia\nhello\nand more");
    anna.wait(json!({"event": "opened", "peer": "pia", "path": "relay"}));
    for text in ["hello", "and more"] {
        anna.wait(json!({"event": "sent", "session": 1, "text": text}));
        let back = format!("you said: {text}");
        anna.wait(json!({"event": "message", "kind": "peer", "from": "pia", "text": back}));
    }
    anna.send("\\leave");
    anna.wait(json!({"event": "closed", "session": 1}));
    // The example is there for the next session.
    anna.send("\\fork pia\nagain");
    anna.wait(json!({"event": "message", "kind": "peer", "text": "you said: again"}));
}
