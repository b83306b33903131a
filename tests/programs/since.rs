//! `--since`: a bridge that was away reads on where it stopped.

use serde_json::json;

use crate::support::server::Server;

#[test]
fn a_bridge_reads_on_after_its_number_and_sees_nothing_twice() {
    let server = Server::start(&[]);
    let anna = server.join("anna");
    for number in 1..=30 {
        anna.say(&number.to_string());
    }
    let bridge = server.client("bridge").args(["--since", "27"]).join();
    bridge.wait(json!({"event": "message", "text": "30"}));
    anna.say("new");
    bridge.wait(json!({"event": "message", "text": "new", "replayed": false, "seq": 31}));
    let missed = bridge.all(json!({"event": "message", "replayed": true}));
    let numbers: Vec<_> = missed.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [28, 29, 30]);

    let begun = server.client("begun").args(["--since", "31"]).join();
    anna.say("newest");
    begun.wait(json!({"event": "message", "text": "newest"}));
    assert_eq!(begun.lobby_texts(), ["newest"], "there is no backlog");
}

#[test]
fn a_bridge_is_told_of_messages_that_are_gone_and_of_a_number_that_does_not_exist_yet() {
    let server = Server::start(&["--history", "5"]);
    let anna = server.join("anna");
    for number in 1..=200 {
        anna.say(&number.to_string());
    }
    let output = server.client("late").args(["--since", "3"]).run_json("\\wait 0\n").ended_with(0);
    let notices = output.all(json!({"event": "notice"}));
    let told =
        notices.iter().any(|it| it["text"].as_str().unwrap().contains("messages after 3 are no longer"));
    assert!(told, "{}", output.story());
    let output = server.client("early").args(["--since", "5000"]).run_json("").ended_with(0);
    let notices = output.all(json!({"event": "notice"}));
    assert!(notices[0]["text"].as_str().unwrap().contains("5000 is of another log"), "{}", output.story());
    server.client("wrong").args(["--since", "x"]).run("").ended_with(2);
}
