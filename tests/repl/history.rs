//! Earlier lines, in the file that keeps them between runs.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::{LEFT, Repl, UP, driver};

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
fn a_line_that_the_app_brings_back_is_the_newest_and_what_is_typed_meanwhile_stays() {
    let mut repl = Repl::start();
    for line in ["one", "two", "three"] {
        repl.terminal.enter(line);
        repl.terminal.wait_for(&format!("said [0] {line}"));
    }
    repl.terminal.type_text("a draft");
    repl.terminal.wait_for_last("[lobby] a draft");
    repl.terminal.keys(LEFT);
    for line in ["one", " blank", "four\\nfive"] {
        repl.tell(&format!("bring {line}"));
        repl.tell("print brought");
    }
    repl.terminal.wait_until("each message", |screen| screen.matches("brought").count() == 3);
    repl.terminal.type_text("!");
    repl.terminal.wait_for_last("[lobby] a draf!t");
    repl.terminal.keys(UP);
    repl.terminal.wait_until("the newest line", |screen| screen.ends_with("[lobby] four\nfive"));
    // The first of these goes up within the text.
    repl.terminal.keys(UP);
    for last in ["[lobby]  blank", "[lobby] one", "[lobby] three", "[lobby] two"] {
        repl.terminal.keys(UP);
        repl.terminal.wait_for_last(last);
    }
    repl.terminal.enter("");
    repl.wait_for_row("said [0] two");
}

#[test]
fn lines_that_are_brought_back_are_not_kept_between_runs() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("input_history");
    let mut repl = Repl::start_with((80, 24), &[(driver::HISTORY, file.to_str().unwrap())]);
    repl.terminal.enter("typed");
    repl.terminal.wait_for("said [0] typed");
    repl.tell("bring a secret");
    repl.terminal.keys(UP);
    repl.terminal.wait_for_last("[lobby] a secret");
    repl.tell("close");
    repl.terminal.wait_for_end();
    assert_eq!(fs::read_to_string(&file).unwrap(), "typed\n");
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
