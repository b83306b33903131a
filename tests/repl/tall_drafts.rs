//! Drafts that take several rows, are wider than the window, or are taller than the screen.

use crate::{Repl, UP};

#[test]
fn wide_and_wrapped_input_stays_whole_under_messages() {
    let mut repl = Repl::start_with((40, 12), &[]);
    let text = "日本語 and text, ".repeat(5);
    repl.terminal.type_text(&text);
    for n in 0..5 {
        repl.tell(&format!("print message {n} {}", "wide 語 ".repeat(9)));
    }
    repl.terminal.wait_for("message 4");
    let shown = |screen: &str| {
        let at = screen.rfind("[lobby]").unwrap();
        screen[at..].replace(['\n', ' '], "")
    };
    let expected = format!("[lobby]{text}").replace(' ', "");
    repl.terminal
        .wait_until("the whole text", |screen| screen.contains("[lobby]") && shown(screen) == expected);
    assert_eq!(repl.terminal.screen().matches("[lobby]").count(), 1);
    repl.terminal.enter("");
    repl.terminal.wait_for("said [0]");
}

#[test]
fn a_smaller_window_keeps_the_draft() {
    let mut repl = Repl::start();
    repl.terminal.type_text("a line of some length, to be wrapped in a while");
    repl.terminal.wait_for("in a while");
    repl.terminal.resize(40, 12);
    repl.terminal.type_text("!");
    repl.terminal.wait_for("a while!");
    repl.tell("print one message");
    repl.terminal.wait_for("one message");
    repl.terminal.enter("");
    repl.terminal.wait_until("the line", |screen| {
        screen.replace('\n', "").contains("said [0] a line of some length, to be wrapped in a while!")
    });
}

#[test]
fn a_draft_taller_than_the_screen_is_seen_through_a_window() {
    let mut repl = Repl::start_with((40, 10), &[]);
    let lines: Vec<String> = (0..26).map(|n| format!("line {n}")).collect();
    repl.terminal.paste(&lines.join("\r"));
    repl.terminal.wait_for_last("line 25");
    for key in "typed behind".bytes() {
        repl.terminal.keys(&[key]);
    }
    repl.terminal.wait_for_last("line 25typed behind");
    repl.tell("print a message above it");
    repl.terminal.wait_until("message and draft", |screen| {
        screen.contains("a message above it\n[lobby] … 20 rows above\nline 20") && screen.ends_with("behind")
    });
    for _ in 0..25 {
        repl.terminal.keys(UP);
    }
    repl.terminal.wait_until("the beginning", |screen| {
        screen.contains("a message above it\n[lobby] line 0\n") && screen.ends_with("… 20 rows below")
    });
    assert_eq!(repl.rows_after("line 7").len(), 0, "the window left copies behind");
    repl.terminal.keys(b"\x1b[F\r");
    repl.terminal.wait_for("said [0] line 0");
    assert_eq!(repl.rows_after("line 7"), [""]);
}

#[test]
fn one_long_line_is_seen_through_a_window() {
    let mut repl = Repl::start_with((40, 10), &[]);
    repl.terminal.paste(&"0123456789".repeat(75));
    for key in "typed".bytes() {
        repl.terminal.keys(&[key]);
    }
    repl.terminal.wait_until("its end", |screen| screen.replace('\n', "").ends_with("89typed"));
    repl.tell("print a message above it");
    repl.terminal.wait_for("a message above it");
    assert_eq!(repl.terminal.transcript().matches("rows above").count(), 1);
    repl.terminal.keys(b"\x01");
    repl.terminal.wait_until("its beginning", |screen| screen.contains("[lobby] 0123456789"));
    assert_eq!(repl.terminal.transcript().matches("[lobby]").count(), 1);
}
