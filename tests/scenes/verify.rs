//! Two users compare each other's key by seven words.

use std::fs;

use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::home::Home;
use crate::support::server::Server;

/// Starts anna and bobby; anna forks bobby.
fn forked(server: &Server, homes: [&Home; 2]) -> [Client; 2] {
    let anna = server.client("anna").home(homes[0]).join();
    let bobby = server.client("bobby").home(homes[1]).join();
    anna.fork("bobby");
    bobby.wait(json!({"event": "opened", "peer": "anna"}));
    [anna, bobby]
}

/// Lets anna ask for a comparison. Returns the words, which both see.
#[track_caller]
fn compare(anna: &Client, bobby: &Client) -> Value {
    let marks = [anna.mark(), bobby.mark()];
    anna.send("\\verify bobby");
    let words = [anna, bobby].map(|who| {
        let mark = if std::ptr::eq(who, anna) { marks[0] } else { marks[1] };
        let event = who.wait_after(mark, json!({"event": "verify", "session": 1}));
        event["words"].clone()
    });
    assert_eq!(words[0].as_array().unwrap().len(), 7, "{words:?}");
    assert_eq!(words[0], words[1]);
    words[0].clone()
}

#[track_caller]
fn ends(client: &Client, outcome: &str) {
    client.wait(json!({"event": "verify", "session": 1, "outcome": outcome}));
}

fn verified(client: &Client, name: &str) -> Value {
    client.ask(&format!("\\whois {name}"), json!({"event": "whois", "name": name}))["verified"].clone()
}

#[test]
fn a_key_is_verified_when_both_say_yes_and_that_is_kept() {
    let server = Server::start(&[]);
    let homes = [Home::new(), Home::new()];
    let [anna, bobby] = forked(&server, homes.each_ref());
    compare(&anna, &bobby);
    assert_eq!(verified(&anna, "bobby"), false, "the key counts as verified before anybody has answered");
    anna.send("\\verify yes");
    anna.wait_event("that bobby has not answered", |event| {
        event["event"] == "notice" && event["text"].as_str().unwrap().contains("not answered")
    });
    bobby.ask("\\verify yes", json!({"event": "verify", "outcome": "verified"}));
    ends(&anna, "verified");
    assert_eq!([verified(&anna, "bobby"), verified(&bobby, "anna")], [json!(true), json!(true)]);
    assert_eq!(anna.sessions()[1]["verified"], true);
    assert_eq!(bobby.sessions()[1]["verified"], true);
    // The next run knows that the key is verified, and so does the next session.
    let _output = anna.finish().ended_with(0);
    bobby.wait(json!({"event": "closed"}));
    let anna = server.client("anna").home(&homes[0]).join();
    assert_eq!(anna.fork("bobby")["verified"], true);
    // A key that was forgotten has to be compared again.
    anna.ask("\\forget bobby", json!({"event": "notice"}));
    assert_eq!(verified(&anna, "bobby"), false);
    assert_eq!(anna.sessions()[1]["verified"], false);
}

#[test]
fn a_no_ends_the_session_and_refuses_the_key_until_it_is_forgotten() {
    let server = Server::start(&[]);
    let homes = [Home::new(), Home::new()];
    let [anna, bobby] = forked(&server, homes.each_ref());
    compare(&anna, &bobby);
    bobby.send("\\verify yes");
    anna.send("\\verify no");
    ends(&anna, "refused");
    ends(&bobby, "refused");
    for client in [&anna, &bobby] {
        client.wait(json!({"event": "closed", "session": 1}));
    }
    // What is said next in private reaches nobody.
    anna.say_in_vain("are you bobby?");
    anna.ask("\\lobby", json!({"event": "switched"}));
    let refused = anna.ask_error("\\fork bobby", "refused");
    assert!(refused["text"].as_str().unwrap().contains("\\forget bobby"), "{refused}");
    bobby.ask("\\lobby", json!({"event": "switched"}));
    bobby.ask("\\forget anna", json!({"event": "notice"}));
    bobby.ask("\\fork anna", json!({"event": "error", "command": "fork"}));
    anna.has_no(json!({"event": "opened", "session": 2}));
    anna.ask("\\lobby", json!({"event": "switched"}));
    anna.ask("\\forget bobby", json!({"event": "notice"}));
    bobby.ask("\\lobby", json!({"event": "switched"}));
    bobby.fork("anna");
}

#[test]
fn a_second_request_cancels_the_verification_and_after_three_it_has_to_rest() {
    let server = Server::start(&[]);
    let homes = [Home::new(), Home::new()];
    let [anna, bobby] = forked(&server, homes.each_ref());
    for number in 1..=3 {
        compare(&anna, &bobby);
        // Either of the two may ask once more.
        let second = if number == 2 { (&bobby, "\\verify anna") } else { (&anna, "\\verify") };
        second.0.send(second.1);
        for client in [&anna, &bobby] {
            client.wait_count(number, json!({"event": "verify", "outcome": "cancelled"}));
        }
        if number == 1 {
            anna.wait(json!({"event": "verify", "ended_by": "you"}));
            bobby.wait(json!({"event": "verify", "ended_by": "other"}));
        }
    }
    let rests = anna.ask_error("\\verify bobby", "refused");
    assert!(rests["text"].as_str().unwrap().contains("hour"), "{rests}");
    bobby.ask_error("\\verify anna", "refused");
    assert_eq!(verified(&anna, "bobby"), false);
    anna.say("we still talk");
    bobby.wait(json!({"event": "message", "text": "we still talk"}));
}

#[test]
fn leaving_cancels_a_verification() {
    let server = Server::start(&[]);
    let homes = [Home::new(), Home::new()];
    let [anna, bobby] = forked(&server, homes.each_ref());
    compare(&anna, &bobby);
    anna.send("\\verify yes");
    bobby.ask("\\sw 1", json!({"event": "switched"}));
    bobby.ask("\\leave", json!({"event": "closed"}));
    ends(&anna, "cancelled");
    ends(&bobby, "cancelled");
    for client in [&anna, &bobby] {
        client.wait(json!({"event": "verify", "ended_by": "session_end"}));
    }
    anna.wait(json!({"event": "closed", "session": 1, "reason": "left"}));
    let error = anna.wait(json!({"event": "error", "command": "verify"}));
    assert_eq!(error["code"], "refused", "the script did not wait for the outcome");
    assert!(!fs::read_to_string(homes[0].data_dir().join("known_keys.toml")).unwrap().contains("verified"));
}

#[test]
fn an_answer_without_a_comparison_is_refused() {
    let server = Server::start(&[]);
    let [anna, _bobby] = [server.join("anna"), server.join("bobby")];
    anna.ask_error("\\verify yes", "refused");
    anna.ask_error("\\verify no", "refused");
    anna.ask_error("\\verify", "no_such_session");
    anna.ask_error("\\verify bobby", "no_such_session");
    anna.ask_error("\\verify bob by", "bad_name");
}

#[test]
fn a_script_goes_on_when_the_words_are_there_and_when_both_have_answered() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let anna = server.client("anna").start();
    anna.send("\\fork bobby\n\\verify\nthese are the words\n\\verify yes\n\\sessions\n\\quit");
    bobby.wait(json!({"event": "message", "text": "these are the words"}));
    let words = bobby.wait(json!({"event": "verify"}))["words"].clone();
    let words: Vec<&str> = words.as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    bobby.send("\\verify yes");
    ends(&bobby, "verified");
    let anna = anna.finish().ended_with(0);
    let shown = anna.everything();
    let place = |part: &str| shown.find(part).unwrap_or_else(|| panic!("no {part}\n{}", anna.story()));
    assert!(place(&words.join(", ")) < place("bobby's key is verified"));
    anna.says(">>> * 1 P-> bobby (up, direct, verified)");
}

#[test]
fn an_ignored_user_cannot_ask_and_can_be_asked() {
    let server = Server::start(&[]);
    let [anna, bobby] = ["anna", "bobby"].map(|name| server.join(name));
    bobby.fork("anna");
    anna.wait(json!({"event": "opened"}));
    anna.ask("\\ignore bobby", json!({"event": "notice"}));
    bobby.ask("\\verify anna", json!({"event": "verify", "outcome": "cancelled"}));
    // This text is said after the request, so it also arrives after it.
    bobby.say("is it you?");
    anna.wait(json!({"event": "message", "text": "is it you?"}));
    anna.has_no(json!({"event": "verify"}));
    let words = anna.ask("\\verify bobby", json!({"event": "verify"}))["words"].clone();
    bobby.wait(json!({"event": "verify", "words": words}));
}
