//! The commands of a person, apart from those for talking.

use serde_json::json;

use crate::person::{Person, WIDTHS, bobby_forks_anna};
use crate::pty::last_row;
use crate::support::home::Home;
use crate::support::launch::Launch;
use crate::support::server::Server;

#[test]
fn an_action_is_shown_as_an_action_in_the_session_of_the_prompt() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let bobby = server.join("bobby");
        let mut anna = Person::join(&server, "anna", (columns, 24));
        anna.enter("\\me waves");
        bobby.wait(json!({"event": "message", "session": 0, "text": "* anna waves"}));
        bobby.say("* bobby waves back");
        anna.sees_row("* * bobby waves back");
        bobby.fork("anna");
        anna.sees("bobby opened private session 1");
        anna.enter("\\sw 1");
        anna.sees_last("1 P~> bobby>");
        anna.enter("\\me whispers");
        bobby.wait(json!({"event": "message", "kind": "peer", "text": "* anna whispers"}));
        bobby.send("\\leave");
        bobby.wait(json!({"event": "closed"}));
        assert!(!bobby.lobby_texts().contains(&"* anna whispers".to_owned()));
    }
}

#[test]
fn an_action_typed_as_its_session_ends_goes_nowhere() {
    for columns in WIDTHS {
        let (_server, bobby, mut anna) = bobby_forks_anna(columns);
        anna.enter("\\sw 1");
        anna.sees_last("1 P~> bobby>");
        anna.enter("\\alias sec the secret");
        anna.sees("stands for");
        anna.terminal.type_text("\\me betrays");
        anna.sees_last("1 P~> bobby> \\me betrays");
        bobby.send("\\leave");
        bobby.wait(json!({"event": "closed"}));
        anna.sees("is over");
        anna.enter("");
        anna.sees("not sent");
        // Nothing was said after two Enters: the line becomes a draft of the lobby only when its author has seen it
        // there.
        assert!(bobby.lobby_texts().is_empty());
    }
}

#[test]
fn an_ignored_user_is_hidden_under_any_name_and_after_a_restart() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let bobby_home = Home::new();
        let bobby = server.client("bobby").home(&bobby_home).join();
        let carmen = server.join("carmen");
        let home = Home::new();
        let mut anna = Person::join_with(&server, "anna", (columns, 24), &[], &home);
        anna.enter("\\ignore");
        anna.sees("nobody is ignored");
        anna.enter("\\ignore bobby");
        anna.sees("what bobby says is not shown any more");
        bobby.say("anna, listen");
        carmen.say("hello");
        anna.sees_row("* carmen: hello");
        assert!(!anna.terminal.screen().contains("listen"));
        anna.enter("\\last");
        anna.sees("nobody has mentioned you");
        anna.enter("\\quit");
        anna.terminal.wait_for_end();
        let mut again = Person::join_with(&server, "anna", (columns, 24), &[], &home);
        carmen.say("hello again");
        again.sees("carmen: hello again");
        assert!(!again.terminal.screen().contains("listen"));
        again.enter("\\unignore Bobby");
        again.sees("what Bobby says is shown again");
        bobby.say("at last");
        again.sees_row("* bobby: at last");
        again.enter("\\ignore nobody_here");
        again.sees("nobody_here is not in the lobby");
    }
}

#[test]
fn ignored_messages_are_still_events_for_a_program() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let bot = server.join("bot");
    bot.ask("\\ignore bobby", json!({"event": "notice"}));
    bobby.say("hello");
    let message = bot.wait(json!({"event": "message", "text": "hello"}));
    assert_eq!(message["ignored"], true);
}

#[test]
fn messages_that_were_shown_are_found_and_so_is_the_last_mention() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let bobby = server.join("bobby");
        let home = Home::new();
        let mut anna = Person::join_with(&server, "anna", (columns, 40), &[], &home);
        bobby.say("the release notes are done");
        bobby.say("lunch, Anna?");
        bobby.fork("anna");
        anna.sees("bobby opened private session 1");
        // The texts of a stranger are kept only once this user has answered.
        anna.enter("\\sw 1");
        anna.enter("tell me");
        anna.sees("<anna> tell me");
        bobby.say("the release is a secret");
        anna.sees("a secret");
        anna.enter("\\search RELEASE the");
        anna.sees("[lobby] bobby: the release notes are done");
        anna.sees("[bobby] bobby: the release is a secret");
        anna.sees(">>> 2 found");
        anna.enter("\\search");
        anna.sees("that was all");
        anna.enter("\\last");
        anna.sees("[lobby] bobby: lunch, Anna?");
        anna.enter("\\search nothing-of-that");
        anna.sees("nothing that is kept here");
        // When this user answers, the texts before the answer are kept, too.
        anna.enter("\\msg bobby noted");
        bobby.wait(json!({"event": "message", "text": "noted"}));
        anna.enter("\\quit");
        anna.terminal.wait_for_end();
        let mut again = Person::join_with(&server, "anna", (columns, 40), &[], &home);
        again.enter("\\search secret");
        again.sees("[bobby] bobby: the release is a secret");
        again.enter("\\last");
        again.sees("[lobby] bobby: lunch, Anna?");
    }
}

#[test]
fn a_private_text_that_a_command_says_is_shown_once_it_has_arrived_and_not_if_it_fails() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let bobby = server.join("bobby");
        let mut anna = Person::join(&server, "anna", (columns, 40));
        for text in ["lunch?", "at noon?"] {
            anna.enter(&format!("\\msg bobby {text}"));
            bobby.wait(json!({"event": "message", "kind": "peer", "text": text}));
            anna.sees_row(&format!("* P-> bobby <anna> {text}"));
        }
        anna.enter("\\msg nobody dinner?");
        anna.sees("not sent (");
        anna.enter("hello");
        bobby.wait(json!({"event": "message", "session": 0, "text": "hello"}));
        let transcript = anna.terminal.transcript();
        for (text, times) in [("lunch?", 1), ("at noon?", 1), ("dinner?", 0)] {
            assert_eq!(transcript.matches(&format!("<anna> {text}")).count(), times, "{transcript}");
        }
    }
}

#[test]
fn aliases_are_kept_completed_and_hide_no_command() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let bobby = server.join("bobby");
        let home = Home::new();
        let mut anna = Person::join_with(&server, "anna", (columns, 24), &[], &home);
        anna.enter("\\alias brb be right back");
        anna.sees("\\brb stands for: be right back");
        anna.enter("\\alias quit hello");
        anna.sees("\\quit is a command and stays one");
        anna.enter("\\alias loop \\loop");
        anna.sees("\\loop stands for");
        anna.enter("\\loop");
        anna.sees("there is no command \\loop");
        anna.terminal.type_text("\\br\t");
        anna.terminal.wait_until("the alias explained", |screen| {
            // A hint is cut at the terminal's edge.
            last_row(screen).starts_with("lobby> \\brb [TEXT]  stands for: be rig")
        });
        anna.terminal.keys(b"\x15");
        anna.enter("\\quit");
        anna.terminal.wait_for_end();
        let mut again = Person::join_with(&server, "anna", (columns, 24), &[], &home);
        again.enter("\\brb soon");
        bobby.wait(json!({"event": "message", "text": "be right back soon"}));
        again.enter("\\unalias brb");
        again.sees("stands for nothing now");
        again.enter("\\brb");
        again.sees("there is no command \\brb");
        assert_eq!(bobby.all(json!({"event": "message", "from": "anna"})).len(), 1);
    }
}

#[test]
fn help_is_grouped_and_has_examples_at_every_width() {
    let server = Server::start(&[]);
    for columns in WIDTHS {
        let mut anna = Person::join(&server, &format!("anna{columns}"), (columns, 160));
        anna.enter("\\help");
        anna.sees(">>> people");
        anna.sees("\\fork NAME");
        anna.sees("any other line is said");
        assert!(anna.rows().iter().all(|row| row.chars().count() <= usize::from(columns)));
        anna.enter("\\help fork");
        anna.sees("e.g. \\fork bobby");
    }
}

#[test]
fn users_who_ask_are_told_who_is_away_also_after_a_lost_lobby() {
    for columns in WIDTHS {
        let mut server = Server::start(&[]);
        let bobby = server.join("bobby");
        let mut anna = Person::join(&server, "anna", (columns, 24));
        anna.enter("\\away lunch\u{202e} until one");
        anna.sees("you are away");
        // The server answers this after it was told that anna is away.
        anna.enter("\\users");
        anna.sees("anna (away)");
        let users = bobby.ask("\\users", json!({"event": "users"}));
        assert_eq!((&users["names"], &users["away"]), (&json!(["anna", "bobby"]), &json!(["anna"])));
        bobby.ask("\\whois anna", json!({"event": "whois", "away": "lunch\u{202e} until one"}));
        server.kill();
        anna.sees("the lobby is down");
        server.restart();
        anna.sees("the lobby is back");
        anna.enter("\\users");
        anna.sees("anna (away)");
        anna.enter("\\whois anna");
        // The character that would reverse the reading order is shown as U+FFFD, which this screen leaves out.
        anna.sees("away: lunch until one");
        anna.enter("\\back");
        anna.sees("you are back");
        bobby.wait(json!({"event": "link", "session": 0, "state": "up"}));
        anna.enter("\\users");
        anna.sees("): anna bobby\n");
        let long = "x".repeat(300);
        anna.enter(&format!("\\away {long}"));
        anna.sees("at most 256 bytes");
    }
}

#[test]
fn forgetting_a_key_asks_whether_the_private_talk_is_removed_too() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let home = Home::new();
    let mut anna = Person::join_with(&server, "anna", (80, 24), &[], &home);
    anna.enter("\\fork bobby");
    bobby.wait(json!({"event": "opened", "peer": "anna"}));
    anna.enter("a secret");
    bobby.wait(json!({"event": "message", "text": "a secret"}));
    anna.enter("\\leave");
    anna.sees("is over: you ended it");
    let talk = || {
        let log = Launch::hobnob().home(&home).args(["log", "--with", "bobby"]).run("").ended_with(0);
        log.stdout.len()
    };
    anna.enter("\\forget bobby");
    anna.sees_last("remove it? [y/N]");
    anna.enter("");
    anna.sees("it stays");
    assert_eq!(talk(), 1);
    anna.enter("\\forget bobby");
    anna.sees_last("remove it? [y/N]");
    anna.enter("y");
    anna.sees("what was said with bobby in private is removed here");
    assert_eq!(talk(), 0);
    anna.enter("\\forget bobby");
    anna.sees("no key of bobby is pinned in this lobby");
}

#[test]
fn the_question_about_the_private_talk_means_no_when_the_session_ends_meanwhile() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let home = Home::new();
    let mut anna = Person::join_with(&server, "anna", (80, 24), &[], &home);
    anna.enter("\\fork bobby");
    bobby.wait(json!({"event": "opened", "peer": "anna"}));
    anna.enter("a secret");
    bobby.wait(json!({"event": "message", "text": "a secret"}));
    bobby.send("\\sw anna");
    bobby.send("noted");
    anna.sees("noted");
    anna.enter("\\forget bobby");
    anna.sees_last("remove it? [y/N]");
    bobby.send("\\leave");
    anna.sees("it stays");
    anna.sees_last("lobby>");
    anna.enter("");
    anna.enter("\\users");
    anna.sees("in the lobby");
    let log = Launch::hobnob().home(&home).args(["log", "--with", "bobby"]).run("").ended_with(0);
    assert_eq!(log.stdout.len(), 2);
}
