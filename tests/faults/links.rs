//! Links that fall silent, in network namespaces: nothing is closed and nothing is refused, packets just vanish.

use std::time::Duration;

use serde_json::json;

use crate::ledger::{Speaker, adds_up, sees};
use crate::support::client::{Client, texts_of};
use crate::support::home::Home;
use crate::support::launch::Launch;
use crate::support::process::Process;
use crate::support::server::first_line;
use crate::switch::{Switch, address};

const SERVER: usize = 0;

fn server(switch: &Switch) -> (Process, String) {
    let home = Home::new();
    let data = home.path().join("lobby").display().to_string();
    let at = format!("{}:43210", address(SERVER));
    let launch =
        Launch::server_program().home(&home).args(["--listen", &at, "--data-dir", &data, "--rate", "100000"]);
    let process = switch.at(SERVER, launch).spawn();
    let _line = first_line(&process);
    (process, at)
}

fn client(switch: &Switch, port: usize, at: &str, name: &str) -> Client {
    switch.at(port, Launch::hobnob().server(at).name(name)).join()
}

fn down(session: u32) -> serde_json::Value {
    json!({"event": "link", "session": session, "state": "down"})
}

fn up(session: u32) -> serde_json::Value {
    json!({"event": "link", "session": session, "state": "up"})
}

/// Lets both sides of a cut say `count` texts.
fn chat(speakers: &mut [Speaker], count: u64) {
    speakers.iter_mut().for_each(|speaker| speaker.type_many(count));
}

#[test]
fn a_lobby_link_that_is_silent_for_seconds_is_not_lost() {
    let Some(switch) = Switch::new(3) else { return };
    let (_server, at) = server(&switch);
    let mut speakers =
        [(1, "anna"), (2, "bobby")].map(|(port, name)| Speaker::new(name, client(&switch, port, &at, name)));
    let observer = switch.at(SERVER, Launch::hobnob().server(&at).name("carmen")).join();
    for cut in [1, 2] {
        chat(&mut speakers, 50);
        switch.unplug(cut);
        chat(&mut speakers, 50);
        std::thread::sleep(Duration::from_secs(3)); // this is the length of the fault; nothing is waited for
        switch.plug(cut);
        chat(&mut speakers, 50);
        speakers.iter().for_each(Speaker::settle);
    }
    for speaker in &speakers {
        sees(&observer, speaker.typed.last().unwrap());
        speaker.client.has_no(down(0));
    }
    adds_up(&speakers, &[observer], &[]);
}

#[test]
fn a_lobby_link_that_is_silent_for_too_long_is_reported_and_resumes() {
    if std::env::var_os("HOBNOB_FAULT_SECONDS").is_none() {
        eprintln!("skipped, it takes over a minute: set HOBNOB_FAULT_SECONDS");
        return;
    }
    let Some(switch) = Switch::new(3) else { return };
    let (_server, at) = server(&switch);
    let mut speakers =
        [(1, "anna"), (2, "bobby")].map(|(port, name)| Speaker::new(name, client(&switch, port, &at, name)));
    let observer = switch.at(SERVER, Launch::hobnob().server(&at).name("carmen")).join();
    chat(&mut speakers, 50);
    speakers.iter().for_each(Speaker::settle);
    switch.unplug(1);
    chat(&mut speakers, 50);
    speakers[0].client.wait_within(Duration::from_secs(60), down(0));
    observer.wait_within(Duration::from_secs(60), json!({"event": "left", "name": "anna"}));
    chat(&mut speakers, 50);
    switch.plug(1);
    speakers[0].client.wait_within(Duration::from_secs(40), up(0));
    chat(&mut speakers, 50);
    for speaker in &speakers {
        speaker.settle();
        sees(&observer, speaker.typed.last().unwrap());
    }
    adds_up(&speakers, &[observer], &[]);
}

#[test]
fn a_peer_link_that_is_cut_for_too_long_is_reported_and_resumes() {
    let Some(switch) = Switch::new(3) else { return };
    let (_server, at) = server(&switch);
    let [anna, bobby] = [(1, "anna"), (2, "bobby")].map(|(port, name)| client(&switch, port, &at, name));
    anna.fork("bobby");
    bobby.wait(json!({"event": "opened", "peer": "anna"}));
    bobby.send("\\sw 1");
    bobby.wait(json!({"event": "switched", "session": 1}));
    let both = [(&anna, "a"), (&bobby, "b")];
    let chat = |from: usize, to: usize| {
        for (client, letter) in both {
            (from..to).for_each(|number| client.send(&format!("{letter}{number}")));
        }
    };
    chat(0, 50);
    switch.set_apart([1, 2], true);
    chat(50, 100);
    let lost = Duration::from_secs(25);
    both.iter().for_each(|(client, _)| drop(client.wait_within(lost, down(1))));
    chat(100, 150);
    switch.set_apart([1, 2], false);
    both.iter().for_each(|(client, _)| drop(client.wait_within(Duration::from_secs(30), up(1))));
    chat(150, 200);
    for ((client, own), (_, others)) in both.into_iter().zip([both[1], both[0]]) {
        let named = |letter: &str| (0..200).map(|number| format!("{letter}{number}")).collect::<Vec<_>>();
        let heard = client.wait_count(200, json!({"event": "message", "kind": "peer"}));
        assert_eq!(texts_of(&heard), named(others));
        let sent = client.wait_count(200, json!({"event": "sent", "session": 1}));
        assert_eq!(texts_of(&sent), named(own));
        client.has_no(json!({"event": "closed"}));
        client.has_no(down(0));
    }
}
