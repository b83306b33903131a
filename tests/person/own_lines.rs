//! What stays on the screen of what a person types: a text as it is said, whatever was typed for it, and nothing that
//! looks said before it is.

use serde_json::json;

use crate::person::{Person, WIDTHS};
use crate::support::server::Server;

#[test]
fn a_text_stays_on_the_screen_as_it_is_said() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let bobby = server.join("bobby");
        let mut anna = Person::join(&server, "anna", (columns, 40));
        anna.enter("\\alias brb be right back");
        anna.sees_last("lobby>");
        for (line, text, row) in [
            ("hello", "hello", "* anna: hello"),
            ("\\me sings", "* anna sings", "* * anna sings"),
            ("//me", "/me", "* anna: /me"),
            ("\\\\path", "\\path", "* anna: \\path"),
            ("\\brb", "be right back", "* anna: be right back"),
            ("one\\\rtwo", "one\ntwo", "* anna: one"),
        ] {
            anna.enter(line);
            bobby.wait(json!({"event": "message", "from": "anna", "text": text}));
            anna.sees_row(row);
        }
        anna.sees_row("two");
        anna.sees_last("lobby>");
        let rows = anna.rows();
        let typed = rows.iter().filter(|row| row.starts_with("lobby> "));
        assert_eq!(typed.collect::<Vec<_>>(), ["lobby> \\alias brb be right back"], "{rows:#?}");
    }
}

#[test]
fn a_text_with_a_command_below_it_does_not_look_said_before_its_author_says_yes() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let bobby = server.join("bobby");
        let mut anna = Person::join(&server, "anna", (columns, 40));
        anna.terminal.keys(b"hello\\\r\\msg bobby secret\r");
        anna.sees("2 lines to the lobby, beginning: hello");
        anna.sees_last("send it? [y/N]");
        assert!(!anna.terminal.transcript().contains("anna: hello"), "{}", anna.terminal.transcript());
        anna.enter("n");
        anna.sees("[not sent]");
        assert!(!anna.terminal.transcript().contains("anna: hello"), "{}", anna.terminal.transcript());
        assert!(bobby.lobby_texts().is_empty());
        anna.enter("");
        anna.sees_last("send it? [y/N]");
        anna.enter("y");
        bobby.wait(json!({"event": "message", "from": "anna", "text": "hello\n\\msg bobby secret"}));
        anna.sees_row("* anna: hello");
        anna.sees_last("lobby>");
    }
}

#[test]
fn messages_that_come_at_the_same_time_stand_between_whole_lines() {
    let server = Server::start(&["--rate", "100000"]);
    let bobby = server.join("bobby");
    let mut anna = Person::join(&server, "anna", (80, 200));
    for number in 0..30 {
        bobby.say(&format!("from bobby {number}."));
        anna.enter(&format!("from anna {number}."));
    }
    anna.sees("anna: from anna 29.");
    anna.sees("bobby: from bobby 29.");
    let rows = anna.rows();
    for name in ["anna", "bobby"] {
        let said: Vec<&String> =
            rows.iter().filter(|row| row.trim_start_matches('*').trim().starts_with(name)).collect();
        let expected = (0..30).map(|number| format!("* {name}: from {name} {number}."));
        let missing: Vec<String> = expected.filter(|row| !said.contains(&row)).collect();
        assert!(missing.is_empty(), "{missing:?} in {rows:#?}");
    }
    assert!(!rows.iter().any(|row| row.starts_with("lobby> from")), "{rows:#?}");
}
