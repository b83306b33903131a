//! What a person and a program are shown of private sessions whose other side does the same again and again. There is
//! no network; the events of the links are made up.

use std::time::Duration;

use hobnob_protocol::ids::PairToken;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;

use super::event::Event;
use super::tests::Scene;
use crate::peer::PeerEventKind;
use crate::session::path::Path;
use crate::session::{LinkState, Mode, PeerSession, SessionId};

fn key(number: u8) -> PublicKey {
    PublicKey::new([number; 32])
}

fn name(number: u8) -> UserName {
    format!("user{number}").parse().unwrap()
}

fn up(path: Path) -> PeerEventKind {
    PeerEventKind::Up { key_exchange: "X25519".to_owned(), path }
}

/// The user with this number opens a session.
fn opens(scene: &mut Scene, number: u8) -> SessionId {
    let state = &mut scene.app.state;
    let session = state.sessions.add(PeerSession {
        peer: name(number),
        key: Some(key(number)),
        mode: Mode::B,
        state: LinkState::Connecting,
        verified: false,
        path: None,
        unread: 0,
    });
    if !state.trust.knows(&key(number)).unwrap() {
        state.strangers.up(&PairToken::new([number; 16]), session);
    }
    state.session_event(session, up(Path::Direct));
    session
}

fn lines(shown: &str) -> usize {
    shown.lines().count()
}

async fn a_minute_later(scene: &mut Scene) -> String {
    tokio::time::advance(Duration::from_secs(60)).await;
    scene.happens(Event::Time);
    scene.shown()
}

#[tokio::test(start_paused = true)]
async fn a_stranger_s_link_that_goes_up_and_down_is_shown_five_times_and_then_summed() {
    let mut scene = Scene::new();
    let session = opens(&mut scene, 1);
    scene.shows(">>> user1 opened private session 1 with you");
    for number in 0..1000 {
        let path = if number % 2 == 0 { Path::Relay } else { Path::Direct };
        scene.app.state.session_event(session, PeerEventKind::Moved { path });
        scene.app.state.session_event(session, PeerEventKind::Down);
        scene.app.state.session_event(session, up(path));
    }
    assert_eq!(lines(&scene.shown()), 5);
    let sum = "the links of private sessions with strangers changed 2995 more times; \\ss tells how they are";
    assert_eq!(a_minute_later(&mut scene).await, format!(">>> {sum}\n"));
    assert_eq!(a_minute_later(&mut scene).await, "");
    scene.app.state.session_event(session, PeerEventKind::Down);
    scene.shows(">>> the link of session 1 is down; reconnecting");
}

#[tokio::test(start_paused = true)]
async fn a_program_is_told_each_time_and_no_sum() {
    let mut scene = Scene::new().with_json();
    let session = opens(&mut scene, 1);
    for _ in 0..100 {
        scene.app.state.session_event(session, PeerEventKind::Down);
        scene.app.state.session_event(session, up(Path::Direct));
    }
    let shown = scene.shown() + &a_minute_later(&mut scene).await;
    assert_eq!(shown.matches("\"event\":\"link\"").count(), 200);
    assert!(!shown.contains("\"event\":\"notice\""), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn strangers_with_ever_new_keys_who_open_and_leave_are_shown_five_times_and_then_summed() {
    let mut scene = Scene::new();
    for number in 1..=100 {
        let session = opens(&mut scene, number);
        scene.app.state.session_event(session, PeerEventKind::Left);
    }
    let shown = scene.shown();
    assert_eq!((shown.matches("opened private session").count(), lines(&shown)), (5, 10), "{shown}");
    let sums = a_minute_later(&mut scene).await;
    assert!(sums.contains("strangers opened 95 more private sessions with you; \\ss lists"), "{sums}");
    assert!(sums.contains("95 more private sessions of strangers are over"), "{sums}");
    assert_eq!(lines(&sums), 2);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_current_session_is_shown_however_many_others_end() {
    let mut scene = Scene::new();
    let current = opens(&mut scene, 200);
    scene.feed(&[format!("\\sw {current}").as_str()]);
    for number in 1..=100 {
        let session = opens(&mut scene, number);
        scene.app.state.session_event(session, PeerEventKind::Left);
    }
    scene.shown();
    scene.app.state.session_event(current, PeerEventKind::Left);
    scene.shows("session 1 with user200 is over: user200 ended it");
}

#[tokio::test(start_paused = true)]
async fn what_an_answered_user_does_again_and_again_is_summed_and_another_user_is_shown() {
    let mut scene = Scene::new();
    scene.app.state.trust.pin_user(&name(1), &key(1)).unwrap();
    scene.app.state.trust.pin_user(&name(2), &key(2)).unwrap();
    let session = opens(&mut scene, 1);
    for _ in 0..100 {
        scene.app.state.session_event(session, PeerEventKind::Down);
        scene.app.state.session_event(session, up(Path::Direct));
    }
    assert_eq!(lines(&scene.shown()), 20);
    opens(&mut scene, 2);
    scene.shows(">>> user2 opened private session 2 with you");
    let sum = a_minute_later(&mut scene).await;
    let text = "private sessions with user1 opened, ended or changed their links 181 more times";
    assert!(sum.contains(text) && lines(&sum) == 1, "{sum}");
}

#[tokio::test(start_paused = true)]
async fn of_an_ignored_key_nothing_is_shown_and_a_program_has_the_events() {
    for is_json in [false, true] {
        let mut scene = if is_json { Scene::new().with_json() } else { Scene::new() };
        let session = opens(&mut scene, 2);
        scene.app.state.ignore(&name(2), &key(2)).unwrap();
        scene.shown();
        for _ in 0..10 {
            scene.app.state.session_event(session, PeerEventKind::Down);
            scene.app.state.session_event(session, up(Path::Relay));
        }
        scene.app.state.session_event(session, PeerEventKind::Left);
        let shown = scene.shown() + &a_minute_later(&mut scene).await;
        // Each time the link is down and back; the path changes once, and the session ends once.
        assert_eq!(lines(&shown), if is_json { 22 } else { 0 }, "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_program_is_told_every_topic_and_a_person_a_sum() {
    for is_json in [false, true] {
        let mut scene = if is_json { Scene::new().with_json() } else { Scene::new() };
        for number in 0..100 {
            scene.app.state.topic_set(SessionId::LOBBY, &format!("topic {number}"), Some(name(1)));
        }
        let shown = scene.shown() + &a_minute_later(&mut scene).await;
        assert_eq!(lines(&shown), if is_json { 100 } else { 6 }, "{shown}");
    }
}
