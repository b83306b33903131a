//! Private sessions: their numbers, how they end, and the texts in them.

use serde_json::{Value, json};

use crate::support::client::{Client, texts_of};
use crate::support::server::Server;

/// Returns the row of session `id`.
#[track_caller]
fn row(client: &Client, id: u64) -> Option<Value> {
    client.sessions().into_iter().find(|row| row["id"] == id)
}

/// Starts the clients with these names.
fn cast<const N: usize>(server: &Server, names: [&str; N]) -> [Client; N] {
    names.map(|name| server.join(name))
}

/// Says a text in a session, so that the peer may soon open another session.
#[track_caller]
fn answer(client: &Client, session: u64) {
    client.ask(&format!("\\sw {session}"), json!({"event": "switched", "session": session}));
    client.say("yes?");
}

#[test]
fn a_fork_opens_one_session_and_both_sides_are_told() {
    let server = Server::start(&[]);
    let [anna, bobby] = cast(&server, ["anna", "bobby"]);
    anna.send("\\fork bobby");
    let forking = anna.wait(json!({"event": "forking"}));
    assert_eq!((&forking["session"], &forking["peer"]), (&json!(1), &json!("bobby")));
    let near = anna.wait(json!({"event": "opened"}));
    let far = bobby.wait(json!({"event": "opened"}));
    assert_eq!((&near["session"], &near["peer"], &near["mode"]), (&json!(1), &json!("bobby"), &json!("A")));
    assert_eq!((&far["session"], &far["peer"], &far["mode"]), (&json!(1), &json!("anna"), &json!("B")));
    assert_eq!((&near["path"], &far["path"]), (&json!("direct"), &json!("direct")));
    assert_eq!(near["fingerprint"], bobby.fingerprint());
    assert_eq!(far["fingerprint"], anna.fingerprint());
    assert_eq!(near["key_exchange"], "X25519MLKEM768");
    assert_eq!(far["key_exchange"], "X25519MLKEM768");
}

#[test]
fn a_fork_makes_the_session_current_only_for_the_user_who_forked() {
    let server = Server::start(&[]);
    let [anna, bobby] = cast(&server, ["anna", "bobby"]);
    anna.fork("bobby");
    bobby.wait(json!({"event": "opened"}));
    assert_eq!(row(&anna, 1).unwrap()["current"], true);
    assert_eq!(row(&bobby, 0).unwrap()["current"], true);
    let sent = anna.say("psst");
    assert_eq!(sent["session"], 1);
    let message = bobby.wait(json!({"event": "message", "text": "psst"}));
    assert_eq!((&message["session"], &message["kind"]), (&json!(1), &json!("peer")));
    assert_eq!(message["from"], "anna");
    assert_eq!(bobby.say("to all")["session"], 0);
    bobby.ask("\\sw 1", json!({"event": "switched", "session": 1}));
    assert_eq!(bobby.say("yes?")["session"], 1);
    let answer = anna.wait(json!({"event": "message", "text": "yes?"}));
    assert_eq!((&answer["session"], &answer["from"]), (&json!(1), &json!("bobby")));
}

#[test]
fn peer_messages_carry_the_mode_s_prefix_on_a_pipe() {
    let server = Server::start(&[]);
    let carmen = server.join("carmen");
    let anna = server.client("anna").start();
    let bobby = server.client("bobby").start();
    carmen.wait(json!({"event": "joined", "name": "anna"}));
    carmen.wait(json!({"event": "joined", "name": "bobby"}));
    anna.send("\\fork bobby\nfrom anna");
    bobby.wait_line("P~> <anna> from anna");
    bobby.send("\\sw anna\nfrom bobby");
    anna.wait_line("P-> <bobby> from bobby");
    carmen.say("from carmen");
    anna.wait_line("carmen: from carmen");
    bobby.wait_line("carmen: from carmen");
    let [anna, bobby] = [anna, bobby].map(|client| client.finish());
    for output in [&anna, &bobby] {
        assert!(output.stderr.is_empty(), "{}", output.story());
        assert!(!output.everything().contains('\u{1b}'), "{}", output.story());
    }
    let _outputs = (anna.ended_with(0), bobby.ended_with(0));
}

#[test]
fn sessions_are_numbered_as_they_open_and_numbers_are_never_used_twice() {
    let server = Server::start(&[]);
    let [anna, bobby, carmen] = cast(&server, ["anna", "bobby", "carmen"]);
    assert_eq!(anna.fork("bobby")["session"], 1);
    bobby.wait(json!({"event": "opened"}));
    answer(&bobby, 1);
    anna.ask("\\leave", json!({"event": "closed", "session": 1, "reason": "ended"}));
    bobby.wait(json!({"event": "closed", "session": 1, "peer": "anna", "reason": "left"}));
    assert_eq!(anna.fork("carmen")["session"], 2);
    anna.ask("\\lobby", json!({"event": "switched"}));
    assert_eq!(anna.fork("bobby")["session"], 3);
    bobby.wait(json!({"event": "opened", "session": 2}));
    carmen.wait(json!({"event": "opened", "session": 1}));
    anna.ask_error("\\sw 1", "no_such_session");
}

#[test]
fn sessions_show_mode_peer_state_and_unread() {
    let server = Server::start(&[]);
    let [anna, bobby] = cast(&server, ["anna", "bobby"]);
    anna.fork("bobby");
    bobby.wait(json!({"event": "opened"}));
    for text in ["one", "two", "three"] {
        anna.say(text);
    }
    bobby.wait(json!({"event": "message", "text": "three"}));
    let there = row(&bobby, 1).unwrap();
    assert_eq!((&there["kind"], &there["peer"]), (&json!("peer"), &json!("anna")));
    assert_eq!((&there["mode"], &there["state"]), (&json!("B"), &json!("up")));
    assert_eq!((&there["unread"], &there["current"]), (&json!(3), &json!(false)));
    bobby.say("public");
    anna.wait(json!({"event": "message", "text": "public"}));
    assert_eq!(row(&anna, 0).unwrap()["unread"], 1);
    assert_eq!(row(&anna, 1).unwrap()["mode"], "A");
    bobby.ask("\\sw 1", json!({"event": "switched"}));
    assert_eq!(row(&bobby, 1).unwrap()["unread"], 0);
    anna.ask("\\lobby", json!({"event": "switched"}));
    assert_eq!(row(&anna, 0).unwrap()["unread"], 0);
}

#[test]
fn the_current_session_is_starred_on_a_pipe() {
    let server = Server::start(&[]);
    let _bobby = server.join("bobby");
    let output = server.client("anna").run("\\fork bobby\n\\ss\n").ended_with(0);
    let starred: Vec<&String> = output.stdout.iter().filter(|line| line.contains('*')).collect();
    assert_eq!(starred.len(), 1, "{}", output.story());
    assert!(starred[0].contains("bobby") && starred[0].contains('1'), "{}", output.story());
}

#[test]
fn leave_ends_the_session_for_both_and_falls_back_to_the_lobby() {
    let server = Server::start(&[]);
    let [anna, bobby] = cast(&server, ["anna", "bobby"]);
    anna.fork("bobby");
    anna.ask("\\leave", json!({"event": "closed", "peer": "bobby", "reason": "ended"}));
    bobby.wait(json!({"event": "closed", "peer": "anna", "reason": "left"}));
    assert_eq!(anna.say("back in the lobby")["session"], 0);
    // For bobby the lobby was current all the time.
    assert_eq!(bobby.say("so am I")["session"], 0);
    assert_eq!(row(&anna, 1), None);
    assert_eq!(row(&bobby, 1), None);
}

#[test]
fn the_user_who_was_forked_may_leave_too() {
    let server = Server::start(&[]);
    let [anna, bobby] = cast(&server, ["anna", "bobby"]);
    anna.fork("bobby");
    bobby.wait(json!({"event": "opened"}));
    bobby.ask("\\sw 1", json!({"event": "switched"}));
    bobby.ask("\\leave", json!({"event": "closed", "reason": "ended"}));
    anna.wait(json!({"event": "closed", "session": 1, "reason": "left"}));
    assert_eq!(bobby.say("out again")["session"], 0);
    let _output = bobby.finish().ended_with(0);
}

#[test]
fn quitting_tells_every_peer_that_the_user_left() {
    let server = Server::start(&[]);
    let [anna, bobby, carmen] = cast(&server, ["anna", "bobby", "carmen"]);
    anna.fork("bobby");
    carmen.fork("anna");
    anna.wait(json!({"event": "opened", "peer": "carmen"}));
    let output = anna.finish().ended_with(0);
    for peer in ["bobby", "carmen"] {
        output.the(json!({"event": "closed", "peer": peer, "reason": "ended"}));
    }
    bobby.wait(json!({"event": "closed", "peer": "anna", "reason": "left"}));
    carmen.wait(json!({"event": "closed", "peer": "anna", "reason": "left"}));
}

#[test]
fn a_killed_peer_is_reported_as_gone() {
    let server = Server::start(&[]);
    let [anna, bobby] = cast(&server, ["anna", "bobby"]);
    anna.fork("bobby");
    bobby.wait(json!({"event": "opened"}));
    bobby.kill();
    let what = "the session's link down, or the session gone";
    anna.wait_event(what, |event| {
        (event["event"] == "link" && event["session"] == 1 && event["state"] == "down")
            || (event["event"] == "closed" && event["reason"] == "gone")
    });
}

#[test]
fn a_peer_that_stays_away_is_reported_as_gone_and_its_texts_as_unsent() {
    let server = Server::start(&[]);
    let [anna, bobby] = cast(&server, ["anna", "bobby"]);
    anna.fork("bobby");
    bobby.wait(json!({"event": "opened"}));
    bobby.kill();
    anna.send("are you there?");
    anna.wait_within(
        crate::support::LONG_DEADLINE,
        json!({"event": "closed", "session": 1, "peer": "bobby", "reason": "gone"}),
    );
    anna.wait(json!({"event": "unsent", "session": 1, "text": "are you there?"}));
    let _output = anna.finish().ended_with(1);
}

#[test]
fn texts_for_a_killed_peer_are_reported_as_unsent_at_the_end() {
    let server = Server::start(&[]);
    let [anna, bobby] = cast(&server, ["anna", "bobby"]);
    anna.fork("bobby");
    bobby.wait(json!({"event": "opened"}));
    bobby.kill();
    anna.send("are you there?");
    let mut anna = anna;
    anna.process().close_input();
    anna.process().wait_end(crate::support::LONG_DEADLINE);
    let output = anna.ended().ended_with(1);
    output.the(json!({"event": "unsent", "text": "are you there?"}));
    output.has_no(json!({"event": "sent", "text": "are you there?"}));
}

#[test]
fn two_users_who_fork_each_other_at_once_have_one_session() {
    let server = Server::start(&[]);
    let [anna, bobby] = cast(&server, ["anna", "bobby"]);
    for round in 1..=5 {
        anna.send("\\fork bobby");
        bobby.send("\\fork anna");
        let near = anna.wait_count(round, json!({"event": "opened"})).pop().unwrap();
        let far = bobby.wait_count(round, json!({"event": "opened"})).pop().unwrap();
        assert_ne!(
            near["mode"], far["mode"],
            "one side has to have mode A, and the other mode B: {near} {far}"
        );
        let up = |client: &Client| client.sessions().iter().filter(|row| row["kind"] == "peer").count();
        assert_eq!((up(&anna), up(&bobby)), (1, 1));
        for client in [&anna, &bobby] {
            let session = client.all(json!({"event": "opened"})).pop().unwrap()["session"].clone();
            client.ask(&format!("\\sw {session}"), json!({"event": "switched", "session": session}));
        }
        anna.say(&format!("a{round}"));
        bobby.say(&format!("b{round}"));
        bobby.wait(json!({"event": "message", "kind": "peer", "text": format!("a{round}")}));
        anna.wait(json!({"event": "message", "kind": "peer", "text": format!("b{round}")}));
        anna.ask("\\leave", json!({"event": "closed"}));
        bobby.wait_count(round, json!({"event": "closed", "reason": "left"}));
        bobby.ask("\\lobby", json!({"event": "switched", "session": 0}));
        assert_eq!(
            anna.all(json!({"event": "opened"})).len(),
            round,
            "the session was opened more than once"
        );
    }
}

#[test]
fn three_peers_at_once_each_hear_only_their_own_texts() {
    let server = Server::start(&[]);
    let anna = server.join("anna");
    let peers = cast(&server, ["bobby", "carmen", "dora"]);
    for name in ["bobby", "carmen", "dora"] {
        anna.fork(name);
        anna.say(&format!("for {name}"));
        anna.ask("\\lobby", json!({"event": "switched", "session": 0}));
    }
    for (number, name) in ["bobby", "carmen", "dora"].into_iter().enumerate() {
        anna.ask(&format!("\\sw {}", number + 1), json!({"event": "switched"}));
        anna.say(&format!("again for {name}"));
    }
    for (peer, name) in peers.iter().zip(["bobby", "carmen", "dora"]) {
        peer.wait(json!({"event": "message", "text": format!("again for {name}")}));
        let heard = texts_of(&peer.all(json!({"event": "message"})));
        assert_eq!(heard, [format!("for {name}"), format!("again for {name}")]);
    }
}

#[test]
fn five_users_may_fork_one_at_the_same_moment() {
    let server = Server::start(&[]);
    let anna = server.join("anna");
    let peers = cast(&server, ["bobby", "carmen", "dora", "emil", "fred"]);
    for peer in &peers {
        peer.send("\\fork anna\nhello anna");
    }
    let opened = anna.wait_count(5, json!({"event": "opened", "mode": "B"}));
    let mut numbers: Vec<u64> = opened.iter().map(|event| event["session"].as_u64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    anna.wait_count(5, json!({"event": "message", "kind": "peer", "text": "hello anna"}));
    for event in opened {
        let text = format!("hello {}", event["peer"].as_str().unwrap());
        anna.ask(&format!("\\sw {}", event["session"]), json!({"event": "switched"}));
        anna.say(&text);
        let to = peers.iter().find(|peer| peer.name() == event["peer"].as_str().unwrap()).unwrap();
        to.wait(json!({"event": "message", "kind": "peer", "text": text}));
    }
}

#[test]
fn texts_in_both_directions_arrive_in_order() {
    let server = Server::start(&[]);
    let [anna, bobby] = cast(&server, ["anna", "bobby"]);
    anna.fork("bobby");
    bobby.wait(json!({"event": "opened"}));
    bobby.ask("\\sw 1", json!({"event": "switched"}));
    let words: Vec<String> = (0..500).map(|number| format!("word {number}")).collect();
    for word in &words {
        anna.send(word);
        bobby.send(word);
    }
    for client in [&anna, &bobby] {
        client.wait_count(500, json!({"event": "sent", "session": 1}));
        let heard = client.wait_count(500, json!({"event": "message", "session": 1}));
        assert_eq!(texts_of(&heard), words);
    }
}

#[test]
fn a_session_outlives_the_server() {
    let mut server = Server::start(&[]);
    let [anna, bobby] = cast(&server, ["anna", "bobby"]);
    anna.fork("bobby");
    bobby.wait(json!({"event": "opened"}));
    bobby.ask("\\sw 1", json!({"event": "switched"}));
    server.kill();
    for client in [&anna, &bobby] {
        client.wait(json!({"event": "link", "session": 0, "state": "down"}));
    }
    for number in 0..5 {
        anna.say(&format!("a{number}"));
        bobby.say(&format!("b{number}"));
    }
    bobby.wait(json!({"event": "message", "session": 1, "text": "a4"}));
    anna.wait(json!({"event": "message", "session": 1, "text": "b4"}));
    for command in ["\\lobby", "\\lob", "\\sw 0", "\\switch 0"] {
        anna.ask_error(command, "lobby_down");
        assert_eq!(row(&anna, 1).unwrap()["current"], true, "{command} did not stay in the session");
        assert_eq!(anna.say(&format!("after {command}"))["session"], 1);
    }
    assert_eq!(row(&anna, 0).unwrap()["state"], "down");
}

#[test]
fn history_in_a_session_is_only_of_that_session() {
    let server = Server::start(&[]);
    let [anna, bobby] = cast(&server, ["anna", "bobby"]);
    anna.say("public");
    anna.fork("bobby");
    anna.say("private");
    bobby.wait(json!({"event": "message", "text": "private"}));
    bobby.ask("\\sw 1", json!({"event": "switched"}));
    let mark = bobby.mark();
    let shown = bobby.ask("\\history", json!({"event": "message", "text": "private", "replayed": true}));
    assert_eq!((&shown["session"], &shown["from"]), (&json!(1), &json!("anna")));
    bobby.ask("\\ss", json!({"event": "sessions"}));
    let events = bobby.all(json!({"event": "message", "replayed": true, "text": "public"}));
    // There may be one event, from the backlog of a newcomer.
    assert!(events.len() <= 1 && mark > 0, "{}", bobby.story());
}

#[test]
fn a_peer_may_be_forked_again_after_leaving() {
    let server = Server::start(&[]);
    let [anna, bobby] = cast(&server, ["anna", "bobby"]);
    for round in 1..=3_u64 {
        assert_eq!(anna.fork("bobby")["session"], round);
        bobby.wait(json!({"event": "opened", "session": round}));
        anna.say(&format!("r{round}"));
        bobby.wait(json!({"event": "message", "session": round, "text": format!("r{round}")}));
        answer(&bobby, round);
        anna.ask("\\leave", json!({"event": "closed"}));
        bobby.wait(json!({"event": "closed", "session": round}));
    }
}
