//! Earlier lines, in the file that keeps them between runs.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::{Repl, UP, driver};

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
