//! The lobby as `--json` shows it: who comes and goes, what is said now, and what was said before.

use serde_json::{Value, json};

use crate::support::client::texts_of;
use crate::support::server::Server;

#[test]
fn a_welcome_names_the_lobby_and_the_user() {
    let server = Server::start(&[]);
    let anna = server.join("anna");
    let welcome = anna.welcome();
    assert_eq!(welcome["name"], "anna");
    assert_eq!(welcome["server"], server.address());
    assert_eq!(welcome["hosted"], false);
    assert_eq!(welcome["session"], 0);
    assert_eq!(welcome["key_exchange"], "X25519MLKEM768");
    assert!(welcome["fingerprint"].as_str().unwrap().starts_with("SHA256:"));
}

#[test]
fn a_text_is_acknowledged_to_its_sender_and_shown_to_everybody_else() {
    let server = Server::start(&[]);
    let anna = server.join("anna");
    let others = [server.join("bobby"), server.join("carmen")];
    let sent = anna.say("hello all");
    assert_eq!(sent["session"], 0);
    for other in &others {
        let message = other.wait(json!({"event": "message", "text": "hello all"}));
        assert_eq!(message["from"], "anna");
        assert_eq!(message["kind"], "lobby");
        assert_eq!(message["session"], 0);
        assert_eq!(message["seq"], sent["seq"]);
        assert_ne!(message["replayed"], true);
    }
}

#[test]
fn everybody_sees_the_messages_in_the_same_order() {
    let server = Server::start(&["--rate", "100000"]);
    let speakers = [server.join("anna"), server.join("bobby"), server.join("carmen")];
    let observers = [server.join("dora"), server.join("emil")];
    for number in 0..100 {
        for (who, speaker) in speakers.iter().enumerate() {
            speaker.send(&format!("{who}:{number}"));
        }
    }
    let pattern = json!({"event": "message", "session": 0});
    let [dora, emil] = observers.each_ref().map(|observer| observer.wait_count(300, pattern.clone()));
    let order = |seen: &[Value]| -> Vec<(u64, String)> {
        let texts = texts_of(seen);
        seen.iter().map(|message| message["seq"].as_u64().unwrap()).zip(texts).collect()
    };
    assert_eq!(order(&dora), order(&emil));
    assert!(order(&dora).is_sorted_by(|one, next| one.0 < next.0), "the numbers of the messages do not rise");
    for who in 0..3 {
        let prefix = format!("{who}:");
        let own: Vec<String> = texts_of(&dora).into_iter().filter(|text| text.starts_with(&prefix)).collect();
        let expected: Vec<String> = (0..100).map(|number| format!("{who}:{number}")).collect();
        assert_eq!(own, expected);
    }
}

#[test]
fn users_who_come_and_go_are_announced() {
    let server = Server::start(&[]);
    let anna = server.join("anna");
    let bobby = server.join("bobby");
    anna.wait(json!({"event": "joined", "name": "bobby"}));
    let _output = bobby.finish().ended_with(0);
    anna.wait(json!({"event": "left", "name": "bobby"}));
    let carmen = server.join("carmen");
    anna.wait(json!({"event": "joined", "name": "carmen"}));
    carmen.kill();
    anna.wait(json!({"event": "left", "name": "carmen"}));
    anna.has_no(json!({"event": "joined", "name": "anna"}));
}

#[test]
fn users_lists_everybody_in_the_lobby() {
    let server = Server::start(&[]);
    let anna = server.join("anna");
    assert_eq!(anna.users(), ["anna"]);
    let bobby = server.join("bobby");
    assert_eq!(anna.users(), ["anna", "bobby"]);
    assert_eq!(bobby.users(), ["anna", "bobby"]);
    let _output = bobby.finish().ended_with(0);
    anna.wait(json!({"event": "left", "name": "bobby"}));
    assert_eq!(anna.users(), ["anna"]);
}

#[test]
fn a_newcomer_is_shown_the_last_twenty_messages_as_replayed() {
    let server = Server::start(&[]);
    let anna = server.join("anna");
    for number in 0..30 {
        anna.say(&format!("m{number}"));
    }
    let bobby = server.join("bobby");
    anna.say("fresh");
    let fresh = bobby.wait(json!({"event": "message", "text": "fresh"}));
    assert_ne!(fresh["replayed"], true);
    let replayed = bobby.all(json!({"event": "message", "replayed": true}));
    let expected: Vec<String> = (10..30).map(|number| format!("m{number}")).collect();
    assert_eq!(texts_of(&replayed), expected);
}

#[test]
fn history_shows_the_last_messages_in_order() {
    let server = Server::start(&[]);
    let anna = server.join("anna");
    for number in 0..40 {
        anna.say(&format!("m{number}"));
    }
    let output = server.client("bobby").run_json("\\history 30\n").ended_with(0);
    let texts = texts_of(&output.all(json!({"event": "message"})).into_iter().cloned().collect::<Vec<_>>());
    // The backlog that a newcomer gets comes before the answer.
    let expected: Vec<String> = (10..40).map(|number| format!("m{number}")).collect();
    assert!(texts.ends_with(&expected), "{texts:?}");
    for message in output.all(json!({"event": "message"})) {
        assert_eq!(message["replayed"], true, "{message}");
    }
    for command in ["\\history", "\\hist", "\\hist 20"] {
        let output = server.client("bobby").run_json(format!("{command}\n")).ended_with(0);
        let count = output.all(json!({"event": "message", "text": "m39"})).len();
        let first = output.all(json!({"event": "message", "text": "m20"})).len();
        let older = output.all(json!({"event": "message", "text": "m19"})).len();
        assert_eq!((count, first, older), (2, 2, 0), "{command}\n{}", output.story());
    }
}

#[test]
fn whois_calls_the_own_key_ones_own() {
    let server = Server::start(&[]);
    let told = server.client("anna").run("\\whois anna\n").ended_with(0);
    assert!(
        told.stdout.iter().any(|line| line.contains("(your own), in the lobby since")),
        "{}",
        told.story()
    );
}

#[test]
fn whois_tells_name_key_time_and_trust() {
    let server = Server::start(&[]);
    let anna = server.join("anna");
    let bobby = server.join("bobby");
    let whois = anna.ask("\\whois bobby", json!({"event": "whois"}));
    assert_eq!(whois["name"], "bobby");
    assert_eq!(whois["fingerprint"], bobby.fingerprint());
    assert_eq!(whois["trusted"], false);
    let since = whois["since"].as_str().unwrap();
    assert!(since.len() > 20 && since.ends_with('Z'), "{since}");
    anna.fork("bobby");
    // `\whois` also works in a private session, where the key is pinned.
    let whois = anna.ask("\\whois bobby", json!({"event": "whois"}));
    assert_eq!(whois["trusted"], true);
    anna.ask_error("\\whois nobody", "no_such_user");
}

#[test]
fn history_shows_more_than_one_answer_holds_in_order_and_no_more_than_is_kept() {
    let server = Server::start(&["--history", "2000", "--rate", "100000"]);
    let lines: String = (1..=2500).map(|number| format!("line {number}\n")).collect();
    server.client("anna").run_json(lines).ended_with(0);
    // A first join also shows the last 20 messages.
    let backlog = 20;
    for (asked, shown) in [(1500, 1500), (9000, 2000)] {
        let output = server.client("bobby").run_json(format!("\\hist {asked}\n")).ended_with(0);
        let texts = output.all(json!({"event": "message", "replayed": true}));
        let texts: Vec<&str> = texts.iter().map(|it| it["text"].as_str().unwrap()).skip(backlog).collect();
        let expected: Vec<String> = (2501 - shown..=2500).map(|number| format!("line {number}")).collect();
        assert_eq!(texts, expected);
    }
}
