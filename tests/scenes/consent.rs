//! Who may open a private session. A user who does not want one is not told to others.

use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::home::Home;
use crate::support::server::Server;

/// Starts a server, anna with this setting in her config file, and bobby.
fn anna_with(private: &str) -> (Server, Home, [Client; 2]) {
    let (server, home) = (Server::start(&[]), Home::new());
    home.write_config(&format!("private = \"{private}\"\n"));
    let anna = server.client("anna").home(&home).join();
    let bobby = server.join("bobby");
    (server, home, [anna, bobby])
}

#[track_caller]
fn is_asked(anna: &Client, name: &str, bobby: &Client) -> Value {
    let asked = anna.wait(json!({"event": "asked", "peer": name}));
    assert_eq!(asked["fingerprint"], bobby.fingerprint());
    asked
}

#[test]
fn a_user_who_asks_is_let_in_and_pinned_when_this_user_says_yes() {
    let (_server, home, [anna, bobby]) = anna_with("ask");
    bobby.send("\\fork anna\nhello?");
    is_asked(&anna, "bobby", &bobby);
    bobby.wait_event("that anna is asked", |event| {
        event["event"] == "notice" && event["text"].as_str().unwrap().contains("anna is asked")
    });
    bobby.has_no(json!({"event": "opened"}));
    anna.send("\\accept BOBBY");
    anna.wait(json!({"event": "opened", "peer": "bobby", "mode": "B"}));
    bobby.wait(json!({"event": "opened", "peer": "anna", "mode": "A"}));
    anna.wait(json!({"event": "message", "kind": "peer", "text": "hello?"}));
    // The new session has not changed where anna's lines go.
    assert_eq!(anna.sessions()[0]["current"], true);
    let known = std::fs::read_to_string(home.data_dir().join("known_keys.toml")).unwrap();
    assert!(known.contains("bobby"), "{known}");
    anna.ask_error("\\accept bobby", "no_such_user");
    anna.ask_error("\\decline bobby", "no_such_user");
}

#[test]
fn a_declined_user_is_told_and_cannot_ask_again_at_once() {
    let (server, _home, [anna, bobby]) = anna_with("ask");
    bobby.send("\\fork anna\nsecret");
    is_asked(&anna, "bobby", &bobby);
    anna.send("\\decline bobby");
    let error = bobby.wait(json!({"event": "error", "command": "fork"}));
    assert_eq!(error["code"], "declined");
    assert_eq!(error["text"], "anna does not want to talk in private now");
    bobby.wait(json!({"event": "unsent", "text": "secret"}));
    bobby.ask("\\lobby", json!({"event": "switched"}));
    bobby.ask_error("\\fork anna", "declined");
    assert_eq!(anna.all(json!({"event": "asked"})).len(), 1);
    // Anna is asked about the next user, and her own wish counts as bobby's consent.
    let carmen = server.join("carmen");
    carmen.send("\\fork anna");
    is_asked(&anna, "carmen", &carmen);
    anna.send("\\fork carmen");
    for (client, peer) in [(&anna, "carmen"), (&carmen, "anna")] {
        client.wait(json!({"event": "opened", "peer": peer}));
        assert_eq!(client.all(json!({"event": "opened"})).len(), 1);
    }
    anna.ask("\\forget bobby", json!({"event": "error", "code": "no_such_user"}));
}

#[test]
fn a_question_for_consent_ends_when_its_user_leaves() {
    let (server, _home, [anna, bobby]) = anna_with("ask");
    for number in 0..20 {
        let stranger = server.join(&format!("stranger{number}"));
        stranger.send("\\fork anna");
        stranger.wait_event("that anna is asked", |event| {
            event["event"] == "notice" && event["text"].as_str().unwrap().contains("anna is asked")
        });
        stranger.kill();
        anna.wait(json!({"event": "left", "name": format!("stranger{number}")}));
    }
    bobby.send("\\fork anna");
    is_asked(&anna, "bobby", &bobby);
    assert!(anna.all(json!({"event": "asked"})).len() < 20);
    anna.ask_error("\\accept stranger19", "no_such_user");
    anna.send("\\accept bobby");
    anna.wait(json!({"event": "opened", "peer": "bobby"}));
}

#[test]
fn only_pinned_users_open_a_session_when_the_setting_says_so() {
    let (_server, _home, [anna, bobby]) = anna_with("known");
    bobby.ask_error("\\fork anna", "declined");
    bobby.ask("\\lobby", json!({"event": "switched"}));
    anna.fork("bobby");
    bobby.wait(json!({"event": "opened", "peer": "anna"}));
    anna.ask("\\leave", json!({"event": "closed"}));
    bobby.wait(json!({"event": "closed", "reason": "left"}));
    bobby.fork("anna");
    anna.wait(json!({"event": "opened", "mode": "B"}));
}

#[test]
fn with_private_off_nobody_opens_a_session_and_a_new_setting_holds_at_once() {
    let (_server, _home, [anna, bobby]) = anna_with("off");
    bobby.ask_error("\\fork anna", "declined");
    anna.ask("\\set private purple", json!({"event": "error", "code": "usage"}));
    let set = anna.ask("\\set private open", json!({"event": "notice"}));
    assert!(set["text"].as_str().unwrap().contains("private = open"), "{set}");
    bobby.ask("\\lobby", json!({"event": "switched"}));
    bobby.fork("anna");
    anna.wait(json!({"event": "opened"}));
    anna.ask("\\set private off", json!({"event": "notice"}));
    // Sessions that are already open stay open.
    bobby.say("still here");
    anna.wait(json!({"event": "message", "text": "still here"}));
}

#[test]
fn two_users_who_fork_each_other_have_both_consented_whatever_their_settings() {
    let (server, home) = (Server::start(&[]), [Home::new(), Home::new()]);
    let [anna, bobby] = [("anna", &home[0]), ("bobby", &home[1])].map(|(name, home)| {
        home.write_config("private = \"ask\"\n");
        server.client(name).home(home).join()
    });
    anna.send("\\fork bobby");
    bobby.send("\\fork anna");
    for (client, peer) in [(&anna, "bobby"), (&bobby, "anna")] {
        client.wait(json!({"event": "opened", "peer": peer}));
    }
    anna.say("one session");
    bobby.wait(json!({"event": "message", "text": "one session"}));
    for client in [&anna, &bobby] {
        assert_eq!(client.all(json!({"event": "opened"})).len(), 1, "{}", client.story());
    }
}
