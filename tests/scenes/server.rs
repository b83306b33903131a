//! The server's own options, and how it ends.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::json;

use crate::support::client::texts_of;
use crate::support::home::Home;
use crate::support::launch::Launch;
use crate::support::output::Output;
use crate::support::server::Server;
use crate::support::{DEADLINE, free_port};

#[test]
fn a_client_above_the_limit_is_told_so_and_exits_with_3() {
    for option in ["--max-clients", "--max-clients-per-ip"] {
        let server = Server::start(&[option, "2"]);
        let [anna, bobby] = ["anna", "bobby"].map(|name| server.join(name));
        let output = server.client("carmen").run_json("hello\n").ended_with(3);
        output.the(json!({"event": "error", "code": "refused"}));
        output.has_no(json!({"event": "welcome"}));
        let output = server.client("carmen").run("hello\n").ended_with(3);
        assert!(!output.stderr.is_empty(), "the client says nothing");
        anna.has_no(json!({"event": "joined", "name": "carmen"}));
        // When one client leaves, there is room for another.
        let _output = bobby.finish().ended_with(0);
        anna.wait(json!({"event": "left", "name": "bobby"}));
        server.join("dora").say("hello");
    }
}

#[test]
fn a_client_above_its_rate_is_read_more_slowly_and_loses_nothing() {
    // Ten seconds' worth of texts, which is 50, go through at once; the other 15 take three seconds.
    let server = Server::start(&["--rate", "5"]);
    let [anna, bobby] = ["anna", "bobby"].map(|name| server.join(name));
    let begin = Instant::now();
    let words: Vec<String> = (0..65).map(|number| format!("word {number}")).collect();
    for word in &words {
        anna.send(word);
    }
    // Nobody else is slowed down.
    bobby.say("quick");
    assert!(begin.elapsed() < Duration::from_secs(2), "bobby waited {:?}", begin.elapsed());
    anna.wait_count(65, json!({"event": "sent"}));
    let took = begin.elapsed();
    assert!(took >= Duration::from_millis(1500), "65 words at 5 a second took {took:?}");
    bobby.wait_count(65, json!({"event": "message", "from": "anna"}));
    assert_eq!(texts_of(&bobby.all(json!({"event": "message", "from": "anna"}))), words);
}

#[test]
fn a_server_asked_to_end_does_so_within_five_seconds() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut server = Server::start(&[]);
        let clients = ["anna", "bobby"].map(|name| server.join(name));
        let _half_open = TcpStream::connect(server.address()).unwrap();
        // A client that does not read must not delay the end.
        clients[1].freeze();
        let _output = server.stop(signal, Duration::from_secs(6)).ended_with(0);
        clients[0].wait(json!({"event": "link", "session": 0, "state": "down"}));
        clients[1].thaw();
        clients[1].wait(json!({"event": "link", "session": 0, "state": "down"}));
    }
}

#[test]
fn a_server_asked_to_end_while_it_starts_does_so() {
    let home = Home::new();
    let key = home.path().join("server/server.key");
    std::fs::create_dir(key.parent().unwrap()).unwrap();
    // A server that reads this key waits, as it would for a log that takes long to read.
    let made = Command::new("mkfifo").args(["-m", "600"]).arg(&key).status().unwrap();
    assert!(made.success());
    let data = home.path().display().to_string();
    let server =
        Launch::server_program().home(&home).args(["--listen", "127.0.0.1:0", "--data-dir", &data]).spawn();
    let (opened, reading) = mpsc::channel();
    // The open call returns when the server reads the file.
    std::thread::spawn(move || opened.send(File::options().write(true).open(key)));
    let _kept_open = reading.recv_timeout(DEADLINE).expect("the server reads its key").unwrap();
    server.signal(Signal::SIGTERM);
    let _output = Output::of(server, Duration::from_secs(6), false).ended_with(0);
}

#[test]
fn a_server_asked_to_end_under_load_keeps_what_it_acknowledged() {
    let mut server = Server::start(&["--rate", "100000"]);
    let [anna, bobby] = ["anna", "bobby"].map(|name| server.join(name));
    for number in 0..500 {
        anna.send(&format!("word {number}"));
    }
    anna.wait_count(100, json!({"event": "sent"}));
    let _output = server.stop(Signal::SIGTERM, Duration::from_secs(6)).ended_with(0);
    server.restart();
    anna.wait_count(500, json!({"event": "sent"}));
    let words: Vec<String> = (0..500).map(|number| format!("word {number}")).collect();
    assert_eq!(texts_of(&bobby.wait_count(500, json!({"event": "message"}))), words);
    anna.has_no(json!({"event": "unsent"}));
}

#[test]
fn no_more_messages_are_kept_than_the_history_option_says() {
    let server = Server::start(&["--history", "10", "--rate", "100000"]);
    let anna = server.join("anna");
    for number in 0..300 {
        anna.send(&format!("word {number}"));
    }
    anna.wait_count(300, json!({"event": "sent"}));
    let output = server.client("bobby").run_json("\\history 300\n").ended_with(0);
    let shown = output.all(json!({"event": "message"}));
    let oldest = shown.iter().map(|message| message["seq"].as_u64().unwrap()).min().unwrap();
    // The newest ten messages are there. How many messages the server removes at a time is its own business.
    output.the(json!({"event": "message", "text": "word 290"}));
    assert!(oldest > 1, "no old message was removed\n{}", output.story());
}

#[test]
fn metrics_are_served_in_prometheus_s_form_when_asked_for() {
    let address = format!("127.0.0.1:{}", free_port());
    let server = Server::start(&["--metrics", &address]);
    server.join("anna").say("hello");
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.set_read_timeout(Some(crate::support::DEADLINE)).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("# TYPE "), "{answer}");
}

#[test]
fn logs_are_json_when_asked_for_and_the_first_line_stays() {
    let mut server = Server::start(&["--log", "debug", "--log-format", "json"]);
    server.join("anna").say("hello");
    let output = server.stop(Signal::SIGTERM, Duration::from_secs(6)).ended_with(0);
    let logged = output.stderr.iter().chain(&output.stdout[1..]);
    let lines: Vec<_> = logged.filter(|line| line.starts_with('{')).collect();
    assert!(!lines.is_empty(), "the server wrote no log\n{}", output.story());
    for line in lines {
        serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|err| panic!("{err}: {line}"));
    }
}

#[test]
fn logs_contain_no_text_that_was_said() {
    let mut server = Server::start(&["--log", "debug"]);
    server.join("anna").say("a word between friends");
    let output = server.stop(Signal::SIGTERM, Duration::from_secs(6)).ended_with(0);
    assert!(output.everything().contains("asks to join"), "what happens is logged\n{}", output.story());
    assert!(!output.everything().contains("a word between friends"), "{}", output.story());
}

#[test]
fn a_server_whose_port_is_taken_says_so_and_fails() {
    let server = Server::start(&[]);
    let output =
        crate::support::launch::Launch::server_program().args(["--listen", server.address()]).run("");
    output.failed().complains(server.address());
    server.join("anna").say("hello");
}
