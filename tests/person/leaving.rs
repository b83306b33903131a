//! How a person leaves, and what ends the program without a question: a host is asked once before he leaves, and
//! signals are obeyed at once.

use nix::sys::signal::Signal;
use serde_json::json;

use crate::person::{Person, WIDTHS, bobby_forks_anna};
use crate::support::free_port;
use crate::support::home::Home;
use crate::support::launch::Launch;
use crate::support::server::Server;

fn host(address: &str, columns: u16) -> Person {
    let arguments = ["--host", address, "--name", "anna"];
    let anna = Person::start(&arguments, (columns, 24), &[], &Home::new());
    anna.sees_last("lobby>");
    anna
}

#[test]
fn a_host_who_leaves_is_told_who_is_in_the_lobby_and_asked_once() {
    for columns in [40, 80, 200] {
        let address = format!("127.0.0.1:{}", free_port());
        let mut anna = host(&address, columns);
        let bobby = Launch::hobnob().server(&address).name("bobby").join();
        anna.sees("bobby joined");
        anna.enter("\\quit");
        anna.sees("you host this lobby, and it ends with you; in it: bobby");
        anna.sees_last("leave? [y/N]");
        anna.enter("");
        anna.sees_last("lobby>");
        anna.enter("still here");
        bobby.wait(json!({"event": "message", "from": "anna", "text": "still here"}));
        // Ctrl-D leads to the question, too, and a second Ctrl-D answers it.
        anna.terminal.keys(b"\x04");
        anna.sees_last("leave? [y/N]");
        anna.terminal.keys(b"\x04");
        assert!(anna.terminal.wait_for_end().success());
    }
}

#[test]
fn a_host_alone_or_in_a_hurry_is_not_asked() {
    let address = format!("127.0.0.1:{}", free_port());
    let mut anna = host(&address, 80);
    anna.enter("\\quit");
    assert!(anna.terminal.wait_for_end().success());
    let address = format!("127.0.0.1:{}", free_port());
    for end in [0, 1, 2] {
        let mut anna = host(&address, 80);
        let _bobby = Launch::hobnob().server(&address).name("bobby").join();
        anna.sees("bobby joined");
        match end {
            0 => {
                anna.terminal.keys(b"\x03");
                anna.sees("Ctrl-C again, Ctrl-D or \\quit to leave; you host this lobby:");
                anna.sees("ends for bobby, too");
                anna.terminal.keys(b"\x03");
            }
            1 => anna.terminal.signal(Signal::SIGTERM),
            _ => anna.terminal.signal(Signal::SIGHUP),
        }
        assert!(anna.terminal.wait_for_end().success());
        assert!(!anna.terminal.transcript().contains("leave?"));
    }
}

#[test]
fn a_visitor_who_leaves_is_not_asked() {
    let server = Server::start(&[]);
    let mut anna = Person::join(&server, "anna", (80, 24));
    let _bobby = server.join("bobby");
    anna.sees("bobby joined");
    anna.enter("\\quit");
    assert!(anna.terminal.wait_for_end().success());
}

#[test]
fn a_ctrl_c_after_something_was_typed_is_a_first_one_again() {
    for columns in WIDTHS {
        ctrl_c_twice(columns);
    }
}

fn ctrl_c_twice(columns: u16) {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let mut anna = Person::join(&server, "anna", (columns, 24));
    // If something is typed, Ctrl-C only clears the line, and Ctrl-Y gives it back.
    anna.terminal.type_text("half a thought");
    anna.sees_last("lobby> half a thought");
    anna.terminal.keys(b"\x03");
    anna.sees_last("lobby>");
    anna.terminal.keys(b"\x19");
    anna.sees_last("lobby> half a thought");
    anna.terminal.keys(b"\x15");
    anna.sees_last("lobby>");
    anna.terminal.keys(b"\x03");
    anna.sees("Ctrl-C again, Ctrl-D or \\quit to leave");
    anna.enter("still here");
    bobby.wait(json!({"event": "message", "from": "anna", "text": "still here"}));
    anna.terminal.keys(b"\x03");
    let is_told_twice = |screen: &str| screen.matches("Ctrl-C again").count() == 2;
    anna.terminal.wait_until("the same once more", is_told_twice);
    anna.enter("and still");
    bobby.wait(json!({"event": "message", "from": "anna", "text": "and still"}));
    anna.enter("\\quit");
    assert!(anna.terminal.wait_for_end().success());
}

#[test]
fn an_ignored_hang_up_stays_ignored() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let script = format!(
        "trap '' HUP; exec {} --server {} --name anna",
        env!("CARGO_BIN_EXE_hobnob"),
        server.address()
    );
    let mut anna = Person::run("sh", &["-c", &script], (80, 24), &[], &Home::new());
    anna.sees_last("lobby>");
    anna.terminal.signal(Signal::SIGHUP);
    anna.enter("after the hang-up");
    bobby.wait(json!({"event": "message", "from": "anna", "text": "after the hang-up"}));
    anna.enter("\\quit");
    assert!(anna.terminal.wait_for_end().success());
}

#[test]
fn texts_that_a_frozen_server_does_not_acknowledge_are_counted_and_perhaps_not_delivered() {
    for columns in [40, 80, 200] {
        let server = Server::start(&[]);
        let mut anna = Person::join(&server, "anna", (columns, 24));
        server.freeze();
        anna.enter("one");
        anna.enter("two");
        anna.terminal.type_text("a draft");
        // The counts change while something is typed.
        anna.sees_last("lobby … 2> a draft");
        server.thaw();
        anna.sees_last("lobby> a draft");
        server.freeze();
        anna.terminal.keys(b"\x15");
        anna.enter("three");
        anna.sees_last("lobby … 1>");
        anna.enter("\\quit");
        anna.sees("perhaps not delivered (it was not acknowledged before the end): three");
        anna.terminal.wait_for_end();
        assert!(!anna.terminal.transcript().contains("not sent"));
        server.thaw();
    }
}

#[test]
fn a_line_typed_in_a_session_that_is_over_is_not_shown_as_said_in_the_lobby() {
    for columns in WIDTHS {
        let (_server, bobby, mut anna) = bobby_forks_anna(columns);
        anna.enter("\\sw 1");
        anna.sees_last("1 P~> bobby>");
        anna.terminal.type_text("my secret");
        anna.sees_last("1 P~> bobby> my secret");
        bobby.ask("\\leave", json!({"event": "closed", "session": 1}));
        anna.sees_last("1 (over)> my secret");
        anna.enter("");
        anna.sees("not sent (the session it was typed in is over; the Up key brings it back)");
        anna.sees_last("lobby>");
        let rows = anna.rows();
        assert!(rows.iter().any(|row| row == "1 (over)> my secret"), "{rows:#?}");
        assert!(!rows.iter().any(|row| row.contains("anna: my secret")), "{rows:#?}");
        anna.terminal.keys(b"\x1b[A");
        anna.sees_last("lobby> my secret");
        assert!(bobby.lobby_texts().is_empty());
    }
}
