//! A terminal that takes no output for a while, such as that of a laptop that sleeps or of a connection that has
//! stopped.

use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::Repl;

/// Longer than it takes to fill the socket of rustyline's signal handler with a signal every tenth of a second: on Linux
/// the socket has room for 278 of them.
const LONG: Duration = Duration::from_secs(40);

/// Within this time the program ends, although the terminal takes no output.
const SOON: Duration = Duration::from_secs(5);

/// What the editor sends whenever it begins to read a line.
const LINE_BEGINS: &[u8] = b"\x1b[?2004h";

/// Starts the driver and lets it draw more than the system holds for a terminal that is not read.
fn block(draft: &str) -> Repl {
    let mut repl = Repl::start();
    repl.terminal.type_text(draft);
    repl.terminal.wait_for_last(format!("[lobby] {draft}").trim_end());
    repl.terminal.stop_reading();
    let long = format!("{}\\n", "x".repeat(1000)).repeat(300);
    repl.tell(&format!("print {long}"));
    repl
}

fn lines_begun(repl: &Repl) -> usize {
    repl.terminal.raw().windows(LINE_BEGINS.len()).filter(|window| *window == LINE_BEGINS).count()
}

#[test]
fn a_terminal_that_took_no_output_for_a_long_time_is_used_again() {
    let mut repl = block("a draft");
    let begun = lines_begun(&repl);
    repl.tell("flood 500");
    thread::sleep(LONG); // the time for which the terminal takes no output
    repl.terminal.type_text(" goes");
    repl.terminal.read_on();
    repl.wait_for_row("m499");
    repl.assert_flood(500);
    repl.terminal.wait_for_last("[lobby] a draft goes");
    repl.terminal.type_text(" on");
    repl.terminal.wait_for_last("[lobby] a draft goes on");
    // A line that only waits to be drawn is not interrupted.
    assert_eq!(lines_begun(&repl), begun);
    repl.terminal.enter("");
    repl.terminal.wait_for("said [0] a draft goes on");
    assert!(!repl.terminal.transcript().contains("SIGINT"));
}

#[test]
fn a_line_is_taken_back_when_the_terminal_takes_output_again() {
    let mut repl = block("a draft");
    repl.tell("cancel [a] ");
    thread::sleep(Duration::from_secs(2)); // the time for which the terminal takes no output
    repl.terminal.read_on();
    repl.terminal.wait_for("cancelled \"a draft\" \"\"");
    repl.terminal.wait_for_last("[a] a draft");
    assert!(!repl.terminal.transcript().contains("SIGINT"));
}

#[test]
fn the_program_ends_soon_although_the_terminal_takes_no_output() {
    for (order, code) in [("close", 0), ("exit", 7), ("", 143)] {
        let mut repl = block("");
        repl.tell("flood 500");
        match order {
            "" => repl.terminal.signal(Signal::SIGTERM),
            order => repl.send(order),
        }
        assert_eq!(repl.terminal.wait_for_exit(SOON).exit_code(), code, "{order}");
        assert!(repl.terminal.is_restored(), "after {order:?}");
    }
}
