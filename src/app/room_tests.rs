//! Sessions with rooms, driven by events: a text that is meant for a room goes there or nowhere, and a session with a
//! room is a session like the others.

mod coming_back;

use hobnob_protocol::chain::{ChainHash, LobbyMessage, LogId, Position, Seq};
use hobnob_protocol::content::{Act, Content, ShortText};
use hobnob_protocol::ids::RunId;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::{Change, ClientMessage, JoinRoom, JoinedRoom, NotAcceptedCode, NotJoinedCode};
use hobnob_protocol::room::RoomName;
use hobnob_protocol::text::Text;

use super::tests::Scene;
use super::*;
use crate::data::history::entry::Mark;
use crate::lobby::event::ServerAnswer;
use crate::lobby::sequence::Resumed;

const TEA: SessionId = SessionId(1);

fn room(name: &str) -> RoomName {
    name.parse().unwrap()
}

fn at(seq: u64) -> Position {
    Position { seq: Seq(seq), hash: ChainHash::new([1; 32]) }
}

fn joined(name: &str, request: Option<u32>) -> LobbyEvent {
    let joined = JoinedRoom {
        request,
        room: room(name),
        log: LogId::new([7; 16]),
        head: at(0),
        start: at(0),
        missed: 0,
        resumed: true,
        topic: None,
        users: 1,
    };
    LobbyEvent::RoomJoined { joined: Box::new(joined), resumed: Resumed::After { missed: 0 } }
}

fn entry(seq: u64, content: impl Into<Content>) -> Box<LobbyMessage> {
    Box::new(LobbyMessage {
        seq: Seq(seq),
        at: 1,
        name: "bobby".parse().unwrap(),
        key: PublicKey::new([8; 32]),
        run: RunId::new([2; 8]),
        id: seq,
        content: content.into(),
        hash: ChainHash::new([3; 32]),
    })
}

fn said(name: &str, seq: u64, text: &str) -> LobbyEvent {
    let message = entry(seq, Text::new(text).unwrap());
    LobbyEvent::Said { room: Some(room(name)), message, replayed: false }
}

fn says(id: u64, name: &str, text: &str) -> ClientMessage {
    ClientMessage::Say { id, room: Some(room(name)), text: Text::new(text).unwrap() }
}

/// Makes a script that is in the room.
fn in_tea() -> Scene {
    let mut scene = Scene::new();
    scene.feed(&["\\join tea"]);
    scene.lobby(joined("Tea", Some(1)));
    scene.link.told();
    scene.shown();
    scene
}

#[test]
fn a_text_after_a_join_is_said_in_the_joined_room() {
    let mut scene = Scene::new();
    scene.feed(&["\\j #tea", "hello", "\\lobby", "to all"]);
    let asked = scene.link.told();
    let [ClientMessage::Join(JoinRoom { request: 1, room, cursor: None, since: None, backlog: 20 })] =
        &asked[..]
    else {
        panic!("{asked:?}")
    };
    assert_eq!(room.as_str(), "tea");
    scene.lobby(joined("Tea", Some(1)));
    scene.shows("you are in #Tea: session 1");
    assert_eq!(scene.link.told(), [says(1, "tea", "hello")]);
    scene.lobby(LobbyEvent::Sent { room: Some(self::room("tea")), id: 1, seq: Seq(1), message: None });
    assert_eq!(scene.link.told(), [super::tests::say(2, "to all")]);
    assert!(scene.app.state.is_clean());
}

#[test]
fn a_text_after_a_failed_join_is_said_nowhere() {
    use NotJoinedCode::{Busy, Full, Other, Store, TooMany, TooSoon};
    for code in [Full, TooMany, TooSoon, Store, Busy, Other] {
        let mut scene = Scene::new();
        scene.feed(&["\\join tea", "secret"]);
        scene.link.told();
        let room = room("tea");
        scene.lobby(LobbyEvent::RoomNotJoined { request: Some(1), room: room.clone(), code });
        scene.shows("session 1 with #tea is over: it could not be joined");
        assert_eq!(scene.app.state.sessions.current(), None);
        // The client does not want the room any more, whatever the server says later.
        assert_eq!(scene.link.told(), [ClientMessage::Part { room }]);
        scene.lobby(joined("tea", Some(1)));
        scene.feed(&["again", "\\lobby", "hello"]);
        let told = scene.link.told();
        assert_eq!(told.last(), Some(&super::tests::say(1, "hello")), "{told:?}");
        scene.shows("not sent (no session is current");
    }
}

#[test]
fn a_text_typed_while_a_room_is_joined_is_reported_as_unsent_if_the_join_fails() {
    let mut scene = Scene::new().at_terminal();
    scene.app.prompt();
    let line = |text: &str, session| {
        Event::Typed(crate::repl::Typed::Line {
            text: text.to_owned(),
            session: Some(session),
            typing: Default::default(),
        })
    };
    scene.happens(line("\\join tea", SessionId::LOBBY));
    scene.app.prompt();
    scene.happens(line("secret", TEA));
    assert!(
        matches!(&scene.link.told()[..], [ClientMessage::Join(_), said] if *said == says(1, "tea", "secret"))
    );
    let room = Some(room("tea"));
    let event = LobbyEvent::RoomNotJoined {
        request: Some(1),
        room: room.clone().unwrap(),
        code: NotJoinedCode::Full,
    };
    scene.happens(Event::Lobby(event));
    scene.shows("not sent (there is no room #tea");
    assert_eq!(scene.app.state.sessions.current(), Some(SessionId::LOBBY));
    // The server's own answer to the text comes too late to mean anything.
    scene.happens(Event::Lobby(LobbyEvent::not_accepted(1, NotAcceptedCode::NotInRoom)));
    assert_eq!(scene.shown(), "");
    assert!(scene.link.told().iter().all(|told| matches!(told, ClientMessage::Part { .. })));
}

#[test]
fn a_join_fails_if_the_lobby_goes_down_and_its_texts_are_perhaps_not_delivered() {
    let mut scene = Scene::new().at_terminal();
    scene.app.prompt();
    let line = |text: &str, session| {
        Event::Typed(crate::repl::Typed::Line {
            text: text.to_owned(),
            session: Some(session),
            typing: Default::default(),
        })
    };
    scene.happens(line("\\join tea", SessionId::LOBBY));
    scene.app.prompt();
    scene.happens(line("secret", TEA));
    scene.happens(Event::Lobby(LobbyEvent::Down { reason: "x".to_owned() }));
    scene.shows("perhaps not delivered");
    assert!(!scene.app.state.sessions.contains(TEA));
    let parted = ClientMessage::Part { room: room("tea") };
    assert_eq!(scene.link.told().last(), Some(&parted), "the link sends nothing to the room any more");
}

#[test]
fn messages_of_a_room_are_shown_with_its_name_and_counted_in_its_session() {
    let mut scene = in_tea();
    scene.feed(&["\\lobby"]);
    scene.shown();
    scene.lobby(said("TEA", 1, "anna: tea?"));
    scene.shows("#Tea bobby: anna: tea?\n");
    assert_eq!(scene.app.state.sessions.unread(TEA), 1);
    assert_eq!(scene.app.state.sessions.unread(SessionId::LOBBY), 0);
    scene.lobby(said("dev", 1, "of a room this user is not in"));
    assert_eq!(scene.shown(), "");
    scene.feed(&["\\ss"]);
    scene.shows("1 #Tea (up, 1 unread, 1 names you)");
    scene.feed(&["\\sw #tea", "\\ss"]);
    scene.shows("* 1 #Tea (up)");
    let changes = vec![Change::Joined("carol".parse().unwrap()), Change::Left("bobby".parse().unwrap())];
    scene.lobby(LobbyEvent::Presence { room: Some(room("tea")), changes });
    assert_eq!(scene.shown(), ">>> carol joined #Tea\n>>> bobby left #Tea\n");
    assert!(scene.app.state.known_names.contains(&"bobby".parse().unwrap()), "bobby is still in the lobby");
}

#[test]
fn users_and_history_in_a_room_are_about_that_room() {
    let mut scene = in_tea();
    let tea = Some(room("tea"));
    scene.feed(&["\\users"]);
    assert_eq!(scene.link.told(), [ClientMessage::Users { request: 2, room: tea.clone() }]);
    let names = vec!["anna".parse().unwrap()];
    let users = ServerAnswer::Users { request: 2, names, away: Vec::new(), more: false };
    scene.lobby(LobbyEvent::Answer(users));
    scene.shows("in #Tea (1): anna");
    scene.feed(&["\\hist 5"]);
    let asked = ClientMessage::History { request: 3, limit: 5, room: tea.clone(), before: None };
    assert_eq!(scene.link.told(), [asked]);
    let after = Position::start(&LogId::new([7; 16]));
    let mut message = *entry(1, Text::new("earlier").unwrap());
    message.hash = hobnob_protocol::chain::link(&after.hash, &message);
    let answer = ServerAnswer::History { request: 3, after, messages: vec![message], more: false };
    scene.lobby(LobbyEvent::Answer(answer));
    scene.shows("#Tea bobby: earlier\n");
    scene.feed(&["\\fork bobby"]);
    assert!(
        matches!(&scene.link.told()[..], [ClientMessage::Pair { .. }]),
        "a fork is asked for from a room, too"
    );
}

#[test]
fn a_topic_command_is_finished_when_the_server_acknowledges_the_topic() {
    let mut scene = in_tea();
    scene.feed(&["\\topic"]);
    scene.shows("#Tea has no topic");
    scene.feed(&["\\topic Green tea", "next"]);
    let act = Act::topic(Some(ShortText::new("Green tea").unwrap()));
    let room = Some(room("tea"));
    assert_eq!(
        scene.link.told(),
        [ClientMessage::Act { id: 1, room: room.clone(), act: act.clone(), lasts: None }]
    );
    let message = Some(entry(1, act));
    scene.lobby(LobbyEvent::Sent { room, id: 1, seq: Seq(1), message });
    scene.shows("#Tea: Green tea (set by bobby)");
    assert_eq!(scene.link.told(), [says(2, "tea", "next")], "the script goes on");
    scene.feed(&["\\topic"]);
    scene.lobby(LobbyEvent::Sent { room: None, id: 2, seq: Seq(2), message: None });
    scene.shows("#Tea: Green tea (set by bobby)");
}

#[test]
fn an_act_that_the_server_refuses_fails_its_command() {
    let mut scene = in_tea();
    scene.feed(&["\\topic x", "\\lobby"]);
    scene.lobby(LobbyEvent::not_accepted(1, NotAcceptedCode::NotOperator));
    scene.shows("\\topic: only operators");
    scene.feed(&["\\unban carl"]);
    scene.lobby(LobbyEvent::not_accepted(2, NotAcceptedCode::Unchanged));
    scene.shows("\\unban: there is no ban of that name, key or address");
    assert!(!scene.app.state.is_clean());
    assert_eq!(scene.app.state.sessions.current(), Some(SessionId::LOBBY));
}

#[test]
fn a_room_is_left_when_its_last_text_is_acknowledged() {
    let mut scene = in_tea().at_terminal();
    scene.app.prompt();
    let line = |text: &str| {
        Event::Typed(crate::repl::Typed::Line {
            text: text.to_owned(),
            session: Some(TEA),
            typing: Default::default(),
        })
    };
    scene.happens(line("bye"));
    scene.app.prompt();
    scene.happens(line("\\leave"));
    assert_eq!(
        scene.app.state.sessions.current(),
        Some(SessionId::LOBBY),
        "nothing more is said in the room"
    );
    assert_eq!(scene.link.told(), [says(1, "tea", "bye")]);
    let room = room("tea");
    let sent = LobbyEvent::Sent { room: Some(room.clone()), id: 1, seq: Seq(1), message: None };
    scene.happens(Event::Lobby(sent));
    scene.shows("session 1 with #Tea is over: you left it");
    assert_eq!(scene.link.told(), [ClientMessage::Part { room }]);
    assert!(scene.app.state.is_clean());
}

#[tokio::test(start_paused = true)]
async fn a_room_is_left_after_a_bounded_time_if_the_server_acknowledges_nothing() {
    let mut scene = in_tea().at_terminal();
    scene.app.prompt();
    let line = |text: &str| {
        Event::Typed(crate::repl::Typed::Line {
            text: text.to_owned(),
            session: Some(TEA),
            typing: Default::default(),
        })
    };
    scene.happens(line("bye"));
    scene.app.prompt();
    scene.happens(line("\\leave"));
    for _ in 0..5 {
        if let Some(deadline) = scene.app.deadline() {
            tokio::time::advance(deadline - Instant::now()).await;
            scene.happens(Event::Time);
            scene.app.prompt();
        }
    }
    scene.shows("perhaps not delivered (you left the room): bye");
    assert!(!scene.app.state.sessions.contains(TEA));
}

#[test]
fn a_flood_of_topics_is_shown_in_a_few_lines() {
    let mut scene = in_tea();
    for seq in 1..=10_000 {
        let act = Act::topic(Some(ShortText::new(format!("topic {seq}")).unwrap()));
        scene.lobby(LobbyEvent::Said { room: Some(room("tea")), message: entry(seq, act), replayed: false });
    }
    assert!(scene.shown().lines().count() < 10);
    scene.feed(&["\\topic"]);
    scene.shows("#Tea: topic 10000 (set by bobby)");
    assert_eq!(scene.app.state.sessions.unread(TEA), 0, "an act does not count as a message");
}

#[test]
fn a_script_waits_until_a_room_is_joined() {
    let mut scene = in_tea();
    scene.feed(&["\\wait joined #tea", "\\wait joined dev 5", "after"]);
    assert!(scene.app.state.is_watching());
    scene.app.state.join_room(room("dev"));
    scene.lobby(joined("dev", Some(2)));
    assert!(!scene.app.state.is_watching());
}

#[test]
fn json_events_show_a_room_as_a_session_with_the_name_of_the_room() {
    let mut scene = Scene::new().with_json();
    scene.feed(&["\\join tea"]);
    scene.lobby(joined("tea", Some(1)));
    scene.shows(r#"{"event":"opened","session":1,"room":"tea"}"#);
    scene.lobby(said("tea", 1, "hi"));
    scene.shows(r#"{"event":"message","session":1,"kind":"room","room":"tea","from":"bobby","text":"hi""#);
    let changes = vec![Change::Joined("carol".parse().unwrap())];
    scene.lobby(LobbyEvent::Presence { room: Some(room("tea")), changes });
    scene.shows(r#"{"event":"joined","name":"carol","session":1,"room":"tea"}"#);
    scene.feed(&["{\"say\":\"x\",\"session\":1,\"id\":5}"]);
    scene.lobby(LobbyEvent::Sent { room: Some(room("tea")), id: 1, seq: Seq(2), message: None });
    scene.shows(r#"{"event":"sent","session":1,"text":"x","seq":2}"#);
    scene.feed(&["\\ss"]);
    scene.shows(r#"{"id":1,"kind":"room","peer":null,"room":"tea","mode":null,"state":"up""#);
    scene.feed(&["\\leave"]);
    scene.shows(r#"{"event":"closed","session":1,"room":"tea","reason":"ended"}"#);
}
