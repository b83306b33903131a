//! No key takes the sign from a command that is typed behind it. What follows the sign may be private, and without the
//! sign it would be a text for everybody.

use std::thread::sleep;
use std::time::Duration;

use crate::Repl;

/// Keys, and beginnings of keys, that wait for more bytes or for another key.
const BEGINNINGS: &[&str] = &[
    "\x16",
    "\x18",
    "\x18\x18",
    "\x1d",
    "\x1b\x1d",
    "\x1b",
    "\x1b\x1b",
    "\x1b2",
    "\x1b-",
    "\x1b1\x1b2",
    "\x1bO",
    "\x1bO5",
    "\x1b[",
    "\x1b[[",
    "\x1b[M",
    "\x1b[1;",
    "\x1b]",
    "\x1bP",
    "\x1b_",
];

/// Returns every control key and every key with Alt, except Ctrl-D, which ends the program, and Ctrl-Z, which stops it.
fn keys() -> Vec<String> {
    let controls = (0..0x20_u8).chain([0x7f]).map(char::from).filter(|c| !matches!(c, '\x04' | '\x1a'));
    let with_alt = (0..0x80_u8).map(|byte| format!("\x1b{}", char::from(byte)));
    let others = ["\x1bé", "\x1b[2~", "\x1b[97;5u", "\x1b[1;2P", "\x1bOA", "\x1b[1;5y"].map(str::to_owned);
    let beginnings = BEGINNINGS.iter().map(ToString::to_string);
    controls.map(String::from).chain(with_alt).chain(others).chain(beginnings).collect()
}

/// Checks that each line that was handed over is a command, or is blank before its first command, so that it is refused.
/// The texts that keys bring back are commands, too; what the app does with others stands in its own tests.
#[track_caller]
fn assert_no_text(repl: &Repl, key: &str) {
    for line in repl.rows_after("said [0] ") {
        let line = line.trim_start_matches('␤');
        assert!(line.is_empty() || line.starts_with(['\\', '/']), "after {key:?}: {line:?}");
    }
}

#[test]
fn no_key_takes_the_sign_from_a_command_that_is_typed_at_once() {
    for command in ["\\msg bob", "/msg bob"] {
        let mut repl = Repl::start();
        for (number, key) in keys().iter().enumerate() {
            repl.terminal.keys(format!("{key}{command} {number}\r").as_bytes());
            // The search that Ctrl-R opened is closed, and the line is cleared.
            repl.terminal.keys(b"\x07\x03");
            repl.terminal.enter(&format!("\\after {number}"));
            repl.wait_for_row(&format!("said [0] \\after {number}"));
            assert_no_text(&repl, key);
        }
        let said = repl.rows_after(&format!("said [0] {command} "));
        assert!(said.len() > keys().len() * 9 / 10, "{said:?}");
    }
}

#[test]
fn no_key_takes_the_sign_from_a_command_that_is_typed_later() {
    let mut repl = Repl::start();
    for (number, key) in BEGINNINGS.iter().enumerate() {
        repl.terminal.keys(key.as_bytes());
        sleep(Duration::from_millis(1100)); // The beginning of a key counts as such for a second.
        repl.terminal.enter(&format!("\\msg bob {number}"));
        repl.terminal.keys(b"\x07\x03");
        repl.terminal.enter(&format!("\\after {number}"));
        repl.wait_for_row(&format!("said [0] \\after {number}"));
        assert_no_text(&repl, key);
    }
    assert_eq!(repl.rows_after("said [0] \\msg bob ").len(), BEGINNINGS.len());
}
