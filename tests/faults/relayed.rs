//! Private sessions through the lobby's server: between two homes whose routers let no connection in, and under the
//! faults that may happen to such sessions.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::chance::{Chance, Span};
use crate::routers::{Homes, Router};
use crate::support::LONG_DEADLINE;
use crate::support::client::{Client, texts_of};
use crate::support::home::Home;
use crate::support::launch::Launch;
use crate::support::process::Process;
use crate::support::server::{Server, first_line};

/// The port at which both clients listen, and which a router may forward.
const PORT: u16 = 40_001;

fn path_is(path: &str) -> Value {
    json!({"event": "path", "session": 1, "path": path})
}

fn link_is(state: &str) -> Value {
    json!({"event": "link", "session": 1, "state": state})
}

/// Starts a server outside of both homes, with its data in `home`. Returns the process and its address.
fn server_in(homes: &Homes, home: &Home) -> (Process, String) {
    let (data, at) = (home.path().join("lobby").display().to_string(), format!("{}:43210", Homes::SERVER));
    let launch = Launch::server_program().home(home).args(["--listen", &at, "--data-dir", &data]);
    let process = homes.at_server(launch).spawn();
    let _line = first_line(&process);
    (process, at)
}

/// Starts anna in the first home and bobby in the second. Both listen on the port that may be forwarded.
fn at_homes(homes: &Homes, at: &str) -> [Client; 2] {
    let listen = format!("0.0.0.0:{PORT}");
    [(0, "anna"), (1, "bobby")].map(|(home, name)| {
        homes.at_home(home, Launch::hobnob().server(at).name(name).args(["--listen", &listen])).join()
    })
}

/// Lets anna fork bobby. Returns how long it took until the session was open.
#[track_caller]
fn fork(anna: &Client, bobby: &Client, path: &str) -> Duration {
    let begun = Instant::now();
    anna.send("\\fork bobby");
    anna.wait(json!({"event": "opened", "peer": "bobby", "path": path}));
    let took = begun.elapsed();
    bobby.wait(json!({"event": "opened", "peer": "anna", "path": path}));
    bobby.send("\\sw 1");
    bobby.wait(json!({"event": "switched", "session": 1}));
    took
}

fn named(letter: &str, range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| format!("{letter} {number}")).collect()
}

/// Lets both clients say their texts of `range`.
fn chat(both: [&Client; 2], range: std::ops::Range<usize>) {
    for (client, letter) in both.into_iter().zip(["a", "b"]) {
        named(letter, range.clone()).iter().for_each(|text| client.send(text));
    }
}

/// Fails unless each client heard everything that the other said, once and in order, and was told the truth of its own
/// texts.
#[track_caller]
fn adds_up(both: [&Client; 2], count: usize) {
    for (client, [own, others]) in both.into_iter().zip([["a", "b"], ["b", "a"]]) {
        let last = json!({"event": "sent", "session": 1, "text": format!("{own} {}", count - 1)});
        client.wait_within(LONG_DEADLINE, last);
        let heard = client.wait_count(count, json!({"event": "message", "kind": "peer"}));
        assert_eq!(texts_of(&heard), named(others, 0..count), "{}", client.story());
        let sent = client.all(json!({"event": "sent", "session": 1}));
        assert_eq!(texts_of(&sent), named(own, 0..count), "{}", client.story());
        client.has_no(json!({"event": "unsent"}));
        client.has_no(json!({"event": "closed"}));
    }
}

#[test]
fn two_homes_whose_routers_let_nobody_in_talk_through_the_server() {
    for router in [Router::Refuses, Router::Drops, Router::DropsAndShuffles] {
        let Some(homes) = Homes::new(router) else { return };
        let home = Home::new();
        let (_server, at) = server_in(&homes, &home);
        let [anna, bobby] = at_homes(&homes, &at);
        let took = fork(&anna, &bobby, "relay");
        eprintln!("{router:?}: open after {} ms", took.as_millis());
        assert!(took < Duration::from_secs(5), "{took:?}");
        let notice = anna.wait_event("a notice that it is relayed", |event| {
            event["event"] == "notice" && event["text"].as_str().unwrap().contains("relayed")
        });
        assert!(notice["text"].as_str().unwrap().contains("relayed: it pauses while the server is down"));
        let rows = anna.sessions();
        assert_eq!((&rows[1]["path"], &rows[1]["state"]), (&json!("relay"), &json!("up")));
        chat([&anna, &bobby], 0..50);
        adds_up([&anna, &bobby], 50);
    }
}

#[test]
fn a_session_moves_to_a_forwarded_port_and_outlives_the_server() {
    let Some(homes) = Homes::new(Router::Drops) else { return };
    let home = Home::new();
    let (mut server, at) = server_in(&homes, &home);
    let [anna, bobby] = at_homes(&homes, &at);
    let both = [&anna, &bobby];
    fork(&anna, &bobby, "relay");
    chat(both, 0..50);
    homes.forward(1, PORT);
    chat(both, 50..100);
    both.iter().for_each(|client| drop(client.wait_within(LONG_DEADLINE, path_is("direct"))));
    chat(both, 100..150);
    server.kill_hard();
    both.iter().for_each(|client| drop(client.wait(json!({"event": "link", "session": 0, "state": "down"}))));
    chat(both, 150..200);
    adds_up(both, 200);
    both.iter().for_each(|client| client.has_no(link_is("down")));
}

#[test]
fn a_relayed_session_pauses_while_the_server_is_dead_and_goes_on_when_it_is_back() {
    let Some(homes) = Homes::new(Router::Drops) else { return };
    let home = Home::new();
    let (mut server, at) = server_in(&homes, &home);
    let [anna, bobby] = at_homes(&homes, &at);
    let both = [&anna, &bobby];
    fork(&anna, &bobby, "relay");
    chat(both, 0..50);
    server.kill_hard();
    both.iter().for_each(|client| drop(client.wait(link_is("down"))));
    chat(both, 50..100);
    let (_server, _at) = server_in(&homes, &home);
    both.iter().for_each(|client| drop(client.wait_within(LONG_DEADLINE, link_is("up"))));
    chat(both, 100..150);
    adds_up(both, 150);
    both.iter().for_each(|client| client.has_no(path_is("direct")));
}

#[test]
fn a_fork_fails_when_the_server_dies_before_the_relay_and_the_next_fork_opens() {
    let Some(homes) = Homes::new(Router::Drops) else { return };
    let home = Home::new();
    let (mut server, at) = server_in(&homes, &home);
    let [anna, bobby] = at_homes(&homes, &at);
    anna.send("\\fork bobby");
    anna.wait(json!({"event": "forking", "session": 1}));
    // The two were introduced, and look only for a direct path so far.
    homes.wait_until_dialling(0);
    server.kill_hard();
    anna.wait_within(LONG_DEADLINE, json!({"event": "closed", "session": 1, "reason": "failed"}));
    anna.wait(json!({"event": "error", "code": "peer_unreachable"}));
    let (_server, _at) = server_in(&homes, &home);
    for client in [&anna, &bobby] {
        client.wait_within(LONG_DEADLINE, json!({"event": "link", "session": 0, "state": "up"}));
    }
    anna.send("\\fork bobby");
    anna.wait_within(LONG_DEADLINE, json!({"event": "opened", "session": 2, "path": "relay"}));
    bobby.wait(json!({"event": "opened", "path": "relay"}));
}

/// Starts a server on this machine, and two clients that want to be relayed.
fn relayed(args: &[&str]) -> (Server, [Client; 2]) {
    let server = Server::start(args);
    let both = ["anna", "bobby"].map(|name| server.client(name).args(["--path", "relay"]).join());
    fork(&both[0], &both[1], "relay");
    (server, both)
}

#[test]
fn a_server_killed_at_any_moment_loses_and_repeats_no_relayed_text() {
    let mut chance = Chance::new("server killed under a relayed session");
    let span = Span::rounds(6);
    let (mut server, [anna, bobby]) = relayed(&[]);
    let (mut crashes, mut said) = (0, 0);
    while span.goes_on(crashes) {
        for _ in 0..chance.below(8) {
            let more = chance.below(25) as usize;
            chat([&anna, &bobby], said..said + more);
            said += more;
            chance.moment(Duration::from_millis(20));
        }
        server.kill();
        crashes += 1;
        chat([&anna, &bobby], said..said + 3);
        said += 3;
        chance.moment(Duration::from_millis(200));
        server.restart();
        chance.moment(Duration::from_millis(1500));
    }
    adds_up([&anna, &bobby], said);
    eprintln!("{crashes} crashes of the server, {said} texts each way");
}

#[test]
fn a_relayed_peer_that_was_stopped_for_a_while_hears_every_text_once() {
    let (_server, [anna, bobby]) = relayed(&[]);
    bobby.freeze();
    let words = named("a", 0..200);
    words.iter().for_each(|word| anna.send(word));
    anna.has_no(json!({"event": "sent", "session": 1}));
    bobby.thaw();
    let sent = anna.wait_count(200, json!({"event": "sent", "session": 1}));
    assert_eq!(texts_of(&sent), words);
    assert_eq!(texts_of(&bobby.wait_count(200, json!({"event": "message", "kind": "peer"}))), words);
}

#[test]
fn a_relayed_peer_that_was_stopped_until_its_link_was_lost_resumes_the_session() {
    let (_server, [anna, bobby]) = relayed(&[]);
    chat([&anna, &bobby], 0..5);
    bobby.wait(json!({"event": "message", "text": "a 4"}));
    anna.wait(json!({"event": "message", "text": "b 4"}));
    bobby.freeze();
    anna.send("a 5");
    anna.wait_within(Duration::from_secs(25), link_is("down"));
    anna.send("a 6");
    bobby.thaw();
    anna.wait_within(Duration::from_secs(40), link_is("up"));
    bobby.send("b 5");
    bobby.send("b 6");
    adds_up([&anna, &bobby], 7);
}

#[test]
fn a_killed_relayed_peer_is_reported_as_gone_when_its_user_is_back() {
    let server = Server::start(&[]);
    let home = Home::new();
    let relayed = |name| server.client(name).args(["--path", "relay"]);
    let anna = relayed("anna").join();
    let mut bobby = relayed("bobby").home(&home).join();
    fork(&anna, &bobby, "relay");
    anna.say("taken");
    bobby.process().kill_hard();
    anna.wait(link_is("down"));
    anna.send("never taken");
    let _again = relayed("bobby").home(&home).join();
    let closed = anna.wait_within(LONG_DEADLINE, json!({"event": "closed", "session": 1}));
    assert_eq!(closed["reason"], "gone");
    anna.wait(json!({"event": "unsent", "session": 1, "text": "never taken"}));
    anna.has_no(json!({"event": "unsent", "text": "taken"}));
}

#[test]
fn a_relayed_session_pauses_while_the_server_is_frozen() {
    let (server, [anna, bobby]) = relayed(&[]);
    chat([&anna, &bobby], 0..20);
    server.freeze();
    chat([&anna, &bobby], 20..40);
    for client in [&anna, &bobby] {
        client.wait_within(Duration::from_secs(25), link_is("down"));
    }
    server.thaw();
    for client in [&anna, &bobby] {
        client.wait_within(LONG_DEADLINE, link_is("up"));
    }
    chat([&anna, &bobby], 40..60);
    adds_up([&anna, &bobby], 60);
}

#[test]
fn a_slow_relay_delays_texts_and_drops_none() {
    // The texts take two seconds at this rate, after the ten seconds that the relay has in reserve.
    let (_server, [anna, bobby]) = relayed(&["--relay", "8K"]);
    let long = "x".repeat(12_000);
    (0..8).for_each(|number| anna.send(&format!("{number} {long}")));
    let heard = bobby.wait_count(8, json!({"event": "message", "kind": "peer"}));
    let numbers: Vec<String> = texts_of(&heard).iter().map(|text| text[..1].to_owned()).collect();
    assert_eq!(numbers, ["0", "1", "2", "3", "4", "5", "6", "7"]);
    anna.has_no(link_is("down"));
}

#[test]
fn a_fork_fails_and_names_the_settings_when_they_leave_no_path() {
    for (relay, path, named) in [("off", "relay", "--relay is off"), ("64K", "direct", "your path is direct")]
    {
        let Some(homes) = Homes::new(Router::Refuses) else { return };
        let home = Home::new();
        let data = home.path().join("lobby").display().to_string();
        let at = format!("{}:43210", Homes::SERVER);
        let launch = Launch::server_program().home(&home).args([
            "--listen",
            &at,
            "--data-dir",
            &data,
            "--relay",
            relay,
        ]);
        let server = homes.at_server(launch).spawn();
        let _line = first_line(&server);
        let launch = |name| Launch::hobnob().server(&at).name(name).args(["--path", path]);
        let anna = homes.at_home(0, launch("anna")).join();
        let _bobby = homes.at_home(1, launch("bobby")).join();
        let error = anna.ask_error("\\fork bobby", "peer_unreachable");
        assert!(error["text"].as_str().unwrap().contains(named), "{error}");
    }
}

#[test]
fn a_client_with_path_relay_listens_nowhere_and_is_relayed_to_a_client_that_would_dial() {
    let server = Server::start(&[]);
    let mut anna = server.client("anna").args(["--path", "relay"]).join();
    let mut bobby = server.join("bobby");
    assert!(listening_sockets(anna.process().pid().as_raw()).is_empty());
    assert!(
        !listening_sockets(bobby.process().pid().as_raw()).is_empty(),
        "a client that listens is found by this search"
    );
    fork(&anna, &bobby, "relay");
    chat([&anna, &bobby], 0..10);
    adds_up([&anna, &bobby], 10);
}

/// Returns the inodes of the sockets in state LISTEN that a process has open.
fn listening_sockets(pid: i32) -> Vec<String> {
    let mut listening = Vec::new();
    for table in ["tcp", "tcp6"] {
        let rows = std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        let fields = rows.lines().skip(1).map(|row| row.split_whitespace().collect::<Vec<_>>());
        listening.extend(fields.filter(|row| row[3] == "0A").map(|row| format!("socket:[{}]", row[9])));
    }
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    let open = open.filter_map(|entry| std::fs::read_link(entry.path()).ok());
    open.map(|link| link.display().to_string()).filter(|link| listening.contains(link)).collect()
}
