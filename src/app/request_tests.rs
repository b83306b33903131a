//! Requests as JSON and waits, driven by events: what is answered, when, and in which order.

use std::time::Duration;

use hobnob_protocol::chain::{ChainHash, LobbyMessage, Seq};
use hobnob_protocol::ids::RunId;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::{ClientMessage, NotAcceptedCode, Refused, RefusedCode};
use hobnob_protocol::text::Text;

use super::tests::{Scene, key_changed, say};
use super::*;
use crate::client::ExitVerdict;
use crate::lobby::event::ServerAnswer;
use crate::session::{LinkState, RoomSession};

fn said(seq: u64, from: &str) -> LobbyEvent {
    let message = LobbyMessage {
        seq: Seq(seq),
        at: 0,
        name: from.parse().unwrap(),
        key: PublicKey::new([2; 32]),
        run: RunId::new([2; 8]),
        id: seq,
        content: Text::new("hi").unwrap().into(),
        hash: ChainHash::new([0; 32]),
    };
    LobbyEvent::Said { room: None, message: Box::new(message), replayed: true }
}

fn users(request: u32, names: &[&str]) -> LobbyEvent {
    let names = names.iter().map(|name| name.parse().unwrap()).collect();
    LobbyEvent::Answer(ServerAnswer::Users { request, names, away: Vec::new(), more: false })
}

#[test]
fn a_say_request_is_answered_when_its_text_is_acknowledged_or_unsent() {
    let mut scene = Scene::new().with_json();
    scene.feed(&[r#"{"say":"\\quit","id":"a"}"#, r#"{"say":"two","id":[2]}"#, r#"{"say":"three"}"#]);
    assert_eq!(scene.link.told(), [say(1, "\\quit"), say(2, "two"), say(3, "three")]);
    assert_eq!(scene.shown(), "");
    scene.lobby(LobbyEvent::Sent { room: None, id: 1, seq: Seq(8), message: None });
    scene.shows("{\"event\":\"answer\",\"id\":\"a\",\"ok\":true,\"seq\":8}\n");
    scene.lobby(LobbyEvent::not_accepted(2, NotAcceptedCode::Store));
    scene.shows(r#"{"event":"answer","id":[2],"ok":false,"code":"unsent","text":"the server could not"#);
    scene.lobby(LobbyEvent::Sent { room: None, id: 3, seq: Seq(9), message: None });
    assert!(!scene.shown().contains("answer"), "without an id there is no answer");
}

#[test]
fn a_say_request_that_cannot_be_carried_out_is_answered_and_sends_nothing() {
    let mut scene = Scene::new().with_json();
    scene.feed(&[r#"{"say":"secret","session":3,"id":1}"#]);
    scene.shows(r#"{"event":"answer","id":1,"ok":false,"code":"no_such_session","#);
    scene.feed(&[r#"{"say":"","id":2}"#]);
    scene.shows(r#"{"event":"answer","id":2,"ok":false,"code":"usage","#);
    let long = format!("{{\"say\":\"{}\",\"id\":3}}", "x".repeat(16 * 1024 + 1));
    scene.feed(&[&long]);
    scene.shows(r#"{"event":"answer","id":3,"ok":false,"code":"too_long","#);
    scene.feed(&["\\fork bobby"]);
    scene.lobby(LobbyEvent::Answer(ServerAnswer::NoSuchUser { request: 1, name: "bobby".parse().unwrap() }));
    scene.link.told();
    scene.feed(&[r#"{"say":"secret","id":4}"#]);
    scene.shows(r#"{"event":"answer","id":4,"ok":false,"code":"unsent","#);
    assert!(scene.link.told().is_empty());
    assert_eq!(scene.app.state.verdict, ExitVerdict::Failed);
}

#[test]
fn a_malformed_request_is_an_error_and_never_a_text() {
    let mut scene = Scene::new().with_json();
    scene.feed(&[r#"{"say":"secret","sesion":1,"id":1}"#]);
    let shown = scene.shown();
    assert!(shown.contains(r#"{"event":"answer","id":1,"ok":false,"code":"usage""#), "{shown}");
    assert!(shown.contains(r#"{"event":"error","code":"usage""#), "{shown}");
    scene.feed(&["{nonsense"]);
    assert!(!scene.shown().contains("answer"));
    assert!(scene.link.told().is_empty());
    assert_eq!(scene.app.state.verdict, ExitVerdict::Failed);
}

#[test]
fn a_command_request_is_answered_when_it_is_finished_and_keeps_its_turn() {
    let mut scene = Scene::new().with_json();
    scene.feed(&["one", r#"{"command":"whois bobby","id":1}"#, r#"{"say":"two","id":2}"#]);
    assert_eq!(scene.link.told(), [say(1, "one")]);
    scene.lobby(LobbyEvent::Sent { room: None, id: 1, seq: Seq(1), message: None });
    assert!(matches!(scene.link.told()[..], [ClientMessage::Whois { request: 1, .. }]));
    scene.lobby(LobbyEvent::Answer(ServerAnswer::NoSuchUser { request: 1, name: "bobby".parse().unwrap() }));
    scene.shows(r#"{"event":"answer","id":1,"ok":false,"code":"no_such_user","#);
    assert_eq!(scene.link.told(), [say(2, "two")]);
    scene.lobby(LobbyEvent::Sent { room: None, id: 2, seq: Seq(2), message: None });
    scene.feed(&[r#"{"command":"ss","id":3}"#, r#"{"command":"frok","id":4}"#]);
    let shown = scene.shown();
    assert!(shown.contains(r#"{"event":"answer","id":3,"ok":true}"#), "{shown}");
    assert!(shown.contains(r#"{"event":"answer","id":4,"ok":false,"code":"unknown_command""#), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn every_request_that_was_read_is_answered_before_the_run_ends() {
    let mut scene = Scene::new().with_json();
    scene.feed(&[r#"{"command":"wait 60","id":1}"#]);
    scene.happens(Event::Signal(Signal::Terminate));
    scene.lobby(LobbyEvent::Left);
    scene.shows(r#"{"event":"answer","id":1,"ok":false,"code":"refused","#);
    let mut scene = Scene::new().with_json();
    scene.feed(&[r#"{"command":"quit","id":2}"#]);
    assert!(!scene.shown().contains("answer"));
    scene.lobby(LobbyEvent::Left);
    scene.shows(r#"{"event":"answer","id":2,"ok":true}"#);
}

#[test]
fn a_wait_for_a_message_ends_at_the_first_new_message() {
    let mut scene = Scene::new();
    scene.lobby(said(4, "bobby"));
    scene.feed(&["\\wait message bobby", "next"]);
    scene.lobby(said(3, "bobby"));
    scene.lobby(said(5, "carmen"));
    assert!(scene.link.told().is_empty());
    scene.lobby(said(6, "bobby"));
    assert_eq!(scene.link.told(), [say(1, "next")]);
    assert_eq!(scene.app.state.verdict, ExitVerdict::Done);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_takes_too_long_fails_and_the_script_goes_on() {
    let mut scene = Scene::new();
    scene.feed(&["\\wait opened 2", "next"]);
    assert_eq!(scene.app.deadline().unwrap() - Instant::now(), Duration::from_secs(2));
    tokio::time::advance(Duration::from_secs(2)).await;
    scene.happens(Event::Time);
    scene.turn();
    scene.shows("\\wait: no private session opened within 2 s");
    assert_eq!(scene.link.told(), [say(1, "next")]);
    assert_eq!(scene.app.state.verdict, ExitVerdict::Failed);
}

#[test]
fn a_wait_for_users_asks_again_whenever_somebody_comes() {
    let mut scene = Scene::new();
    scene.feed(&["\\wait users 2", "next"]);
    assert_eq!(scene.link.told(), [ClientMessage::Users { request: 1, room: None }]);
    scene.lobby(users(1, &["anna"]));
    let joined = hobnob_protocol::message::Change::Joined("bobby".parse().unwrap());
    scene.lobby(LobbyEvent::Presence { room: None, changes: vec![joined] });
    assert_eq!(scene.link.told(), [ClientMessage::Users { request: 2, room: None }]);
    scene.lobby(LobbyEvent::Down { reason: "cut".to_owned() });
    assert!(scene.app.state.is_watching(), "the wait goes on while the lobby is down");
    scene.app.state.sessions.set_lobby_state(LinkState::Up);
    scene.app.state.count_users();
    assert_eq!(scene.link.told(), [ClientMessage::Users { request: 3, room: None }]);
    scene.lobby(users(3, &["anna", "bobby"]));
    assert_eq!(scene.link.told(), [say(1, "next")]);
    assert!(!scene.shown().contains("in the lobby"), "the user did not ask for the list of users");
}

/// Feeds these lines to a script, the first of which makes the others wait, and ends the run from outside.
fn ended_with(lines: &[&str]) -> (Scene, String) {
    let mut scene = Scene::new().with_json();
    scene.feed(lines);
    scene.link.told();
    scene.shown();
    scene.happens(Event::Signal(crate::app::event::Signal::Terminate));
    let shown = scene.shown();
    (scene, shown)
}

#[test]
fn lines_read_ahead_are_answered_or_reported_when_the_run_is_ended() {
    let (scene, shown) = ended_with(&[
        "\\wait 100",
        r#"{"say":"one","id":1}"#,
        "two",
        r#"{"command":"users","id":3}"#,
        "\\me waves",
        "\\msg bobby secret",
        r#"{"say":"","sesion":0,"id":4}"#,
        "\\fork carl",
        "for carl",
        r#"{"say":"to all","session":0}"#,
        "\\lob",
        "for the lobby",
        "\\users",
        r#"{"command":"quit","id":5}"#,
        "never reached",
    ]);
    let unsent = |session: &str, text: &str| {
        let why = "the run was ended before its turn";
        format!(r#"{{"event":"unsent","session":{session},"text":"{text}","reason":"{why}"}}"#)
    };
    for (session, text) in [
        ("0", "one"),
        ("0", "two"),
        ("0", "* anna waves"),
        ("null", "secret"),
        ("null", "for carl"),
        ("0", "to all"),
        ("0", "for the lobby"),
    ] {
        assert!(shown.contains(&unsent(session, text)), "{text}: {shown}");
    }
    for (id, code) in [(1, "unsent"), (3, "refused"), (4, "usage"), (5, "refused")] {
        let answer = format!(r#"{{"event":"answer","id":{id},"ok":false,"code":"{code}","#);
        assert!(shown.contains(&answer), "{answer}: {shown}");
    }
    assert!(shown.contains("the run was ended before 4 commands that had been read could run"), "{shown}");
    assert!(!shown.contains("never reached") && !shown.contains("not read to its end"), "{shown}");
    assert_eq!(scene.app.state.verdict, ExitVerdict::Failed);
}

#[test]
fn lines_that_wait_for_texts_and_unread_input_are_reported_when_the_run_is_ended() {
    let (mut scene, shown) = ended_with(&["one", "\\msg bobby secret", "two"]);
    assert!(shown.contains(r#""session":null,"text":"secret""#), "{shown}");
    assert!(shown.contains(r#""session":0,"text":"two""#), "{shown}");
    assert!(!shown.contains("commands"), "{shown}");
    scene.lobby(LobbyEvent::Sent { room: None, id: 1, seq: Seq(8), message: None });
    assert!(!scene.shown().contains("secret"), "once");

    let full: Vec<String> = (0..1000).map(|number| format!("line {number}")).collect();
    let lines: Vec<&str> = full.iter().map(String::as_str).collect();
    let mut scene = Scene::new();
    scene.feed(&["\\wait 100"]);
    scene.feed(&lines);
    scene.happens(Event::Signal(crate::app::event::Signal::HangUp));
    let shown = scene.shown();
    assert_eq!(shown.matches("not sent (the run was ended before its turn): line").count(), 1000);
    assert!(shown.contains("standard input was not read to its end"), "{shown}");
}

#[test]
fn lines_read_ahead_are_reported_whatever_ends_the_run_from_outside() {
    let kicked = || {
        let why = Refused { code: RefusedCode::Kicked, by: None, reason: None, until: None };
        Event::Lobby(LobbyEvent::SentOut(why))
    };
    let ways: [fn() -> Event; 2] = [|| Event::OutputClosed, || Event::Lobby(key_changed())];
    for (number, event) in ways.map(|way| way()).into_iter().chain([kicked()]).enumerate() {
        let mut scene = Scene::new();
        scene.feed(&["\\wait 100", "one"]);
        scene.happens(event);
        let shown = scene.shown();
        assert!(shown.contains("not sent (the run was ended before its turn): one"), "{number}: {shown}");
    }
}

#[test]
fn texts_read_ahead_are_reported_with_the_session_that_would_have_been_current() {
    let mut scene = Scene::new().with_json();
    let room = RoomSession { joined: true, ..RoomSession::joining("tea".parse().unwrap()) };
    let tea = scene.app.state.sessions.add_room(room);
    scene.app.state.sessions.switch(tea);
    scene.feed(&["\\wait 100", "for tea", "\\sw 0", "for all", "\\j tea", "tea again", "\\leave", "gone"]);
    scene.happens(Event::Signal(crate::app::event::Signal::Terminate));
    let shown = scene.shown();
    for (session, text) in [(1, "for tea"), (0, "for all"), (1, "tea again"), (0, "gone")] {
        let line = format!(r#""session":{session},"text":"{text}""#);
        assert!(shown.contains(&line), "{line}: {shown}");
    }
}
