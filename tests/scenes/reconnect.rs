//! The lobby is lost and comes back: texts typed meanwhile go out once, missed messages are shown once, and nobody is
//! told anything untrue.

use std::collections::HashMap;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::client::{Client, texts_of};
use crate::support::launch::Launch;
use crate::support::proxy::Proxy;
use crate::support::server::Server;

fn down() -> Value {
    json!({"event": "link", "session": 0, "state": "down"})
}

fn up() -> Value {
    json!({"event": "link", "session": 0, "state": "up"})
}

#[track_caller]
fn saw_loss(clients: &[&Client]) {
    for client in clients {
        client.wait(down());
    }
}

#[test]
fn lines_typed_while_the_lobby_is_down_go_out_once_in_order() {
    let mut server = Server::start(&[]);
    let [anna, bobby] = ["anna", "bobby"].map(|name| server.join(name));
    server.kill();
    saw_loss(&[&anna, &bobby]);
    let words: Vec<String> = (0..10).map(|number| format!("held {number}")).collect();
    for word in &words {
        anna.send(word);
    }
    anna.has_no(json!({"event": "sent"}));
    server.restart();
    assert_eq!(texts_of(&anna.wait_count(10, json!({"event": "sent", "session": 0}))), words);
    bobby.wait(json!({"event": "message", "text": "held 9"}));
    bobby.wait(up());
    anna.say("sentinel");
    bobby.wait(json!({"event": "message", "text": "sentinel"}));
    assert_eq!(bobby.lobby_texts()[..10], words);
    assert_eq!(bobby.lobby_texts().len(), 11);
    let _output = anna.finish().ended_with(0);
}

#[test]
fn a_client_that_cannot_rejoin_is_told_why_once_and_rejoins_when_it_may() {
    let server = Server::start(&["--max-clients", "2"]);
    let proxy = Proxy::to(server.address());
    let anna = server.join("anna");
    let bobby = Launch::hobnob().server(&proxy.address()).name("bobby").join();
    proxy.cut();
    bobby.wait(down());
    anna.wait(json!({"event": "left", "name": "bobby"}));
    let carmen = server.join("carmen");
    proxy.mend();
    let is_told = |event: &Value| {
        let text = event["text"].as_str().unwrap_or_default();
        event["event"] == "notice" && text.contains("as many clients as it takes")
    };
    bobby.wait_event("a notice that the lobby is full", is_told);
    let _output = carmen.finish().ended_with(0);
    bobby.wait(up());
    let told = bobby.all(json!({"event": "notice"})).iter().filter(|event| is_told(event)).count();
    assert_eq!(told, 1, "{}", bobby.story());
    let _output = bobby.finish().ended_with(0);
}

#[test]
fn messages_missed_are_shown_once_in_order_as_replayed() {
    let server = Server::start(&[]);
    let proxy = Proxy::to(server.address());
    let anna = server.join("anna");
    let bobby = Launch::hobnob().server(&proxy.address()).name("bobby").join();
    anna.say("before");
    bobby.wait(json!({"event": "message", "text": "before"}));
    proxy.cut();
    bobby.wait(down());
    anna.wait(json!({"event": "left", "name": "bobby"}));
    for number in 0..30 {
        anna.say(&format!("missed {number}"));
    }
    proxy.mend();
    bobby.wait(up());
    anna.say("after");
    let after = bobby.wait(json!({"event": "message", "text": "after"}));
    assert_ne!(after["replayed"], true);
    let mut expected = vec!["before".to_owned()];
    expected.extend((0..30).map(|number| format!("missed {number}")));
    expected.push("after".to_owned());
    assert_eq!(bobby.lobby_texts(), expected);
    for message in bobby.all(json!({"event": "message"})) {
        let missed = message["text"].as_str().unwrap().starts_with("missed");
        assert_eq!(message["replayed"] == true, missed, "{message}");
    }
    bobby.send("\\users");
    let names = bobby.wait(json!({"event": "users"}))["names"].clone();
    assert!(names.as_array().unwrap().contains(&json!("bobby")), "the client has another name now: {names}");
}

#[test]
fn a_link_that_is_cut_briefly_is_mended_each_time() {
    let server = Server::start(&[]);
    let proxy = Proxy::to(server.address());
    let bobby = Launch::hobnob().server(&proxy.address()).name("bobby").join();
    for round in 1..=5 {
        proxy.cut();
        bobby.wait_count(round, down());
        proxy.mend();
        bobby.wait_count(round, up());
        bobby.say(&format!("round {round}"));
    }
    assert_eq!(bobby.users(), ["bobby"]);
    let _output = bobby.finish().ended_with(0);
}

#[test]
fn numbers_go_on_where_they_stopped_when_the_server_was_killed() {
    let mut server = Server::start(&[]);
    let anna = server.join("anna");
    let mut last = 0;
    for round in 1..=3 {
        let seq = anna.say(&format!("round {round}"))["seq"].as_u64().unwrap();
        assert!(seq > last, "{seq} after {last}");
        last = seq;
        server.kill();
        anna.wait_count(round, down());
        server.restart();
        anna.wait_count(round, up());
    }
    let late = server.join("late");
    late.wait(json!({"event": "message", "text": "round 3", "replayed": true}));
    assert_eq!(late.lobby_texts(), ["round 1", "round 2", "round 3"]);
}

/// Returns the number of every text that one client saw; checks that each text comes once and that the numbers rise.
#[track_caller]
fn ledger(who: &str, messages: &[Value]) -> HashMap<String, u64> {
    let mut seen = HashMap::new();
    let mut last = 0;
    for message in messages {
        let (seq, text) = (message["seq"].as_u64().unwrap(), message["text"].as_str().unwrap());
        assert!(seq > last, "{who} sees {seq} after {last}: {message}");
        last = seq;
        let twice = seen.insert(text.to_owned(), seq);
        assert_eq!(twice, None, "{who} sees {text:?} twice");
    }
    seen
}

#[test]
fn a_server_killed_under_load_loses_nothing_and_repeats_nothing() {
    const WORDS: usize = 600;
    let mut server = Server::start(&["--rate", "100000"]);
    let speakers = ["anna", "bobby"].map(|name| server.join(name));
    let observers = ["carmen", "dora"].map(|name| server.join(name));
    for number in 0..WORDS {
        for (who, speaker) in speakers.iter().enumerate() {
            speaker.send(&format!("{who}:{number}"));
        }
    }
    for share in 1..=3 {
        speakers[0].wait_count(WORDS * share / 5, json!({"event": "sent"}));
        server.kill();
        server.restart();
    }
    let mut truth = HashMap::new();
    for speaker in &speakers {
        for sent in speaker.wait_count(WORDS, json!({"event": "sent"})) {
            truth.insert(sent["text"].as_str().unwrap().to_owned(), sent["seq"].as_u64().unwrap());
        }
        speaker.has_no(json!({"event": "unsent"}));
    }
    assert_eq!(truth.len(), 2 * WORDS);
    for observer in &observers {
        let who = observer.name();
        let messages = observer.wait_count(2 * WORDS, json!({"event": "message", "session": 0}));
        assert_eq!(ledger(&who, &messages), truth, "{who} saw something else than the senders were told");
    }
    for speaker in speakers {
        let output = speaker.finish().ended_with(0);
        let own = output.all(json!({"event": "sent"}));
        let order: Vec<&Value> = own.iter().map(|sent| &sent["text"]).collect();
        let prefix = order[0].as_str().unwrap().split(':').next().unwrap();
        let typed: Vec<Value> = (0..WORDS).map(|number| json!(format!("{prefix}:{number}"))).collect();
        assert!(order.into_iter().eq(typed.iter()), "the texts were acknowledged out of order");
    }
}

#[test]
fn a_line_that_still_waits_at_the_end_of_input_is_reported_as_unsent() {
    let mut server = Server::start(&[]);
    let mut anna = server.join("anna");
    server.kill();
    anna.wait(down());
    anna.send("held for ever");
    anna.process().close_input();
    anna.process().wait_end(crate::support::LONG_DEADLINE);
    let output = anna.ended().ended_with(1);
    output.the(json!({"event": "unsent", "session": 0, "text": "held for ever"}));
    output.has_no(json!({"event": "sent"}));
}

#[test]
fn the_lobby_s_commands_say_that_it_is_down() {
    let mut server = Server::start(&[]);
    let anna = server.join("anna");
    server.kill();
    anna.wait(down());
    for command in ["\\users", "\\whois bobby", "\\lobby", "\\sw 0", "\\fork bobby"] {
        anna.ask_error(command, "lobby_down");
    }
}

#[test]
fn a_server_told_to_end_tells_its_clients_and_keeps_what_it_acknowledged() {
    let mut server = Server::start(&[]);
    let [anna, bobby] = ["anna", "bobby"].map(|name| server.join(name));
    anna.say("last words");
    let _output = server.stop(Signal::SIGTERM, Duration::from_secs(5)).ended_with(0);
    saw_loss(&[&anna, &bobby]);
    bobby.wait(json!({"event": "message", "text": "last words"}));
    server.restart();
    for client in [&anna, &bobby] {
        client.wait(up());
    }
    let late = server.join("late");
    late.wait(json!({"event": "message", "text": "last words", "replayed": true}));
}

#[test]
fn a_server_that_was_frozen_for_a_moment_loses_nothing() {
    let server = Server::start(&[]);
    let [anna, bobby] = ["anna", "bobby"].map(|name| server.join(name));
    server.freeze();
    anna.send("while frozen");
    server.thaw();
    anna.wait(json!({"event": "sent", "text": "while frozen"}));
    bobby.wait(json!({"event": "message", "text": "while frozen"}));
    anna.has_no(down());
    assert_eq!(server.join("carmen").users(), ["anna", "bobby", "carmen"]);
}

/// The client begins with a random one of its servers, so several clients begin with the full one.
#[test]
fn a_client_whose_first_server_is_full_joins_the_next_one() {
    let (full, free) = (Server::start(&["--max-clients", "1"]), Server::start(&[]));
    let _anna = full.join("anna");
    let servers = format!("{},{}", full.address(), free.address());
    for number in 0..8 {
        let bobby = Launch::hobnob().server(&servers).name(&format!("bobby{number}")).join();
        let _output = bobby.finish().ended_with(0);
    }
}
