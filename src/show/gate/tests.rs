//! Every field of every notice that can hold a string is filled with hostile text and shown in every form that a person
//! reads.

use jiff::tz::TimeZone;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::config::preferences::Preferences;
use crate::show::harmless::is_hostile;
use crate::show::human::{Human, Shown};
use crate::show::json;
use crate::show::terminal::TerminalForm;

/// Texts that no form may let through: ways to clear, conceal, retitle, ring, overwrite, reverse and hide.
const HOSTILE: [&str; 9] = [
    "\u{1b}[2J",
    "\u{1b}[8m",
    "\u{1b}]0;title\u{7}",
    "\u{9b}2J",
    "\u{8}\u{7f}\r",
    "\u{202e}\u{2066}",
    "\u{200b}\u{e0041}",
    "\u{2028}\u{85}\u{b}\u{c}",
    "\0\n>>> no notice",
];

/// Returns one notice of each kind, with every field that it can have.
fn samples() -> Vec<Notice> {
    let mut samples = Vec::new();
    let mut next = Some(welcome());
    while let Some(notice) = next {
        next = after(&notice);
        samples.push(notice);
    }
    samples
}

fn read(value: Value) -> Notice {
    serde_json::from_value(value).expect("a sample is a notice")
}

const FINGERPRINT: &str = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";

fn welcome() -> Notice {
    read(json!({"event": "welcome", "name": "anna", "server": "h:1", "hosted": false, "session": 0,
        "fingerprint": FINGERPRINT, "key_exchange": "X25519"}))
}

/// Returns the sample after this one. A new kind of notice does not compile until it has a place here.
fn after(notice: &Notice) -> Option<Notice> {
    let at = "2026-01-02T03:04:05Z";
    Some(read(match notice {
        Notice::Welcome { .. } => json!({"event": "message", "session": 1, "kind": "peer", "from": "bobby",
            "text": "hi", "at": at, "seq": 1, "replayed": false, "mode": "A",
            "key": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}),
        Notice::Message(_) => json!({"event": "kept", "kind": "room", "room": "tea", "peer": "bobby",
            "from": "bobby", "text": "hi", "at": at, "seq": 1}),
        Notice::Kept(_) => json!({"event": "missed", "session": 2, "room": "tea", "count": 1,
            "mentions": 1, "from": 1, "since": at}),
        Notice::Missed { .. } => json!({"event": "unread", "session": 1, "room": "tea", "count": [3, 2]}),
        Notice::Unread { .. } => json!({"event": "sent", "session": 0, "text": "hi", "seq": 1}),
        Notice::Sent { .. } => json!({"event": "unsent", "session": 0, "text": "hi", "reason": "why"}),
        Notice::Unsent { .. } => json!({"event": "joined", "name": "bobby", "session": 2, "room": "tea"}),
        Notice::Joined { .. } => json!({"event": "left", "name": "bobby", "session": 2, "room": "tea"}),
        Notice::Left { .. } => json!({"event": "users", "session": 2, "room": "tea",
            "names": ["anna", "bobby"], "away": ["bobby"]}),
        Notice::Users { .. } => json!({"event": "forking", "session": 1, "peer": "bobby"}),
        Notice::Forking { .. } => json!({"event": "opened", "session": 1, "peer": "bobby", "mode": "A",
            "path": "direct", "fingerprint": FINGERPRINT, "key_exchange": "X25519", "verified": true}),
        Notice::Opened { .. } => {
            json!({"event": "verify", "session": 1, "peer": "bobby", "words": ["Dog", "Cat"],
            "outcome": "refused", "ended_by": "other"})
        }
        Notice::Verify { .. } => json!({"event": "path", "session": 1, "path": "relay"}),
        Notice::Path { .. } => json!({"event": "asked", "peer": "bobby", "fingerprint": FINGERPRINT}),
        Notice::Asked { .. } => json!({"event": "closed", "session": 1, "peer": "bobby", "reason": "left"}),
        Notice::Closed { .. } => json!({"event": "sessions", "sessions": [{"id": 1, "kind": "peer",
            "peer": "bobby", "mode": "A", "state": "up", "path": "relay", "verified": true, "current": true, "unread": 3}]}),
        Notice::Sessions { .. } => json!({"event": "switched", "session": 1}),
        Notice::Switched { .. } => json!({"event": "link", "session": 1, "state": "up"}),
        Notice::Link { .. } => json!({"event": "whois", "name": "bobby", "fingerprint": FINGERPRINT,
            "since": at, "trusted": true, "seen_first": at, "verified": true, "away": "lunch"}),
        Notice::Whois { .. } => json!({"event": "rooms",
            "rooms": [{"name": "tea", "users": 3, "topic": "Oolong"}]}),
        Notice::Rooms { .. } => json!({"event": "topic", "session": 2, "room": "tea", "text": "Oolong",
            "by": "bobby"}),
        Notice::Topic { .. } => json!({"event": "motd", "text": "be kind\nno spam"}),
        Notice::Motd { .. } => json!({"event": "act", "seq": 7, "kind": "ban", "by": "boss", "name": "carl",
            "target": FINGERPRINT, "until": at, "reason": "spam", "replayed": false}),
        Notice::Act(_) => json!({"event": "bans", "bans": [{"what": "192.0.2.0/24", "name": "carl",
            "by": "boss", "at": at, "until": at, "reason": "spam"}]}),
        Notice::Bans { .. } => json!({"event": "mutes", "mutes": [{"what": FINGERPRINT, "name": "carl",
            "by": "boss", "at": at, "until": at, "reason": "spam"}]}),
        Notice::Mutes { .. } => json!({"event": "ops", "ops": [{"name": "boss", "fingerprint": FINGERPRINT,
            "file": true, "hosts": true}]}),
        Notice::Ops { .. } => json!({"event": "opened", "session": 2, "room": "tea"}),
        Notice::RoomOpened(_) => json!({"event": "closed", "session": 2, "room": "tea", "reason": "ended"}),
        Notice::RoomClosed(_) => json!({"event": "help", "commands": [help_row("fork"), help_row("roll")]}),
        Notice::Help { .. } => json!({"event": "notice", "text": "hello"}),
        Notice::Notice { .. } => json!({"event": "answer", "id": "seven", "ok": false, "seq": 1,
            "code": "usage", "text": "no"}),
        Notice::Answer(_) => json!({"event": "error", "code": "usage", "text": "no", "command": "fork"}),
        Notice::Error(_) => return None,
    }))
}

fn help_row(name: &str) -> Value {
    json!({"name": name, "aliases": ["f"], "usage": name, "about": "does", "group": "talking",
        "examples": ["\\fork bobby"], "own": false})
}

/// Appends `hostile` to every string of `value`, one after another, and calls `each` with the result.
fn spoil(value: &Value, hostile: &str, each: &mut dyn FnMut(Value)) {
    match value {
        Value::String(text) => each(json!(format!("{text}{hostile}"))),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                spoil(item, hostile, &mut |spoiled| {
                    let mut whole = items.clone();
                    whole[at] = spoiled;
                    each(Value::Array(whole));
                });
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                spoil(member, hostile, &mut |spoiled| {
                    let mut whole = members.clone();
                    whole.insert(name.clone(), spoiled);
                    each(Value::Object(whole));
                });
            }
        }
        _ => {}
    }
}

/// Returns the notices that `notice` becomes when one of its strings is spoilt. If a field cannot be such a string,
/// reading the notice fails, and it is left out.
fn spoilt(notice: &Notice, hostile: &str) -> Vec<Notice> {
    let mut found = Vec::new();
    let value = serde_json::to_value(notice).unwrap();
    spoil(&value, hostile, &mut |value| found.extend(serde_json::from_value::<Notice>(value).ok()));
    found
}

fn text(shown: Shown) -> String {
    match shown {
        Shown::Out(text) | Shown::Err(text) => text,
        Shown::Nothing => String::new(),
    }
}

fn terminal(color: bool) -> TerminalForm {
    TerminalForm::new(color, TimeZone::UTC, Preferences::default(), jiff::Timestamp::UNIX_EPOCH)
}

/// Returns what a person reads of the notice in each form.
fn shown(notice: &Notice) -> Vec<String> {
    vec![text(Human { color: false }.show(notice)), text(terminal(false).show(notice, 40))]
}

#[track_caller]
fn check(notice: &Notice) {
    for shown in shown(notice) {
        assert!(shown.chars().all(|c| c == '\n' || !is_hostile(c)), "{shown:?} of {notice:?}");
        let forged = shown.lines().any(|line| line.starts_with(">>> no notice"));
        assert!(!forged, "{shown:?} of {notice:?}");
    }
    // With colour there are hobnob's own sequences, and no others.
    for shown in [text(Human { color: true }.show(notice)), text(terminal(true).show(notice, 200))] {
        let others = ["\u{1b}[2J", "\u{1b}[8m", "\u{1b}]", "\u{9b}", "\u{7}", "\r", "\u{8}"];
        assert!(!others.iter().any(|other| shown.contains(other)), "{shown:?} of {notice:?}");
    }
    assert!(!json::line(notice).trim_end().chars().any(is_hostile));
}

#[test]
fn every_field_of_every_notice_is_made_harmless_before_it_is_shown() {
    let mut fields = 0;
    for notice in samples() {
        for hostile in HOSTILE {
            for notice in spoilt(&notice, hostile) {
                check(&notice);
                fields += 1;
            }
        }
    }
    // Nineteen fields can hold any string; the others are names, keys, times and choices.
    assert!(fields >= 19 * HOSTILE.len(), "{fields}");
}

#[test]
fn a_notice_that_passed_the_gate_passes_it_again_unchanged() {
    for notice in samples().iter().filter(|notice| !matches!(notice, Notice::Answer(_))) {
        assert_eq!(passed(notice), *notice);
        for notice in HOSTILE.iter().flat_map(|hostile| spoilt(notice, hostile)) {
            assert_eq!(passed(&passed(&notice)), passed(&notice));
        }
    }
}

proptest! {
    #[test]
    fn hostile_text_of_others_is_shown_as_text(hostile in "\\PC{0,4}[\\x00-\\x1f\\x7f-\\u{9f}\\u{200b}-\\u{206f}]{1,6}.{0,4}") {
        for notice in samples() {
            spoilt(&notice, &hostile).iter().for_each(check);
        }
    }
}
