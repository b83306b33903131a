//! Who is let into a private session, and what the server is told. The lobby here is a queue; it may also ask what it
//! likes, or introduce somebody without asking.

use std::time::Duration;

use hobnob_protocol::ids::PairToken;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::{Change, ClientMessage, ConsentAnswer, Introduction};
use hobnob_protocol::name::UserName;

use super::event::Event;
use super::tests::Scene;
use crate::config::preferences::Private;
use crate::lobby::event::LobbyEvent;

fn key(byte: u8) -> PublicKey {
    PublicKey::new([byte; 32])
}

fn name(number: u8) -> UserName {
    format!("user{number}").parse().unwrap()
}

fn scene(private: Private) -> Scene {
    let mut scene = Scene::new();
    scene.app.state.user.preferences.private = private;
    scene
}

/// The server asks on behalf of the user with this number; returns what it is answered at once.
fn asked(scene: &mut Scene, number: u8, session: Option<PairToken>) -> ConsentAnswer {
    let (name, key) = (name(number), key(number));
    scene.lobby(LobbyEvent::Asked { ask: number.into(), name, key, session });
    let told = scene.link.told();
    match told[..] {
        [ClientMessage::Consent { ask, answer }] if ask == u64::from(number) => answer,
        _ => panic!("{told:?}"),
    }
}

fn introduction(number: u8) -> Introduction {
    Introduction {
        request: None,
        session: PairToken::new([number; 16]),
        name: name(number),
        key: key(number),
        candidates: Vec::new(),
        relay: None,
        forked: false,
    }
}

/// The server introduces a user for whom nobody here has asked; returns whether the introduction is taken.
fn introduced(scene: &mut Scene, number: u8) -> bool {
    scene.lobby(LobbyEvent::Introduced(introduction(number)));
    !scene.app.state.private_links.has_ended(&PairToken::new([number; 16]))
}

#[test]
fn the_private_setting_decides_who_may_open_a_session() {
    use ConsentAnswer::{Asking, Declined, Open};
    for (private, stranger, known) in [
        (Private::Open, Open, Open),
        (Private::Known, Declined, Open),
        (Private::Ask, Asking, Asking),
        (Private::Off, Declined, Declined),
    ] {
        let mut scene = scene(private);
        scene.app.state.trust.pin_user(&name(1), &key(1)).unwrap();
        assert_eq!(
            (asked(&mut scene, 2, None), asked(&mut scene, 1, None)),
            (stranger, known),
            "{private:?}"
        );
    }
}

#[test]
fn the_user_is_asked_once_about_each_key_and_accepts_or_declines() {
    let mut scene = scene(Private::Ask);
    assert_eq!(asked(&mut scene, 1, None), ConsentAnswer::Asking);
    scene.shows(">>> user1 wants to talk in private: \\accept user1 or \\decline user1\n");
    assert_eq!(asked(&mut scene, 1, None), ConsentAnswer::Asking);
    assert!(!scene.shown().contains("wants to talk"));
    for command in ["accept", "decline"] {
        scene.feed(&[&format!("\\{command}")]);
        scene.shows(&format!("\\{command}: usage: \\{command} NAME; user1 waits for your answer"));
    }
    scene.feed(&["\\accept user1"]);
    let open = |ask| ClientMessage::Consent { ask, answer: ConsentAnswer::Open };
    assert_eq!(scene.link.told(), [open(1)]);
    assert!(scene.app.state.trust.knows(&key(1)).unwrap(), "the key of a user who was accepted is pinned");
    scene.feed(&["\\accept user1"]);
    scene.shows("is not waiting for an answer");
    assert_eq!(asked(&mut scene, 2, None), ConsentAnswer::Asking);
    scene.feed(&["\\decline user2"]);
    assert_eq!(scene.link.told(), [ClientMessage::Consent { ask: 2, answer: ConsentAnswer::Declined }]);
    assert_eq!(asked(&mut scene, 2, None), ConsentAnswer::Declined);
    assert!(!scene.app.state.trust.knows(&key(2)).unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_user_who_lost_the_link_and_asks_again_is_let_in_under_the_new_question() {
    let mut scene = scene(Private::Ask);
    assert_eq!(asked(&mut scene, 1, None), ConsentAnswer::Asking);
    scene.shown();
    scene.lobby(LobbyEvent::Asked { ask: 200, name: name(1), key: key(1), session: None });
    let consent = |ask, answer| ClientMessage::Consent { ask, answer };
    assert_eq!(scene.link.told(), [consent(1, ConsentAnswer::Busy), consent(200, ConsentAnswer::Asking)]);
    assert!(!scene.shown().contains("wants to talk"), "the user was told already");
    scene.feed(&["\\accept user1"]);
    assert_eq!(scene.link.told(), [consent(200, ConsentAnswer::Open)]);
    assert!(introduced(&mut scene, 1));
    tokio::time::advance(Duration::from_secs(60)).await;
    scene.happens(Event::Time);
    assert!(!scene.shown().contains("waits no longer"));
}

#[tokio::test(start_paused = true)]
async fn whoever_accepts_a_user_whose_question_is_over_is_told_so() {
    let mut scene = scene(Private::Ask);
    assert_eq!(asked(&mut scene, 1, None), ConsentAnswer::Asking);
    scene.feed(&["\\accept user1"]);
    assert!(!scene.shown().contains("waits no longer"));
    tokio::time::advance(Duration::from_secs(5)).await;
    scene.happens(Event::Time);
    scene.shows(
        "no private session with user1 has begun: user1 waits no longer; \\fork user1 asks user1 for one",
    );
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_knocks_asks_the_user_about_sixteen_and_shows_five_at_once() {
    let mut scene = scene(Private::Ask);
    let answers: Vec<_> = (1..=200).map(|number| asked(&mut scene, number, None)).collect();
    assert!(answers[..16].iter().all(|answer| *answer == ConsentAnswer::Asking));
    assert!(answers[16..].iter().all(|answer| *answer == ConsentAnswer::Busy));
    assert_eq!(scene.shown().matches("wants to talk").count(), 5);
    for _ in 0..11 {
        tokio::time::advance(Duration::from_secs(5)).await;
        scene.happens(Event::Time);
        assert_eq!(scene.shown().matches("wants to talk").count(), 1);
    }
    assert!(scene.app.state.knocks.deadline().is_some(), "users without an answer are declined in the end");
}

#[test]
fn a_known_key_is_asked_about_however_many_strangers_wait() {
    let mut scene = scene(Private::Ask);
    scene.app.state.trust.pin_user(&name(100), &key(100)).unwrap();
    (1..=16).for_each(|number| assert_eq!(asked(&mut scene, number, None), ConsentAnswer::Asking));
    assert_eq!(asked(&mut scene, 17, None), ConsentAnswer::Busy);
    scene.lobby(LobbyEvent::Asked { ask: 100, name: name(100), key: key(100), session: None });
    let consent = |ask, answer| ClientMessage::Consent { ask, answer };
    assert_eq!(scene.link.told(), [consent(1, ConsentAnswer::Busy), consent(100, ConsentAnswer::Asking)]);
    scene.feed(&["\\accept user100"]);
    assert_eq!(scene.link.told(), [consent(100, ConsentAnswer::Open)]);
}

#[tokio::test(start_paused = true)]
async fn a_user_without_an_answer_is_declined_after_two_minutes_and_may_ask_again_after_ten() {
    let mut scene = scene(Private::Ask);
    assert_eq!(asked(&mut scene, 1, None), ConsentAnswer::Asking);
    tokio::time::advance(Duration::from_secs(120)).await;
    scene.happens(Event::Time);
    assert_eq!(scene.link.told(), [ClientMessage::Consent { ask: 1, answer: ConsentAnswer::Declined }]);
    scene.shows("user1 has waited for two minutes");
    assert_eq!(asked(&mut scene, 1, None), ConsentAnswer::Declined);
    tokio::time::advance(Duration::from_secs(600)).await;
    assert_eq!(asked(&mut scene, 1, None), ConsentAnswer::Asking);
    // The server forgot the question when the link was lost.
    scene.lobby(LobbyEvent::Down { reason: "gone".to_owned() });
    scene.feed(&["\\accept user1"]);
    assert_eq!(scene.link.told(), []);
}

#[test]
fn an_introduction_without_a_question_opens_only_a_session_that_the_user_allows() {
    for (private, is_taken) in
        [(Private::Open, true), (Private::Known, false), (Private::Ask, false), (Private::Off, false)]
    {
        assert_eq!(introduced(&mut scene(private), 1), is_taken, "{private:?}");
    }
    let mut scene = scene(Private::Ask);
    assert_eq!(asked(&mut scene, 1, None), ConsentAnswer::Asking);
    assert!(!introduced(&mut scene, 1), "the introduction came before the user's answer");
    scene.feed(&["\\accept user1"]);
    let again = |token| Introduction { session: PairToken::new([token; 16]), ..introduction(1) };
    scene.lobby(LobbyEvent::Introduced(again(50)));
    assert!(!scene.app.state.private_links.has_ended(&PairToken::new([50; 16])));
    scene.lobby(LobbyEvent::Introduced(again(51)));
    assert!(
        scene.app.state.private_links.has_ended(&PairToken::new([51; 16])),
        "one answer opens one session"
    );
}

#[test]
fn a_question_about_an_unknown_session_follows_the_setting_and_never_asks_the_user() {
    for (private, answer) in [
        (Private::Open, ConsentAnswer::Open),
        (Private::Known, ConsentAnswer::Declined),
        (Private::Ask, ConsentAnswer::Declined),
        (Private::Off, ConsentAnswer::Declined),
    ] {
        let mut scene = scene(private);
        assert_eq!(asked(&mut scene, 1, Some(PairToken::new([1; 16]))), answer, "{private:?}");
    }
}

#[test]
fn a_user_whom_this_user_forks_is_let_in_under_every_setting() {
    let mut scene = scene(Private::Off);
    scene.feed(&["\\fork user1"]);
    assert!(matches!(scene.link.told()[..], [ClientMessage::Pair { .. }]));
    assert_eq!(asked(&mut scene, 1, None), ConsentAnswer::Open);
    assert_eq!(asked(&mut scene, 2, None), ConsentAnswer::Declined);
}

#[test]
fn strangers_who_were_let_in_take_a_place_before_they_connect() {
    let mut scene = scene(Private::Open);
    let answers: Vec<_> = (1..=40).map(|number| asked(&mut scene, number, None)).collect();
    assert!(answers[..16].iter().all(|answer| *answer == ConsentAnswer::Open));
    assert!(answers[16..].iter().all(|answer| *answer == ConsentAnswer::Busy));
    assert_eq!(
        asked(&mut scene, 1, None),
        ConsentAnswer::Busy,
        "each key may open only one session at a time"
    );
}

#[tokio::test(start_paused = true)]
async fn a_knock_ends_when_its_user_leaves_and_the_next_knock_is_shown() {
    let mut scene = scene(Private::Ask);
    let left = |number| LobbyEvent::Presence { room: None, changes: vec![Change::Left(name(number))] };
    for number in 1..=64 {
        assert_eq!(asked(&mut scene, number, None), ConsentAnswer::Asking, "{number}");
        scene.lobby(left(number));
    }
    let shown = scene.shown();
    assert_eq!(shown.matches("wants to talk in private").count(), 5, "{shown}");
    assert_eq!(asked(&mut scene, 65, None), ConsentAnswer::Asking);
    assert!(!scene.shown().contains("user65"), "the question is shown later");
    tokio::time::advance(Duration::from_secs(5)).await;
    scene.happens(Event::Time);
    scene.shows(">>> user65 wants to talk in private: \\accept user65 or \\decline user65\n");
    tokio::time::advance(Duration::from_secs(5)).await;
    scene.happens(Event::Time);
    scene.shows(">>> 59 more users asked to talk in private, and left before you were told\n");
    scene.feed(&["\\accept user64"]);
    scene.shows("user64 asked to talk in private, but has left since");
    scene.feed(&["\\accept user65"]);
    assert!(matches!(
        scene.link.told()[..],
        [ClientMessage::Consent { ask: 65, answer: ConsentAnswer::Open }]
    ));
}

#[test]
fn an_introduction_of_another_user_than_the_forked_one_opens_no_session() {
    let mut scene = scene(Private::Open);
    scene.app.state.trust.pin_user(&name(1), &key(1)).unwrap();
    scene.feed(&["\\fork user1", "secret"]);
    let told = scene.link.told();
    let [ClientMessage::Pair { request, .. }] = told[..] else { panic!("{told:?}") };
    scene.lobby(LobbyEvent::Introduced(Introduction { request: Some(request), ..introduction(2) }));
    scene.shows("the server introduced user2 in place of user1");
    assert!(scene.link.told().iter().all(|told| !matches!(told, ClientMessage::Say { .. })));
    assert!(scene.app.state.private_links.has_ended(&PairToken::new([2; 16])));
    assert_eq!(scene.app.state.sessions.peers().count(), 0);
}

#[test]
fn an_introduction_that_answers_a_join_is_refused_and_the_join_stays_open() {
    let mut scene = scene(Private::Open);
    scene.feed(&["\\join dev"]);
    let told = scene.link.told();
    let [ClientMessage::Join(ref join)] = told[..] else { panic!("{told:?}") };
    let request = join.request;
    scene.lobby(LobbyEvent::Introduced(Introduction { request: Some(request), ..introduction(2) }));
    assert!(scene.app.state.questions.is_open(request), "the time of the join goes on");
    assert!(scene.app.state.private_links.has_ended(&PairToken::new([2; 16])));
}
