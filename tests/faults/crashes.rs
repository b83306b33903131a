//! Processes are killed without a warning while everybody goes on typing.

use std::time::Duration;

use serde_json::json;

use crate::chance::{Chance, Span};
use crate::ledger::{Speaker, adds_up, sees};
use crate::support::client::Client;
use crate::support::home::Home;
use crate::support::launch::Launch;
use crate::support::server::Server;

/// A rate that no client reaches here.
const RATE: [&str; 2] = ["--rate", "100000"];

/// Fails unless the whole log of `server` adds up. Returns how many messages it has.
#[track_caller]
pub(crate) fn verified(server: &Server) -> usize {
    let data = server.data_dir();
    let output = Launch::server_program().args(["verify", "--data-dir", &data]).run("").ended_with(0);
    let told = output.everything();
    let count = told.split("its ").nth(1).and_then(|rest| rest.split(' ').next());
    count
        .and_then(|count| count.parse().ok())
        .unwrap_or_else(|| panic!("the output has no count of messages: {told}"))
}

fn speakers(server: &Server, names: &[&str]) -> Vec<Speaker> {
    names.iter().map(|name| Speaker::new(name, server.join(name))).collect()
}

#[track_caller]
fn settle(speakers: &[Speaker], observers: &[Client]) {
    for speaker in speakers {
        speaker.settle();
        for observer in observers {
            if let Some(last) = speaker.typed.last() {
                sees(observer, last);
            }
        }
    }
}

#[test]
fn a_server_killed_at_any_moment_loses_nothing_and_repeats_nothing() {
    let mut chance = Chance::new("server killed");
    let span = Span::rounds(8);
    let mut server = Server::start(&RATE);
    let observers = ["dora", "emil"].map(|name| server.join(name));
    let mut speakers = speakers(&server, &["anna", "bobby", "carmen"]);
    let mut crashes = 0;
    while span.goes_on(crashes) {
        for _ in 0..chance.below(12) {
            speakers.iter_mut().for_each(|speaker| speaker.type_many(chance.below(25)));
            chance.moment(Duration::from_millis(20));
        }
        server.kill();
        crashes += 1;
        // These texts are typed while the server is down.
        speakers.iter_mut().for_each(|speaker| speaker.type_many(chance.below(5)));
        chance.moment(Duration::from_millis(200));
        server.restart();
        if chance.below(3) > 0 {
            // Most rounds wait until a text was acknowledged again; in some, the next crash comes before that.
            let up = speakers[0].client.mark();
            speakers[0].type_one();
            let last = speakers[0].typed.last().unwrap();
            speakers[0].client.wait_after(up, json!({"event": "sent", "text": last}));
        }
    }
    speakers.iter_mut().for_each(Speaker::type_one);
    settle(&speakers, &observers);
    let messages = adds_up(&speakers, &observers, &[]);
    for speaker in &speakers {
        speaker.client.has_no(json!({"event": "unsent"}));
    }
    assert_eq!(verified(&server), messages);
    eprintln!("{crashes} crashes of the server, {messages} messages, {} observers", observers.len());
}

#[test]
fn clients_killed_at_any_moment_lose_no_acknowledged_text() {
    let mut chance = Chance::new("clients killed");
    let span = Span::rounds(8);
    let server = Server::start(&RATE);
    let observers = ["dora", "emil"].map(|name| server.join(name));
    let mut staying = speakers(&server, &["anna"]);
    let home = Home::new();
    let (mut strays, mut kills) = (Vec::new(), 0);
    while span.goes_on(kills) {
        let client = server.client("bobby").home(&home).join();
        let mut victim = Speaker::new(&format!("run {kills}"), client);
        for _ in 0..1 + chance.below(4) {
            victim.type_many(chance.below(40));
            staying[0].type_many(chance.below(20));
            chance.moment(Duration::from_millis(30));
        }
        victim.client.process().kill_hard();
        kills += 1;
        let told = victim.told_so_far();
        staying[0].type_one();
        settle(&staying, &observers);
        for observer in &observers {
            let seen = crate::ledger::seen(observer);
            for (seq, text) in &told {
                assert_eq!(seen.get(seq), Some(text), "a text was acknowledged and is not stored");
            }
            let stored: Vec<&String> = seen.values().filter(|text| victim.typed.contains(text)).collect();
            assert!(
                stored.iter().copied().eq(&victim.typed[..stored.len()]),
                "the stored texts are not the first ones that were typed"
            );
        }
        strays.append(&mut victim.typed);
    }
    let messages = adds_up(&staying, &observers, &strays);
    eprintln!("{kills} clients killed, {messages} messages of one that stayed");
    let name = server.client("bobby").home(&home).join().name();
    assert_eq!(name, "bobby", "the client did not get its own name back");
}

#[test]
fn a_killed_server_keeps_the_names_of_those_who_come_back() {
    let mut server = Server::start(&[]);
    let anna = server.join("anna");
    for round in 1..=3 {
        server.kill();
        server.restart();
        anna.wait_count(round, json!({"event": "link", "session": 0, "state": "up"}));
    }
    let other = server.join("anna");
    assert_eq!(other.name(), "anna_2", "another key does not get the name");
    assert_eq!(anna.users(), ["anna", "anna_2"]);
}
