//! Typing while messages pour in: how long it takes until a key shows, and how far the screen is behind. The figures
//! are written to standard error (`cargo test --test person typing -- --nocapture`). The tests do not judge them,
//! because the machine may be busy with anything; they only check that every key shows and every message comes.

use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::person::Person;
use crate::pty::last_row;
use crate::support::client::Client;
use crate::support::server::Server;

/// How many keys are struck in one measurement.
const KEYS: usize = 100;

#[test]
fn keys_show_at_once_while_a_thousand_messages_a_second_arrive() {
    measure(1_000, 4);
}

#[test]
fn ten_thousand_messages_a_second_are_coalesced_and_all_of_them_come() {
    measure(10_000, 3);
}

fn measure(rate: usize, seconds: usize) {
    let server = Server::start(&["--rate", "1000000"]);
    let bots: Vec<Client> = (0..4).map(|n| server.join(&format!("bot{n}"))).collect();
    let mut anna = Person::join(&server, "anna", (80, 24));
    let sent = rate * seconds;
    let begun = Instant::now();
    let flood = std::thread::spawn(move || {
        pour(&bots, rate, sent);
        bots
    });
    let mut echoes = strike_keys(&mut anna, Duration::from_secs(seconds as u64) / (KEYS as u32 + 20));
    let bots = flood.join().unwrap();
    // The last text of each bot is acknowledged, so from here on only the screen is behind.
    for (n, bot) in bots.iter().enumerate() {
        bot.wait(json!({"event": "sent", "text": format!("m{} of {n}", sent / bots.len() - 1)}));
    }
    let took = begun.elapsed();
    let acknowledged = Instant::now();
    anna.terminal.wait_while_polling("the last message", |terminal| {
        let rows = terminal.transcript();
        (0..bots.len()).all(|n| rows.contains(&format!("m{} of {n}", sent / bots.len() - 1)))
    });
    let behind = acknowledged.elapsed();
    echoes.sort_unstable();
    let at = |percent: usize| echoes[(echoes.len() - 1) * percent / 100];
    let arrived = sent as f64 / took.as_secs_f64();
    let line = format!(
        "{rate} messages/s wanted, {arrived:.0}/s came: key to echo p50 {:?}, p99 {:?}, worst {:?}; the screen was {behind:?} behind\n",
        at(50),
        at(99),
        at(100)
    );
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// Says `sent` texts in all, at this rate, with the bots taking turns.
fn pour(bots: &[Client], rate: usize, sent: usize) {
    let begun = Instant::now();
    for number in 0..sent / bots.len() {
        for (n, bot) in bots.iter().enumerate() {
            bot.send(&format!("m{number} of {n}"));
        }
        let due = begun + Duration::from_secs_f64(((number + 1) * bots.len()) as f64 / rate as f64);
        std::thread::sleep(due.saturating_duration_since(Instant::now())); // keeps the rate
    }
}

/// Returns how long each key took to show.
fn strike_keys(anna: &mut Person, gap: Duration) -> Vec<Duration> {
    let mut typed = String::new();
    let mut echoes = Vec::new();
    for number in 0..KEYS {
        let key = char::from(b'a' + u8::try_from(number % 26).unwrap());
        typed.push(key);
        let struck = Instant::now();
        anna.terminal.type_text(&key.to_string());
        let expected = format!("lobby> {typed}");
        anna.terminal.wait_until("the key", |screen| last_row(screen) == expected);
        echoes.push(struck.elapsed());
        if typed.len() == 40 {
            typed.clear();
            anna.terminal.keys(b"\x15");
            anna.sees_last("lobby>");
        }
        std::thread::sleep(gap); // a person types no faster
    }
    echoes
}

#[test]
fn a_resize_draws_the_line_anew_at_once() {
    let server = Server::start(&[]);
    let mut anna = Person::join(&server, "anna", (80, 24));
    let text = "0123456789".repeat(12);
    anna.terminal.type_text(&text);
    anna.terminal.wait_until("two rows", |screen| screen.ends_with("6789") && !screen.ends_with(&text));
    anna.terminal.resize(200, 24);
    anna.sees_last(&format!("lobby> {text}"));
    assert_eq!(anna.terminal.screen().matches("lobby>").count(), 1);
}

#[test]
fn a_line_with_a_byte_that_is_not_utf8_is_not_sent_until_the_byte_is_replaced() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let mut anna = Person::join(&server, "anna", (80, 24));
    anna.terminal.keys(b"caf\xe9\r");
    anna.sees("the terminal sent the byte E9, which is not UTF-8");
    anna.sees("[not sent: replace each");
    assert!(!anna.terminal.transcript().contains("anna: caf"), "a line that was not sent is shown as said");
    anna.terminal.keys("\x7f\u{e9}\r".as_bytes());
    bobby.wait(json!({"event": "message", "from": "anna", "text": "caf\u{e9}"}));
    assert_eq!(bobby.all(json!({"event": "message", "from": "anna"})).len(), 1);
}
