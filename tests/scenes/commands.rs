//! The command table: every command under each of its names, what it answers, and how it refuses.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::server::Server;

/// The commands and aliases that the contract lists.
const TABLE: [(&str, &[&str]); 11] = [
    ("quit", &["q"]),
    ("users", &[]),
    ("fork", &[]),
    ("switch", &["sw"]),
    ("sessions", &["ss"]),
    ("lobby", &["lob"]),
    ("leave", &[]),
    ("history", &["hist"]),
    ("whois", &[]),
    ("help", &["h", "?"]),
    ("wait", &[]),
];

#[test]
fn help_lists_every_command_with_its_aliases() {
    let server = Server::start(&[]);
    let anna = server.join("anna");
    for command in ["\\help", "\\h", "\\?"] {
        let help = anna.ask(command, json!({"event": "help"}));
        let listed = help["commands"].as_array().unwrap();
        for (name, aliases) in TABLE {
            let plain =
                |value: &serde_json::Value| value.as_str().unwrap().trim_start_matches('\\').to_owned();
            let row = listed.iter().find(|row| plain(&row["name"]) == name);
            let Some(row) = row else { panic!("{command} does not list {name}: {help}") };
            let have: Vec<String> = row["aliases"].as_array().unwrap().iter().map(plain).collect();
            assert_eq!(have, aliases, "{row}");
            assert!(row["usage"].as_str().unwrap().contains(name), "{row}");
            assert!(!row["about"].as_str().unwrap().is_empty(), "{row}");
        }
        assert!(listed.len() >= TABLE.len(), "a command of the contract is missing: {help}");
    }
}

#[test]
fn help_with_a_name_shows_only_that_command() {
    let server = Server::start(&[]);
    let anna = server.join("anna");
    for command in ["\\help fork", "\\h fork", "\\? fork"] {
        let help = anna.ask(command, json!({"event": "help"}));
        let listed = help["commands"].as_array().unwrap();
        assert_eq!(listed.len(), 1, "{help}");
        assert!(listed[0]["usage"].as_str().unwrap().contains("NAME"), "{help}");
    }
    let help = anna.ask("\\help sw", json!({"event": "help"}));
    assert!(help["commands"][0]["name"].as_str().unwrap().contains("switch"), "{help}");
    anna.ask("\\help nonsense", json!({"event": "error"}));
}

#[test]
fn quit_ends_a_client_under_both_names() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    for (name, command) in [("anna", "\\quit"), ("bobby", "\\q")] {
        let client = server.join(name);
        client.send(command);
        let _output = client.ended().ended_with(0);
        observer.wait(json!({"event": "left", "name": name}));
    }
}

#[test]
fn lines_after_quit_are_not_said() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    let _output = server.client("anna").run("one\n\\quit\ntwo\n").ended_with(0);
    observer.wait(json!({"event": "left", "name": "anna"}));
    observer.wait(json!({"event": "message", "text": "one"}));
    observer.has_no(json!({"event": "message", "text": "two"}));
}

#[test]
fn switch_and_sw_take_numbers_and_names() {
    let server = Server::start(&[]);
    let anna = server.join("anna");
    let _bobby = server.join("bobby");
    anna.fork("bobby");
    for (command, session) in [
        ("\\switch 0", 0),
        ("\\switch 1", 1),
        ("\\lobby", 0),
        ("\\sw 1", 1),
        ("\\lob", 0),
        ("\\sw bobby", 1),
        ("\\sw 0", 0),
        ("\\switch BOBBY", 1),
    ] {
        anna.ask(command, json!({"event": "switched", "session": session}));
        let current: Vec<u64> = anna
            .sessions()
            .iter()
            .filter(|row| row["current"] == true)
            .map(|row| row["id"].as_u64().unwrap())
            .collect();
        assert_eq!(current, [session], "after {command}");
    }
    for nowhere in ["\\sw 99", "\\sw nobody", "\\sw #tea"] {
        anna.ask_error(nowhere, "no_such_session");
    }
}

#[test]
fn sessions_lists_the_lobby_first_under_both_names() {
    let server = Server::start(&[]);
    let anna = server.join("anna");
    for command in ["\\sessions", "\\ss"] {
        let rows = anna.ask(command, json!({"event": "sessions"}))["sessions"].clone();
        let rows = rows.as_array().unwrap();
        assert_eq!(rows.len(), 1);
        let lobby = &rows[0];
        assert_eq!(
            (&lobby["id"], &lobby["kind"], &lobby["state"]),
            (&json!(0), &json!("lobby"), &json!("up"))
        );
        assert_eq!((&lobby["current"], &lobby["unread"]), (&json!(true), &json!(0)));
    }
}

#[test]
fn commands_of_the_lobby_are_refused_in_a_private_session() {
    let server = Server::start(&[]);
    let anna = server.join("anna");
    let _bobby = server.join("bobby");
    let _carmen = server.join("carmen");
    anna.fork("bobby");
    anna.ask_error("\\users", "not_in_lobby");
    anna.send("\\sw 1");
    anna.ask_error("\\fork carmen", "not_in_lobby");
}

#[test]
fn impossible_forks_are_refused_each_with_its_code() {
    let server = Server::start(&[]);
    let anna = server.join("anna");
    let bobby = server.join("bobby");
    anna.ask_error("\\fork anna", "self_fork");
    anna.ask("\\lobby", json!({"event": "switched", "session": 0}));
    anna.ask_error("\\fork nobody", "no_such_user");
    anna.ask("\\lobby", json!({"event": "switched", "session": 0}));
    anna.fork("bobby");
    anna.ask("\\lobby", json!({"event": "switched", "session": 0}));
    anna.ask_error("\\fork bobby", "already_forked");
    bobby.wait(json!({"event": "opened", "peer": "anna"}));
    bobby.ask_error("\\fork anna", "already_forked");
    let opened = anna.all(json!({"event": "opened"})).len() + bobby.all(json!({"event": "opened"})).len();
    assert_eq!(opened, 2, "both clients see the same session");
}

#[test]
fn unknown_commands_are_refused_and_never_said() {
    let server = Server::start(&[]);
    let observer = server.join("observer");
    let anna = server.join("anna");
    for line in ["\\nonsense", "\\switchfoo 1", "\\swan", "\\forkx observer", "\\users2", "\\ users"] {
        let error = anna.ask_error(line, "unknown_command");
        assert!(error["command"].is_string() || line.contains(' '), "{error}");
    }
    // Some of these commands may have been meant to lead to a user, so the script says where it goes on.
    anna.send("\\lobby");
    anna.say("sentinel");
    observer.wait(json!({"event": "message", "text": "sentinel"}));
    assert_eq!(observer.lobby_texts(), ["sentinel"]);
    let _output = anna.finish().ended_with(1);
}

#[test]
fn a_mistyped_command_is_answered_with_its_likely_spelling() {
    let server = Server::start(&[]);
    let anna = server.join("anna");
    let error = anna.ask_error("\\usres", "unknown_command");
    assert!(error["text"].as_str().unwrap().contains("users"), "{error}");
    assert!(error["command"].as_str().unwrap().contains("usres"), "{error}");
}

#[test]
fn wrong_arguments_are_usage_errors_that_name_their_command() {
    let server = Server::start(&[]);
    let anna = server.join("anna");
    let wrong = [
        ("\\fork", "fork"),
        ("\\switch", "switch"),
        ("\\sw", "sw"),
        ("\\whois", "whois"),
        ("\\wait soon", "wait"),
        ("\\wait -1", "wait"),
        ("\\history 0", "history"),
        ("\\users all", "users"),
    ];
    for (line, name) in wrong {
        let error = anna.ask_error(line, "usage");
        let command = error["command"].as_str().unwrap_or_default();
        assert!(command.contains(name) || name.starts_with(command.trim_matches('\\')), "{line}: {error}");
    }
    // None of these commands did anything, and the client is still there.
    anna.ask("\\ss", json!({"event": "sessions"}));
    let _output = anna.finish().ended_with(1);
}

#[test]
fn an_invalid_name_is_refused_by_fork_and_whois() {
    let server = Server::start(&[]);
    let anna = server.join("anna");
    anna.ask_error("\\whois an/na", "bad_name");
    anna.ask_error("\\fork an/na", "bad_name");
}

#[test]
fn leave_in_the_lobby_is_an_error() {
    let server = Server::start(&[]);
    let anna = server.join("anna");
    anna.ask("\\leave", json!({"event": "error"}));
    anna.say("still here");
    let _output = anna.finish().ended_with(1);
}

#[test]
fn a_script_goes_on_when_the_time_of_a_wait_is_over() {
    let server = Server::start(&[]);
    for (command, seconds) in [("\\wait", 1.0), ("\\wait 2", 2.0), ("\\wait 0", 0.0)] {
        let anna = server.join("anna");
        let begin = Instant::now();
        anna.ask(&format!("{command}\n\\ss"), json!({"event": "sessions"}));
        let took = begin.elapsed();
        assert!(took >= Duration::from_secs_f64(seconds), "{command} took {took:?}");
        let _output = anna.finish().ended_with(0);
    }
}

#[test]
fn every_command_answers_in_plain_words_on_a_pipe() {
    let server = Server::start(&[]);
    let _bobby = server.join("bobby");
    let script =
        "\\help\n\\users\n\\whois bobby\n\\ss\n\\fork bobby\n\\ss\n\\lob\n\\sw 1\n\\hist\n\\leave\n\\q\n";
    let output = server.client("anna").run(script).ended_with(0);
    assert!(output.stderr.is_empty(), "{}", output.story());
    // Lines of hobnob itself begin with its mark, and in this run nobody else said anything.
    for line in &output.stdout {
        assert!(line.starts_with(">>> ") || line == ">>>", "{line:?}\n{}", output.story());
    }
    let all = output.stdout.join("\n");
    for part in ["\\fork", "\\whois", "bobby", "SHA256:", "*"] {
        assert!(all.contains(part), "the output has nothing of {part}\n{}", output.story());
    }
}
