//! Messages that are printed while a line is being edited: each is shown, in its order, and the draft stays whole.

use crate::Repl;

#[test]
fn a_flood_leaves_the_draft_whole_and_loses_nothing() {
    let mut repl = Repl::start();
    repl.terminal.type_text("half a");
    repl.send("flood 5000");
    repl.terminal.type_text(" line");
    repl.wait_for_row("m4999");
    repl.terminal.wait_for_last("[lobby] half a line");
    repl.terminal.wait_while_polling("the cursor", |terminal| terminal.cursor().1 == 19);
    repl.assert_flood(5000);
    repl.terminal.enter("");
    repl.terminal.wait_for("said [0] half a line");
}

#[test]
fn messages_and_lines_in_turn_keep_their_order() {
    let mut repl = Repl::start();
    repl.send("flood 3000");
    for n in 0..60 {
        repl.terminal.enter(&format!("line {n}"));
    }
    repl.wait_for_row("said [0] line 59");
    repl.wait_for_row("m2999");
    repl.assert_flood(3000);
    let expected: Vec<_> = (0..60).map(|n| n.to_string()).collect();
    assert_eq!(repl.rows_after("said [0] line "), expected);
}

#[test]
fn a_line_that_waits_for_its_judge_stands_below_the_messages_until_its_text_takes_its_place() {
    let long = "one two three four five six seven";
    for (typed, stays, rows) in [
        ("\\me sings", "hello", vec!["anna: hello"]),
        ("hello", "a\\nb", vec!["anna: a", "b"]),
        ("//fork", "/fork", vec!["anna: /fork"]),
        (long, long, vec!["anna: one two three four five six seven"]),
    ] {
        let mut repl = Repl::start_with((40, 12), &[]);
        repl.tell("judge");
        repl.terminal.enter("");
        repl.terminal.wait_until("a judged line", |screen| screen.ends_with("said [0]\n[lobby]"));
        repl.terminal.enter(typed);
        repl.wait_for_row("judging");
        for n in 0..3 {
            repl.tell(&format!("print before {n}"));
        }
        repl.terminal.wait_until("messages above", |screen| {
            screen.contains(&format!("judging\nbefore 0\nbefore 1\nbefore 2\n[lobby] {}", &typed[..5]))
        });
        repl.tell(&format!("stays {stays}"));
        repl.terminal.wait_for_last("[lobby]");
        let expected = format!("before 2\n{}\nafter\n[lobby]", rows.join("\n"));
        repl.terminal.wait_until("the text in its place", |screen| screen.ends_with(&expected));
        assert!(!repl.terminal.transcript().contains(&format!("[lobby] {typed}")));
    }
}

#[test]
fn a_message_leaves_no_empty_row_at_the_top_or_the_bottom() {
    let mut repl = Repl::start_with((40, 5), &[]);
    repl.terminal.keys(b"\x0c");
    repl.terminal.wait_until("a cleared screen", |screen| screen == "[lobby]");
    for n in 0..7 {
        repl.tell(&format!("print n{n}"));
        repl.terminal.wait_for(&format!("n{n}\n[lobby]"));
        if n == 1 {
            assert_eq!(repl.terminal.screen(), "n0\nn1\n[lobby]");
        }
    }
    assert_eq!(repl.terminal.screen(), "n3\nn4\nn5\nn6\n[lobby]");
}

#[test]
fn messages_are_shown_while_a_search_is_open() {
    let mut repl = Repl::start();
    repl.terminal.enter("first");
    repl.terminal.wait_for("said [0] first");
    repl.terminal.type_text("\x12fir");
    repl.terminal.wait_for_last("[lobby] fir  ← search: first");
    let micros = repl.tell("flood 5000");
    assert!(micros < 2_000_000, "printing took {micros} us");
    repl.wait_for_row("m4999");
    repl.terminal.wait_for_last("[lobby] fir  ← search: first");
    repl.assert_flood(5000);
    repl.terminal.keys(b"\x07");
    repl.terminal.wait_for_last("[lobby]");
}

#[test]
fn messages_are_shown_after_the_first_of_two_keys() {
    let mut repl = Repl::start();
    repl.terminal.type_text("abcabc\x01");
    let cursor_at = |repl: &Repl, column| {
        repl.terminal.wait_while_polling("the cursor", |terminal| terminal.cursor().1 == column);
    };
    cursor_at(&repl, 8);
    // The keys are: Ctrl-V, Ctrl-X, Ctrl-], and keys without a meaning of their own: Alt-5, Alt-[, Alt-O.
    let firsts = [
        ("\x16", "X"),
        ("\x18", "\x07"),
        ("\x1d", "\x07"),
        ("\x1b5", "\x07"),
        ("\x1b[", "\x07"),
        ("\x1bO", "\x07"),
    ];
    for (number, (first, second)) in firsts.into_iter().enumerate() {
        repl.terminal.type_text(first);
        repl.tell(&format!("print message {number}"));
        repl.terminal.wait_for(&format!("message {number}"));
        repl.terminal.wait_until("the line", |screen| screen.ends_with("abcabc"));
        repl.terminal.type_text(second);
        repl.terminal.wait_for_last("[lobby] Xabcabc");
        cursor_at(&repl, 9);
    }
    repl.terminal.type_text("\x1dc");
    cursor_at(&repl, 10);
    repl.terminal.type_text("\x18\x7f\x16\t\x16\x07|");
    repl.terminal.enter("");
    repl.terminal.wait_for("said [0] ??|bcabc");
}

#[test]
fn messages_are_shown_while_a_list_of_candidates_is_open() {
    let mut repl = Repl::start();
    repl.tell("users 5000");
    repl.terminal.type_text("hi us\t");
    repl.terminal.wait_for("user0001");
    repl.tell("print one message");
    repl.terminal.wait_for("one message");
    repl.terminal.wait_for_last("[lobby] hi user");
    assert!(!repl.terminal.transcript().contains("Display all"));
    assert!(!repl.terminal.transcript().contains("More"));
}

#[test]
fn messages_are_shown_after_a_lone_escape() {
    let mut repl = Repl::start();
    repl.terminal.type_text("abc\x1b");
    repl.terminal.wait_for_last("[lobby] abc");
    repl.tell("print one message");
    repl.terminal.wait_for("one message");
}

#[test]
fn between_two_lines_messages_are_shown_and_typed_keys_wait_unseen() {
    let mut repl = Repl::start();
    repl.tell("hold");
    repl.terminal.enter("first");
    repl.terminal.wait_for("said [0] first");
    repl.tell("flood 500");
    repl.terminal.wait_for("m499");
    repl.terminal.paste("pasted\nahead");
    repl.terminal.type_text("\rtyped ahead\rand more");
    repl.tell("print after");
    repl.terminal.wait_for("after");
    assert!(!repl.terminal.screen().contains("typed"), "{}", repl.terminal.screen());
    repl.tell("release");
    repl.terminal.wait_for("said [0] pasted␤ahead");
    repl.terminal.wait_for("said [0] typed ahead");
    repl.terminal.wait_for_last("[lobby] and more");
    repl.assert_flood(500);
}
