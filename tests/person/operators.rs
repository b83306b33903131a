//! Operators on the rendered screen: what is shown of them when a user joins and later, a text that comes back, and the
//! end of a run whose user is sent out.

use serde_json::json;

use crate::person::{Person, WIDTHS};
use crate::support::ruled::Ruled;

#[test]
fn a_text_that_is_not_said_comes_back_into_the_editor_with_the_reason() {
    for columns in WIDTHS {
        let ruled = Ruled::start();
        let boss = ruled.boss();
        let mut anna = Person::join(&ruled.server, "anna", (columns, 30));
        boss.ask("\\mute anna 10m", json!({"event": "act", "kind": "mute"}));
        anna.sees("boss muted anna until");
        anna.enter("hello there");
        anna.sees("boss keeps you from speaking until");
        anna.sees_last("lobby> hello there  [not sent]");
        boss.ask("\\unmute anna", json!({"event": "act", "kind": "unmute"}));
        anna.sees("boss lets anna speak again");
        anna.enter(", boss");
        boss.wait(json!({"event": "message", "text": "hello there, boss"}));
    }
}

#[test]
fn the_message_of_the_day_takes_three_rows_at_most_and_what_is_cut_off_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let motd = dir.path().join("motd");
    let long = "Be kind to one another, say what you mean, and read before you write. ".repeat(8);
    std::fs::write(&motd, format!("{long}\nthe last line\n")).unwrap();
    let ruled = Ruled::start_with(&["--motd", motd.to_str().unwrap()]);
    for columns in WIDTHS {
        let anna = Person::join(&ruled.server, "anna", (columns, 30));
        anna.sees("Be kind to one another");
        let rows = anna.rows();
        let first = rows.iter().position(|row| row.contains("Be kind to one another")).unwrap();
        assert!(rows[first + 2].trim_end().ends_with('…'), "{rows:#?}");
        assert!(rows.iter().all(|row| !row.contains("the last line")), "{rows:#?}");
    }
}

#[test]
fn a_user_who_is_sent_out_reads_by_whom_and_why_and_exits_with_3() {
    let ruled = Ruled::start();
    let boss = ruled.boss();
    let mut anna = Person::join(&ruled.server, "anna", (80, 30));
    boss.ask("\\ban anna 2h spam", json!({"event": "act", "kind": "ban"}));
    anna.sees("boss banned you from the lobby until");
    anna.sees("\\quit, and start hobnob again when the ban is over");
    anna.enter("is anybody there?");
    anna.sees("not sent (you were sent out of the lobby)");
    anna.enter("\\lobby");
    anna.sees("you are banned from the lobby until");
    for promise in ["reconnecting", "this waits", "comes back by itself"] {
        assert!(anna.rows().iter().all(|row| !row.contains(promise)), "{:#?}", anna.rows());
    }
    anna.enter("\\quit");
    assert_eq!(anna.terminal.wait_for_end().exit_code(), 3);
}

#[test]
fn operators_are_shown_their_commands_and_others_are_not() {
    let ruled = Ruled::start();
    let boss = ruled.boss();
    let mut anna = Person::join(&ruled.server, "anna", (80, 60));
    anna.enter("\\help");
    anna.sees(">>> hobnob");
    assert!(anna.rows().iter().all(|row| !row.contains("\\kick")));
    boss.ask("\\op anna", json!({"event": "act", "kind": "op"}));
    anna.sees("you are an operator now");
    anna.enter("\\clear");
    anna.enter("\\help");
    anna.sees("\\kick NAME [REASON]");
}
