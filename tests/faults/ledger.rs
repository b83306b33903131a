//! The account that must add up after any fault: each text once at every observer, one order for
//! everyone, each sender told the truth, what was missed marked as replayed.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::client::Client;

/// How long the last text may take: longer than the longest pause between attempts to reconnect.
const SETTLE: Duration = Duration::from_secs(60);

/// Somebody who types, and all that was typed.
pub(crate) struct Speaker {
    pub(crate) client: Client,
    pub(crate) typed: Vec<String>,
    label: String,
}

impl Speaker {
    /// `label` makes the texts unique.
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

    /// Types several.
    pub(crate) fn type_many(&mut self, count: u64) {
        (0..count).for_each(|_| self.type_one());
    }

    /// Waits until the last text was answered for; all before it were, then.
    #[track_caller]
    pub(crate) fn settle(&self) {
        let Some(last) = self.typed.last() else { return };
        self.client.wait_within(SETTLE, json!({"event": "sent", "text": last}));
    }

    /// The number of each text it was told stands in the log; fails unless every text was answered for
    /// once, in the order in which they were typed.
    #[track_caller]
    pub(crate) fn account(&self) -> BTreeMap<u64, String> {
        let mut sent = self.told_so_far();
        let unsent = self.client.all(json!({"event": "unsent", "session": 0}));
        let answered = sent.len() + unsent.len();
        assert_eq!(answered, self.typed.len(), "not every text has one answer\n{}", self.client.story());
        let order: Vec<&String> = sent.values().collect();
        let typed: Vec<&String> = self.typed.iter().filter(|text| order.contains(text)).collect();
        assert_eq!(order, typed, "stored in another order than typed");
        for text in unsent {
            sent.retain(|_, stored| text["text"] != json!(stored));
        }
        sent
    }

    /// What it was told so far.
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

/// What an observer saw of the lobby; fails when a number or a text came twice or out of order, or when
/// something is marked as replayed that was not.
#[track_caller]
pub(crate) fn seen(client: &Client) -> BTreeMap<u64, String> {
    let (mut seen, mut texts) = (BTreeMap::new(), HashMap::new());
    // Until the first message that is new, what follows a link that came up may be replayed.
    let (mut last, mut may_replay, mut is_up) = (0, true, true);
    for event in client.all(json!({})) {
        match event["event"].as_str() {
            Some("link") if event["session"] == 0 => {
                (may_replay, is_up) = (true, event["state"] == "up");
            }
            Some("message") if event["session"] == 0 => {
                let (seq, text) = (event["seq"].as_u64().unwrap(), event["text"].as_str().unwrap());
                assert!(seq > last, "{seq} after {last}: {event}");
                assert!(is_up, "said while the lobby was down: {event}");
                assert!(may_replay || event["replayed"] != true, "not missed, yet replayed: {event}");
                assert_eq!(texts.insert(text.to_owned(), seq), None, "seen twice: {event}");
                last = seq;
                may_replay &= event["replayed"] == true;
                seen.insert(seq, text.to_owned());
            }
            _ => {}
        }
    }
    seen
}

/// Fails unless observers that were there from the beginning saw all that the speakers were told is
/// stored, and nothing else but `strays`: texts of processes that did not live to be told.
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
            assert_eq!(seen.get(seq), Some(text), "{} is missing or another\n{}", seq, observer.story());
        }
        seen.retain(|seq, _| !truth.contains_key(seq));
        let alien: Vec<&String> = seen.values().filter(|text| !strays.contains(text)).collect();
        assert!(alien.is_empty(), "stored, though nobody was told so: {alien:?}");
    }
    for speaker in speakers {
        // What the others said is seen by those who speak as well.
        for (seq, text) in seen(&speaker.client) {
            let known = truth.get(&seq) == Some(&text) || strays.contains(&text);
            assert!(known, "a speaker saw {seq} {text:?}, which is another for the others");
        }
    }
    truth.len()
}

/// The messages of `what` a client has.
#[must_use]
pub(crate) fn notices(client: &Client, part: &str) -> Vec<Value> {
    let all = client.all(json!({"event": "notice"}));
    all.into_iter().filter(|notice| notice["text"].as_str().unwrap().contains(part)).collect()
}
