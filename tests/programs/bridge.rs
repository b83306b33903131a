//! The example bridge: two rooms hear each other, and a bridge that was away goes on where it stopped.

use nix::sys::signal::Signal;
use serde_json::json;

use crate::support::home::Home;
use crate::support::launch::Launch;
use crate::support::process::Process;
use crate::support::server::Server;

/// Starts a bridge between the rooms tea and dev, which keeps its read positions in `home`.
fn bridge(server: &Server, home: &Home) -> Process {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/bridge.py");
    let file = home.path().join("places.json");
    let run = format!(
        "exec python3 {script} {} tea dev --server {} --name bridge",
        file.display(),
        server.address()
    );
    Launch::shell(&run).home(home).spawn()
}

#[test]
fn two_rooms_hear_each_other_and_nothing_is_carried_over_twice() {
    let server = Server::start(&[]);
    let (anna, bobby) = (server.join("anna"), server.join("bobby"));
    anna.enter("tea");
    bobby.enter("dev");
    anna.say("before the bridge");
    let home = Home::new();
    let first = bridge(&server, &home);
    anna.wait(json!({"event": "joined", "name": "bridge", "room": "tea"}));
    bobby.wait(json!({"event": "joined", "name": "bridge", "room": "dev"}));
    anna.say("hello, dev");
    bobby.wait(json!({"event": "message", "room": "dev", "from": "bridge", "text": "<anna> hello, dev"}));
    bobby.say("hello, tea");
    anna.wait(json!({"event": "message", "room": "tea", "from": "bridge", "text": "<bobby> hello, tea"}));
    first.signal(Signal::SIGTERM);
    anna.wait(json!({"event": "left", "name": "bridge", "room": "tea"}));
    anna.say("while it is away");
    let _second = bridge(&server, &home);
    bobby.wait(json!({"event": "message", "text": "<anna> while it is away"}));
    anna.say("and now");
    bobby.wait(json!({"event": "message", "text": "<anna> and now"}));
    assert_eq!(bobby.all(json!({"event": "message", "from": "bridge"})).len(), 3);
    anna.has_no(json!({"event": "message", "kind": "lobby", "from": "bridge"}));
}
