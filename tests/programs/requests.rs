//! Requests as JSON objects on standard input.

use serde_json::{Value, json};

use crate::support::server::Server;

#[test]
fn requests_are_carried_out_in_order_and_answered_by_id() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let requests = [
        json!({"say": "\\one", "id": 1}),
        json!({"command": "fork bobby", "id": {"fork": true}}),
        json!({"say": "secret", "id": "here"}),
        json!({"say": "public", "session": 0, "id": 4}),
        json!({"say": "x", "session": 9, "id": 6}),
        json!({"say": "x", "sesion": 0, "id": 7}),
        json!({"command": "fork nobody", "id": 5}),
        json!({"say": "nowhere", "id": 8}),
        json!({"command": "sw bobby", "id": 9}),
    ];
    let input: String = requests.iter().map(|request| format!("{request}\n")).collect();
    let output = server.client("anna").run_json(format!("{input}\\sw 1\nplain\n")).ended_with(1);
    let answers = output.all(json!({"event": "answer"}));
    let ok = |id: Value| {
        let found = answers.iter().find(|answer| answer["id"] == id);
        found.unwrap_or_else(|| panic!("request {id} has no answer\n{}", output.story()))["ok"].clone()
    };
    for id in [json!(1), json!({"fork": true}), json!("here"), json!(4), json!(9)] {
        assert_eq!(ok(id.clone()), json!(true), "{id}\n{}", output.story());
    }
    for (id, code) in [(5, "not_in_lobby"), (6, "no_such_session"), (7, "usage"), (8, "unsent")] {
        assert_eq!(ok(json!(id)), json!(false));
        output.the(json!({"event": "answer", "id": id, "code": code}));
    }
    assert_eq!(answers.len(), requests.len());
    bobby.wait(json!({"event": "message", "text": "\\one", "session": 0}));
    bobby.wait(json!({"event": "message", "text": "secret", "session": 1}));
    bobby.wait(json!({"event": "message", "text": "public", "session": 0}));
    bobby.wait(json!({"event": "message", "text": "plain", "session": 1}));
    bobby.wait(json!({"event": "left", "name": "anna"}));
    bobby.has_no(json!({"event": "message", "text": "x"}));
    bobby.has_no(json!({"event": "message", "text": "nowhere"}));
    bobby.has_no(json!({"event": "message", "text": "secret", "session": 0}));
}

#[test]
fn the_longest_text_fits_a_request_however_it_is_escaped() {
    let server = Server::start(&[]);
    let text = "\u{1}".repeat(16 * 1024);
    let request = json!({"say": text, "id": 1}).to_string();
    assert!(request.len() > 90_000);
    let output = server.client("anna").run_json(format!("{request}\n")).ended_with(0);
    output.the(json!({"event": "answer", "id": 1, "ok": true}));
}

#[test]
fn without_json_a_line_with_a_brace_is_text_like_any_other() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    server.client("anna").run("{\"say\":\"x\"}\n").ended_with(0);
    bobby.wait(json!({"event": "message", "text": "{\"say\":\"x\"}"}));
}
