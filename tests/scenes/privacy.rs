//! Texts for a private session never reach the lobby: not while the session opens, not if it does not open, and not if
//! it ends while they are typed.

use serde_json::json;

use crate::support::LONG_DEADLINE;
use crate::support::client::{Client, texts_of};
use crate::support::output::Output;
use crate::support::server::Server;

/// Fails if `observer` saw a text that contains `secret`. The lobby has one order, so a text that is said after
/// everything that might have leaked is also seen after it.
#[track_caller]
fn lobby_never_heard(server: &Server, observer: &Client, secret: &str) {
    let mark = observer.mark();
    server.join("sentinel").say("sentinel");
    observer.wait_after(mark, json!({"event": "message", "text": "sentinel"}));
    // The texts of all sessions are checked: of the lobby, and of the rooms that the observer is in.
    let heard = texts_of(&observer.all(json!({"event": "message"})));
    let leaked: Vec<String> = heard.into_iter().filter(|text| text.contains(secret)).collect();
    assert!(leaked.is_empty(), "the observer heard {leaked:?}\n{}", observer.story());
}

/// Fails unless `text` was reported as unsent, and never as sent.
#[track_caller]
fn told_unsent(output: &Output, text: &str) {
    output.the(json!({"event": "unsent", "text": text}));
    output.has_no(json!({"event": "sent", "text": text}));
}

#[test]
fn texts_after_a_fork_of_an_absent_user_are_unsent() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    let output = server.client("anna").run_json("\\fork nobody\nsecret one\nsecret two\n").ended_with(1);
    output.the(json!({"event": "error", "code": "no_such_user"}));
    told_unsent(&output, "secret one");
    told_unsent(&output, "secret two");
    lobby_never_heard(&server, &observer, "secret");
}

#[test]
fn texts_for_a_private_session_reach_neither_the_room_it_was_forked_in_nor_the_lobby() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    observer.enter("tea");
    let bobby = server.join("bobby");
    for line in ["\\fork nobody", "\\fork an/na", "\\fork", "\\frok bobby", "\\sw bobby", "\\sw 7"] {
        let script = format!("\\join tea\n{line}\nsecret\n");
        let output = server.client("anna").run_json(script).ended_with(1);
        told_unsent(&output, "secret");
    }
    let script = "\\join tea\n\\fork bobby\nsecret to bobby\n\\leave\n\\sw tea\nin the room\n";
    let output = server.client("anna").run_json(script).ended_with(0);
    assert_eq!(output.the(json!({"event": "sent", "text": "in the room"}))["session"], 1);
    bobby.wait(json!({"event": "message", "kind": "peer", "text": "secret to bobby"}));
    observer.wait(json!({"event": "message", "room": "tea", "text": "in the room"}));
    lobby_never_heard(&server, &observer, "secret");
}

#[test]
fn texts_for_a_room_that_their_author_cannot_rejoin_reach_nobody() {
    let mut server = Server::start(&["--rooms", "1"]);
    let observer = server.join("observer");
    let anna = server.join("anna");
    // Nobody speaks in the room, so it vanishes with its users, and another room takes its place.
    anna.enter("tea");
    server.kill();
    anna.wait(json!({"event": "link", "state": "down"}));
    anna.send("secret");
    anna.freeze();
    server.restart();
    observer.wait(json!({"event": "link", "state": "up"}));
    observer.enter("dev");
    observer.say("the one room there may be");
    anna.thaw();
    anna.wait(json!({"event": "unsent", "text": "secret"}));
    anna.wait(json!({"event": "closed", "room": "tea", "reason": "gone"}));
    anna.say_in_vain("secret again");
    lobby_never_heard(&server, &observer, "secret");
}

#[test]
fn unsent_texts_are_reported_on_standard_error_of_a_plain_pipe() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    let output = server.client("anna").run("\\fork nobody\nsecret\n").ended_with(1);
    output.complains("nobody");
    output.complains("secret");
    lobby_never_heard(&server, &observer, "secret");
}

#[test]
fn texts_after_a_refused_fork_reach_nobody_else() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    let bobby = server.join("bobby");
    for line in ["\\fork anna", "\\fork an/na", "\\fork bobby\n\\lobby\n\\fork bobby"] {
        server.client("anna").run_json(format!("{line}\nsecret\n")).ended_with(1);
    }
    lobby_never_heard(&server, &observer, "secret");
    // If a fork of carmen fails in a session with bobby, the texts meant for her do not go to him.
    let _carmen = server.join("carmen");
    let output = server.client("anna").run_json("\\fork bobby\n\\fork carmen\nfor carmen\n").ended_with(1);
    output.the(json!({"event": "error", "code": "not_in_lobby"}));
    told_unsent(&output, "for carmen");
    bobby.has_no(json!({"event": "message", "text": "for carmen"}));
    lobby_never_heard(&server, &observer, "for carmen");
}

#[test]
fn after_a_failed_fork_the_user_may_say_where_texts_go() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let script = "\\fork nobody\nsecret\n\\lobby\npublic\n\\fork nobody\nsecret\n\\fork bobby\nprivate\n\
                  \\lobby\n\\fork nobody\nsecret\n\\sw bobby\nprivate again\n";
    let output = server.client("anna").run_json(script).ended_with(1);
    assert_eq!(output.all(json!({"event": "unsent", "text": "secret"})).len(), 3, "{}", output.story());
    assert_eq!(output.the(json!({"event": "sent", "text": "public"}))["session"], 0);
    for text in ["private", "private again"] {
        let session = &output.the(json!({"event": "sent", "text": text}))["session"];
        assert_ne!(session, 0);
        bobby.wait(json!({"event": "message", "kind": "peer", "text": text}));
    }
    assert_eq!(bobby.lobby_texts(), ["public"]);
}

#[test]
fn texts_for_a_frozen_peer_wait_and_reach_only_that_peer_when_it_goes_on() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    let [anna, bobby] = ["anna", "bobby"].map(|name| server.join(name));
    bobby.freeze();
    anna.send("\\fork bobby\nsecret");
    anna.wait(json!({"event": "forking", "peer": "bobby"}));
    lobby_never_heard(&server, &observer, "secret");
    anna.has_no(json!({"event": "opened"}));
    bobby.thaw();
    anna.wait(json!({"event": "opened", "peer": "bobby"}));
    assert_eq!(anna.wait(json!({"event": "sent", "text": "secret"}))["session"], 1);
    bobby.wait(json!({"event": "message", "kind": "peer", "text": "secret"}));
    lobby_never_heard(&server, &observer, "secret");
}

#[test]
fn texts_for_a_peer_that_stays_frozen_are_unsent_and_the_fork_is_reported_as_failed() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    let [anna, bobby] = ["anna", "bobby"].map(|name| server.join(name));
    bobby.freeze();
    anna.send("\\fork bobby\nsecret");
    anna.wait_within(LONG_DEADLINE, json!({"event": "error", "code": "peer_unreachable"}));
    anna.wait(json!({"event": "closed", "session": 1, "peer": "bobby", "reason": "failed"}));
    anna.wait(json!({"event": "unsent", "text": "secret"}));
    lobby_never_heard(&server, &observer, "secret");
    let output = anna.finish().ended_with(1);
    told_unsent(&output, "secret");
}

#[test]
fn texts_for_a_peer_that_dies_while_it_is_forked_are_unsent() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    let [anna, bobby] = ["anna", "bobby"].map(|name| server.join(name));
    bobby.freeze();
    anna.send("\\fork bobby\nsecret");
    anna.wait(json!({"event": "forking", "peer": "bobby"}));
    bobby.kill();
    anna.wait_within(LONG_DEADLINE, json!({"event": "unsent", "text": "secret"}));
    anna.wait(json!({"event": "closed", "session": 1, "reason": "failed"}));
    lobby_never_heard(&server, &observer, "secret");
}

#[test]
fn after_the_peer_left_texts_are_unsent_until_the_user_says_where_they_go() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    for way in ["\\leave", "\\quit"] {
        let [anna, bobby] = ["anna", "bobby"].map(|name| server.client(name).join());
        let (peer, session) = (bobby.name(), anna.fork(&bobby.name())["session"].clone());
        bobby.wait(json!({"event": "opened"}));
        bobby.ask("\\sw 1", json!({"event": "switched"}));
        bobby.send(way);
        anna.wait(json!({"event": "closed", "session": session, "peer": peer, "reason": "left"}));
        anna.say_in_vain("secret");
        anna.say_in_vain("secret again");
        anna.ask("\\lobby", json!({"event": "switched", "session": 0}));
        assert_eq!(anna.say("public")["session"], 0);
        let _output = anna.finish().ended_with(1);
    }
    lobby_never_heard(&server, &observer, "secret");
}

#[test]
fn each_text_typed_while_the_peer_leaves_is_delivered_or_reported_as_unsent() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    let [anna, bobby] = ["anna", "bobby"].map(|name| server.join(name));
    anna.fork("bobby");
    for number in 0..400 {
        anna.send(&format!("secret {number}"));
    }
    bobby.wait_count(50, json!({"event": "message", "kind": "peer"}));
    let heard = bobby.finish().ended_with(0);
    let told = anna.finish();
    for number in 0..400 {
        let text = format!("secret {number}");
        let sent = told.all(json!({"event": "sent", "text": text})).len();
        let unsent = told.all(json!({"event": "unsent", "text": text})).len();
        assert_eq!(sent + unsent, 1, "{text} was told {sent} times as sent, {unsent} times as not");
        let arrived = heard.all(json!({"event": "message", "kind": "peer", "text": text})).len();
        // If the acknowledgement of a text was lost, the text may have arrived although it was reported as unsent.
        assert!(arrived <= 1 && (sent == 0 || arrived == 1), "{text}: sent {sent}, arrived {arrived}");
    }
    let lost = told.all(json!({"event": "unsent"})).len();
    assert_eq!(told.code, Some(i32::from(lost > 0)), "{}", told.story());
    lobby_never_heard(&server, &observer, "secret");
}

#[test]
fn the_lobby_never_hears_a_text_of_a_private_session() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    let [anna, bobby] = ["anna", "bobby"].map(|name| server.join(name));
    anna.fork("bobby");
    bobby.wait(json!({"event": "opened"}));
    bobby.ask("\\sw 1", json!({"event": "switched"}));
    for number in 0..20 {
        anna.say(&format!("secret a{number}"));
        bobby.say(&format!("secret b{number}"));
    }
    lobby_never_heard(&server, &observer, "secret");
    let late = server.client("late").run_json("\\history 100\n").ended_with(0);
    assert!(!late.everything().contains("secret"), "{}", late.story());
}
