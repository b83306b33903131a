//! `\wait` with a condition.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::server::Server;

#[test]
fn a_script_waits_for_users_a_session_and_a_message() {
    let server = Server::start(&[]);
    let script = server.client("script").start_json();
    script.send("\\wait users 2 20\nboth here\n\\wait opened 20\n\\wait message bobby 20\nanswered");
    script.welcome();
    let bobby = server.join("bobby");
    bobby.wait(json!({"event": "message", "text": "both here"}));
    script.has_no(json!({"event": "sent", "text": "answered"}));
    bobby.fork("script");
    // A text that was said before a wait begins does not count, and bobby cannot know when the wait begins.
    let answered = json!({"event": "message", "text": "answered", "session": 0});
    while bobby.all(answered.clone()).is_empty() {
        bobby.say("hello");
    }
    script.finish().ended_with(0);
}

#[test]
fn a_wait_that_times_out_fails_and_so_does_the_script() {
    let server = Server::start(&[]);
    let anna = server.join("anna");
    anna.say("before");
    let begun = Instant::now();
    let output = server.client("script").run_json("\\wait message anna 1\nstill\n").ended_with(1);
    assert!(begun.elapsed() >= Duration::from_secs(1));
    output.the(json!({"event": "error", "command": "wait", "code": "refused"}));
    output.the(json!({"event": "sent", "text": "still"}));
}

#[test]
fn a_condition_that_already_holds_is_not_waited_for() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let begun = Instant::now();
    let script = "\\wait users 2\n\\fork bobby\n\\wait opened\n\\quit\n";
    server.client("script").run_json(script).ended_with(0);
    assert!(begun.elapsed() < Duration::from_secs(20), "the wait did not take its 30 s");
    drop(bobby);
}
