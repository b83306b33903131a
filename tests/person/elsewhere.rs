//! What is said in sessions that are not current, and what asks for attention: `\set others`, `\set highlight` and
//! `\set title`.

use serde_json::json;

use crate::person::{Person, WIDTHS};
use crate::support::home::Home;
use crate::support::server::Server;

/// Whether these bytes were drawn.
fn drawn(anna: &Person, bytes: &str) -> bool {
    anna.terminal.raw().windows(bytes.len()).any(|part| part == bytes.as_bytes())
}

/// Waits until these bytes were drawn. They are bytes that no screen shows.
#[track_caller]
fn draws(anna: &Person, bytes: &str) {
    anna.terminal.wait_while_polling(&format!("{bytes:?}"), |_| drawn(anna, bytes));
}

#[test]
fn messages_of_other_sessions_are_shown_or_counted_until_the_user_goes_there() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let [bobby, carmen] = ["bobby", "carmen"].map(|name| server.join(name));
        let mut anna = Person::join(&server, "anna", (columns, 30));
        bobby.fork("anna");
        anna.sees("bobby opened private session 1");
        bobby.say("shown as it comes");
        anna.sees_row("* P~> <bobby> shown as it comes");
        anna.sees_last("lobby (1:1)>");
        anna.enter("\\set others count");
        anna.sees("others = count");
        bobby.say("counted here");
        anna.sees_last("lobby (1:2)>");
        anna.enter("\\clear");
        anna.sees_last("lobby (1:2)>");
        anna.enter("\\sw 1");
        anna.sees("2 unread");
        anna.sees("<bobby> counted here");
        anna.sees_last("1 P~> bobby>");
        // The lobby is not current now; what is said in the current session is shown.
        anna.terminal.type_text("half a li");
        carmen.say("anna, this is the lobby");
        anna.sees_last("1 P~> bobby (0:1!)> half a li");
        bobby.say("and this is not");
        anna.sees_row("* P~> <bobby> and this is not");
        assert!(!anna.terminal.transcript().contains("this is the lobby"), "{}", anna.terminal.transcript());
        anna.terminal.keys(b"\x15");
        anna.enter("\\lobby");
        anna.sees("1 unread in the lobby");
        anna.sees("carmen: anna, this is the lobby");
        anna.enter("\\set others show");
        anna.sees("others = show");
        bobby.say("as it comes again");
        anna.sees_row("* P~> <bobby> as it comes again");
    }
}

#[test]
fn a_room_may_be_another_session_and_an_ignored_user_is_hidden_there() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let [bobby, carmen] = ["bobby", "carmen"].map(|name| server.join(name));
        let home = Home::new();
        home.write_config("[terminal]\nothers = \"count\"\ntitle = \"on\"\n");
        let mut anna = Person::join_with(&server, "anna", (columns, 30), &[], &home);
        anna.enter("\\join tea");
        anna.sees("you are in #tea: session 1");
        anna.sees_last("1 #tea>");
        for friend in [&bobby, &carmen] {
            friend.ask("\\join tea", json!({"event": "opened", "room": "tea"}));
        }
        anna.enter("\\lobby");
        anna.sees_last("lobby>");
        bobby.say("the kettle is on");
        anna.sees_last("lobby (1:1)>");
        draws(&anna, &format!("\x1b]2;(1) hobnob: {}\x07", server.address()));
        assert!(!anna.terminal.transcript().contains("kettle"), "{}", anna.terminal.transcript());
        anna.enter("\\sw 1");
        anna.sees("1 unread");
        anna.sees("bobby: the kettle is on");
        anna.enter("\\ignore bobby");
        anna.sees("what bobby says is not shown any more");
        bobby.say("more water");
        carmen.say("and sugar");
        anna.sees_row("* #tea carmen: and sugar");
        bobby.ask("\\leave", json!({"event": "closed", "room": "tea"}));
        carmen.say("the end");
        anna.sees_row("* #tea carmen: the end");
        let seen = anna.terminal.transcript();
        assert!(!seen.contains("more water") && !seen.contains("bobby left"), "{seen}");
    }
}

#[test]
fn counted_messages_are_shown_when_the_peer_leaves_and_in_the_next_run_when_this_user_leaves() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let [bobby, carmen] = ["bobby", "carmen"].map(|name| server.join(name));
        let home = Home::new();
        home.write_config("[terminal]\nothers = \"count\"\n");
        let mut anna = Person::join_with(&server, "anna", (columns, 30), &[], &home);
        anna.enter("\\ss");
        bobby.fork("anna");
        anna.sees("bobby opened private session 1");
        bobby.say("goodbye to you");
        anna.sees_last("lobby (1:1)>");
        bobby.ask("\\leave", json!({"event": "closed", "session": 1}));
        anna.sees("1 unread in session 1");
        anna.sees("<bobby> goodbye to you");
        anna.sees("session 1 with bobby is over");
        anna.enter("\\join tea");
        anna.sees_last("2 #tea>");
        carmen.say("for all of you");
        anna.sees_last("2 #tea (0:1)>");
        anna.enter("\\quit");
        assert!(anna.terminal.wait_for_end().success());
        let anna = Person::join_with(&server, "anna", (columns, 30), &[], &home);
        anna.sees("1 message since ");
        anna.sees("carmen: for all of you");
    }
}

#[test]
fn messages_that_are_only_counted_ask_for_attention_too() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let home = Home::new();
    home.write_config("[terminal]\nothers = \"count\"\nnotify = \"osc9\"\n");
    let anna = Person::join_with(&server, "anna", (80, 24), &[], &home);
    bobby.fork("anna");
    bobby.say("psst");
    draws(&anna, "\x1b]9;bobby in private: psst\x07");
    anna.sees_last("lobby (1:1)>");
    assert!(!anna.terminal.transcript().contains("psst"));
}

#[test]
fn highlighted_words_are_mentions_also_in_missed_messages() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let bobby = server.join("bobby");
        let home = Home::new();
        home.write_config("[terminal]\nhighlight = [\"deploy\"]\n");
        let mut anna = Person::join_with(&server, "anna", (columns, 30), &[], &home);
        anna.enter("\\set highlight");
        anna.sees("highlight = deploy");
        bobby.say("we Deploy now");
        anna.sees_row("*!bobby: we Deploy now");
        bobby.say("redeployed");
        anna.sees_row("* bobby: redeployed");
        draws(&anna, "\x07");
        let reversed = |text: &str| {
            anna.terminal.with_screen(|screen| {
                let (rows, columns) = screen.size();
                let cells =
                    (0..rows.get()).flat_map(|row| (0..columns.get()).map(move |column| (row, column)));
                let inverse = cells.filter_map(|(row, column)| screen.cell(row, column));
                let inverse: String =
                    inverse.filter(|cell| cell.inverse()).map(|cell| cell.contents().to_owned()).collect();
                inverse.contains(text)
            })
        };
        assert!(reversed("Deploy"), "the highlighted word stands out");
        anna.enter("\\last");
        anna.sees("bobby: we Deploy now");
        anna.enter("\\quit");
        anna.terminal.wait_for_end();
        bobby.say("deploy again");
        bobby.say("nothing");
        let mut anna = Person::join_with(&server, "anna", (columns, 30), &[], &home);
        anna.sees("2 messages since ");
        anna.sees("1 names you");
        anna.sees_row("*!bobby: deploy again");
        anna.enter("\\set highlight off");
        anna.sees("highlight = off");
        bobby.say("deploy for nobody");
        anna.sees_row("* bobby: deploy for nobody");
        anna.enter(&format!("\\set highlight {}", "x ".repeat(51)));
        anna.sees("highlight is one of off, or at most 50 words");
    }
}

#[test]
fn the_title_shows_the_lobby_and_unread_counts_and_is_restored() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let home = Home::new();
    let lobby = format!("hobnob: {}\x07", server.address());
    let mut anna = Person::join_with(&server, "anna", (80, 24), &[], &home);
    anna.enter("\\set title on");
    draws(&anna, &format!("\x1b[22;2t\x1b]2;{lobby}"));
    bobby.fork("anna");
    bobby.say("one");
    draws(&anna, &format!("\x1b]2;(1) {lobby}"));
    bobby.say("two");
    draws(&anna, &format!("\x1b]2;(2) {lobby}"));
    anna.enter("\\sw 1");
    anna.sees_last("1 P~> bobby>");
    anna.enter("\\set title off");
    draws(&anna, "\x1b]2;\x07\x1b[23;2t");
    anna.enter("\\set title on");
    anna.enter("\\set --save");
    anna.sees("saved in");
    anna.enter("\\quit");
    assert!(anna.terminal.wait_for_end().success());
    assert!(gives_back_last(&anna));
    // The setting is kept. A terminal that is not known to support titles is sent none.
    let again = Person::join_with(&server, "anna", (80, 24), &[], &home);
    draws(&again, &format!("\x1b[22;2t\x1b]2;{lobby}"));
    drop(again);
    bobby.wait(json!({"event": "left", "name": "anna"}));
    for term in ["linux", "vt100"] {
        let mut plain = Person::join_with(&server, "carmen", (80, 24), &[("TERM", term)], &home);
        plain.enter("\\set title");
        plain.sees("title = on");
        assert!(!drawn(&plain, "\x1b]2;") && !drawn(&plain, "\x1b[22;2t"));
    }
}

#[test]
fn a_lobby_that_is_down_is_seen_in_the_colour_of_the_prompt_and_in_the_title() {
    let mut server = Server::start(&[]);
    let title = format!("\x1b]2;hobnob: {}", server.address());
    let mut anna = Person::join(&server, "anna", (80, 24));
    anna.enter("\\set title on");
    draws(&anna, &format!("{title}\x07"));
    anna.terminal.type_text("a draft");
    anna.sees_last("lobby> a draft");
    assert!(!drawn(&anna, "\x1b[1;31mlobby> "));
    server.kill();
    draws(&anna, "\x1b[1;31mlobby> ");
    draws(&anna, &format!("{title} (down)\x07"));
    anna.sees_last("lobby> a draft");
    anna.terminal.keys(b"\x15");
    anna.enter("\\ss");
    anna.sees("* 0 lobby (down)");
    server.restart();
    anna.sees("the lobby is back");
    let is_green_again = |anna: &Person| {
        let raw = String::from_utf8_lossy(&anna.terminal.raw()).into_owned();
        raw.rfind("\x1b[1;32mlobby> ") > raw.rfind("\x1b[1;31mlobby> ")
    };
    anna.terminal.wait_while_polling("a green prompt", |_| is_green_again(&anna));
}

/// Whether the last title that was set is the earlier title, whatever else was drawn after it.
fn gives_back_last(anna: &Person) -> bool {
    let raw = String::from_utf8_lossy(&anna.terminal.raw()).into_owned();
    raw.rsplit("\x1b]2;").next().is_some_and(|last| last.starts_with("\x07\x1b[23;2t"))
}
