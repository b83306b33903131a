//! Long answers of a server: they are fetched in parts, and are bounded.

use hobnob_protocol::chain::{LobbyMessage, LogId, Position};
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
fn chained(place: Position, numbers: std::ops::RangeInclusive<u64>) -> (Position, Vec<LobbyMessage>) {
    let mut position = place;
    let messages = numbers.map(|number| {
        let mut message = LobbyMessage {
            seq: Seq(number),
            at: 0,
            name: "bobby".parse().unwrap(),
            key: PublicKey::new([2; 32]),
            run: RunId::new([2; 8]),
            id: 1,
            content: Text::new(number.to_string()).unwrap().into(),
            hash: position.hash,
        };
        message.hash = link(&position.hash, &message);
        position.advance(&message).unwrap();
        message
    });
    let messages = messages.collect();
    (position, messages)
}

#[test]
fn a_long_history_is_fetched_in_parts_in_order_as_far_as_it_is_kept() {
    let mut scene = Scene::new();
    scene.app.state.heads.reach(SessionId::LOBBY, 3_000);
    scene.feed(&["\\history 2500", "after"]);
    let asked =
        |limit, before| ClientMessage::History { request: 1, limit, room: None, before: Some(Seq(before)) };
    assert_eq!(scene.link.told(), [asked(1000, 1_501)]);
    // The log no longer keeps any message up to 1400.
    let kept = Position { seq: Seq(1_400), ..Position::start(&LogId::new([0; 16])) };
    let answer = |after, messages| {
        LobbyEvent::Answer(ServerAnswer::History { request: 1, after, messages, more: false })
    };
    let (place, messages) = chained(kept, 1_401..=1_500);
    scene.lobby(answer(kept, messages));
    scene.shows("bobby: 1401");
    assert_eq!(scene.link.told(), [asked(1000, 2_501)]);
    let (end, messages) = chained(place, 1_501..=2_500);
    scene.lobby(answer(place, messages));
    scene.shows("bobby: 2500");
    assert_eq!(scene.link.told(), [asked(500, 3_001)]);
    let (_, messages) = chained(end, 2_501..=3_000);
    scene.lobby(answer(end, messages));
    scene.shows("bobby: 3000");
    // The command is finished, so the script goes on.
    assert_eq!(scene.link.told(), [say(1, "after")]);
}

#[test]
fn a_server_that_has_no_message_of_a_long_history_is_asked_only_twice() {
    let mut scene = Scene::new();
    scene.app.state.heads.reach(SessionId::LOBBY, u64::MAX);
    scene.feed(&["\\history 4000000000"]);
    for _ in 0..2 {
        let after = Position::start(&LogId::new([0; 16]));
        let answer = ServerAnswer::History { request: 1, after, messages: Vec::new(), more: false };
        scene.lobby(LobbyEvent::Answer(answer));
    }
    assert_eq!(scene.link.told().len(), 2);
    assert!(!scene.app.state.questions.is_open(1));
}
