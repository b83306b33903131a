//! A user who keeps his private session and loses his name in the lobby, and another who comes with that name. There is
//! no network; the events of the lobby are made up.

use hobnob_protocol::chain::{ChainHash, LobbyMessage, Seq};
use hobnob_protocol::ids::RunId;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::{Change, ClientMessage};
use hobnob_protocol::name::UserName;
use hobnob_protocol::text::Text;

use super::event::Event;
use super::tests::Scene;
use crate::client::questions::PATIENCE;
use crate::lobby::event::{LobbyEvent, ServerAnswer};
use crate::session::{PeerSession, SessionId};

const FORMER: PublicKey = PublicKey::new([2; 32]);
const NEWCOMER: PublicKey = PublicKey::new([3; 32]);

fn bobby() -> UserName {
    "bobby".parse().unwrap()
}

/// A script in the lobby, with an open session with bobby.
fn with_bobby() -> Scene {
    let mut scene = Scene::new();
    scene.app.state.sessions.add(PeerSession { key: Some(FORMER), ..PeerSession::up("bobby") });
    scene
}

fn presence(scene: &mut Scene, changes: Vec<Change>) {
    scene.lobby(LobbyEvent::Presence { room: None, changes });
}

/// The server is asked who holds the name of bobby; returns the number of the question.
#[track_caller]
fn asked(scene: &mut Scene) -> u32 {
    match &scene.link.told()[..] {
        [.., ClientMessage::Whois { request, name }] if *name == bobby() => *request,
        told => panic!("{told:?}"),
    }
}

fn answer(scene: &mut Scene, request: u32, key: PublicKey) {
    let whois = ServerAnswer::Whois { request, name: bobby(), key, since: 0, away: None };
    scene.lobby(LobbyEvent::Answer(whois));
}

/// Somebody with this key comes to the lobby as bobby.
fn comes(scene: &mut Scene, key: PublicKey) {
    presence(scene, vec![Change::Left(bobby()), Change::Joined(bobby())]);
    let request = asked(scene);
    answer(scene, request, key);
}

/// Whether a private text was taken for bobby's session.
fn says(scene: &mut Scene) -> bool {
    scene.feed(&["\\msg bobby secret"]);
    scene.app.state.ledger.len() == 1
}

#[test]
fn a_name_that_another_key_has_taken_leads_nowhere() {
    let (former, newcomer) = (FORMER.fingerprint(), NEWCOMER.fingerprint());
    for line in [
        "\\msg bobby secret",
        "\\fork bobby",
        "\\sw bobby",
        "\\verify bobby",
        "\\history 3 bobby",
        "\\ignore bobby",
    ] {
        let mut scene = with_bobby();
        comes(&mut scene, NEWCOMER);
        scene.shows(&format!(
            "the bobby in the lobby is another user now, with the key {newcomer}; session 1 is with the one who had \
             the name before, whose key is {former}"
        ));
        scene.feed(&[line]);
        scene.shows(&format!(
            "two users came as bobby: session 1 is with the first, whose key is {former}; the second came to the lobby \
             later, with the key {newcomer}; nothing was done: \\sw 1 goes to the first, \\leave there, then \\fork \
             bobby, goes to the second"
        ));
        assert!(scene.link.told().is_empty() && scene.app.state.ledger.is_empty(), "{line}");
        assert_ne!(scene.app.state.sessions.current(), Some(SessionId(1)), "{line}");
        scene.feed(&["\\sw 1"]);
        assert_eq!(scene.app.state.sessions.current(), Some(SessionId(1)), "{line}");
    }
}

#[test]
fn a_user_who_comes_back_with_his_own_key_keeps_his_name() {
    let mut scene = with_bobby();
    comes(&mut scene, FORMER);
    assert!(!scene.shown().contains("another user"));
    assert!(says(&mut scene));
}

#[test]
fn a_name_that_was_taken_stays_uncertain_until_its_own_key_has_it_again() {
    let mut scene = with_bobby();
    comes(&mut scene, NEWCOMER);
    presence(&mut scene, vec![Change::Left(bobby())]);
    assert!(!says(&mut scene));
    presence(&mut scene, vec![Change::Joined(bobby())]);
    let request = asked(&mut scene);
    answer(&mut scene, request, FORMER);
    assert!(says(&mut scene));
}

#[test]
fn a_script_waits_until_it_is_known_who_came_with_a_name() {
    let mut scene = with_bobby();
    presence(&mut scene, vec![Change::Joined(bobby())]);
    let request = asked(&mut scene);
    assert!(!says(&mut scene), "the command has not begun");
    answer(&mut scene, request, FORMER);
    assert_eq!(scene.app.state.ledger.len(), 1);
    assert!(!scene.shown().contains("nothing was done"));
}

#[tokio::test(start_paused = true)]
async fn a_name_leads_nowhere_if_the_server_does_not_tell_who_came_with_it() {
    let mut scene = with_bobby();
    presence(&mut scene, vec![Change::Joined(bobby())]);
    asked(&mut scene);
    assert!(!says(&mut scene));
    tokio::time::advance(PATIENCE).await;
    scene.happens(Event::Time);
    scene.shows("it is not known yet whether it is the bobby of session 1; nothing was done: try again");
    // The server is asked once more.
    let request = asked(&mut scene);
    answer(&mut scene, request, FORMER);
    assert!(says(&mut scene));
}

#[test]
fn a_name_that_nobody_in_the_lobby_has_any_more_stands_for_the_session() {
    let mut scene = with_bobby();
    presence(&mut scene, vec![Change::Joined(bobby()), Change::Left(bobby())]);
    let request = asked(&mut scene);
    scene.lobby(LobbyEvent::Answer(ServerAnswer::NoSuchUser { request, name: bobby() }));
    assert!(says(&mut scene));
}

#[test]
fn the_server_is_asked_after_it_has_left_out_who_came_and_went() {
    let mut scene = with_bobby();
    scene.lobby(LobbyEvent::PresenceSkipped { room: None });
    let request = asked(&mut scene);
    answer(&mut scene, request, NEWCOMER);
    assert!(!says(&mut scene));
}

#[test]
fn two_sessions_with_users_of_one_name_are_reached_by_their_numbers_alone() {
    let mut scene = with_bobby();
    scene.app.state.sessions.add(PeerSession { key: Some(NEWCOMER), ..PeerSession::up("bobby") });
    assert!(!says(&mut scene));
    scene.shows("\\sw 1 goes to the first, \\sw 2 goes to the second");
    scene.app.state.sessions.remove(SessionId(1));
    assert!(says(&mut scene));
}

#[test]
fn nobody_is_asked_about_a_name_with_which_there_is_no_session() {
    let mut scene = with_bobby();
    presence(&mut scene, vec![Change::Joined("carl".parse().unwrap())]);
    assert!(scene.link.told().is_empty());
}

#[test]
fn a_script_does_not_wait_for_those_who_come_after_its_command_was_read() {
    let mut scene = with_bobby();
    presence(&mut scene, vec![Change::Joined(bobby())]);
    let first = asked(&mut scene);
    assert!(!says(&mut scene));
    presence(&mut scene, vec![Change::Left(bobby()), Change::Joined(bobby())]);
    let second = asked(&mut scene);
    answer(&mut scene, first, FORMER);
    assert_eq!(scene.app.state.ledger.len(), 1);
    answer(&mut scene, second, FORMER);
}

#[test]
fn a_name_stands_for_the_session_while_the_lobby_is_down() {
    let mut scene = with_bobby();
    presence(&mut scene, vec![Change::Joined(bobby())]);
    asked(&mut scene);
    scene.lobby(LobbyEvent::Down { reason: "gone".to_owned() });
    assert!(says(&mut scene));
}

#[test]
fn a_text_of_another_key_tells_that_a_name_has_changed_hands() {
    let mut scene = with_bobby();
    let message = LobbyMessage {
        seq: Seq(1),
        at: 0,
        name: bobby(),
        key: NEWCOMER,
        run: RunId::new([2; 8]),
        id: 1,
        content: Text::new("hi").unwrap().into(),
        hash: ChainHash::new([0; 32]),
    };
    scene.lobby(LobbyEvent::Said { room: None, message: Box::new(message), replayed: false });
    scene.shows("the bobby in the lobby is another user now");
    assert!(!says(&mut scene));
}
