//! Processes that are stopped and continued, as by a laptop that sleeps, by Ctrl-Z, or by a machine that swaps.

use std::time::Duration;

use serde_json::json;

use crate::chance::{Chance, Span};
use crate::ledger::{Speaker, adds_up, sees};
use crate::support::server::Server;

#[test]
fn processes_stopped_in_turn_lose_and_repeat_nothing() {
    let mut chance = Chance::new("frozen");
    let span = Span::rounds(10);
    let server = Server::start(&["--rate", "100000"]);
    let observers = ["dora", "emil"].map(|name| server.join(name));
    let mut speakers = ["anna", "bobby"].map(|name| Speaker::new(name, server.join(name)));
    let mut stops = 0;
    while span.goes_on(stops) {
        let victim = chance.below(4);
        match victim {
            0 => server.freeze(),
            1 => speakers[0].client.freeze(),
            2 => observers[0].freeze(),
            _ => observers[1].freeze(),
        }
        speakers.iter_mut().for_each(|speaker| speaker.type_many(chance.below(60)));
        chance.moment(Duration::from_millis(400));
        match victim {
            0 => server.thaw(),
            1 => speakers[0].client.thaw(),
            2 => observers[0].thaw(),
            _ => observers[1].thaw(),
        }
        stops += 1;
    }
    for speaker in &mut speakers {
        speaker.type_one();
        speaker.settle();
        let last = speaker.typed.last().unwrap();
        observers.iter().for_each(|observer| sees(observer, last));
    }
    let messages = adds_up(&speakers, &observers, &[]);
    for observer in &observers {
        observer.has_no(json!({"event": "link", "state": "down"}));
    }
    eprintln!("{stops} stops, {messages} messages");
}

#[test]
fn a_peer_that_was_stopped_for_a_while_hears_every_text_once() {
    let server = Server::start(&[]);
    let [anna, bobby] = ["anna", "bobby"].map(|name| server.join(name));
    anna.fork("bobby");
    bobby.wait(json!({"event": "opened", "peer": "anna"}));
    bobby.freeze();
    let words: Vec<String> = (0..200).map(|number| format!("word {number}")).collect();
    words.iter().for_each(|word| anna.send(word));
    anna.has_no(json!({"event": "sent", "session": 1}));
    bobby.thaw();
    let sent = anna.wait_count(200, json!({"event": "sent", "session": 1}));
    assert_eq!(crate::support::client::texts_of(&sent), words);
    let heard = bobby.wait_count(200, json!({"event": "message", "kind": "peer"}));
    assert_eq!(crate::support::client::texts_of(&heard), words);
    anna.has_no(json!({"event": "closed"}));
}

#[test]
fn a_fork_that_timed_out_opens_on_neither_side_when_the_server_answers_late() {
    let server = Server::start(&[]);
    let [anna, bobby] = ["anna", "bobby"].map(|name| server.join(name));
    assert_eq!(anna.users(), ["anna", "bobby"]);
    server.freeze();
    anna.send("\\fork bobby");
    anna.wait_within(Duration::from_secs(30), json!({"event": "closed", "session": 1, "reason": "failed"}));
    server.thaw();
    // The server handles the fork first and then the text that follows, so at that point both clients have been
    // introduced. A client that took itself for the side that was forked would dial after a second.
    anna.send("\\lobby");
    anna.say("it is back");
    bobby.wait(json!({"event": "message", "text": "it is back"}));
    anna.send("\\wait 3");
    anna.say("and still alone");
    for client in [&anna, &bobby] {
        client.has_no(json!({"event": "opened", "peer": "anna"}));
        client.has_no(json!({"event": "opened", "peer": "bobby"}));
    }
    // A fork that is asked for now opens.
    anna.fork("bobby");
    bobby.wait(json!({"event": "opened", "peer": "anna", "mode": "B"}));
}

#[test]
fn a_peer_that_was_stopped_until_its_link_was_lost_resumes_the_session() {
    let server = Server::start(&[]);
    let [anna, bobby] = ["anna", "bobby"].map(|name| server.join(name));
    anna.fork("bobby");
    bobby.wait(json!({"event": "opened", "peer": "anna"}));
    anna.say("before");
    bobby.freeze();
    anna.send("while it slept");
    // The loss is noticed only by the silence, which takes up to twenty seconds.
    anna.wait_within(Duration::from_secs(25), json!({"event": "link", "session": 1, "state": "down"}));
    anna.send("while the link was down");
    bobby.thaw();
    anna.wait_within(Duration::from_secs(30), json!({"event": "sent", "text": "while the link was down"}));
    anna.wait(json!({"event": "link", "session": 1, "state": "up"}));
    let heard = bobby.wait_count(3, json!({"event": "message", "kind": "peer"}));
    let texts = ["before", "while it slept", "while the link was down"];
    assert_eq!(crate::support::client::texts_of(&heard), texts);
    bobby.send("\\sw 1");
    bobby.say("and back");
    anna.wait(json!({"event": "message", "kind": "peer", "text": "and back"}));
    anna.has_no(json!({"event": "closed"}));
    bobby.has_no(json!({"event": "closed"}));
}
