//! What helps while a line is typed: completion, hints, searching backwards, and lines that continue below.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::person::{Person, WIDTHS};
use crate::pty::last_row;
use crate::support::home::Home;
use crate::support::server::Server;

#[test]
fn tab_completes_commands_users_sessions_settings_and_mentions() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let bobby = server.join("bobby");
        let carmen = server.join("carmen");
        let home = Home::new();
        give_program(&home, "hobnob-load");
        let mut anna = Person::join_with(&server, "anna", (columns, 24), &[], &home);
        anna.enter("\\alias brb be right back");
        anna.enter("\\ignore carmen");
        anna.sees("is not shown any more");
        carmen.send("\\quit");
        bobby.wait(json!({"event": "left", "name": "carmen"}));
        bobby.fork("anna");
        anna.sees("bobby opened private session 1");
        // Carmen, who is ignored, leaves unseen, and she does so before the fork.
        assert!(!anna.terminal.screen().contains("carmen left"));
        for (keys, line) in [
            ("\\who\t", "\\whois"),
            ("\\fork bo\t", "\\fork bobby"),
            ("\\whois BO\t", "\\whois bobby"),
            ("\\sw bo\t", "\\sw bobby"),
            ("\\unalias br\t", "\\unalias brb"),
            ("\\unignore car\t", "\\unignore carmen"),
            ("\\allow lo\t", "\\allow load"),
            ("\\set names\t", "\\set names-colour"),
            ("\\set times lo\t", "\\set times long"),
            ("bo\t", "bobby:"),
            ("hi @bo\t", "hi @bobby"),
        ] {
            anna.terminal.type_text(keys);
            anna.terminal.wait_until(line, |screen| typed(screen).starts_with(line));
            anna.terminal.keys(b"\x15");
            anna.sees_last("lobby>");
        }
        // If several words fit, they are listed, on no more rows than the screen has.
        anna.terminal.type_text("\\\t");
        anna.sees("\\whois");
        anna.sees_last("lobby> \\");
        assert!(anna.terminal.screen().lines().all(|row| row.chars().count() <= usize::from(columns)));
    }
}

#[test]
fn a_mistyped_command_suggests_and_arguments_are_hinted() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let bobby = server.join("bobby");
        let mut anna = Person::join(&server, "anna", (columns, 24));
        anna.enter("\\frok bobby");
        anna.sees("there is no command \\frok; did you mean \\fork? nothing was sent");
        anna.terminal.type_text("\\fork");
        // The hint is not part of the line, so the cursor stands before the hint.
        let end = u16::try_from("lobby> \\fork".len()).unwrap();
        anna.terminal.wait_while_polling("its arguments", |terminal| {
            terminal.cursor().1 == end && typed(&terminal.screen()).starts_with("\\fork NAME")
        });
        anna.terminal.keys(b"\x15");
        // The server answers this after everything that Anna has said before.
        anna.enter("\\whois bobby");
        anna.sees("in the lobby since");
        bobby.say("done");
        assert_eq!(bobby.all(json!({"event": "message", "from": "anna"})).len(), 0);
    }
}

#[test]
fn a_line_continues_below_and_old_lines_are_found_again() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let bobby = server.join("bobby");
        let mut anna = Person::join(&server, "anna", (columns, 24));
        anna.enter("one\\");
        anna.sees("lobby> one\\");
        anna.terminal.type_text("two\x1b\rthree");
        anna.sees_last("three");
        anna.enter("");
        bobby.wait(json!({"event": "message", "text": "one\ntwo\nthree"}));
        anna.enter("needle in a haystack");
        bobby.wait(json!({"event": "message", "text": "needle in a haystack"}));
        anna.enter("hay");
        bobby.wait(json!({"event": "message", "text": "hay"}));
        anna.terminal.keys(b"\x12");
        anna.terminal.type_text("need");
        let lead = if columns < 60 { "" } else { "search: " };
        anna.terminal
            .wait_until("the match", |it| typed(it).starts_with(&format!("need  ← {lead}needle in a")));
        // A user who searches still sees what is said.
        bobby.say("meanwhile");
        anna.sees_row("* bobby: meanwhile");
        // One Enter takes the line, and another one sends it.
        anna.terminal.keys(b"\r");
        anna.sees_last("lobby> needle in a haystack");
        anna.terminal.keys(b"\r");
        bobby.wait(json!({"event": "message", "text": "needle in a haystack"}));
    }
}

#[test]
fn lines_typed_in_one_run_are_there_in_the_next() {
    let server = Server::start(&[]);
    let home = Home::new();
    let mut anna = Person::join_with(&server, "anna", (80, 24), &[], &home);
    anna.enter("remember me");
    anna.sees_last("lobby>");
    anna.enter("\\quit");
    anna.terminal.wait_for_end();
    let mut again = Person::join_with(&server, "anna", (80, 24), &[], &home);
    again.terminal.keys(b"\x12");
    again.terminal.type_text("remem");
    again.sees("remem  ← search: remember me");
}

#[test]
fn wide_names_and_drafts_keep_the_cursor_where_it_belongs() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let friend = server.join("日本");
        let mut anna = Person::join(&server, "anna", (columns, 24));
        friend.fork("anna");
        anna.sees("opened private session 1");
        anna.enter("\\sw 1");
        anna.sees_last("1 P~> 日本>");
        anna.terminal.type_text("日本語👍e\u{301}x");
        let prompt = "1 P~> ".len() + 4 + "> ".len();
        let at = |text: usize| u16::try_from(prompt + text).unwrap();
        anna.terminal.wait_while_polling("the cursor", |it| it.cursor().1 == at(10));
        friend.say("meanwhile 👍");
        anna.sees_row("* P~> <日本> meanwhile 👍");
        anna.sees_last("1 P~> 日本> 日本語👍e\u{301}x");
        anna.terminal.wait_while_polling("the cursor", |it| it.cursor().1 == at(10));
        // One key deletes one character, however wide it is and of however many code points it consists.
        anna.terminal.keys(b"\x7f\x7f\x7f");
        anna.sees_last("1 P~> 日本> 日本語");
        anna.terminal.wait_while_polling("the cursor", |it| it.cursor().1 == at(6));
        anna.enter("");
        friend.wait(json!({"event": "message", "text": "日本語"}));
    }
}

/// Puts a program into the folder of the user's own commands.
fn give_program(home: &Home, name: &str) {
    let folder = home.path().join("config/hobnob/commands");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Returns what stands behind the lobby's prompt.
fn typed(screen: &str) -> &str {
    last_row(screen).strip_prefix("lobby> ").unwrap_or("")
}
