//! How the editor ends, is interrupted or is stopped, and that it always gives the terminal back as it was.

use std::io::BufRead;

use nix::sys::signal::Signal;

use crate::Repl;

#[test]
fn ctrl_c_clears_a_line_and_ctrl_d_ends_an_empty_one() {
    let mut repl = Repl::start();
    repl.terminal.type_text("never sent");
    repl.terminal.wait_for_last("[lobby] never sent");
    repl.terminal.keys(b"\x03");
    repl.terminal.wait_for_last("[lobby]");
    assert!(!repl.terminal.screen().contains("never"));
    repl.terminal.keys(b"\x03");
    repl.terminal.wait_for("interrupted");
    repl.terminal.wait_for_last("[lobby]");
    repl.terminal.keys(b"\x04");
    assert!(repl.terminal.wait_for_end().success());
    assert!(repl.terminal.transcript().contains("end of input"));
    assert!(repl.terminal.is_restored());
}

#[test]
fn a_key_that_interrupts_between_two_lines_clears_what_was_typed_before_it() {
    // The two keys are Ctrl-C and Ctrl-\, which no terminal makes a signal of here.
    for key in ["\x03", "\x1c"] {
        let mut repl = Repl::start();
        repl.tell("hold");
        repl.terminal.enter("first");
        repl.terminal.wait_for("said [0] first");
        repl.terminal.keys(format!("draft{key}\\msg bob secret\r").as_bytes());
        repl.tell("release");
        repl.terminal.wait_for("said [0] \\msg bob secret");
        assert_eq!(repl.rows_after("said [0] "), ["first", "\\msg bob secret"]);
        assert!(!repl.terminal.transcript().contains("a signal"));
    }
}

#[test]
fn the_terminal_is_given_back_on_every_way_out() {
    for (order, code) in [("close", 0), ("exit", 7), ("panic", 101), ("", 143)] {
        let mut repl = Repl::start();
        repl.terminal.type_text("a draft");
        repl.terminal.wait_for_last("[lobby] a draft");
        assert!(!repl.terminal.is_restored() && repl.terminal.brackets_paste());
        match order {
            "" => repl.terminal.signal(Signal::SIGTERM),
            order => repl.send(order),
        }
        let status = repl.terminal.wait_for_end();
        assert_eq!(status.exit_code(), code, "{order}");
        assert!(repl.terminal.is_restored(), "after {order:?}");
        assert!(!repl.terminal.brackets_paste(), "after {order:?}");
        assert_eq!(repl.terminal.transcript().contains("as the test asked"), order == "panic");
        assert_eq!(repl.terminal.cursor().1, 0, "after {order:?}");
    }
}

#[test]
fn output_printed_just_before_the_end_is_shown() {
    let mut repl = Repl::start();
    repl.terminal.type_text("a draft");
    repl.terminal.wait_for_last("[lobby] a draft");
    repl.send("flood 3000");
    repl.send("close");
    assert!(repl.terminal.wait_for_end().success());
    repl.assert_flood(3000);
    assert!(!repl.terminal.transcript().contains("draft"));
}

#[test]
fn the_draft_is_there_after_the_program_was_stopped_and_continued() {
    let shell = ["sh", "+o", "emacs", "-i"];
    let environment = [("PS1", "shell> "), ("ENV", "")];
    let mut repl = Repl::launch((80, 24), &environment, Some(&shell));
    repl.terminal.type_text("a draft");
    repl.terminal.wait_for_last("[lobby] a draft");
    repl.terminal.keys(b"\x1a");
    repl.terminal.wait_for_last("shell>");
    assert!(repl.terminal.is_restored() && !repl.terminal.brackets_paste());
    repl.send("print meanwhile");
    repl.terminal.enter("fg");
    repl.terminal.wait_for("meanwhile");
    repl.terminal.wait_for_last("[lobby] a draft");
    repl.terminal.type_text(" goes on\r");
    repl.terminal.wait_for("said [0] a draft goes on");
    // The order to print is answered only now.
    let mut answer = String::new();
    repl.orders.read_line(&mut answer).unwrap();
    // Between two lines the key waits for the next one.
    repl.tell("hold");
    repl.terminal.enter("first");
    repl.terminal.wait_for("said [0] first");
    repl.terminal.keys(b"typed ahead\x1a");
    repl.tell("release");
    repl.terminal.wait_for_last("shell>");
    assert!(repl.terminal.is_restored() && !repl.terminal.brackets_paste());
    repl.terminal.enter("fg");
    repl.terminal.wait_for_last("[lobby] typed ahead");
    assert!(repl.directory.path().exists());
}
