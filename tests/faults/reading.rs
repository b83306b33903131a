//! Clients that do not read, and clients that come back after the messages they missed were dropped.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};

use serde_json::{Value, json};

use crate::ledger::notices;
use crate::support::home::Home;
use crate::support::launch::Launch;
use crate::support::proxy::Proxy;
use crate::support::schema;
use crate::support::server::Server;

/// How many messages of a kilobyte are said. They fill every buffer on the way to a reader that does not read, and the
/// server's memory of recent messages, so that the server has to read its log.
const MANY: usize = 12_000;

/// A client whose output is read only when the test says so.
struct Unread {
    child: Child,
    output: BufReader<ChildStdout>,
    _home: Home,
}

impl Unread {
    fn join(launch: Launch) -> Self {
        let home = Home::new();
        let mut command = launch.home(&home).arg("--json").command();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut unread = Self { child, output, _home: home };
        assert_eq!(unread.next()["event"], "welcome");
        unread
    }

    fn next(&mut self) -> Value {
        let mut line = String::new();
        assert!(self.output.read_line(&mut line).unwrap() > 0, "the output of the client ended");
        schema::read(line.trim_end()).unwrap()
    }

    /// Reads on up to the message with this number. Returns the numbers and the notices.
    fn read_up_to(&mut self, last: u64) -> (Vec<u64>, Vec<String>) {
        let (mut seqs, mut notices) = (Vec::new(), Vec::new());
        while seqs.last() != Some(&last) {
            let event = self.next();
            match event["event"].as_str() {
                Some("message") => seqs.push(event["seq"].as_u64().unwrap()),
                Some("notice") => notices.push(event["text"].as_str().unwrap().to_owned()),
                _ => {}
            }
        }
        (seqs, notices)
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn rising(seqs: &[u64]) -> bool {
    seqs.is_sorted_by(|before, after| before < after)
}

/// Lets one client say all messages and another hear them. Returns the last number.
fn flood(server: &Server) -> u64 {
    let (anna, bobby) = (server.join("anna"), server.join("bobby"));
    let text = "x".repeat(1000);
    (0..MANY).for_each(|number| anna.send(&format!("{number} {text}")));
    let heard = bobby.wait_count(MANY, json!({"event": "message"}));
    anna.wait_count(MANY, json!({"event": "sent"}));
    heard.last().unwrap()["seq"].as_u64().unwrap()
}

#[test]
fn a_reader_that_does_not_read_delays_nobody_and_misses_nothing() {
    let server = Server::start(&["--rate", "100000"]);
    let mut carmen = Unread::join(server.client("carmen"));
    let last = flood(&server);
    let (seqs, _) = carmen.read_up_to(last);
    assert!(seqs.iter().copied().eq(1..=last), "{} messages of {last}", seqs.len());
}

#[test]
fn a_reader_that_reads_too_late_is_told_how_many_messages_are_gone() {
    let server = Server::start(&["--rate", "100000", "--history", "50"]);
    let mut carmen = Unread::join(server.client("carmen"));
    let last = flood(&server);
    let (seqs, notices) = carmen.read_up_to(last);
    assert!(rising(&seqs));
    let told: u64 = notices.iter().filter_map(|text| missed(text)).sum();
    assert!(told > 0, "no notice tells of the missing messages: {notices:?}");
    assert_eq!(told + seqs.len() as u64, last, "{notices:?}");
}

/// Returns the number in "N messages were missed".
fn missed(notice: &str) -> Option<u64> {
    notice.split_once(" messages were missed")?.0.parse().ok()
}

#[test]
fn a_client_whose_position_is_no_longer_kept_is_told_how_many_messages_are_gone() {
    let server = Server::start(&["--history", "50", "--rate", "100000"]);
    let proxy = Proxy::to(server.address());
    let anna = server.join("anna");
    let bobby = Launch::hobnob().server(&proxy.address()).name("bobby").join();
    anna.say("0");
    bobby.wait(json!({"event": "message", "text": "0"}));
    proxy.cut();
    bobby.wait(json!({"event": "link", "session": 0, "state": "down"}));
    (1..=2000).for_each(|number| anna.send(&number.to_string()));
    anna.wait(json!({"event": "sent", "text": "2000"}));
    proxy.mend();
    bobby.wait(json!({"event": "message", "text": "2000"}));
    let told = notices(&bobby, "messages were missed");
    assert_eq!(told.len(), 1, "{told:?}");
    let gone = missed(told[0]["text"].as_str().unwrap()).unwrap();
    let texts = bobby.lobby_texts();
    assert_eq!(gone as usize + texts.len(), 2001, "{told:?}");
    assert!(texts.len() <= 51 && texts[1..].iter().cloned().eq((gone + 1..=2000).map(|n| n.to_string())));
}

#[test]
fn the_first_join_shows_the_last_twenty() {
    let server = Server::start(&[]);
    let anna = server.join("anna");
    (0..30).for_each(|number| drop(anna.say(&number.to_string())));
    let late = server.join("late");
    late.wait(json!({"event": "message", "text": "29", "replayed": true}));
    let expected: Vec<String> = (10..30).map(|number| number.to_string()).collect();
    assert_eq!(late.lobby_texts(), expected);
    late.has_no(json!({"event": "message", "replayed": false}));
}

#[test]
fn history_shows_each_message_once_and_in_order() {
    let server = Server::start(&[]);
    let anna = server.join("anna");
    (0..30).for_each(|number| drop(anna.say(&number.to_string())));
    let mark = anna.mark();
    anna.send("\\history 10");
    anna.wait_after(mark, json!({"event": "message", "text": "29", "replayed": true}));
    let seqs: BTreeSet<u64> =
        anna.all(json!({"event": "message"})).iter().map(|m| m["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs.into_iter().collect::<Vec<_>>(), (21..=30).collect::<Vec<_>>());
}
