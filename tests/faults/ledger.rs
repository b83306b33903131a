//! The ledger that must add up after any fault: every observer sees each text once, everybody sees one order, each
//! sender is told the truth, and messages that were missed are marked as replayed.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::client::Client;

/// How long the last text may take. This is longer than the longest pause between attempts to reconnect.
const SETTLE: Duration = Duration::from_secs(60);

/// A client, and all texts that were typed into it.
pub(crate) struct Speaker {
    pub(crate) client: Client,
    pub(crate) typed: Vec<String>,
    label: String,
}

impl Speaker {
    /// Makes a speaker; `label` makes its texts unique.
    #[must_use]
    pub(crate) fn new(label: &str, client: Client) -> Self {
        Self { client, typed: Vec::new(), label: label.to_owned() }
    }

    /// Types a text that nobody else types.
    pub(crate) fn type_one(&mut self) {
        let text = format!("{} {}", self.label, self.typed.len());
        self.client.send(&text);
        self.typed.push(text);
    }

    pub(crate) fn type_many(&mut self, count: u64) {
        (0..count).for_each(|_| self.type_one());
    }

    /// Waits until the last text was answered for; then all texts before it were answered for, too.
    #[track_caller]
    pub(crate) fn settle(&self) {
        let Some(last) = self.typed.last() else { return };
        self.client.wait_within(SETTLE, json!({"event": "sent", "text": last}));
    }

    /// Returns the texts that were acknowledged, by their numbers in the log. Fails unless every text was answered for
    /// once, in the order in which the texts were typed.
    #[track_caller]
    pub(crate) fn account(&self) -> BTreeMap<u64, String> {
        let mut sent = self.told_so_far();
        let unsent = self.client.all(json!({"event": "unsent", "session": 0}));
        let answered = sent.len() + unsent.len();
        assert_eq!(
            answered,
            self.typed.len(),
            "not every text has exactly one answer\n{}",
            self.client.story()
        );
        let order: Vec<&String> = sent.values().collect();
        let typed: Vec<&String> = self.typed.iter().filter(|text| order.contains(text)).collect();
        assert_eq!(order, typed, "the texts are stored in another order than they were typed");
        for text in unsent {
            sent.retain(|_, stored| text["text"] != json!(stored));
        }
        sent
    }

    /// Returns the texts that were acknowledged so far, by their numbers in the log.
    #[track_caller]
    pub(crate) fn told_so_far(&self) -> BTreeMap<u64, String> {
        let mut sent = BTreeMap::new();
        for event in self.client.all(json!({"event": "sent", "session": 0})) {
            let text = event["text"].as_str().unwrap().to_owned();
            let twice = sent.insert(event["seq"].as_u64().unwrap(), text);
            assert_eq!(twice, None, "two texts have one number: {event}");
        }
        sent
    }
}

/// Waits until `client` has seen `text`.
#[track_caller]
pub(crate) fn sees(client: &Client, text: &str) {
    client.wait_within(SETTLE, json!({"event": "message", "text": text}));
}

/// Returns what an observer saw of the lobby. Fails if a number or a text came twice or out of order, or if something
/// is marked as replayed that was not missed.
#[track_caller]
pub(crate) fn seen(client: &Client) -> BTreeMap<u64, String> {
    let (mut seen, mut texts) = (BTreeMap::new(), HashMap::new());
    // After a link came up, messages may be replayed until the first new one.
    let (mut last, mut may_replay, mut is_up) = (0, true, true);
    for event in client.all(json!({})) {
        match event["event"].as_str() {
            Some("link") if event["session"] == 0 => {
                (may_replay, is_up) = (true, event["state"] == "up");
            }
            Some("message") if event["session"] == 0 => {
                let (seq, text) = (event["seq"].as_u64().unwrap(), event["text"].as_str().unwrap());
                assert!(seq > last, "{seq} after {last}: {event}");
                assert!(is_up, "a message came while the lobby was down: {event}");
                assert!(
                    may_replay || event["replayed"] != true,
                    "a message that was not missed is marked as replayed: {event}"
                );
                assert_eq!(texts.insert(text.to_owned(), seq), None, "a message was seen twice: {event}");
                last = seq;
                may_replay &= event["replayed"] == true;
                seen.insert(seq, text.to_owned());
            }
            _ => {}
        }
    }
    seen
}

/// Fails unless observers that were there from the beginning saw all texts that the speakers were told are stored, and
/// nothing else except `strays`: texts of processes that were killed before they were told. Returns the number of
/// texts.
#[track_caller]
pub(crate) fn adds_up(speakers: &[Speaker], observers: &[Client], strays: &[String]) -> usize {
    let mut truth: BTreeMap<u64, String> = BTreeMap::new();
    for speaker in speakers {
        for (seq, text) in speaker.account() {
            assert_eq!(truth.insert(seq, text), None, "two speakers have number {seq}");
        }
    }
    for observer in observers {
        let mut seen = seen(observer);
        for (seq, text) in &truth {
            assert_eq!(
                seen.get(seq),
                Some(text),
                "text {} is missing or is another one\n{}",
                seq,
                observer.story()
            );
        }
        seen.retain(|seq, _| !truth.contains_key(seq));
        let alien: Vec<&String> = seen.values().filter(|text| !strays.contains(text)).collect();
        assert!(alien.is_empty(), "texts are stored that were never acknowledged: {alien:?}");
    }
    for speaker in speakers {
        // Speakers see what the others said, too.
        for (seq, text) in seen(&speaker.client) {
            let known = truth.get(&seq) == Some(&text) || strays.contains(&text);
            assert!(known, "a speaker saw {text:?} as number {seq}, and others saw another text");
        }
    }
    truth.len()
}

/// Returns the notices of a client that contain `part`.
#[must_use]
pub(crate) fn notices(client: &Client, part: &str) -> Vec<Value> {
    let all = client.all(json!({"event": "notice"}));
    all.into_iter().filter(|notice| notice["text"].as_str().unwrap().contains(part)).collect()
}
