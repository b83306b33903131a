//! Keys and bytes that are typed: what becomes a line, and what counts as nothing.

use crate::{Repl, UP};

#[test]
fn lines_typed_ahead_all_arrive() {
    let mut repl = Repl::start();
    repl.terminal.type_text("one\rtwo\rthree\rfour\rfive\r");
    repl.terminal.wait_for("said [0] five");
    assert_eq!(repl.rows_after("said [0] "), ["one", "two", "three", "four", "five"]);
}

#[test]
fn a_backslash_or_alt_enter_continues_the_text_on_the_next_row() {
    let mut repl = Repl::start();
    repl.terminal.enter("one\\");
    repl.terminal.enter("two");
    repl.terminal.wait_for("said [0] one␤two");
    repl.terminal.type_text("three\x1b\rfour\r");
    repl.terminal.wait_for("said [0] three␤four");
    repl.terminal.enter("five\\");
    repl.terminal.type_text("six");
    repl.terminal.wait_for_last("six");
    repl.tell("cancel [other] ");
    repl.terminal.wait_for("cancelled \"five\\nsix\" \"\"");
    repl.terminal.wait_until("the draft again", |screen| screen.ends_with("[other] five\nsix"));
}

#[test]
fn a_byte_that_is_not_a_character_does_not_end_the_editor() {
    let mut repl = Repl::start();
    repl.terminal.type_text("ab");
    repl.terminal.wait_for_last("[lobby] ab");
    repl.terminal.keys(b"\xff");
    repl.terminal.type_text("");
    repl.tell("print still here");
    repl.terminal.wait_for("still here");
    repl.terminal.type_text("cd\r");
    repl.terminal.wait_for("said [0] abcd");
}

#[test]
fn tab_rings_the_bell_if_nothing_fits() {
    let mut repl = Repl::start();
    repl.terminal.type_text("\\fork zz\t");
    repl.terminal.wait_while_polling("the bell", |terminal| terminal.raw().contains(&0x07));
    repl.terminal.wait_for_last("[lobby] \\fork zz");
}

#[test]
fn a_line_that_is_too_long_stays_in_the_editor() {
    let mut repl = Repl::start();
    repl.terminal.paste(&"0123456789".repeat(2048));
    repl.terminal.enter("");
    repl.terminal.wait_for("[too long: 20480]");
    repl.terminal.type_text("x");
    repl.terminal.wait_until("the note gone", |screen| screen.ends_with('x'));
    repl.terminal.enter("");
    repl.terminal.wait_for("[too long: 20481]");
    repl.terminal.keys(b"\x03");
    repl.terminal.wait_for_last("[lobby]");
    repl.terminal.enter("short");
    repl.terminal.wait_for("said [0] short");
}

#[test]
fn answers_of_the_terminal_do_not_count_as_typed() {
    let mut repl = Repl::start();
    repl.terminal.type_text("ab");
    for answer in [
        "\x1b[?62;22c",
        "\x1b]11;rgb:0/0/0\x1b\\",
        "\x1b[?2026;2$y",
        "\x1b[<0;10;20M",
        "\x1b[I",
        "\x1b[12;40R",
    ] {
        for byte in answer.bytes() {
            repl.terminal.keys(&[byte]);
        }
    }
    repl.terminal.enter("cd");
    repl.terminal.wait_for("said [0] abcd");
}

#[test]
fn a_byte_that_is_not_utf8_is_shown_and_reported_once_and_nothing_else_is_lost() {
    let mut repl = Repl::start();
    repl.terminal.keys(b"caf\xe9 noir ici");
    // The screen of the tests leaves out U+FFFD.
    repl.terminal.wait_for_last("[lobby] caf noir ici");
    repl.terminal.keys(b"\xe9\r");
    repl.terminal.wait_for("said [0] caf noir ici");
    let raw = String::from_utf8(repl.terminal.raw()).unwrap();
    assert!(raw.contains("said [0] caf\u{fffd} noir ici\u{fffd}"), "{raw}");
    assert_eq!(repl.rows_after("not UTF-8: "), ["E9"]);
}

#[test]
fn a_line_cleared_by_ctrl_c_can_be_brought_back() {
    let mut repl = Repl::start();
    repl.terminal.type_text("a long thought");
    repl.terminal.wait_for_last("[lobby] a long thought");
    repl.terminal.keys(b"\x03");
    repl.terminal.wait_for_last("[lobby]");
    repl.terminal.keys(b"\x19");
    repl.terminal.wait_for_last("[lobby] a long thought");
    repl.terminal.keys(b"\x03");
    repl.terminal.wait_for_last("[lobby]");
    repl.terminal.keys(UP);
    repl.terminal.wait_for_last("[lobby] a long thought");
    // Ctrl-Y gives back what is cut after this.
    repl.terminal.keys(b"\x03");
    repl.terminal.wait_for_last("[lobby]");
    repl.terminal.keys(b"cut\x15\x19");
    repl.terminal.wait_for_last("[lobby] cut");
}

/// The bytes come in one write, so the editor has read the beginning of the next line when it sees the first key.
#[test]
fn what_is_typed_behind_a_key_that_ends_the_line_is_not_lost() {
    let mut repl = Repl::start();
    for n in 0..20 {
        repl.terminal.type_text("draft");
        repl.terminal.wait_for_last("[lobby] draft");
        repl.terminal.keys(b"\x03\\fork bob ");
        repl.terminal.wait_for_last("[lobby] \\fork bob");
        repl.terminal.enter(&format!("secret {n}"));
        repl.terminal.wait_for(&format!("said [0] \\fork bob secret {n}"));
    }
    // At an empty line, and with the other key that interrupts.
    repl.terminal.keys(b"\x03hello ");
    repl.terminal.enter("one");
    repl.terminal.wait_for("said [0] hello one");
    repl.terminal.wait_for_last("[lobby]");
    repl.terminal.keys(b"\x1chello ");
    repl.terminal.enter("two");
    repl.terminal.wait_for("said [0] hello two");
    // The keys that go to another session.
    for (key, told) in [("\x1b[1;3A", "stepped false"), ("\x1b[1;3B", "stepped true")] {
        repl.terminal.keys(format!("{key}hello ").as_bytes());
        repl.terminal.enter(told);
        repl.terminal.wait_for(&format!("said [0] hello {told}"));
        assert_eq!(repl.rows_after(told), [" \"\" \"\""]);
    }
    assert_eq!(repl.rows_after("interrupted").len(), 2);
    // After Ctrl-X and Ctrl-], Ctrl-C is itself; after Ctrl-V it is a character.
    repl.terminal.wait_for_last("[lobby]");
    repl.terminal.keys(b"draft\x18\x03hello three\r");
    repl.terminal.wait_for("said [0] hello three");
    repl.terminal.wait_for_last("[lobby]");
    repl.terminal.keys(b"a\x16\x03b\r");
    repl.terminal.wait_for("said [0] a?b");
}

#[test]
fn a_line_that_is_left_for_another_session_keeps_its_cursor_and_is_not_continued() {
    let mut repl = Repl::start();
    repl.terminal.keys(b"hello\x1b[D\x1b[D\x1b[1;3A");
    repl.terminal.wait_for("stepped false \"hel\" \"lo\"");
    repl.terminal.wait_for_last("[lobby] hello");
    repl.terminal.keys(b"\x03end \\\x1b[1;3B");
    repl.terminal.wait_for("stepped true \"end \\\\\" \"\"");
    repl.terminal.wait_for_last("[lobby] end \\");
}
