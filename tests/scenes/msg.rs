//! `\msg NAME TEXT` says a text to one user, from any session; the current session stays the same.

use serde_json::json;

use crate::support::home::Home;
use crate::support::output::Output;
use crate::support::server::Server;

/// Returns the index of the first event of this kind that contains `part`.
#[track_caller]
fn place(output: &Output, kind: &str, part: &str) -> usize {
    let is_it = |line: &String| line.contains(&format!("\"event\":\"{kind}\"")) && line.contains(part);
    output
        .stdout
        .iter()
        .position(is_it)
        .unwrap_or_else(|| panic!("no {kind} with {part}: {}", output.story()))
}

#[test]
fn a_script_says_one_text_in_private_and_goes_on_where_it_was() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let script = "before\n\\msg bobby  a secret  \nafter\n\\m BOBBY another\n\\ss\n";
    let output = server.client("anna").run_json(script).ended_with(0);
    for text in ["a secret", "another"] {
        assert_eq!(output.the(json!({"event": "sent", "text": text}))["session"], 1);
        bobby.wait(json!({"event": "message", "kind": "peer", "from": "anna", "text": text}));
    }
    // The command is finished when its text is acknowledged, so what follows is said afterwards.
    let sent = |text| place(&output, "sent", text);
    assert!(sent("a secret") < sent("after") && sent("after") < sent("another"));
    assert_eq!(output.all(json!({"event": "forking"})).len(), 1);
    let rows = &output.the(json!({"event": "sessions"}))["sessions"];
    assert_eq!((&rows[0]["current"], &rows[1]["current"]), (&json!(true), &json!(false)));
    assert_eq!(bobby.lobby_texts(), ["before", "after"]);
}

#[test]
fn msg_works_with_and_without_a_current_session_and_does_not_change_it() {
    let server = Server::start(&[]);
    let [bobby, carmen] = ["bobby", "carmen"].map(|name| server.join(name));
    let script = "\\fork bobby\n\\msg carmen for carmen\nfor bobby\n\\fork nobody\n\\lobby\n\\fork nobody\n\
                  \\msg bobby still for bobby\nfor nobody\n";
    let output = server.client("anna").run_json(script).ended_with(1);
    carmen.wait(json!({"event": "message", "kind": "peer", "text": "for carmen"}));
    for text in ["for bobby", "still for bobby"] {
        bobby.wait(json!({"event": "message", "kind": "peer", "text": text}));
    }
    output.the(json!({"event": "unsent", "session": null, "text": "for nobody"}));
    assert!(bobby.lobby_texts().is_empty() && carmen.lobby_texts().is_empty());
}

#[test]
fn a_text_that_cannot_be_said_is_reported_and_the_current_session_stays() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    let (home, long) = (Home::new(), "x".repeat(16 * 1024 + 1));
    for (line, code, text) in [
        ("\\msg nobody secret".to_owned(), "no_such_user", "secret"),
        ("\\msg anna secret".to_owned(), "self_fork", "secret"),
        ("\\msg an/na secret".to_owned(), "bad_name", "secret"),
        (format!("\\msg observer {long}"), "too_long", &long),
    ] {
        let output =
            server.client("anna").home(&home).run_json(format!("{line}\nafter {code}\n")).ended_with(1);
        let error = output.the(json!({"event": "error", "code": code}));
        assert_eq!(error["command"], "msg", "{line}");
        output.the(json!({"event": "unsent", "text": text}));
        observer.wait(json!({"event": "message", "session": 0, "text": format!("after {code}")}));
    }
    let output = server.client("anna").run_json("\\msg observer\n\\msg\n").ended_with(1);
    assert_eq!(output.all(json!({"event": "error", "code": "usage"})).len(), 2);
    assert!(observer.lobby_texts().iter().all(|text| text.starts_with("after")));
}

#[test]
fn a_request_is_answered_when_the_text_is() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let script = "{\"command\":\"msg bobby hi\",\"id\":1}\n{\"command\":\"msg nobody hi\",\"id\":2}\n";
    let output = server.client("anna").run_json(script).ended_with(1);
    assert_eq!(output.the(json!({"event": "answer", "id": 1}))["ok"], true);
    assert_eq!(output.the(json!({"event": "answer", "id": 2}))["code"], "no_such_user");
    assert!(place(&output, "sent", "hi") < place(&output, "answer", "\"id\":1"));
    bobby.wait(json!({"event": "message", "kind": "peer", "text": "hi"}));
}
