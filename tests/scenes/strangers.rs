//! Strangers: what a user whom this user has not answered may do, and what he may not do.

use std::fs;
use std::time::Duration;

use serde_json::json;

use crate::support::home::Home;
use crate::support::launch::Launch;
use crate::support::server::Server;

/// Returns how many messages of private talk are on the disk.
fn kept_private_talk(home: &Home) -> usize {
    let log = Launch::hobnob().home(home).args(["log", "--json"]).run("").ended_with(0);
    log.stdout.iter().filter(|line| line.contains("\"kind\":\"peer\"")).count()
}

#[test]
fn an_unanswered_session_pins_nothing_and_leaves_no_file() {
    let server = Server::start(&[]);
    let home = Home::new();
    let anna = server.client("anna").home(&home).join();
    let bobby = server.join("bobby");
    bobby.fork("anna");
    bobby.say("anybody there?");
    anna.wait(json!({"event": "message", "text": "anybody there?"}));
    let known = || fs::read_to_string(home.data_dir().join("known_keys.toml")).unwrap();
    assert!(!known().contains("bobby") && kept_private_talk(&home) == 0, "{}", known());
    assert_eq!(anna.ask("\\whois bobby", json!({"event": "whois"}))["trusted"], false);
    anna.ask("\\sw 1", json!({"event": "switched"}));
    anna.say("here I am");
    anna.ask("\\search here", json!({"event": "kept", "peer": "bobby"}));
    assert!(known().contains("bobby") && kept_private_talk(&home) == 2, "{}", known());
    // The texts that the stranger said before the answer are kept together with the answer.
    let anna = {
        anna.finish().ended_with(0);
        server.client("anna").home(&home).join()
    };
    bobby.wait(json!({"event": "closed"}));
    bobby.ask("\\lobby", json!({"event": "switched"}));
    bobby.fork("anna");
    anna.wait(json!({"event": "opened"}));
    anna.ask("\\sw 1", json!({"event": "switched"}));
    anna.ask("\\history", json!({"event": "message", "text": "anybody there?", "replayed": true}));
}

#[test]
fn one_key_opens_one_session_in_ten_seconds() {
    let server = Server::start(&[]);
    let [anna, bobby] = [server.join("anna"), server.join("bobby")];
    bobby.fork("anna");
    anna.wait(json!({"event": "opened"}));
    bobby.ask("\\leave", json!({"event": "closed"}));
    anna.wait(json!({"event": "closed"}));
    for _ in 0..3 {
        bobby.ask_error("\\fork anna", "busy");
        bobby.ask("\\lobby", json!({"event": "switched"}));
    }
    assert_eq!(anna.all(json!({"event": "opened"})).len(), 1);
}

#[test]
fn strangers_open_as_many_sessions_as_the_config_file_says() {
    let server = Server::start(&[]);
    let home = Home::new();
    home.write_config("strangers = 1\n");
    let anna = server.client("anna").home(&home).join();
    let [bobby, carmen] = [server.join("bobby"), server.join("carmen")];
    bobby.fork("anna");
    anna.wait(json!({"event": "opened", "peer": "bobby"}));
    carmen.ask_error("\\fork anna", "busy");
    anna.wait_event("a word that somebody was refused", |event| {
        event["event"] == "notice" && event["text"].as_str().unwrap().contains("not answered")
    });
    anna.ask("\\sw bobby", json!({"event": "switched"}));
    anna.say("hello bobby");
    carmen.ask("\\lobby", json!({"event": "switched"}));
    carmen.fork("anna");
    anna.wait(json!({"event": "opened", "peer": "carmen"}));
}

#[test]
fn a_crowd_of_strangers_opens_sixteen_and_leaves_nothing_behind() {
    let server = Server::start(&[]);
    let home = Home::new();
    let anna = server.client("anna").home(&home).join();
    let crowd: Vec<_> = (0..20).map(|number| server.join(&format!("stranger{number}"))).collect();
    for stranger in &crowd {
        stranger.send("\\fork anna\nlisten!\n\\lobby");
    }
    for stranger in &crowd {
        stranger.wait(json!({"event": "switched", "session": 0}));
    }
    anna.wait_count(16, json!({"event": "message", "kind": "peer"}));
    // A text in the lobby comes after everything that the server was asked before.
    crowd[0].say("that was it");
    anna.wait(json!({"event": "message", "text": "that was it"}));
    assert_eq!(anna.all(json!({"event": "opened"})).len(), 16, "{}", anna.story());
    let refused = crowd.iter().filter(|it| !it.all(json!({"code": "busy"})).is_empty()).count();
    assert_eq!(refused, 4);
    let known = fs::read_to_string(home.data_dir().join("known_keys.toml")).unwrap();
    assert!(!known.contains("stranger"), "{known}");
    assert_eq!(kept_private_talk(&home), 0);
}

#[test]
fn an_ignored_user_opens_no_session_until_the_ignore_is_taken_back() {
    let server = Server::start(&[]);
    let [anna, bobby] = [server.join("anna"), server.join("bobby")];
    anna.send("\\ignore bobby");
    anna.wait_event("that bobby is ignored", |event| {
        event["event"] == "notice" && event["text"].as_str().unwrap().contains("refused")
    });
    bobby.ask_error("\\fork anna", "declined");
    anna.send("\\unignore bobby");
    anna.wait_event("that it is taken back", |event| {
        event["event"] == "notice" && event["text"].as_str().unwrap().contains("shown again")
    });
    bobby.ask("\\lobby", json!({"event": "switched"}));
    bobby.fork("anna");
    anna.wait(json!({"event": "opened"}));
    assert_eq!(anna.all(json!({"event": "opened"})).len(), 1);
}

#[test]
fn an_ignored_user_is_not_heard_in_an_open_session_either() {
    let server = Server::start(&[]);
    let home = Home::new();
    let anna = server.client("anna").home(&home).join();
    let bobby = server.join("bobby");
    bobby.fork("anna");
    anna.wait(json!({"event": "opened", "peer": "bobby"}));
    bobby.say("anna, one");
    let heard = anna.wait(json!({"event": "message", "text": "anna, one"}));
    assert!(heard.get("ignored").is_none(), "{heard}");
    anna.send("\\ignore bobby");
    anna.wait_event("that the session stays open", |event| {
        event["event"] == "notice" && event["text"].as_str().unwrap().contains("session 1 stays open")
    });
    bobby.say("anna, two");
    let ignored = anna.wait(json!({"event": "message", "text": "anna, two"}));
    assert_eq!(ignored["ignored"], true, "the message is not marked as ignored: {ignored}");
    let sessions = anna.ask("\\ss", json!({"event": "sessions"}));
    assert_eq!(sessions["sessions"][1]["unread"], 1, "an ignored message counts as unread: {sessions}");
    // The text is neither found again nor counted as a mention, whenever it was said.
    anna.ask("\\sw 1", json!({"event": "switched"}));
    anna.say("my own words");
    anna.ask("\\search anna", json!({"event": "notice"}));
    anna.ask("\\last", json!({"event": "notice"}));
    anna.has_no(json!({"event": "kept"}));
    for text in ["anna, one", "anna, two"] {
        let again = json!({"event": "message", "text": text, "replayed": true});
        assert_eq!(anna.ask("\\history", again)["ignored"], true);
    }
    // The notices about coming and going are marked, too.
    bobby.finish().ended_with(0);
    let left = anna.wait(json!({"event": "left", "name": "bobby"}));
    assert_eq!(left["ignored"], true, "{left}");
    anna.ask("\\unignore bobby", json!({"event": "notice"}));
    anna.ask("\\search one", json!({"event": "kept", "text": "anna, one"}));
    anna.ask("\\last", json!({"event": "kept", "text": "anna, two"}));
}

#[test]
fn the_clients_of_one_user_have_sessions_of_their_own_with_the_same_peer() {
    let server = Server::start(&[]);
    let home = Home::new();
    let bobby = server.join("bobby");
    let [one, two] = [(); 2].map(|()| server.client("anna").home(&home).join());
    assert_eq!(two.name(), "anna_2");
    one.fork("bobby");
    bobby.wait(json!({"event": "opened", "peer": "anna"}));
    // A key that was answered may open another session at once.
    bobby.ask("\\sw 1", json!({"event": "switched"}));
    bobby.say("to the first");
    two.fork("bobby");
    bobby.wait(json!({"event": "opened", "peer": "anna_2"}));
    bobby.ask("\\sw 2", json!({"event": "switched"}));
    bobby.say("to the second");
    two.wait(json!({"event": "message", "text": "to the second"}));
    one.wait(json!({"event": "message", "text": "to the first"}));
    one.say("still here");
    bobby.wait(json!({"event": "message", "session": 1, "text": "still here"}));
    for client in [&one, &two, &bobby] {
        client.has_no(json!({"event": "closed"}));
    }
    one.has_no(json!({"event": "message", "text": "to the second"}));
    // A run with the same name that follows a killed run takes the place of its session.
    one.kill();
    let again = server.client("anna").home(&home).join();
    assert_eq!(again.name(), "anna");
    again.fork("bobby");
    bobby.wait(json!({"event": "opened", "peer": "anna", "session": 3}));
    bobby.wait(json!({"event": "closed", "session": 1, "reason": "gone"}));
    two.say("nor this one");
    bobby.wait(json!({"event": "message", "session": 2, "text": "nor this one"}));
}

#[test]
fn a_fork_reported_as_failed_opens_on_neither_side() {
    let server = Server::start(&[]);
    let [anna, bobby] = [server.join("anna"), server.join("bobby")];
    server.freeze();
    anna.send("\\fork bobby");
    anna.wait_within(Duration::from_secs(20), json!({"event": "closed", "reason": "failed"}));
    server.thaw();
    anna.send("\\lobby");
    // When this event has come, everything that was waiting at the server has come, too.
    anna.wait(json!({"event": "switched", "session": 0}));
    anna.say("past it");
    bobby.wait(json!({"event": "message", "text": "past it"}));
    anna.fork("bobby");
    let opened = bobby.wait(json!({"event": "opened"}));
    assert_eq!(
        opened["session"],
        1,
        "the fork that was reported as failed was opened, too: {}",
        bobby.story()
    );
    assert_eq!(anna.all(json!({"event": "opened"})).len(), 1);
}

#[test]
fn with_the_lobby_down_no_error_suggests_a_command_that_is_refused() {
    let mut server = Server::start(&[]);
    let [anna, bobby] = [server.join("anna"), server.join("bobby")];
    anna.fork("bobby");
    bobby.wait(json!({"event": "opened"}));
    server.kill();
    anna.wait(json!({"event": "link", "session": 0, "state": "down"}));
    for command in ["\\users", "\\lobby", "\\fork carmen"] {
        let told = anna.ask_error(command, "lobby_down");
        assert!(!told["text"].as_str().unwrap().contains("\\lobby first"), "{told}");
    }
}
