//! Large amounts of text: pastes, and messages that arrive while a person types, searches or looks at a list. Meanwhile
//! windows change their size.

use std::thread::{self, JoinHandle};

use serde_json::json;

use crate::person::{Person, WIDTHS};
use crate::support::client::Client;
use crate::support::server::Server;

/// How many messages each bot says; a busy lobby would take some seconds for them.
const MANY: usize = 1_500;

#[test]
fn a_paste_of_ten_thousand_lines_is_refused_with_its_size_and_stays() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let bobby = server.join("bobby");
        let mut anna = Person::join(&server, "anna", (columns, 24));
        let text: Vec<String> = (0..10_000).map(|n| format!("line {n:05} of a long paste")).collect();
        anna.terminal.paste(&text.join("\n"));
        anna.sees_last("line 09999 of a long paste");
        anna.enter("");
        let note = "[too long: 269999 bytes, 16384 at most; Ctrl-C empties this]";
        // The terminal breaks the note at the end of a row.
        anna.terminal.wait_until(note, |screen| screen.replace('\n', "").ends_with(note));
        anna.terminal.keys(b"\x03");
        anna.sees_last("lobby>");
        anna.enter("short");
        bobby.wait(json!({"event": "message", "text": "short"}));
        assert_eq!(bobby.lobby_texts(), ["short"]);
    }
}

#[test]
fn a_flood_tears_no_draft_while_the_window_changes_its_size() {
    let server = Server::start(&["--rate", "1000000"]);
    let bots = bots(&server);
    let mut anna = Person::join(&server, "anna", (80, 24));
    anna.terminal.type_text("a draft that is long enough to wrap where a window is narrow");
    let flood = pour(bots);
    for columns in [40, 120, 60, 200, 41, 80].into_iter().cycle().take(60) {
        anna.terminal.resize(columns, 24);
        anna.terminal.type_text("x\x7f");
    }
    anna.terminal.resize(200, 24);
    anna.terminal.type_text("!");
    let bots = flood.join().unwrap();
    anna.sees_last("lobby> a draft that is long enough to wrap where a window is narrow!");
    anna.enter("");
    bots[0].wait(
        json!({"event": "message", "text": "a draft that is long enough to wrap where a window is narrow!"}),
    );
}

#[test]
fn a_flood_loses_no_key_and_no_message_while_a_search_or_a_list_is_open() {
    for columns in WIDTHS {
        let server = Server::start(&["--rate", "1000000"]);
        let bots = bots(&server);
        let mut anna = Person::join(&server, "anna", (columns, 24));
        anna.enter("a needle");
        bots[0].wait(json!({"event": "message", "text": "a needle"}));
        let flood = pour(bots);
        anna.terminal.type_text("\\\t");
        // The flood may have scrolled the list away by the time the test looks.
        anna.terminal.wait_while_polling("the list", |it| it.transcript().contains("\\whois"));
        anna.terminal.keys(b"\x15\x12");
        anna.terminal.type_text("need");
        let found = format!("lobby> need  ← {}a needle", if columns < 60 { "" } else { "search: " });
        anna.sees_last(&found);
        // A search goes on until the user ends it, whatever arrives.
        let bots = flood.join().unwrap();
        anna.sees_last(&found);
        anna.terminal.keys(b"\r\r");
        bots[0].wait(json!({"event": "message", "text": "a needle"}));
        anna.sees_last("lobby>");
        for (number, bot) in bots.iter().enumerate() {
            bot.wait(json!({"event": "sent", "text": format!("bot {number} says {}", MANY - 1)}));
            anna.terminal.wait_while_polling("all messages, in order", |terminal| {
                said_by(number, &terminal.transcript()) == (0..MANY).collect::<Vec<_>>()
            });
        }
    }
}

#[test]
fn control_sequences_in_texts_are_shown_and_have_no_effect() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let bobby = server.join("bobby");
        let mut anna = Person::join(&server, "anna", (columns, 24));
        anna.terminal.type_text("my draft");
        anna.sees_last("lobby> my draft");
        for evil in
            ["\u{1b}[2J\u{1b}[H", "\u{1b}]0;title\u{7}", "\u{9b}31m", "\u{202e}drow", "a\rb\u{8}", "\u{1b}Pq"]
        {
            bobby.say(&format!("{evil} anna"));
        }
        bobby.say("the end");
        anna.sees_row("* bobby: the end");
        anna.sees("␛[2J␛[H anna");
        anna.sees("␛]0;title␇ anna");
        anna.sees("a␍b␈ anna");
        anna.sees_last("lobby> my draft");
        let raw = String::from_utf8_lossy(&anna.terminal.raw()).into_owned();
        for steering in ["\u{1b}[2J", "\u{1b}]", "\u{9b}", "\u{202e}", "\u{8}", "\u{1b}P"] {
            assert!(!raw.contains(steering), "{steering:?} reached the terminal");
        }
    }
}

fn bots(server: &Server) -> Vec<Client> {
    (0..2).map(|number| server.join(&format!("bot{number}"))).collect()
}

/// Lets all bots talk as fast as they can, in a thread of its own. Returns the bots at the end.
fn pour(bots: Vec<Client>) -> JoinHandle<Vec<Client>> {
    thread::spawn(move || {
        for said in 0..MANY {
            for (number, bot) in bots.iter().enumerate() {
                bot.send(&format!("bot {number} says {said}"));
            }
        }
        bots
    })
}

/// Returns the numbers that a bot has said, in the order of the screen.
fn said_by(number: usize, transcript: &str) -> Vec<usize> {
    let says = format!("bot {number} says ");
    transcript.lines().filter_map(|row| row.split_once(&says)?.1.parse().ok()).collect()
}
