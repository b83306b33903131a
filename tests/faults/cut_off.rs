//! The network between servers and NATS is cut, in network namespaces, in both directions or in one: packets vanish,
//! and nothing is closed. Meanwhile nothing is acknowledged and nobody is disconnected; afterwards each text is said
//! once. On a machine without nats-server or network namespaces these tests are skipped with a note.

use std::fs::{copy, create_dir_all};
use std::time::Duration;

use serde_json::json;

use crate::ledger::{Speaker, adds_up, sees};
use crate::node::{self, Nodes};
use crate::support::client::Client;
use crate::support::home::Home;
use crate::support::launch::Launch;
use crate::support::process::Process;
use crate::support::server::first_line;
use crate::switch::{Cut, Switch, address};

/// The ports of the switch behind which NATS and the two servers are.
const NATS: usize = 0;
const SERVERS: [usize; 2] = [1, 2];

/// Times that are shorter and longer than the silence after which a server is taken for gone.
const SHORT: Duration = Duration::from_secs(4);
const LONG: Duration = Duration::from_secs(14);

/// A lobby on two servers and one node, each in a namespace of its own; clients are in the namespace of their server.
struct Apart {
    switch: Switch,
    _nodes: Nodes,
    _servers: [Process; 2],
}

impl Apart {
    /// Returns `None`, and prints the reason, if this machine does not allow it.
    fn new() -> Option<Self> {
        let switch = Switch::new(3)?;
        let nodes = node::start_inside(&address(NATS), &switch.inside(NATS))?;
        let homes = SERVERS.map(|_| Home::new());
        let first = server(&switch, SERVERS[0], &homes[0], nodes.joined());
        let [key, copied] = [&homes[0], &homes[1]].map(|home| home.path().join("lobby/server/server.key"));
        make_private(&homes[1]);
        copy(key, copied).unwrap();
        let other = server(&switch, SERVERS[1], &homes[1], nodes.joined());
        Some(Self { switch, _nodes: nodes, _servers: [first, other] })
    }

    fn join(&self, port: usize, name: &str) -> Client {
        let at = format!("{}:43210", address(port));
        self.switch.at(port, Launch::hobnob().server(&at).name(name)).join()
    }

    /// Lets two users join each server: one who speaks, and one who only listens.
    fn people(&self) -> ([Speaker; 2], [Client; 2]) {
        let speakers =
            [(1, "anna"), (2, "bobby")].map(|(port, name)| Speaker::new(name, self.join(port, name)));
        let observers = [(1, "carmen"), (2, "dora")].map(|(port, name)| self.join(port, name));
        (speakers, observers)
    }
}

fn make_private(home: &Home) {
    use std::os::unix::fs::PermissionsExt;
    let folder = home.path().join("lobby/server");
    create_dir_all(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
}

fn server(switch: &Switch, port: usize, home: &Home, nats: &str) -> Process {
    let data = home.path().join("lobby").display().to_string();
    let at = format!("{}:43210", address(port));
    let launch = Launch::server_program().home(home).args([
        "--listen",
        &at,
        "--data-dir",
        &data,
        "--rate",
        "100000",
        "--nats",
        nats,
    ]);
    let process = switch.at(port, launch).spawn();
    let _line = first_line(&process);
    process
}

fn all_type(speakers: &mut [Speaker]) {
    speakers.iter_mut().for_each(|speaker| speaker.type_many(20));
}

/// Checks that the last text that was typed is on its way and not answered yet.
fn waits(speaker: &Speaker) {
    let last = speaker.typed.last().unwrap();
    speaker.client.has_no(json!({"event": "sent", "text": last}));
}

fn has_all(speakers: &[Speaker], observers: &[Client]) {
    for speaker in speakers {
        speaker.settle();
        speaker.client.has_no(json!({"event": "unsent"}));
        observers.iter().for_each(|observer| sees(observer, speaker.typed.last().unwrap()));
    }
    adds_up(speakers, observers, &[]);
}

fn nobody_was_disconnected(speakers: &[Speaker], observers: &[Client]) {
    for client in speakers.iter().map(|speaker| &speaker.client).chain(observers) {
        client.has_no(json!({"event": "link", "state": "down"}));
        client.has_no(json!({"event": "left"}));
    }
}

/// A server is cut off for a time in which nobody takes it for gone.
fn keeps_its_clients_and_their_texts(cut: Cut) {
    let Some(apart) = Apart::new().filter(|_| cut.is_possible()) else { return };
    let (mut speakers, observers) = apart.people();
    for _ in 0..2 {
        all_type(&mut speakers);
        speakers.iter().for_each(Speaker::settle);
        apart.switch.cut(SERVERS[0], cut);
        all_type(&mut speakers);
        // The texts of clients on the other server are heard there, and the texts of clients on this server wait.
        speakers[1].settle();
        sees(&observers[1], speakers[1].typed.last().unwrap());
        std::thread::sleep(SHORT); // this is the length of the fault; nothing is waited for
        waits(&speakers[0]);
        apart.switch.mend(SERVERS[0], cut);
        all_type(&mut speakers);
        speakers.iter().for_each(Speaker::settle);
    }
    has_all(&speakers, &observers);
    nobody_was_disconnected(&speakers, &observers);
}

#[test]
fn a_server_that_is_cut_off_for_seconds_keeps_its_clients_and_their_texts() {
    keeps_its_clients_and_their_texts(Cut::Both);
}

#[test]
fn a_server_that_nats_does_not_hear_for_seconds_keeps_its_clients_and_their_texts() {
    keeps_its_clients_and_their_texts(Cut::From);
}

#[test]
fn a_server_that_does_not_hear_nats_for_seconds_keeps_its_clients_and_their_texts() {
    keeps_its_clients_and_their_texts(Cut::To);
}

/// A server is cut off until the other one takes it for gone.
fn is_taken_for_gone_and_takes_part_again(cut: Cut) {
    let Some(apart) = Apart::new().filter(|_| cut.is_possible()) else { return };
    let (mut speakers, observers) = apart.people();
    all_type(&mut speakers);
    speakers.iter().for_each(Speaker::settle);
    apart.switch.cut(SERVERS[0], cut);
    all_type(&mut speakers);
    observers[1].wait_within(LONG * 2, json!({"event": "left", "name": "anna"}));
    waits(&speakers[0]);
    speakers[0].client.has_no(json!({"event": "link", "state": "down"}));
    apart.switch.mend(SERVERS[0], cut);
    observers[1].wait_within(LONG * 2, json!({"event": "joined", "name": "anna"}));
    all_type(&mut speakers);
    has_all(&speakers, &observers);
}

#[test]
fn a_server_that_is_cut_off_for_longer_is_taken_for_gone_and_takes_part_again() {
    is_taken_for_gone_and_takes_part_again(Cut::Both);
}

#[test]
fn a_server_that_nats_does_not_hear_for_longer_is_taken_for_gone_and_takes_part_again() {
    is_taken_for_gone_and_takes_part_again(Cut::From);
}

#[test]
fn a_server_that_does_not_hear_nats_for_longer_is_taken_for_gone_and_takes_part_again() {
    is_taken_for_gone_and_takes_part_again(Cut::To);
}

#[test]
fn while_no_server_reaches_nats_nobody_leaves_and_texts_wait() {
    let Some(apart) = Apart::new() else { return };
    let (mut speakers, observers) = apart.people();
    all_type(&mut speakers);
    speakers.iter().for_each(Speaker::settle);
    apart.switch.unplug(NATS);
    all_type(&mut speakers);
    std::thread::sleep(LONG); // this is the length of the fault; nothing is waited for
    speakers.iter().for_each(waits);
    apart.switch.plug(NATS);
    all_type(&mut speakers);
    has_all(&speakers, &observers);
    nobody_was_disconnected(&speakers, &observers);
}
