//! The first five minutes: things that felt wrong to users who had never seen hobnob, and were mended.

use serde_json::json;

use crate::person::{Person, WIDTHS, bobby_forks_anna};
use crate::support::home::Home;
use crate::support::server::Server;

#[test]
fn the_prompt_follows_the_help_of_a_command_at_once() {
    let server = Server::start(&[]);
    for columns in [40, 80, 200] {
        let mut anna = Person::join(&server, &format!("anna{columns}"), (columns, 24));
        anna.enter("\\help fork");
        anna.sees("    e.g. \\fork bobby\nlobby>");
    }
}

#[test]
fn a_slash_typed_by_habit_is_not_said_to_the_lobby() {
    for columns in WIDTHS {
        slash_by_habit(columns);
    }
}

fn slash_by_habit(columns: u16) {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let mut anna = Person::join(&server, "anna", (columns, 24));
    anna.terminal.type_text("/users");
    anna.sees_last("lobby> /users  the same as \\users");
    anna.enter("");
    anna.sees("in the lobby (2): anna bobby");
    anna.enter("/query bobby");
    anna.sees("/query was not sent: \\fork NAME opens a private session");
    anna.terminal.wait_until("the line in the editor", |screen| {
        crate::pty::last_row(screen).starts_with("lobby> /query bobby")
    });
    // Ctrl-U empties the line.
    anna.terminal.keys(b"\x15");
    anna.sees_last("lobby>");
    anna.enter("/msg bobby a secret");
    bobby.wait(json!({"event": "message", "kind": "peer", "text": "a secret"}));
    anna.enter("//query is a word");
    bobby.wait(json!({"event": "message", "session": 0, "text": "/query is a word"}));
    anna.enter("/etc/hosts");
    bobby.wait(json!({"event": "message", "session": 0, "text": "/etc/hosts"}));
    assert_eq!(bobby.lobby_texts(), ["/query is a word", "/etc/hosts"]);
}

#[test]
fn a_command_behind_something_invisible_stays_in_the_editor() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let mut anna = Person::join(&server, "anna", (100, 24));
    anna.enter(" \\fork bobby");
    anna.sees("something invisible stands before this command");
    anna.terminal.wait_until("the line in the editor", |screen| {
        crate::pty::last_row(screen).starts_with("lobby>  \\fork bobby")
    });
    anna.enter("secret");
    anna.terminal.keys(b"\x15");
    anna.sees_last("lobby>");
    anna.enter("hello");
    bobby.wait(json!({"event": "message", "text": "hello"}));
    assert_eq!(bobby.lobby_texts(), ["hello"]);
}

#[test]
fn a_line_typed_soon_after_a_failed_command_that_leads_nowhere_is_said() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let mut anna = Person::join(&server, "anna", (80, 24));
    for (number, failing) in ["\\lobby x", "\\nick x", "\\users x"].into_iter().enumerate() {
        anna.enter(failing);
        anna.enter(&format!("hello {number}"));
        bobby.wait(json!({"event": "message", "text": format!("hello {number}")}));
    }
    assert!(!anna.terminal.screen().contains("before this prompt"), "{}", anna.terminal.screen());
}

#[test]
fn lines_typed_ahead_for_an_absent_user_are_not_said_to_the_lobby() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let mut anna = Person::join(&server, "anna", (80, 24));
    anna.terminal.keys(b"\\sw carmen\rsecret\r");
    anna.sees("it was typed before this prompt was there; the Up key brings it back");
    anna.sees_row("lobby> secret");
    anna.terminal.keys(b"\x15");
    anna.enter("\\users");
    anna.sees("bobby");
    assert_eq!(bobby.lobby_texts(), [] as [&str; 0]);
}

#[test]
fn a_line_finished_just_when_its_session_has_ended_is_not_drawn_as_said() {
    let (_server, bobby, mut anna) = bobby_forks_anna(80);
    anna.enter("\\sw 1");
    anna.sees_last("1 P~> bobby>");
    bobby.send("\\leave");
    anna.sees_last("lobby>");
    anna.enter("secret");
    anna.sees("it was typed before this prompt was there; the Up key brings it back");
    anna.sees("session 1 with bobby is over: bobby ended it");
    anna.sees_row("lobby> secret");
    assert_eq!(bobby.lobby_texts(), [] as [&str; 0]);
}

#[test]
fn the_user_is_told_once_that_texts_wait_while_the_lobby_is_down() {
    let mut server = Server::start(&[]);
    let mut anna = Person::join(&server, "anna", (80, 24));
    for outage in 1..=2 {
        server.kill();
        anna.terminal
            .wait_until("an outage", |screen| screen.matches("the lobby is down;").count() == outage);
        anna.enter(&format!("one {outage}"));
        anna.terminal
            .wait_until("what becomes of it", |screen| screen.matches("this waits").count() == outage);
        anna.enter(&format!("two {outage}"));
        server.restart();
        let bobby = server.join("bobby");
        bobby.wait(json!({"event": "message", "text": format!("two {outage}")}));
        anna.terminal.wait_until("its end", |screen| screen.matches("the lobby is back").count() == outage);
        assert_eq!(anna.terminal.screen().matches("this waits").count(), outage);
    }
}

#[test]
fn a_failed_fork_is_reported_once_and_names_no_session() {
    let server = Server::start(&[]);
    let mut anna = Person::join(&server, "anna", (80, 24));
    anna.enter("\\fork nobody");
    anna.sees("\\fork: nobody is not in the lobby");
    anna.sees_last("lobby>");
    anna.enter("\\ss");
    anna.sees("* 0 lobby (up)");
    assert!(!anna.terminal.screen().contains("is over"), "{}", anna.terminal.screen());
}

#[test]
fn a_fork_of_somebody_who_has_forked_first_leads_to_that_session() {
    for columns in WIDTHS {
        let (_server, bobby, mut anna) = bobby_forks_anna(columns);
        anna.enter("\\fork bobby");
        anna.sees("session 1 with bobby was open already; it is current now");
        anna.sees_last("1 P~> bobby>");
        anna.enter("for bobby alone");
        bobby.wait(json!({"event": "message", "kind": "peer", "text": "for bobby alone"}));
        assert_eq!(bobby.lobby_texts(), [] as [&str; 0]);
    }
}

#[test]
fn whois_shows_local_time() {
    let server = Server::start(&[]);
    let _bobby = server.join("bobby");
    let home = Home::new();
    let mut anna = Person::join_with(&server, "anna", (200, 24), &[("TZ", "Etc/GMT-14")], &home);
    anna.enter("\\whois bobby");
    anna.sees("in the lobby since ");
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(14)));
    let screen = anna.terminal.screen();
    let since = screen.lines().find_map(|row| row.split_once(" since ")).unwrap().1;
    // The minute may have changed since the client joined, and at midnight also the day.
    let days = [&now, &now.checked_sub(jiff::SignedDuration::from_mins(1)).unwrap()];
    let told = days.map(|at| at.strftime("%Y-%m-%d %H:%M").to_string());
    assert!(told.iter().any(|time| time == since), "{since:?} is not one of {told:?}");
}

#[test]
fn a_server_whose_name_is_wrong_is_not_looked_for_behind_a_firewall() {
    let arguments = ["--server", "a..b:1", "--name", "anna"];
    let mut anna = Person::start(&arguments, (80, 24), &[], &Home::new());
    assert_eq!(anna.terminal.wait_for_end().exit_code(), 3);
    let said = anna.terminal.screen().replace('\n', "");
    assert!(said.contains("is its name spelled right"), "{said}");
}

#[test]
fn ctrl_c_and_ctrl_d_leave_at_the_first_question() {
    for key in [b"\x03", b"\x04"] {
        let mut anna = Person::start(&[], (80, 24), &[], &Home::new());
        anna.sees_last("Please input chat name:");
        anna.terminal.keys(key);
        assert_eq!(anna.terminal.wait_for_end().exit_code(), 2);
        let screen = anna.terminal.screen();
        assert_eq!(screen.lines().last(), Some("hobnob: no name was given"), "{screen}");
    }
}

#[test]
fn ctrl_c_ends_the_wait_for_a_silent_server() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let arguments = ["--server", &address, "--name", "anna"];
    let mut anna = Person::start(&arguments, (80, 24), &[], &Home::new());
    let _held = silent.accept().unwrap();
    anna.terminal.keys(b"\x03");
    assert_eq!(anna.terminal.wait_for_end().exit_code(), 3);
    anna.sees("asked to end before the lobby was joined");
}

#[test]
fn a_manual_page_on_a_terminal_says_how_to_read_it() {
    let mut anna = Person::start(&["man"], (80, 24), &[], &Home::new());
    assert!(anna.terminal.wait_for_end().success());
    let screen = anna.terminal.screen();
    assert!(screen.ends_with("read it with: hobnob man | man -l -"), "{screen}");
}
