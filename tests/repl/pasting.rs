//! Pastes: one is one draft, however its lines end and however slowly it comes.

use crate::Repl;

#[test]
fn a_paste_is_one_message_however_its_lines_end() {
    let mut repl = Repl::start();
    repl.terminal.paste("a\r\nb\rc\n\\end");
    repl.terminal.enter("");
    repl.terminal.wait_for("said [0] a␤b␤c␤\\end");
    repl.terminal.paste("\\quit\nnot this");
    repl.terminal.enter("");
    repl.terminal.wait_for("said [0] \\quit␤not this");
    repl.terminal.paste("make \\\n  all");
    repl.terminal.enter("");
    repl.terminal.wait_for("said [0] make \\␤  all");
}

#[test]
fn a_paste_that_comes_slowly_is_not_cut_by_a_cancel() {
    let mut repl = Repl::start();
    repl.terminal.type_text("\x1b[200~first\r");
    // The order and the paste may reach the editor in either order.
    repl.tell("cancel [other] ");
    repl.terminal.type_text("second\r\x1b[201~");
    repl.terminal.wait_until("the draft", |screen| screen.contains("[other] first\nsecond"));
    assert!(!repl.terminal.transcript().contains("said"));
}

#[test]
fn control_characters_in_a_paste_do_not_reach_the_screen() {
    let mut repl = Repl::start();
    repl.terminal.paste("a\x07b\u{9b}2Jc\x08d\u{202e}e");
    repl.terminal.wait_for_last("[lobby] ab2Jcde");
    repl.terminal.wait_while_polling("the cursor", |terminal| terminal.cursor().1 == 15);
    assert!(!repl.terminal.raw().contains(&7));
    repl.terminal.enter("");
    repl.terminal.wait_for("said [0] a?b?2Jc?d\u{202e}e");
}

#[test]
fn a_paste_without_an_end_holds_up_neither_messages_nor_keys() {
    let mut repl = Repl::start();
    repl.terminal.keys(b"\x1b[200~half a paste");
    repl.tell("print a message meanwhile");
    repl.terminal.wait_for("a message meanwhile");
    repl.terminal.wait_for_last("[lobby] half a paste");
    // It goes on as a paste, whose ends of lines send nothing.
    repl.terminal.type_text(" goes on\r");
    repl.terminal.wait_for_last("[lobby] half a paste goes on");
    repl.terminal.type_text("\\msg bob secret\r");
    repl.terminal.wait_until("the paste", |screen| screen.ends_with("goes on\n\\msg bob secret"));
    repl.tell("print another message");
    repl.terminal.wait_for("another message");
    repl.terminal.keys(b"\x03");
    repl.terminal.wait_for_last("[lobby]");
    repl.terminal.enter("said");
    repl.terminal.wait_for("said [0] said");
    assert_eq!(repl.rows_after("said [0] "), ["said"]);
}
