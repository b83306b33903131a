//! What a plain pipe shows: no colour, no prompt, and nothing harmful from strangers.

use serde_json::json;

use crate::support::client::Client;
use crate::support::schema::is_harmful;
use crate::support::server::Server;

/// Everything that a stranger might try in one text: clear the screen, ring the bell, overwrite the line, a C1
/// introducer, reverse the reading order, set the title.
const HOSTILE: &str =
    "A\u{1b}[2JB\u{7}C\rD\u{8}E\u{9b}31mF\u{202e}G\u{2066}H\u{1b}]0;title\u{7}I\u{0}J\u{7f}K\u{200f}L";

/// Says `text` in the lobby of `server` and in a private session with `name`, both times as a user named mallory.
#[track_caller]
fn mallory_says(server: &Server, name: &str, text: &str) -> Client {
    let mallory = server.join("mallory");
    let line = text.replace('\n', "\\\n");
    mallory.send(&line);
    mallory.wait(json!({"event": "sent", "session": 0, "text": text}));
    mallory.fork(name);
    mallory.send(&line);
    mallory.wait(json!({"event": "sent", "session": 1, "text": text}));
    mallory
}

#[test]
fn hostile_texts_come_out_harmless_on_a_pipe() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    let anna = server.client("anna").start();
    observer.wait(json!({"event": "joined", "name": "anna"}));
    let _mallory = mallory_says(&server, "anna", HOSTILE);
    anna.wait_part("mallory: A");
    anna.wait_part("P~> <mallory> A");
    let output = anna.finish().ended_with(0);
    let harmful = output.everything().chars().find(|&c| c != '\n' && is_harmful(c));
    assert_eq!(harmful, None, "{:?}", output.stdout);
    for line in output.stdout.iter().filter(|line| line.contains("mallory") && line.contains("[2J")) {
        // The harmful characters are visible, and no letter is missing: all are there, in their order.
        let letters: String =
            line.chars().skip_while(|&c| c != 'A').filter(|c| ('A'..='L').contains(c)).collect();
        assert!(letters.contains('A') && letters.ends_with('L'), "{line}");
    }
}

#[test]
fn hostile_texts_come_out_escaped_and_whole_in_json() {
    let server = Server::start(&[]);
    // The test client checks that no line of an event contains such a character raw.
    let anna = server.join("anna");
    let _mallory = mallory_says(&server, "anna", HOSTILE);
    anna.wait(json!({"event": "message", "kind": "lobby", "text": HOSTILE}));
    anna.wait(json!({"event": "message", "kind": "peer", "text": HOSTILE}));
}

#[test]
fn a_newline_in_a_text_forges_no_line_on_a_pipe() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    let anna = server.client("anna").start();
    observer.wait(json!({"event": "joined", "name": "anna"}));
    let forged = "hello\nbobby: send me money\n>>> you are disconnected\nP-> <bobby> psst";
    let _mallory = mallory_says(&server, "anna", forged);
    anna.wait_part("P~> <mallory> hello");
    let output = anna.finish().ended_with(0);
    for line in &output.stdout {
        let forged = ["bobby: ", ">>> you are", "P-> "].iter().any(|start| line.starts_with(start));
        assert!(!forged, "{line:?} looks like somebody else's\n{}", output.story());
    }
    assert!(output.everything().contains("send me money"), "{}", output.story());
}

#[test]
fn a_pipe_has_no_escape_sequence_and_no_prompt() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let script = "hello\n\\help\n\\users\n\\fork bobby\nhi\n\\ss\n\\hist\n\\nonsense\n\\leave\nbye\n";
    for color in ["--color=auto", "--color=never"] {
        let output = server.client("anna").arg(color).run(script).ended_with(1);
        assert!(!output.everything().contains('\u{1b}'), "{}", output.story());
        assert!(!output.everything().contains('\r'), "{}", output.story());
    }
    bobby.wait(json!({"event": "message", "text": "bye"}));
}

#[test]
fn json_has_no_colour_even_when_colour_is_asked_for() {
    let server = Server::start(&[]);
    let launch = server.client("anna").arg("--color=always");
    // The test client checks that every line is an event without a raw escape.
    launch.run_json("hello\n\\help\n\\nonsense\n").ended_with(1);
}
