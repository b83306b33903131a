//! Searching in the lines that were typed before: what is found, what comes back, that messages do not wait meanwhile,
//! and that nothing is sent.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::person::{Person, WIDTHS};
use crate::pty::last_row;
use crate::support::client::Client;
use crate::support::home::Home;
use crate::support::server::Server;

const BACK: &[u8] = b"\x12";
const FORTH: &[u8] = b"\x13";
const ESCAPE: &[u8] = b"\x1b";
const LEFT: &[u8] = b"\x1b[D";

/// How many messages arrive in a second, and in all, while a search is open.
const RATE: usize = 1_000;
const MANY: usize = 2_000;

#[test]
fn a_search_goes_back_and_forth_and_gives_the_draft_back() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let bobby = server.join("bobby");
        let mut anna = Person::join(&server, "anna", (columns, 24));
        say(&mut anna, &bobby, &["tea at four", "coffee", "tea at five"]);
        anna.terminal.type_text("half a draft");
        anna.terminal.keys(&LEFT.repeat(5));
        let cursor = u16::try_from("lobby> half a ".len()).unwrap();
        anna.terminal.wait_while_polling("the cursor", |it| it.cursor().1 == cursor);
        anna.terminal.keys(BACK);
        anna.terminal.wait_until("how to go on", |it| last_row(it).starts_with("lobby>   ← type to search"));
        anna.terminal.type_text("tea");
        anna.sees_last(&row(columns, "tea", "tea at five"));
        anna.terminal.keys(BACK);
        anna.sees_last(&row(columns, "tea", "tea at four"));
        anna.terminal.keys(BACK);
        anna.sees_last("lobby> tea  ← oldest: tea at four");
        anna.terminal.keys(FORTH);
        anna.sees_last(&row(columns, "tea", "tea at five"));
        for leave in [ESCAPE, b"\x07", b"\x03"] {
            anna.terminal.keys(leave);
            anna.sees_last("lobby> half a draft");
            anna.terminal.wait_while_polling("the cursor", |it| it.cursor().1 == cursor);
            anna.terminal.keys(BACK);
            anna.terminal.type_text("coff");
            anna.sees_last(&row(columns, "coff", "coffee"));
        }
        anna.terminal.keys(ESCAPE);
        anna.sees_last("lobby> half a draft");
        anna.terminal.type_text("!");
        anna.sees_last("lobby> half a !draft");
        assert_eq!(bobby.lobby_texts(), ["tea at four", "coffee", "tea at five"]);
    }
}

#[test]
fn a_found_line_is_edited_and_not_sent() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let bobby = server.join("bobby");
        let mut anna = Person::join(&server, "anna", (columns, 24));
        say(&mut anna, &bobby, &["a needle", "hay"]);
        for (key, at) in [
            (&b"\r"[..], 8),
            (b"\t", 8),
            (b"\x1b[C", 8),
            (b"\x1b[F", 8),
            (b"\x05", 8),
            (b"\x1b[H", 0),
            (b"\x01", 0),
            (LEFT, 2),
        ] {
            anna.terminal.keys(BACK);
            anna.terminal.type_text("need");
            anna.sees_last(&row(columns, "need", "a needle"));
            anna.terminal.keys(key);
            anna.sees_last("lobby> a needle");
            let cursor = u16::try_from("lobby> ".len() + at).unwrap();
            anna.terminal.wait_while_polling("the cursor", |it| it.cursor().1 == cursor);
            anna.terminal.keys(b"\x05\x15");
            anna.sees_last("lobby>");
        }
        anna.terminal.type_text("\x12need\r, found\r");
        bobby.wait(json!({"event": "message", "text": "a needle, found"}));
        assert_eq!(bobby.lobby_texts(), ["a needle", "hay", "a needle, found"]);
    }
}

#[test]
fn no_key_sends_a_query() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let bobby = server.join("bobby");
        let mut anna = Person::join(&server, "anna", (columns, 24));
        say(&mut anna, &bobby, &["hay"]);
        anna.terminal.type_text("my draft");
        anna.terminal.keys(BACK);
        anna.terminal.type_text("a secret");
        let none = if columns < 60 { "nothing has this" } else { "search: nothing typed before has this" };
        let nothing = format!("lobby> a secret  ← {none}");
        anna.sees_last(&nothing);
        // The keys are: Enter, Ctrl-J, Alt-Enter, Tab, End, Ctrl-D, Alt-Down, Alt-Up, Ctrl-V Enter, Ctrl-X, F5.
        for key in [
            "\r",
            "\n",
            "\x1b\r",
            "\t",
            "\x1b[F",
            "\x04",
            "\x1b[1;3B",
            "\x1b[1;3A",
            "\x16",
            "\x18",
            "\x1b[15~",
        ] {
            anna.terminal.type_text(key);
            anna.terminal.type_text("x");
            anna.sees_last(&format!("lobby> a secretx  ← {none}"));
            anna.terminal.keys(b"\x7f");
            anna.sees_last(&nothing);
        }
        // The query is empty, so Enter only ends the search.
        anna.terminal.keys(b"\x15\x7f\r");
        anna.sees_last("lobby> my draft");
        anna.enter("");
        bobby.wait(json!({"event": "message", "text": "my draft"}));
        assert_eq!(bobby.lobby_texts(), ["hay", "my draft"]);
    }
}

#[test]
fn messages_appear_at_once_while_a_search_is_open() {
    for columns in WIDTHS {
        let server = Server::start(&["--rate", "1000000"]);
        let bots: Vec<Client> = (0..4).map(|number| server.join(&format!("bot{number}"))).collect();
        let mut anna = Person::join(&server, "anna", (columns, 24));
        say(&mut anna, &bots[0], &["a needle", "hay"]);
        anna.terminal.keys(BACK);
        anna.terminal.type_text("n");
        anna.sees_last(&row(columns, "n", "a needle"));
        let flood = thread::spawn(move || {
            pour(&bots);
            bots
        });
        for query in ["ne", "nee", "need"] {
            anna.terminal.type_text(&query[query.len() - 1..]);
            let expected = row(columns, query, "a needle");
            anna.terminal.wait_until("messages above the query", |screen| {
                last_row(screen) == expected && screen.matches(" of ").count() > 10
            });
        }
        let bots = flood.join().unwrap();
        anna.terminal.wait_while_polling("all messages, in order, above the query", |terminal| {
            let rows = terminal.transcript();
            (0..bots.len()).all(|bot| said_by(bot, &rows) == (0..MANY / bots.len()).collect::<Vec<_>>())
                && last_row(&rows) == row(columns, "need", "a needle")
        });
        anna.terminal.keys(b"\r");
        anna.sees_last("lobby> a needle");
        assert_eq!(bots[0].lobby_texts().iter().filter(|text| text.contains("need")).count(), 1);
    }
}

#[test]
fn lines_of_several_rows_and_hostile_ones_are_found_and_harmless() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let home = Home::new();
        let folder = home.path().join("data/hobnob");
        std::fs::create_dir_all(&folder).unwrap();
        let hostile = "old\\nnew \u{1b}[2J\u{9b}31m\u{7}\u{202e}x\nlong and \u{1b}]0;t\u{7} wide\n";
        std::fs::write(folder.join("input_history"), hostile).unwrap();
        let mut anna = Person::join_with(&server, "anna", (columns, 24), &[], &home);
        anna.terminal.keys(BACK);
        anna.terminal.type_text("new");
        // U+FFFD is there, too, but the tests' terminal does not draw it.
        anna.sees_last(&row(columns, "new", "old␤new ␛[2J31m␇x"));
        anna.terminal.keys(b"\x15");
        anna.terminal.type_text("wide");
        anna.sees_last(&row(columns, "wide", "long and ␛]0;t␇ wide"));
        anna.terminal.keys(b"\x15");
        anna.terminal.type_text("old\r");
        anna.terminal.wait_until("both rows", |screen| {
            screen.contains("lobby> old\nnew [2J") && screen.ends_with('x')
        });
        let raw = String::from_utf8_lossy(&anna.terminal.raw()).into_owned();
        assert!(raw.contains("[2J\u{fffd}31m␇\u{fffd}x"), "{raw:?}");
        for steering in ["\u{1b}[2J", "\u{1b}]", "\u{9b}", "\u{202e}", "\u{7}"] {
            assert!(!raw.contains(steering), "{steering:?} reached the terminal");
        }
    }
}

#[test]
fn without_colour_a_search_is_in_brackets_and_nothing_is_coloured() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let bobby = server.join("bobby");
        let mut anna = Person::join_with(&server, "anna", (columns, 24), &[("NO_COLOR", "1")], &Home::new());
        say(&mut anna, &bobby, &["\\\\fork no", "hay"]);
        anna.terminal.keys(BACK);
        anna.terminal.type_text("\\fo");
        let lead = if columns < 60 { "" } else { "search: " };
        anna.sees_last(&format!("lobby> \\fo  [← {lead}\\\\fork no]"));
        let raw = String::from_utf8_lossy(&anna.terminal.raw()).into_owned();
        let coloured =
            |after: &str| after.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m');
        assert!(!raw.split("\x1b[").skip(1).any(coloured), "{raw:?}");
    }
}

#[test]
fn a_search_goes_on_when_its_session_ends() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let bobby = server.join("bobby");
        let mut anna = Person::join(&server, "anna", (columns, 24));
        say(&mut anna, &bobby, &["a needle", "hay"]);
        bobby.fork("anna");
        anna.sees("bobby opened private session 1");
        anna.enter("\\sw 1");
        anna.sees_last("1 P~> bobby>");
        anna.terminal.keys(BACK);
        anna.terminal.type_text("nee");
        anna.terminal.wait_until("the match", |screen| last_row(screen).starts_with("1 P~> bobby> nee  ←"));
        bobby.send("\\quit");
        anna.sees_last(&row(columns, "nee", "a needle"));
        anna.terminal.type_text("d");
        anna.sees_last(&row(columns, "need", "a needle"));
        anna.terminal.keys(b"\r");
        anna.sees_last("lobby> a needle");
    }
}

#[test]
fn a_draft_of_several_lines_comes_back_with_what_continues_it() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let mut anna = Person::join(&server, "anna", (80, 24));
    anna.enter("one\\");
    anna.terminal.type_text("two");
    anna.sees_last("two");
    anna.terminal.type_text("\x12anything");
    anna.sees("nothing typed before has this");
    anna.terminal.keys(b"\x07");
    anna.sees_last("two");
    anna.enter("");
    bobby.wait(json!({"event": "message", "text": "one\ntwo"}));
}

/// Says texts, and waits until others have heard them.
#[track_caller]
fn say(anna: &mut Person, heard_by: &Client, texts: &[&str]) {
    for text in texts {
        anna.enter(text);
        let said = text.strip_prefix('\\').unwrap_or(text);
        heard_by.wait(json!({"event": "message", "text": said}));
        anna.sees_last("lobby>");
    }
}

/// Returns the last row of a screen on which a search has found `line`.
fn row(columns: u16, query: &str, line: &str) -> String {
    let lead = if columns < 60 { "" } else { "search: " };
    format!("lobby> {query}  ← {lead}{line}")
}

/// Says all messages, with the bots taking turns.
fn pour(bots: &[Client]) {
    let begun = Instant::now();
    for number in 0..MANY / bots.len() {
        for (bot, client) in bots.iter().enumerate() {
            client.send(&format!("m{number} of {bot}"));
        }
        let due = begun + Duration::from_secs_f64(((number + 1) * bots.len()) as f64 / RATE as f64);
        thread::sleep(due.saturating_duration_since(Instant::now())); // keeps the rate
    }
}

/// Returns the numbers that a bot has said, in the order of the screen.
fn said_by(bot: usize, transcript: &str) -> Vec<usize> {
    let of = format!(" of {bot}");
    let said = |row: &str| row.strip_suffix(&of)?.rsplit_once(": m")?.1.parse().ok();
    transcript.lines().filter_map(said).collect()
}
