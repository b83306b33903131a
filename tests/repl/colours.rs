//! What is drawn beside the draft: colours, hints and completion.

use crate::{RIGHT, Repl};

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
