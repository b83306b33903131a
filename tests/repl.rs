//! The line editor on a pseudo-terminal: what a person types, and what is on the screen.

// A failed test is a panic. Clippy allows that in test functions, and not in the functions that they call.
#![allow(clippy::unwrap_used)]

mod driver;
mod pty;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use nix::sys::signal::Signal;
use pty::Terminal;
use tempfile::TempDir;

const UP: &[u8] = b"\x1b[A";
const LEFT: &[u8] = b"\x1b[D";
const RIGHT: &[u8] = b"\x1b[C";

/// This is not a test: it is the program that the tests run, when one of them starts this binary.
#[test]
fn driver() {
    driver::run();
}

/// The driver and its terminal.
struct Repl {
    terminal: Terminal,
    orders: BufReader<UnixStream>,
    directory: TempDir,
}

impl Repl {
    #[track_caller]
    fn start() -> Self {
        Self::start_with((80, 24), &[])
    }

    #[track_caller]
    fn start_with(size: (u16, u16), environment: &[(&str, &str)]) -> Self {
        Self::launch(size, environment, None)
    }

    /// Starts the driver, or a shell in which the test starts the driver itself.
    #[track_caller]
    fn launch(size: (u16, u16), environment: &[(&str, &str)], shell: Option<&[&str]>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("orders");
        let listener = UnixListener::bind(&socket).unwrap();
        let program = std::env::current_exe().unwrap();
        let program = program.to_str().unwrap();
        let mut environment = environment.to_vec();
        environment.push((driver::SOCKET, socket.to_str().unwrap()));
        let arguments = ["driver", "--exact", "--nocapture", "-q"];
        let terminal = match shell {
            None => Terminal::spawn(program, &arguments, &environment, size),
            Some(shell) => {
                let mut terminal = Terminal::spawn(shell[0], &shell[1..], &environment, size);
                terminal.enter(&format!("{program} {}", arguments.join(" ")));
                terminal
            }
        };
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let repl = Self { terminal, orders: BufReader::new(stream), directory };
        repl.terminal.wait_for_last("[lobby]");
        repl
    }

    /// Gives an order and waits until it is done; returns how many microseconds that took.
    #[track_caller]
    fn tell(&mut self, order: &str) -> u64 {
        self.send(order);
        let mut answer = String::new();
        self.orders.read_line(&mut answer).unwrap();
        answer.trim().strip_prefix("done ").unwrap().parse().unwrap()
    }

    fn send(&mut self, order: &str) {
        writeln!(self.orders.get_mut(), "{order}").unwrap();
    }

    /// Returns the rows of the whole transcript that begin with `start`, without `start`.
    fn rows_after(&self, start: &str) -> Vec<String> {
        let transcript = self.terminal.transcript();
        transcript.lines().filter_map(|row| row.strip_prefix(start)).map(str::to_owned).collect()
    }

    /// Waits until a row of the whole transcript is `row`.
    #[track_caller]
    fn wait_for_row(&self, row: &str) {
        self.terminal
            .wait_while_polling(row, |terminal| terminal.transcript().lines().any(|line| line == row));
    }

    #[track_caller]
    fn assert_flood(&self, count: usize) {
        let rows: Vec<_> = self.rows_after("m");
        let expected: Vec<_> = (0..count).map(|n| n.to_string()).collect();
        assert!(rows == expected, "{} rows of {count}, or not in order", rows.len());
    }
}

#[test]
fn lines_typed_ahead_all_arrive() {
    let mut repl = Repl::start();
    repl.terminal.type_text("one\rtwo\rthree\rfour\rfive\r");
    repl.terminal.wait_for("said [0] five");
    assert_eq!(repl.rows_after("said [0] "), ["one", "two", "three", "four", "five"]);
}

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
fn cancelling_works_after_a_quote_key_and_in_an_argument_and_keeps_a_search_open() {
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
    repl.terminal.type_text("\x16\x1b5");
    repl.terminal.wait_for_last("(arg: 5) drx");
    repl.tell("cancel [c] ");
    repl.terminal.wait_for_last("[c] drx");
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

#[test]
fn ctrl_c_between_two_lines_is_a_signal_to_the_program() {
    let mut repl = Repl::start();
    repl.tell("hold");
    repl.terminal.enter("first");
    repl.terminal.wait_for("said [0] first");
    repl.terminal.keys(b"\x03");
    repl.terminal.wait_for("a signal: SIGINT");
    repl.tell("release");
    repl.terminal.enter("second");
    repl.terminal.wait_for("said [0] second");
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
fn commands_are_coloured_unless_colour_is_off() {
    let mut repl = Repl::start();
    repl.terminal.enter("\\fork bob");
    repl.terminal.enter("\\frok bob");
    repl.terminal.wait_for("said [0] \\frok bob");
    let raw = String::from_utf8(repl.terminal.raw()).unwrap();
    assert!(raw.contains("\x1b[1;36m\\fork\x1b[0m bob"), "{raw:?}");
    assert!(raw.contains("\x1b[31m\\frok\x1b[0m bob"), "{raw:?}");

    let mut repl = Repl::start_with((80, 24), &[("NO_COLOR", "1")]);
    repl.terminal.enter("\\fork bob");
    repl.terminal.enter("\\frok bob");
    repl.terminal.wait_for("said [0] \\frok bob");
    let raw = String::from_utf8(repl.terminal.raw()).unwrap();
    let colours = raw.split("\x1b[").skip(1).filter(|part| is_colour(part)).count();
    assert_eq!(colours, 0, "{raw:?}");
}

fn is_colour(after_escape: &str) -> bool {
    after_escape.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m')
}

#[test]
fn tab_completes_and_a_hint_explains() {
    let mut repl = Repl::start();
    repl.terminal.type_text("\\fo");
    repl.terminal.wait_for_last("[lobby] \\fork NAME  private session with NAME");
    repl.terminal.keys(RIGHT);
    repl.terminal.type_text(" BO\t");
    repl.terminal.wait_for_last("[lobby] \\fork bobby");
    repl.terminal.enter("");
    repl.terminal.wait_for("said [0] \\fork bobby");
    repl.terminal.type_text("\\ss\t");
    repl.terminal.enter("");
    repl.terminal.wait_for("said [0] \\sessions");
    repl.terminal.type_text("bo\thi");
    repl.terminal.wait_for_last("[lobby] bobby: hi");
}

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
fn lines_are_kept_between_runs_and_only_their_owner_can_read_them() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("input_history");
    let environment = [(driver::HISTORY, file.to_str().unwrap())];
    let mut one = Repl::start_with((80, 24), &environment);
    let mut two = Repl::start_with((80, 24), &environment);
    one.terminal.enter("from one");
    one.terminal.wait_for("said [0] from one");
    two.terminal.enter("from two\\\nagain");
    two.terminal.wait_for("said [0] from two␤again");
    one.terminal.enter(" not kept");
    one.terminal.wait_for("said [0]  not kept");
    one.tell("close");
    two.tell("close");
    one.terminal.wait_for_end();
    two.terminal.wait_for_end();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let mut again = Repl::start_with((80, 24), &environment);
    again.terminal.keys(UP);
    again.terminal.wait_until("the last line", |screen| screen.ends_with("[lobby] from two\nagain"));
    again.terminal.keys(UP);
    again.terminal.keys(UP);
    again.terminal.wait_for_last("[lobby] from one");
}

#[test]
fn a_history_that_cannot_be_kept_is_reported_once() {
    let environment = [(driver::HISTORY, "/proc/nowhere/input_history")];
    let mut repl = Repl::start_with((80, 24), &environment);
    repl.terminal.enter("one");
    repl.terminal.enter("two");
    repl.terminal.wait_for("said [0] two");
    assert_eq!(repl.rows_after("history lost").len(), 1);
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
    assert!(repl.directory.path().exists());
}

#[test]
fn a_paste_without_an_end_holds_up_neither_messages_nor_keys() {
    let mut repl = Repl::start();
    repl.terminal.keys(b"\x1b[200~half a paste");
    repl.tell("print a message meanwhile");
    repl.terminal.wait_for("a message meanwhile");
    repl.terminal.wait_for_last("[lobby] half a paste");
    repl.terminal.type_text(" goes on");
    repl.terminal.wait_for_last("[lobby] half a paste goes on");
    repl.terminal.keys(b"\x1b[200~ and more");
    // A person presses the key some time later.
    repl.tell("print another message");
    repl.terminal.wait_for("another message");
    repl.terminal.keys(b"\x03");
    repl.terminal.wait_for_last("[lobby]");
    repl.terminal.enter("said");
    repl.terminal.wait_for("said [0] said");
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
