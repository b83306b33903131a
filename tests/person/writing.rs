//! What a person writes: drafts, long texts, and texts from an external editor.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::json;

use crate::person::{Person, WIDTHS, bobby_forks_anna};
use crate::support::home::Home;
use crate::support::server::Server;

/// The keys that switch to the next session and to the one before: Alt-Down and Alt-Up.
const NEXT: &[u8] = b"\x1b[1;3B";
const BEFORE: &[u8] = b"\x1b[1;3A";

#[test]
fn a_long_paste_is_sent_only_after_a_question_and_a_no_keeps_it() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let bobby = server.join("bobby");
        let mut anna = Person::join(&server, "anna", (columns, 24));
        let text: Vec<String> = (0..12).map(|n| format!("line {n}")).collect();
        let text = text.join("\n");
        anna.terminal.paste(&text);
        anna.sees("line 11");
        anna.enter("");
        anna.sees(">>> 12 lines to the lobby, beginning: line 0");
        anna.sees_last("send it? [y/N]");
        anna.enter("");
        anna.sees("[not sent]");
        anna.enter("");
        anna.sees_last("send it? [y/N]");
        anna.enter("y");
        bobby.wait(json!({"event": "message", "from": "anna", "text": text}));
        anna.sees_last("lobby>");
        assert_eq!(bobby.all(json!({"event": "message", "from": "anna"})).len(), 1);
        // Neither answer is kept among the lines that were typed before.
        anna.terminal.keys(b"\x1b[A");
        anna.sees("line 11");
    }
}

#[test]
fn a_draft_waits_in_its_session_while_another_is_current() {
    for columns in WIDTHS {
        let (_server, bobby, mut anna) = bobby_forks_anna(columns);
        anna.terminal.type_text("half a line");
        anna.sees_last("lobby> half a line");
        anna.terminal.keys(NEXT);
        anna.sees_last("1 P~> bobby>");
        anna.terminal.type_text("other half");
        anna.terminal.keys(BEFORE);
        anna.sees_last("lobby> half a line");
        anna.enter(" for all");
        bobby.wait(json!({"event": "message", "session": 0, "text": "half a line for all"}));
        anna.enter("\\sw 1");
        anna.sees_last("1 P~> bobby> other half");
        anna.enter("");
        bobby.wait(json!({"event": "message", "kind": "peer", "text": "other half"}));
    }
}

#[test]
fn a_draft_outlives_a_lost_lobby() {
    for columns in WIDTHS {
        let mut server = Server::start(&[]);
        let mut anna = Person::join(&server, "anna", (columns, 24));
        anna.terminal.type_text("not yet");
        anna.sees_last("lobby> not yet");
        server.kill();
        anna.sees("the lobby is down");
        anna.sees_last("lobby> not yet");
        server.restart();
        anna.sees("the lobby is back");
        anna.sees_last("lobby> not yet");
        let bobby = server.join("bobby");
        anna.enter(" said");
        bobby.wait(json!({"event": "message", "text": "not yet said"}));
    }
}

#[test]
fn a_draft_of_a_session_that_ends_comes_back() {
    for columns in WIDTHS {
        let (_server, bobby, mut anna) = bobby_forks_anna(columns);
        anna.enter("\\sw 1");
        anna.sees_last("1 P~> bobby>");
        anna.terminal.type_text("secret");
        anna.sees_last("1 P~> bobby> secret");
        anna.terminal.keys(BEFORE);
        anna.sees_last("lobby>");
        bobby.send("\\leave");
        anna.sees("not sent (the session it was typed in is over): secret");
        anna.sees_last("lobby>");
        bobby.has_no(json!({"event": "message", "text": "secret"}));
    }
}

#[test]
fn an_editor_writes_the_draft_in_a_file_nobody_else_reads() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let bobby = server.join("bobby");
        let home = Home::new();
        let editor = home.path().join("editor");
        let log = home.path().join("seen");
        let script = format!(
            "#!/bin/sh\nstat -c %a \"$2\" > {log}\ncat \"$2\" >> {log}\nprintf 'first\\nsecond\\n' > \"$2\"\n",
            log = log.display()
        );
        std::fs::write(&editor, script).unwrap();
        std::fs::set_permissions(&editor, std::fs::Permissions::from_mode(0o755)).unwrap();
        let command = format!("{} --flag", editor.display());
        let mut anna = Person::join_with(&server, "anna", (columns, 24), &[("EDITOR", &command)], &home);
        anna.enter("\\edit Dear all,");
        anna.sees("second");
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "600\nDear all,\n");
        anna.enter("");
        bobby.wait(json!({"event": "message", "text": "first\nsecond"}));
        anna.sees_last("lobby>");
        assert!(!anna.terminal.is_restored());
    }
}

#[test]
fn a_text_that_is_not_utf_8_is_refused_and_kept() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let home = Home::new();
    let editor = home.path().join("editor");
    std::fs::write(&editor, "#!/bin/sh\nprintf 'caf\\351 noir\\r\\n' > \"$1\"\n").unwrap();
    std::fs::set_permissions(&editor, std::fs::Permissions::from_mode(0o755)).unwrap();
    let folder = home.path().display().to_string();
    let variables = [("EDITOR", editor.to_str().unwrap()), ("TMPDIR", folder.as_str())];
    let mut anna = Person::join_with(&server, "anna", (200, 24), &variables, &home);
    anna.enter("\\edit keep me");
    anna.sees("the edited text is not UTF-8 in line 1");
    anna.sees_last("lobby> keep me");
    let files = std::fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().path());
    let kept = files.filter(|path| path.extension().is_some_and(|it| it == "txt"));
    let kept: Vec<Vec<u8>> = kept.map(|path| std::fs::read(path).unwrap()).collect();
    assert_eq!(kept, [b"caf\xe9 noir\r\n"]);
    // The text begins with a byte-order mark. It is a command, and it stays in the editor, where it can be seen.
    std::fs::write(&editor, "#!/bin/sh\nprintf '\\357\\273\\277\\\\msg bobby secret\\r\\n' > \"$1\"\n")
        .unwrap();
    anna.terminal.keys(b"\x15");
    anna.sees_last("lobby>");
    anna.enter("\\edit");
    anna.sees_last("lobby> \\msg bobby secret");
    anna.enter("");
    bobby.wait(json!({"event": "message", "kind": "peer", "text": "secret"}));
    assert!(bobby.lobby_texts().is_empty());
}

#[test]
fn a_command_typed_behind_the_text_of_an_editor_is_not_said() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let bobby = server.join("bobby");
        let home = Home::new();
        let mut anna = Person::join_with(&server, "anna", (columns, 24), &[("EDITOR", "true")], &home);
        anna.enter("\\edit Dear all,");
        anna.sees_last("lobby> Dear all,");
        anna.enter("\\msg bobby a secret");
        anna.sees("not sent (a command was typed behind the text that was there; the Up key brings");
        anna.sees_last("lobby>");
        anna.enter("\\msg bobby a secret");
        bobby.wait(json!({"event": "message", "kind": "peer", "text": "a secret"}));
        assert!(bobby.lobby_texts().is_empty());
        assert!(!anna.terminal.transcript().contains("anna: Dear"), "it looks as if it was said");
    }
}

#[test]
fn an_editor_that_is_not_there_leaves_the_text() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let home = Home::new();
        let mut anna =
            Person::join_with(&server, "anna", (columns, 24), &[("EDITOR", "no-such-editor")], &home);
        anna.enter("\\edit keep me");
        anna.sees("there is no no-such-editor here");
        anna.sees_last("lobby> keep me");
    }
}

#[test]
fn messages_that_come_while_an_editor_runs_are_shown_afterwards() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let bobby = server.join("bobby");
        let home = Home::new();
        let gate = home.path().join("gate");
        let editor = home.path().join("editor");
        // The script says that it runs, and goes on when a line comes through the pipe.
        assert!(Command::new("mkfifo").arg(&gate).status().unwrap().success());
        let script =
            format!("#!/bin/sh\necho editing > {gate}.up\nread go < {gate}\n", gate = gate.display());
        std::fs::write(&editor, script).unwrap();
        std::fs::set_permissions(&editor, std::fs::Permissions::from_mode(0o755)).unwrap();
        let command = editor.display().to_string();
        let mut anna = Person::join_with(&server, "anna", (columns, 24), &[("EDITOR", &command)], &home);
        anna.enter("\\edit draft");
        let up = home.path().join("gate.up");
        anna.terminal.wait_while_polling("the editor", |_| up.exists());
        bobby.say("meanwhile");
        assert!(!anna.terminal.screen().contains("meanwhile"));
        std::fs::write(&gate, "go\n").unwrap();
        anna.sees_row("* bobby: meanwhile");
        anna.sees_last("lobby> draft");
    }
}

#[test]
fn a_cleared_screen_is_empty_but_for_the_prompt() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let bobby = server.join("bobby");
        let mut anna = Person::join(&server, "anna", (columns, 24));
        bobby.say("hello");
        anna.sees("hello");
        anna.enter("\\clear");
        anna.terminal.wait_until("an empty screen", |screen| screen == "lobby>");
        bobby.say("again");
        anna.sees_row("* bobby: again");
    }
}

#[test]
fn a_private_line_behind_a_key_that_ends_a_draft_reaches_nobody_else() {
    let (_server, bobby, mut anna) = bobby_forks_anna(80);
    for key in ["\x03", "\x1b[1;3B\x1b[1;3A\x03"] {
        anna.terminal.type_text("draft");
        anna.sees_last("lobby> draft");
        anna.terminal.keys(format!("{key}\\msg bobby ").as_bytes());
        anna.sees("lobby> \\msg bobby");
        anna.enter("secret");
        bobby.wait(json!({"event": "message", "kind": "peer", "text": "secret"}));
        anna.sees_last("lobby>");
    }
    anna.enter("for all");
    bobby.wait(json!({"event": "message", "session": 0, "text": "for all"}));
    assert_eq!(bobby.all(json!({"event": "message", "session": 0, "from": "anna"})).len(), 1);
}

#[test]
fn what_was_meant_for_somebody_else_is_not_said_in_the_lobby() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let mut anna = Person::join(&server, "anna", (80, 40));
    anna.terminal.keys(b"\\frok bobby\rsecret\r");
    anna.sees("did you mean \\fork?");
    anna.sees("): secret");
    anna.terminal.keys(b"\\clear\r");
    anna.sees_last("lobby>");
    for (line, told) in [
        ("/ns identify secret", "there are no passwords here"),
        ("/t bobby secret", "\\msg NAME TEXT"),
        ("/m\u{200b}sg bobby secret", "something invisible"),
        ("\u{a5}msg bobby secret", "a command begins with a backslash, \\msg"),
        ("/list,\\msg bobby secret", "the command \\msg is behind it"),
        ("hello \\\r\\msg bobby secret", "2 lines to the lobby"),
    ] {
        anna.enter(line);
        anna.sees(told);
        if told.starts_with('2') {
            anna.enter("");
        }
        anna.sees("[not sent]");
        anna.terminal.keys(b"\x03\\clear\r");
        anna.sees_last("lobby>");
    }
    // The server answers this after everything that Anna has said before.
    anna.enter("\\whois bobby");
    anna.sees("in the lobby since");
    bobby.send("done");
    bobby.wait(json!({"event": "sent", "text": "done"}));
    assert_eq!(bobby.all(json!({"event": "message", "from": "anna"})).len(), 0);
}
