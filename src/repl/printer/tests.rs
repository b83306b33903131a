//! Checks when the editor's thread is interrupted, and that this never happens while it writes to the terminal.

use std::thread;

use nix::sys::signal::{SigSet, Signal};

use super::*;

/// Runs `test` with a terminal that is reading a line, in a thread that takes no SIGINT and plays the editor's thread.
fn while_reading(test: impl FnOnce(&SharedTerminal) + Send) {
    let play = || {
        SigSet::from(Signal::SIGINT).thread_block().unwrap();
        let terminal = SharedTerminal::new();
        terminal.grant(Grant::default());
        assert!(matches!(terminal.next_job(), Job::Read(_)));
        assert_eq!(terminal.repaint(false), None);
        test(&terminal);
    };
    thread::scope(|scope| scope.spawn(play).join()).unwrap();
}

/// Whether a signal was sent for this line.
fn was_interrupted(terminal: &SharedTerminal) -> bool {
    terminal.lock().interrupts.next(Instant::now()) != Some(Duration::ZERO)
}

/// Notes that a bell has rung so long ago that it should have been answered.
fn ring_long_ago(terminal: &SharedTerminal) {
    terminal.lock().rung = Instant::now().checked_sub(2 * UNHEARD);
}

#[test]
fn an_editor_that_does_not_answer_the_bell_is_interrupted() {
    while_reading(|terminal| {
        assert_eq!(terminal.lock().bell(), Bell::Waits(None));
        terminal.print("a message".to_owned());
        assert_eq!(terminal.lock().bell(), Bell::Rings);
        assert!(matches!(terminal.lock().bell(), Bell::Waits(Some(left)) if left <= UNHEARD));
        assert!(!was_interrupted(terminal));
        ring_long_ago(terminal);
        assert!(matches!(terminal.lock().bell(), Bell::Waits(Some(_))));
        assert!(was_interrupted(terminal));
    });
}

#[test]
fn an_editor_that_writes_is_not_interrupted_because_of_the_bell() {
    while_reading(|terminal| {
        terminal.print("a message".to_owned());
        ring_long_ago(terminal);
        terminal.while_drawing(|| assert_eq!(terminal.lock().bell(), Bell::Waits(None)));
        // It has as much time for the answer as if the bell had rung now.
        assert!(matches!(terminal.lock().bell(), Bell::Waits(Some(left)) if left > UNHEARD / 2));
        assert!(!was_interrupted(terminal));
    });
}

#[test]
fn a_line_that_is_given_up_while_the_editor_writes_is_interrupted_afterwards() {
    for give_up in [SharedTerminal::cancel, SharedTerminal::close] {
        while_reading(|terminal| {
            terminal.while_drawing(|| {
                give_up(terminal);
                assert_eq!(terminal.lock().bell(), Bell::Waits(None));
                assert!(!was_interrupted(terminal));
            });
            assert!(was_interrupted(terminal));
        });
    }
}

#[test]
fn a_line_is_interrupted_to_be_read_on_when_another_is_brought_back_unless_that_is_the_newest() {
    while_reading(|terminal| {
        terminal.take_brought_back(|lines| {
            assert!(lines.is_empty());
            Some("the newest".to_owned())
        });
        terminal.bring_back("the newest".to_owned());
        assert!(!was_interrupted(terminal));
        terminal.bring_back("an older one".to_owned());
        assert!(was_interrupted(terminal) && !terminal.interrupted() && terminal.take_roused());
        terminal.take_brought_back(|lines| {
            assert_eq!(lines, ["an older one"]);
            lines.last().cloned()
        });
        assert_eq!(terminal.lock().bell(), Bell::Waits(None));
    });
}

#[test]
fn a_line_that_is_brought_back_during_a_paste_waits_for_its_end() {
    while_reading(|terminal| {
        terminal.note_paste();
        terminal.bring_back("a line".to_owned());
        assert!(!was_interrupted(terminal) && !terminal.take_roused());
        terminal.repaint(false);
        assert!(matches!(terminal.lock().bell(), Bell::Waits(Some(_))));
        assert!(was_interrupted(terminal) && terminal.take_roused());
    });
}

#[test]
fn each_line_may_be_interrupted_anew() {
    while_reading(|terminal| {
        terminal.cancel();
        assert!(was_interrupted(terminal) && terminal.interrupted());
        terminal.repaint(false);
        assert!(!was_interrupted(terminal));
    });
}
