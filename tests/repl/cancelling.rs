//! A line that the app takes back in order to grant it again under another prompt.

use crate::{LEFT, Repl};

#[test]
fn cancelling_keeps_text_and_cursor_under_the_new_prompt() {
    let mut repl = Repl::start();
    repl.terminal.type_text("hello world");
    repl.terminal.wait_for_last("[lobby] hello world");
    for _ in 0..5 {
        repl.terminal.keys(LEFT);
    }
    repl.terminal.wait_while_polling("the cursor", |terminal| terminal.cursor().1 == 14);
    repl.tell("cancel [1 bobby] ");
    repl.terminal.wait_for("cancelled \"hello \" \"world\"");
    repl.terminal.wait_for_last("[1 bobby] hello world");
    repl.terminal.wait_while_polling("the cursor", |terminal| terminal.cursor().1 == 16);
    assert!(!repl.terminal.screen().contains("[lobby]"), "{}", repl.terminal.screen());
    repl.terminal.type_text("dear \r");
    repl.terminal.wait_for("said [0] hello dear world");
}

#[test]
fn cancelling_wipes_every_row_of_a_long_draft() {
    let mut repl = Repl::start_with((40, 24), &[]);
    repl.tell("print above");
    repl.terminal.type_text(&"日本語 text ".repeat(12));
    repl.terminal.wait_for("日本語 text 日本語 text 日本語 text");
    repl.terminal.keys(b"\x01");
    repl.terminal.wait_while_polling("the cursor", |terminal| terminal.cursor() == (3, 8));
    for n in 0..3 {
        repl.tell(&format!("cancel [{n}] "));
        repl.terminal.wait_for(&format!("[{n}] 日本語"));
    }
    let screen = repl.terminal.screen();
    assert_eq!(screen.matches("[").count(), 1, "{screen}");
    assert_eq!(screen.matches("above").count(), 1, "{screen}");
    assert_eq!(screen.matches("cancelled").count(), 3, "{screen}");
}

#[test]
fn cancelling_works_after_a_quote_key_and_keeps_a_search_open() {
    let mut repl = Repl::start();
    repl.terminal.enter("first");
    repl.terminal.wait_for("said [0] first");
    repl.terminal.type_text("dr\x12fir");
    repl.terminal.wait_for_last("[lobby] fir  ← search: first");
    repl.tell("cancel [a] ");
    repl.terminal.wait_for("cancelled \"dr\" \"\"");
    repl.terminal.wait_for_last("[a] fir  ← search: first");
    repl.terminal.keys(b"\x07");
    repl.terminal.wait_for_last("[a] dr");
    repl.terminal.type_text("x\x16");
    repl.terminal.wait_for_last("[a] drx");
    repl.tell("cancel [b] ");
    repl.terminal.wait_for_last("[b] drx");
    assert!(!repl.terminal.screen().contains("SIGINT"), "{}", repl.terminal.screen());
}

#[test]
fn cancelling_and_typing_at_once_loses_no_line_and_no_signal_escapes() {
    let mut repl = Repl::start();
    for n in 0..40 {
        repl.send(&format!("cancel [p{n}] "));
        repl.terminal.enter(&format!("line {n}"));
    }
    repl.terminal.wait_for("said [0] line 39");
    let expected: Vec<_> = (0..40).map(|n| n.to_string()).collect();
    assert_eq!(repl.rows_after("said [0] line "), expected);
    assert!(!repl.terminal.transcript().contains("SIGINT"));
}
