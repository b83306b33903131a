//! The echo bot of the examples.

use std::process::Command;

use serde_json::json;

use crate::support::home::Home;
use crate::support::launch::Launch;
use crate::support::server::Server;

#[test]
fn the_echo_bot_repeats_each_text_in_the_session_where_it_hears_it() {
    let server = Server::start(&[]);
    let python = Command::new("python3").arg("--version").output();
    assert!(python.is_ok_and(|it| it.status.success()), "the example needs python3");
    let anna = server.join("anna");
    anna.say("before");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/echo_bot.py");
    let run = format!("exec python3 {script} --server {} --name echo", server.address());
    let home = Home::new();
    let _bot = Launch::shell(&run).home(&home).spawn();
    anna.wait(json!({"event": "joined", "name": "echo"}));
    anna.say("hello {\"x\"} \\quit");
    anna.wait(json!({"event": "message", "from": "echo", "text": "hello {\"x\"} \\quit", "session": 0}));
    anna.fork("echo");
    anna.say("psst");
    anna.wait(json!({"event": "message", "from": "echo", "text": "psst", "session": 1}));
    anna.has_no(json!({"event": "message", "text": "before"}));
}
