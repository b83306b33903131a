//! Long answers of a server: they are fetched in parts, and are bounded.

use std::ops::RangeInclusive;

use hobnob_protocol::chain::{LobbyMessage, LogId, Position};
use hobnob_protocol::content::Act;
use hobnob_protocol::ids::RunId;

use super::*;

#[test]
fn an_endless_answer_of_the_server_is_cut_at_a_bound() {
    let mut scene = Scene::new();
    scene.feed(&["\\users", "\\history 3"]);
    let names: Vec<_> = (0..500).map(|number| format!("u{number}").parse().unwrap()).collect();
    for _ in 0..200 {
        let names = names.clone();
        scene.lobby(LobbyEvent::Answer(ServerAnswer::Users {
            request: 1,
            names,
            away: Vec::new(),
            more: true,
        }));
    }
    assert!(!scene.app.state.questions.is_open(1));
    let mut position = Position::start(&LogId::new([0; 16]));
    for part in 0..10 {
        let after = position;
        let messages = (1..=100).map(|number| {
            let mut message = LobbyMessage {
                seq: Seq(part * 100 + number),
                at: 0,
                name: "bobby".parse().unwrap(),
                key: PublicKey::new([2; 32]),
                run: RunId::new([2; 8]),
                id: 1,
                content: Text::new("x").unwrap().into(),
                hash: position.hash,
            };
            message.hash = link(&position.hash, &message);
            position.advance(&message).unwrap();
            message
        });
        let messages = messages.collect();
        scene.lobby(LobbyEvent::Answer(ServerAnswer::History { request: 2, after, messages, more: true }));
    }
    assert!(!scene.app.state.questions.is_open(2));
    scene.shows("bobby: x");
}

/// Makes messages with these numbers, the first of which follows this position.
fn chained(place: Position, numbers: RangeInclusive<u64>) -> (Position, Vec<LobbyMessage>) {
    with_acts(place, numbers, |_| false)
}

/// Makes messages with these numbers, some of which are acts.
fn with_acts(
    place: Position,
    numbers: RangeInclusive<u64>,
    is_act: impl Fn(u64) -> bool,
) -> (Position, Vec<LobbyMessage>) {
    let mut position = place;
    let messages = numbers.map(|number| {
        let content = match is_act(number) {
            true => Act::topic(None).into(),
            false => Text::new(number.to_string()).unwrap().into(),
        };
        let mut message = LobbyMessage {
            seq: Seq(number),
            at: 0,
            name: "bobby".parse().unwrap(),
            key: PublicKey::new([2; 32]),
            run: RunId::new([2; 8]),
            id: 1,
            content,
            hash: position.hash,
        };
        message.hash = link(&position.hash, &message);
        position.advance(&message).unwrap();
        message
    });
    let messages = messages.collect();
    (position, messages)
}

/// The position before the first message, or one in a log that no longer keeps the messages up to this one.
fn beginning(seq: u64) -> Position {
    Position { seq: Seq(seq), ..Position::start(&LogId::new([0; 16])) }
}

fn answer(after: Position, messages: &[LobbyMessage]) -> LobbyEvent {
    let messages = messages.to_vec();
    LobbyEvent::Answer(ServerAnswer::History { request: 1, after, messages, more: false })
}

fn asked(limit: u32, before: Option<u64>) -> ClientMessage {
    ClientMessage::History { request: 1, limit, room: None, before: before.map(Seq) }
}

#[test]
fn acts_between_texts_do_not_count_and_earlier_texts_are_asked_for() {
    let mut scene = Scene::new();
    scene.app.state.heads.reach(SessionId::LOBBY, 9);
    let is_act = |number| (3..=8).contains(&number);
    let places: Vec<Position> = (0..=9).map(|end| with_acts(beginning(0), 1..=end, is_act).0).collect();
    let (_, log) = with_acts(beginning(0), 1..=9, is_act);
    scene.feed(&["\\history 3", "after"]);
    assert_eq!(scene.link.told(), [asked(3, None)]);
    scene.lobby(answer(places[6], &log[6..]));
    assert_eq!((scene.shown().as_str(), scene.link.told()), ("", vec![asked(6, Some(7))]));
    scene.lobby(answer(places[0], &log[..6]));
    assert_eq!(scene.shown(), "bobby: 1\nbobby: 2\nbobby: 9\n");
    assert_eq!(scene.link.told(), [say(1, "after")]);
}

#[test]
fn a_log_with_too_few_texts_is_read_to_its_beginning_and_a_changed_one_not_further() {
    let is_act = |number| number != 5;
    let (_, log) = with_acts(beginning(3), 4..=9, is_act);
    let middle = with_acts(beginning(3), 4..=7, is_act).0;
    for is_changed in [false, true] {
        let mut scene = Scene::new();
        scene.feed(&["\\history 2"]);
        scene.lobby(answer(middle, &log[4..]));
        assert_eq!(scene.link.told(), [asked(2, None), asked(4, Some(8))]);
        // The changed log has other messages before those that came, with hashes that fit each other.
        let (_, changed) = with_acts(beginning(3), 4..=7, |_| true);
        scene.lobby(answer(beginning(3), if is_changed { &changed } else { &log[..4] }));
        let text = scene.shown();
        assert_eq!(text.contains("the log was changed"), is_changed, "{text}");
        if !is_changed {
            assert_eq!(scene.link.told(), [asked(8, Some(4))]);
            scene.lobby(answer(beginning(3), &[]));
            assert_eq!(scene.shown(), "bobby: 5\n");
        }
        assert!(!scene.app.state.questions.is_open(1));
    }
}

#[test]
fn a_log_of_acts_alone_is_not_read_without_end() {
    let mut scene = Scene::new();
    scene.feed(&["\\history 2"]);
    let (_, log) = with_acts(beginning(0), 1..=50_000, |_| true);
    let place = |seq: usize| Position { seq: Seq(seq as u64), hash: log[seq - 1].hash };
    let (mut end, mut questions) = (log.len(), 0);
    while let [ClientMessage::History { limit, .. }] = scene.link.told()[..] {
        questions += 1;
        let begin = end - limit as usize;
        scene.lobby(answer(place(begin), &log[begin..end]));
        end = begin;
    }
    assert!((10..=40).contains(&questions) && !scene.app.state.questions.is_open(1), "{questions}");
    assert_eq!(scene.shown(), "");
}

#[test]
fn a_long_history_is_shown_in_order_as_far_as_it_is_kept() {
    let mut scene = Scene::new();
    scene.app.state.heads.reach(SessionId::LOBBY, 3_000);
    scene.feed(&["\\history 2500", "after"]);
    // The log no longer keeps any message up to 1400.
    let kept = beginning(1_400);
    let (_, log) = chained(kept, 1_401..=3_000);
    let (middle, _) = chained(kept, 1_401..=2_000);
    assert_eq!(scene.link.told(), [asked(1000, None)]);
    scene.lobby(answer(middle, &log[600..]));
    assert_eq!((scene.shown().as_str(), scene.link.told()), ("", vec![asked(1000, Some(2_001))]));
    scene.lobby(answer(kept, &log[..600]));
    let shown = scene.shown();
    assert!(shown.starts_with("bobby: 1401\n") && shown.ends_with("bobby: 3000\n"));
    assert_eq!(shown.lines().count(), 1_600);
    // The command is finished, so the script goes on.
    assert_eq!(scene.link.told(), [say(1, "after")]);
}

#[test]
fn a_whole_log_is_shown_as_it_comes() {
    let mut scene = Scene::new();
    scene.app.state.heads.reach(SessionId::LOBBY, 1_500);
    scene.feed(&["\\history 2500"]);
    let (_, log) = chained(beginning(0), 1..=1_500);
    let (middle, _) = chained(beginning(0), 1..=1_000);
    assert_eq!(scene.link.told(), [asked(1000, Some(1_001))]);
    scene.lobby(answer(beginning(0), &log[..1_000]));
    assert!(scene.shown().ends_with("bobby: 1000\n"));
    assert_eq!(scene.link.told(), [asked(500, Some(1_501))]);
    scene.lobby(answer(middle, &log[1_000..]));
    assert!(scene.shown().ends_with("bobby: 1500\n"));
    assert!(!scene.app.state.questions.is_open(1));
}

#[test]
fn a_server_that_has_no_message_of_a_long_history_is_asked_only_once() {
    let mut scene = Scene::new();
    scene.app.state.heads.reach(SessionId::LOBBY, u64::MAX);
    scene.feed(&["\\history 4000000000"]);
    scene.lobby(answer(beginning(0), &[]));
    assert_eq!(scene.link.told().len(), 1);
    assert!(!scene.app.state.questions.is_open(1));
}
