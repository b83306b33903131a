//! Rooms with the real programs: each room hears what is said in it and nothing else, also after lost links, and a text
//! for a room reaches nobody if it cannot be said there.

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::client::{Client, texts_of};
use crate::support::launch::Launch;
use crate::support::output::Output;
use crate::support::proxy::Proxy;
use crate::support::server::Server;

fn down() -> Value {
    json!({"event": "link", "session": 0, "state": "down"})
}

/// Returns what a client heard others say in a room.
fn heard_in(client: &Client, room: &str) -> Vec<String> {
    texts_of(&client.all(json!({"event": "message", "kind": "room", "room": room})))
}

/// Returns what others said in rooms, as the output of a run shows it.
fn said_in_rooms(output: &Output) -> Vec<String> {
    let said = output.all(json!({"event": "message", "kind": "room"}));
    said.into_iter().filter_map(|event| event["text"].as_str().map(str::to_owned)).collect()
}

/// Fails if a client outside the room heard `secret`.
#[track_caller]
fn nobody_else_heard(server: &Server, others: &[&Client], secret: &str) {
    let marks: Vec<usize> = others.iter().map(|other| other.mark()).collect();
    server.join("sentinel").say("sentinel");
    for (other, mark) in others.iter().zip(marks) {
        other.wait_after(mark, json!({"event": "message", "text": "sentinel"}));
        let leaked = other.all(json!({"event": "message"})).into_iter();
        let leaked: Vec<Value> =
            leaked.filter(|event| event["text"].as_str().is_some_and(|text| text.contains(secret))).collect();
        assert!(leaked.is_empty(), "a client outside the room heard {leaked:?}\n{}", other.story());
    }
}

#[test]
fn only_users_in_a_room_hear_it() {
    let server = Server::start(&[]);
    let [anna, bobby, carol] = ["anna", "bobby", "carol"].map(|name| server.join(name));
    let opened = anna.enter("tea");
    assert_eq!(opened["session"], 1);
    bobby.enter("#TEA");
    anna.wait(json!({"event": "joined", "name": "bobby", "session": 1, "room": "tea"}));
    assert_eq!(anna.say("secret tea")["session"], 1);
    bobby.wait(json!({"event": "message", "kind": "room", "room": "tea", "text": "secret tea", "session": 1, "seq": 1}));
    bobby.ask("\\lobby", json!({"event": "switched", "session": 0}));
    bobby.say("to all");
    carol.wait(json!({"event": "message", "kind": "lobby", "text": "to all"}));
    anna.wait(json!({"event": "message", "kind": "lobby", "text": "to all"}));
    carol.has_no(json!({"event": "joined", "room": "tea"}));
    nobody_else_heard(&server, &[&carol], "secret");
    // Numbers, users and history belong to the room.
    let users = anna.ask("\\users", json!({"event": "users", "session": 1, "room": "tea"}));
    assert_eq!(users["names"], json!(["anna", "bobby"]));
    let mark = anna.mark();
    anna.send("\\history 5");
    let said = anna.wait_after(mark, json!({"event": "message", "text": "secret tea"}));
    assert_eq!((&said["seq"], &said["replayed"]), (&json!(1), &json!(true)));
    let rooms = carol.ask("\\rooms", json!({"event": "rooms"}));
    assert_eq!((&rooms["rooms"][0]["name"], &rooms["rooms"][0]["users"]), (&json!("tea"), &json!(2)));
    bobby.send("\\sw tea");
    bobby.ask("\\leave", json!({"event": "closed", "session": 1, "room": "tea", "reason": "ended"}));
    anna.wait(json!({"event": "left", "name": "bobby", "room": "tea"}));
    anna.say("secret after bobby");
    nobody_else_heard(&server, &[&bobby, &carol], "secret after");
}

#[test]
fn anybody_in_a_room_sets_its_topic_and_newcomers_are_told() {
    let server = Server::start(&[]);
    let [anna, bobby] = ["anna", "bobby"].map(|name| server.join(name));
    anna.enter("tea");
    anna.ask(
        "\\topic Green, mostly",
        json!({"event": "topic", "session": 1, "text": "Green, mostly", "by": "anna"}),
    );
    bobby.enter("tea");
    bobby.wait(json!({"event": "topic", "room": "tea", "text": "Green, mostly"}));
    bobby.ask("\\topic Black, mostly", json!({"event": "topic", "text": "Black, mostly", "by": "bobby"}));
    anna.wait(json!({"event": "topic", "room": "tea", "text": "Black, mostly", "by": "bobby"}));
    let rooms = anna.ask("\\rooms", json!({"event": "rooms"}));
    assert_eq!(rooms["rooms"][0]["topic"], "Black, mostly");
    // In the lobby, operators set the topic.
    anna.ask("\\lobby", json!({"event": "switched"}));
    anna.ask("\\topic mine", json!({"event": "error", "command": "topic"}));
    bobby.has_no(json!({"event": "topic", "session": 0}));
    assert_eq!(heard_in(&bobby, "tea"), Vec::<String>::new(), "an act does not count as a message");
}

#[test]
fn texts_after_a_failed_join_reach_nobody() {
    let server = Server::start(&["--rooms", "1"]);
    let observer = server.join("observer");
    let other = server.join("other");
    other.enter("taken");
    for line in ["\\join tea", "\\join te/a", "\\join", "\\sw #tea", "\\jion tea", "\\channel tea"] {
        let output = server.client("anna").run_json(format!("{line}\nsecret\n")).ended_with(1);
        output.the(json!({"event": "unsent", "text": "secret"}));
        output.has_no(json!({"event": "sent"}));
    }
    // This program asks for a room and does not wait for the answer.
    let output = server.client("anna").run("\\join tea\nsecret\n").ended_with(1);
    output.complains("no room #tea");
    output.complains("secret");
    nobody_else_heard(&server, &[&observer, &other], "secret");
}

#[test]
fn after_a_lost_link_each_room_is_read_on_from_its_own_position_and_waiting_texts_go_out_once() {
    let server = Server::start(&[]);
    let proxy = Proxy::to(server.address());
    let anna = Launch::hobnob().server(&proxy.address()).name("anna").join();
    let [bobby, carol] = ["bobby", "carol"].map(|name| server.join(name));
    for room in ["tea", "dev"] {
        anna.enter(room);
        bobby.enter(room);
    }
    carol.enter("dev");
    bobby.send("\\sw tea");
    bobby.say("before");
    anna.wait(json!({"event": "message", "room": "tea", "text": "before"}));
    proxy.cut();
    anna.wait(down());
    for line in ["\\sw tea", "held tea 1", "held tea 2", "\\sw dev"] {
        anna.send(line);
    }
    bobby.wait(json!({"event": "left", "name": "anna", "room": "tea"}));
    bobby.say("meanwhile in tea");
    bobby.send("\\sw dev");
    bobby.say("meanwhile in dev");
    proxy.mend();
    anna.wait(json!({"event": "sent", "text": "held tea 2", "session": 1}));
    anna.say("said in dev");
    anna.wait(json!({"event": "message", "room": "tea", "text": "meanwhile in tea", "replayed": true}));
    anna.wait(json!({"event": "message", "room": "dev", "text": "meanwhile in dev", "replayed": true}));
    bobby.wait(json!({"event": "message", "room": "tea", "text": "held tea 2"}));
    bobby.wait(json!({"event": "message", "room": "dev", "text": "said in dev"}));
    assert_eq!(heard_in(&bobby, "tea"), ["held tea 1", "held tea 2"]);
    assert_eq!(heard_in(&bobby, "dev"), ["said in dev"]);
    carol.wait(json!({"event": "message", "room": "dev", "text": "said in dev"}));
    assert_eq!(heard_in(&anna, "tea"), ["before", "meanwhile in tea"]);
    // There is one event for the lobby and all rooms together.
    assert_eq!(anna.all(down()).len(), 1);
    anna.has_no(json!({"event": "link", "session": 1}));
    anna.has_no(json!({"event": "closed"}));
    nobody_else_heard(&server, &[&carol], "tea");
}

#[test]
fn a_restarted_server_has_its_rooms_and_their_users() {
    let mut server = Server::start(&[]);
    let [anna, bobby] = ["anna", "bobby"].map(|name| server.join(name));
    anna.enter("tea");
    bobby.enter("tea");
    for number in 0..20 {
        anna.say(&format!("before {number}"));
    }
    anna.ask("\\topic Oolong", json!({"event": "topic", "text": "Oolong"}));
    bobby.wait(json!({"event": "topic", "text": "Oolong"}));
    server.kill();
    for client in [&anna, &bobby] {
        client.wait(down());
    }
    (0..10).for_each(|number| anna.send(&format!("held {number}")));
    server.restart();
    anna.wait_count(10, json!({"event": "sent", "session": 1}));
    bobby.wait(json!({"event": "message", "room": "tea", "text": "held 9"}));
    let heard = heard_in(&bobby, "tea");
    let expected: Vec<String> =
        (0..20).map(|n| format!("before {n}")).chain((0..10).map(|n| format!("held {n}"))).collect();
    assert_eq!(heard, expected);
    let rooms = anna.ask("\\rooms", json!({"event": "rooms"}));
    assert_eq!(rooms["rooms"], json!([{"name": "tea", "users": 2, "topic": "Oolong"}]));
    let _ended = server.stop(Signal::SIGTERM, std::time::Duration::from_secs(10));
    anna.finish().ended_with(0).has_no(json!({"event": "unsent"}));
}

#[test]
fn a_private_session_is_forked_from_a_room() {
    let server = Server::start(&[]);
    let [anna, bobby] = ["anna", "bobby"].map(|name| server.join(name));
    let observer = server.join("observer");
    for client in [&anna, &bobby, &observer] {
        client.enter("tea");
    }
    assert_eq!(anna.fork("bobby")["session"], 2);
    assert_eq!(anna.say("secret")["session"], 2);
    bobby.wait(json!({"event": "message", "kind": "peer", "text": "secret"}));
    anna.ask("\\leave", json!({"event": "closed", "session": 2}));
    nobody_else_heard(&server, &[&observer], "secret");
}

#[test]
fn a_script_begins_in_no_room_and_is_told_what_it_missed_in_a_room_when_it_joins_again() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    bobby.enter("tea");
    bobby.say("before");
    let home = crate::support::home::Home::new();
    let run = |script: &str| server.client("anna").home(&home).run_json(script).ended_with(0);
    let first = run("\\join tea\nhere\n");
    assert_eq!(said_in_rooms(&first), ["before"]);
    bobby.wait(json!({"event": "message", "text": "here"}));
    bobby.say("anna, are you there?");
    bobby.say("gone");
    let second = run("\\ss\n\\wait 0\n");
    assert_eq!(second.the(json!({"event": "sessions"}))["sessions"].as_array().unwrap().len(), 1);
    second.has_no(json!({"event": "message", "kind": "room"}));
    let third = run("\\join tea\n\\wait joined tea\n");
    let missed = third.the(json!({"event": "missed", "session": 1, "room": "tea"}));
    assert_eq!((&missed["count"], &missed["mentions"], &missed["from"]), (&json!(2), &json!(1), &json!(3)));
    // `--since` says for each room where to begin.
    let bot = server.client("bot").args(["--since", "tea=3", "--since", "0"]).join();
    bot.enter("tea");
    bot.wait(json!({"event": "message", "room": "tea", "text": "gone", "replayed": true}));
    assert_eq!(heard_in(&bot, "tea"), ["gone"]);
    let found = server.client("anna").home(&home).run_json("\\search there in:#tea\n").ended_with(0);
    let found = found.the(json!({"event": "kept"}));
    assert_eq!((&found["kind"], &found["room"], &found["seq"]), (&json!("room"), &json!("tea"), &json!(3)));
    let log = server.client("anna").home(&home).arg("log").args(["--room", "#tea"]).run("");
    assert_eq!(log.stdout.iter().filter(|line| line.contains("[#tea] ")).count(), 4, "{}", log.story());
    let log = server.client("anna").home(&home).arg("log").args(["--room", "nix"]).run("").ended_with(0);
    log.complains("nothing is kept of the room #nix; the rooms are #tea");
    assert!(log.stdout.is_empty(), "{}", log.story());
    let log = server.client("anna").home(&home).arg("log").args(["--room", "tea", "unsaid"]).run("");
    assert!(log.stdout.is_empty() && log.stderr.is_empty(), "{}", log.story());
}

/// A stranger fills the list of rooms. The next room takes the place of one of his rooms, and the others find their own
/// rooms again, also after a restart.
#[test]
fn rooms_with_a_single_text_give_way_to_rooms_of_others() {
    let mut server = Server::start(&["--rooms", "3"]);
    let anna = server.join("anna");
    anna.enter("tea");
    anna.say("we meet here");
    for (number, name) in ["one", "two"].into_iter().enumerate() {
        let stranger = server.join(name);
        stranger.enter(&format!("junk{number}"));
        stranger.say("x");
        stranger.finish().ended_with(0);
    }
    server.kill();
    server.restart();
    anna.wait(json!({"event": "link", "session": 0, "state": "up"}));
    let bobby = server.join("bobby");
    bobby.enter("dev");
    bobby.say("and we here");
    let carol = server.join("carol");
    carol.enter("ops");
    let rooms = carol.ask("\\rooms", json!({"event": "rooms"}));
    let names: Vec<&str> =
        rooms["rooms"].as_array().unwrap().iter().map(|room| room["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["dev", "ops", "tea"]);
    let dora = server.join("dora");
    dora.ask_error("\\join more", "refused");
}
