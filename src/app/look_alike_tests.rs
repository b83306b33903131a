//! What a person and a program are told of names that look like others, however many such names there are.

use std::time::Duration;

use hobnob_protocol::chain::{ChainHash, LobbyMessage, Seq};
use hobnob_protocol::ids::{PairToken, RunId};
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::Change;
use hobnob_protocol::name::UserName;
use hobnob_protocol::text::Text;

use super::event::Event;
use super::tests::Scene;
use crate::config::preferences::Private;
use crate::lobby::event::LobbyEvent;
use crate::peer::PeerEventKind;
use crate::session::path::Path;
use crate::session::{LinkState, Mode, PeerSession, SessionId};

/// A user, and another one whose name looks like hers.
const CAROL: [&str; 2] = ["carol", "c\u{430}rol"];

fn name(text: &str) -> UserName {
    text.parse().unwrap()
}

fn key(byte: u8) -> PublicKey {
    PublicKey::new([byte; 32])
}

fn joins(scene: &mut Scene, text: &str) {
    scene.lobby(LobbyEvent::Presence { room: None, changes: vec![Change::Joined(name(text))] });
}

/// Harmless pairs take all places that likenesses have in this time, and then Carol and her double come.
fn carol_behind_harmless_pairs(scene: &mut Scene) {
    for number in 0..5 {
        joins(scene, &format!("o{number}x"));
        joins(scene, &format!("\u{43e}{number}x"));
    }
    CAROL.iter().for_each(|text| joins(scene, text));
    let shown = scene.shown();
    assert_eq!(shown.matches("only looks like").count(), 5, "{shown}");
    assert!(!shown.contains("only looks like carol"), "{shown}");
}

fn says(scene: &mut Scene, text: &str, replayed: bool) {
    let message = LobbyMessage {
        seq: Seq(1),
        at: 0,
        name: name(text),
        key: key(7),
        run: RunId::new([2; 8]),
        id: 1,
        content: Text::new("hi").unwrap().into(),
        hash: ChainHash::new([0; 32]),
    };
    scene.lobby(LobbyEvent::Said { room: None, message: Box::new(message), replayed });
}

fn opens(scene: &mut Scene, text: &str, is_known: bool) -> SessionId {
    let state = &mut scene.app.state;
    let session = state.sessions.add(PeerSession {
        peer: name(text),
        key: Some(key(7)),
        mode: Mode::B,
        state: LinkState::Connecting,
        verified: false,
        path: None,
        unread: 0,
    });
    if !is_known {
        state.strangers.up(&PairToken::new([7; 16]), session);
    }
    state.session_event(session, PeerEventKind::Up { key_exchange: "X25519".to_owned(), path: Path::Direct });
    session
}

#[tokio::test(start_paused = true)]
async fn likeness_to_one_s_own_or_a_pinned_name_or_a_peer_s_is_shown_behind_many_harmless_pairs() {
    let mut scene = Scene::new();
    opens(&mut scene, "dave", true);
    carol_behind_harmless_pairs(&mut scene);
    for (double, other) in [("\u{430}nna", "your name, anna"), ("d\u{430}ve", "dave")] {
        joins(&mut scene, double);
        scene.shows(&format!("only looks like {other}: "));
    }
    scene.app.state.look_alikes.acquaint(&name("bobby"), &key(3));
    joins(&mut scene, "b\u{43e}bby");
    scene.shows("only looks like bobby: ");
}

#[tokio::test(start_paused = true)]
async fn many_names_that_look_like_an_acquaintance_s_are_summed_by_that_name() {
    let mut scene = Scene::new();
    let doubles = (0_u32..16).map(|bits| {
        let pick = |bit: u32, latin, other| if bits & (1 << bit) == 0 { latin } else { other };
        format!(
            "{}nn{}{}{}",
            pick(0, 'a', '\u{430}'),
            pick(1, 'a', '\u{430}'),
            pick(2, 'c', '\u{441}'),
            pick(3, 'o', '\u{43e}')
        )
    });
    scene.app.state.look_alikes.acquaint(&name("annaco"), &key(3));
    doubles.for_each(|double| joins(&mut scene, &double));
    let shown = scene.shown();
    assert_eq!(shown.matches("only looks like annaco").count(), 5, "{shown}");
    tokio::time::advance(Duration::from_secs(10)).await;
    scene.happens(Event::Time);
    scene.shows("10 more names only look like annaco: \\whois tells whose key is whose");
}

#[tokio::test(start_paused = true)]
async fn a_likeness_that_was_only_counted_is_shown_when_one_of_the_two_speaks_or_opens_a_session() {
    for who in CAROL {
        let mut scene = Scene::new();
        carol_behind_harmless_pairs(&mut scene);
        let session = opens(&mut scene, who, false);
        scene.shows("only looks like");
        let said = |number| PeerEventKind::Said { number, at: 1, text: Text::new("psst").unwrap() };
        scene.app.state.session_event(session, said(1));
        let shown = scene.shown();
        assert!(!shown.contains("only looks like"), "once is enough:\n{shown}");
    }
    for (replayed, is_told) in [(true, false), (false, true)] {
        let mut scene = Scene::new();
        carol_behind_harmless_pairs(&mut scene);
        says(&mut scene, CAROL[1], replayed);
        assert_eq!(scene.shown().contains("only looks like carol"), is_told, "replayed: {replayed}");
    }
    let mut scene = Scene::new();
    carol_behind_harmless_pairs(&mut scene);
    scene.app.state.user.preferences.private = Private::Ask;
    scene.lobby(LobbyEvent::Asked { ask: 1, name: name(CAROL[1]), key: key(7), session: None });
    let shown = scene.shown();
    let [alike, asks] = ["only looks like carol", "wants to talk in private"].map(|text| shown.find(text));
    assert!(alike.is_some() && alike < asks, "{shown}");
}

#[tokio::test(start_paused = true)]
async fn a_likeness_to_an_acquaintance_is_told_before_the_first_text_whatever_strangers_do_among_themselves()
{
    let doubles =
        ["b\u{43e}bby", "b\u{3bf}bby", "bobb\u{443}", "b\u{585}bby", "b0bby", "BO\u{412}BY", "b\u{1d0f}bby"];
    for replayed in [false, true] {
        let mut scene = Scene::new();
        scene.app.state.look_alikes.acquaint(&name("bobby"), &key(3));
        for number in 0..2500 {
            let pair = [format!("x{number}a"), format!("x{number}\u{430}")];
            pair.iter().for_each(|text| joins(&mut scene, text));
            let left = pair.iter().map(|text| Change::Left(name(text))).collect();
            scene.lobby(LobbyEvent::Presence { room: None, changes: left });
        }
        scene.shown();
        doubles.iter().for_each(|double| joins(&mut scene, double));
        let at_once = scene.shown();
        assert_eq!(at_once.matches("only looks like bobby").count(), 5, "{at_once}");
        for (number, double) in doubles.iter().enumerate() {
            let is_due = number >= 5;
            for is_due in [is_due, false] {
                says(&mut scene, double, replayed);
                let shown = scene.shown();
                let [alike, text] = ["only looks like bobby", ": hi"].map(|it| shown.find(it));
                assert!(text.is_some() && alike.is_some() == is_due && alike <= text, "{double}: {shown}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_program_is_told_each_likeness_once_and_no_sum() {
    let mut scene = Scene::new().with_json();
    for number in 0..100 {
        joins(&mut scene, &format!("o{number}x"));
        joins(&mut scene, &format!("\u{43e}{number}x"));
    }
    opens(&mut scene, "\u{43e}99x", false);
    tokio::time::advance(Duration::from_secs(10)).await;
    scene.happens(Event::Time);
    let shown = scene.shown();
    assert_eq!(shown.matches("only looks like").count(), 100, "{shown}");
    assert!(!shown.contains("only look like"), "{shown}");
}
