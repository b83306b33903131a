//! The table of events, as the contract has it. Every line that a `--json` client writes in any test goes through
//! [`read`], so every field of every event is checked wherever it appears.

use std::time::Duration;

use serde_json::Value;

/// The codes an `error` may have.
pub(crate) const ERROR_CODES: [&str; 19] = [
    "usage",
    "unknown_command",
    "not_in_lobby",
    "no_such_user",
    "no_such_session",
    "self_fork",
    "already_forked",
    "peer_unreachable",
    "lobby_down",
    "too_long",
    "bad_name",
    "key_changed",
    "not_operator",
    "banned",
    "kicked",
    "muted",
    "refused",
    "declined",
    "busy",
];

/// Reads one line as an event.
///
/// # Errors
/// Returns an error that says what in the line the contract does not promise.
pub(crate) fn read(line: &str) -> Result<Value, String> {
    let event: Value = serde_json::from_str(line).map_err(|err| format!("not JSON ({err}): {line:?}"))?;
    if !first_member_is_event(line) {
        return Err(format!("\"event\" is not the first member: {line}"));
    }
    if let Some(raw) = line.chars().find(|&c| is_harmful(c)) {
        return Err(format!("{raw:?} is not escaped in {line:?}"));
    }
    check(&event).map_err(|problem| format!("{problem}: {line}"))?;
    Ok(event)
}

/// True when `event` has every member that `pattern` has, with the same value.
#[must_use]
pub(crate) fn matches(event: &Value, pattern: &Value) -> bool {
    let members = pattern.as_object().expect("a pattern is an object");
    members.iter().all(|(name, value)| event.get(name) == Some(value))
}

/// Whether a character moves a cursor, starts an escape sequence, or reverses the reading order.
#[must_use]
pub(crate) fn is_harmful(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn first_member_is_event(line: &str) -> bool {
    let squeezed: String = line.chars().take(40).filter(|c| !c.is_whitespace()).collect();
    squeezed.starts_with("{\"event\":\"")
}

type Checked = Result<(), String>;

fn check(event: &Value) -> Checked {
    let Some(name) = event["event"].as_str() else { return Err("no name of an event".to_owned()) };
    match name {
        "welcome" => check_welcome(event),
        "message" => check_message(event),
        "missed" => {
            ["session", "count", "mentions", "from"].iter().try_for_each(|field| number(event, field))
        }
        "kept" => check_kept(event),
        "rooms" => each(event, "rooms", |room| text(room, "name").and(number(room, "users"))),
        "motd" => text(event, "text"),
        "act" => text(event, "kind").and(text(event, "by")).and(number(event, "seq")),
        "bans" => each(event, "bans", |ban| text(ban, "what").and(text(ban, "by")).and(time(ban, "at"))),
        "mutes" => {
            each(event, "mutes", |mute| fingerprint(mute, "what").and(text(mute, "by")).and(time(mute, "at")))
        }
        "ops" => each(event, "ops", |op| fingerprint(op, "fingerprint").and(flag(op, "file"))),
        "topic" => text(event, "text").and(number(event, "session")).and(text_or_absent(event, "by")),
        "sent" => text(event, "text").and(number(event, "session")).and_then(|()| lobby_seq(event)),
        // If no session was current for a text, there is no session number.
        "unsent" => text(event, "text").and(text(event, "reason")).and(number_or_null(event, "session")),
        "joined" | "left" => text(event, "name").and(room_or_lobby(event)),
        "users" => texts(event, "names").and(room_or_lobby(event)),
        "forking" => peer_session(event),
        "opened" => check_opened(event),
        "asked" => text(event, "peer").and(fingerprint(event, "fingerprint")),
        "verify" => check_verify(event),
        "closed" => other_session(event).and(one_of(event, "reason", &["left", "ended", "gone", "failed"])),
        "sessions" => each(event, "sessions", check_session),
        "path" => number(event, "session").and(one_of(event, "path", &["direct", "relay"])),
        "switched" => number(event, "session"),
        "link" => number(event, "session").and(one_of(event, "state", &["up", "down"])),
        "whois" => text(event, "name")
            .and(fingerprint(event, "fingerprint"))
            .and(time(event, "since"))
            .and(flag(event, "trusted")),
        "help" => each(event, "commands", |command| {
            text(command, "name")
                .and(texts(command, "aliases"))
                .and(text(command, "usage"))
                .and(text(command, "about"))
        }),
        "notice" => text(event, "text"),
        "answer" => flag(event, "ok").and(text_or_absent(event, "code")).and(text_or_absent(event, "text")),
        "error" => {
            text(event, "text").and(one_of(event, "code", &ERROR_CODES)).and(text_or_absent(event, "command"))
        }
        other => Err(format!("there is no event {other:?}")),
    }
}

fn check_welcome(event: &Value) -> Checked {
    for field in ["name", "server", "key_exchange"] {
        text(event, field)?;
    }
    flag(event, "hosted")?;
    fingerprint(event, "fingerprint")?;
    if event["session"] == 0 { Ok(()) } else { Err("a welcome's session is 0".to_owned()) }
}

fn check_message(event: &Value) -> Checked {
    for field in ["from", "text"] {
        text(event, field)?;
    }
    number(event, "session")?;
    time(event, "at")?;
    one_of(event, "kind", &["lobby", "room", "peer"])?;
    if event["kind"] == "room" {
        text(event, "room")?;
        number(event, "seq")?;
    }
    if (event["kind"] == "lobby") != (event["session"] == 0) {
        return Err("session 0 is the lobby, and no other".to_owned());
    }
    match event.get("replayed") {
        None | Some(Value::Bool(_)) => lobby_seq(event),
        Some(_) => Err("replayed is no truth value".to_owned()),
    }
}

fn check_kept(event: &Value) -> Checked {
    text(event, "from").and(text(event, "text")).and(time(event, "at"))?;
    match event["kind"].as_str() {
        Some("lobby") => number(event, "seq"),
        Some("room") => number(event, "seq").and(text(event, "room")),
        Some("peer") => text(event, "peer"),
        _ => wrong("kind", "lobby, room or peer"),
    }
}

fn check_opened(event: &Value) -> Checked {
    if event["peer"].is_null() {
        return other_session(event);
    }
    peer_session(event)?;
    one_of(event, "mode", &["A", "B"])?;
    one_of(event, "path", &["direct", "relay"])?;
    fingerprint(event, "fingerprint")?;
    flag(event, "verified")?;
    text(event, "key_exchange")
}

/// Checks that the event has the words, or says how the verification ended.
fn check_verify(event: &Value) -> Checked {
    peer_session(event)?;
    match (event.get("words"), event.get("outcome")) {
        (Some(words), None) => match words.as_array().map(Vec::len) {
            Some(7) => texts(event, "words"),
            _ => wrong("words", "seven words"),
        },
        (None, Some(_)) => one_of(event, "outcome", &["verified", "refused", "cancelled"]),
        _ => Err("there are words or an outcome".to_owned()),
    }
}

fn check_session(session: &Value) -> Checked {
    number(session, "id")?;
    number(session, "unread")?;
    number(session, "mentions")?;
    flag(session, "current")?;
    one_of(session, "state", &["up", "connecting", "down"])?;
    one_of(session, "kind", &["lobby", "room", "peer"])?;
    if session["kind"] == "room" {
        return text(session, "room");
    }
    if session["kind"] == "lobby" {
        return if session["id"] == 0 { Ok(()) } else { Err("the lobby is session 0".to_owned()) };
    }
    text(session, "peer")?;
    flag(session, "verified")?;
    if session["state"] == "connecting" {
        text_or_absent(session, "path")?;
    } else {
        one_of(session, "path", &["direct", "relay"])?;
    }
    one_of(session, "mode", &["A", "B"])
}

/// Checks a session that is not the lobby: with a room, or private.
fn other_session(event: &Value) -> Checked {
    if event["peer"].is_null() { text(event, "room").and(room_or_lobby(event)) } else { peer_session(event) }
}

/// An event about a room has the number of its session and the name of the room; an event about the lobby has neither.
fn room_or_lobby(event: &Value) -> Checked {
    match (event["session"].as_u64(), event["room"].is_string()) {
        (Some(1..), true) => Ok(()),
        (None, false) => Ok(()),
        _ => Err("a room has a session of 1 or more and a name".to_owned()),
    }
}

fn peer_session(event: &Value) -> Checked {
    text(event, "peer")?;
    match event["session"].as_u64() {
        Some(1..) => Ok(()),
        _ => Err("a peer session's number is 1 or more".to_owned()),
    }
}

fn lobby_seq(event: &Value) -> Checked {
    match (event["session"].as_u64(), event["seq"].as_u64()) {
        (Some(0), Some(1..)) => Ok(()),
        (Some(0), _) => Err("in the lobby there is a seq, 1 or more".to_owned()),
        _ => Ok(()),
    }
}

fn wrong(field: &str, wanted: &str) -> Checked {
    Err(format!("{field:?} is not {wanted}"))
}

fn text(event: &Value, field: &str) -> Checked {
    if event[field].is_string() { Ok(()) } else { wrong(field, "a text") }
}

fn text_or_absent(event: &Value, field: &str) -> Checked {
    if matches!(event[field], Value::Null | Value::String(_)) { Ok(()) } else { wrong(field, "a text") }
}

fn number(event: &Value, field: &str) -> Checked {
    if event[field].is_u64() { Ok(()) } else { wrong(field, "a number") }
}

fn number_or_null(event: &Value, field: &str) -> Checked {
    if event[field].is_null() { Ok(()) } else { number(event, field) }
}

fn flag(event: &Value, field: &str) -> Checked {
    if event[field].is_boolean() { Ok(()) } else { wrong(field, "true or false") }
}

fn one_of(event: &Value, field: &str, allowed: &[&str]) -> Checked {
    match event[field].as_str() {
        Some(value) if allowed.contains(&value) => Ok(()),
        _ => Err(format!("{field:?} is none of {allowed:?}")),
    }
}

fn fingerprint(event: &Value, field: &str) -> Checked {
    let shown = event[field].as_str().and_then(|value| value.strip_prefix("SHA256:"));
    if shown.is_some_and(|hash| hash.len() == 43) { Ok(()) } else { wrong(field, "a fingerprint") }
}

/// Checks a time: RFC 3339, in UTC, and of today, because no test lasts a day.
fn time(event: &Value, field: &str) -> Checked {
    let Some(value) = event[field].as_str() else { return wrong(field, "a text") };
    let Ok(time) = value.parse::<jiff::Timestamp>() else { return wrong(field, "a time of RFC 3339") };
    if !(value.ends_with('Z') || value.ends_with("+00:00")) {
        return wrong(field, "in UTC");
    }
    let age = jiff::Timestamp::now().duration_since(time).unsigned_abs();
    if age < Duration::from_secs(24 * 3600) { Ok(()) } else { wrong(field, "of today") }
}

fn texts(event: &Value, field: &str) -> Checked {
    let all = event[field].as_array().is_some_and(|list| list.iter().all(Value::is_string));
    if all { Ok(()) } else { wrong(field, "a list of texts") }
}

fn each(event: &Value, field: &str, check: impl Fn(&Value) -> Checked) -> Checked {
    match event[field].as_array() {
        Some(list) => list.iter().try_for_each(check),
        None => wrong(field, "a list"),
    }
}

mod tests {
    use super::read;

    #[track_caller]
    fn refused(line: &str, why: &str) {
        let problem = read(line).expect_err("the line should be refused");
        assert!(problem.contains(why), "{problem}");
    }

    #[test]
    fn a_line_that_follows_the_contract_is_accepted() {
        for line in [
            r#"{"event":"sent","session":0,"text":"hi","seq":3}"#,
            r#"{ "event": "sent", "text": "hi", "session": 2, "more": [] }"#,
            r#"{"event":"unsent","session":null,"text":"hi","reason":"no session is current"}"#,
            r#"{"event":"error","code":"usage","text":"wait takes a number"}"#,
        ] {
            read(line).unwrap_or_else(|problem| panic!("{problem}"));
        }
    }

    #[test]
    fn a_line_that_breaks_the_contract_is_refused() {
        refused("hello", "not JSON");
        refused(r#"{"session":0,"event":"switched"}"#, "first member");
        refused(r#"{"event":"dance"}"#, "no event");
        refused(r#"{"event":"sent","session":0,"text":"hi"}"#, "seq");
        refused(r#"{"event":"error","code":"oops","text":"x"}"#, "code");
        refused("{\"event\":\"notice\",\"text\":\"\u{202e}\"}", "escaped");
        refused(r#"{"event":"closed","session":0,"peer":"anna","reason":"left"}"#, "1 or more");
    }
}
