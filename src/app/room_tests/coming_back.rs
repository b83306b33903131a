//! Rooms after the lobby was down, and at the start of another run: the client is in them again, from where it stopped.

use super::*;

#[test]
fn texts_for_a_room_wait_while_the_lobby_is_down_and_the_room_stays_current() {
    let mut scene = in_tea();
    scene.feed(&["\\lobby"]);
    scene.lobby(LobbyEvent::Down { reason: "x".to_owned() });
    scene.feed(&["\\sw tea", "waits"]);
    scene.shows("session 1 is current");
    assert_eq!(scene.link.told(), [says(1, "tea", "waits")], "the link keeps the text");
    scene.feed(&["\\leave"]);
    assert!(scene.app.state.sessions.contains(TEA), "a script's command waits for the text before it");
    scene.lobby(joined("tea", None));
    scene.lobby(LobbyEvent::Sent { room: Some(room("tea")), id: 1, seq: Seq(1), message: None });
    assert!(!scene.app.state.sessions.contains(TEA));
    assert!(scene.app.state.is_clean());
}

#[test]
fn a_room_that_cannot_be_rejoined_ends_and_its_waiting_texts_are_reported() {
    let mut scene = in_tea();
    scene.lobby(LobbyEvent::Down { reason: "x".to_owned() });
    scene.feed(&["waits"]);
    let code = NotJoinedCode::Full;
    scene.lobby(LobbyEvent::RoomNotJoined { request: None, room: room("tea"), code });
    scene.shows("not sent (there is no room #tea");
    assert_eq!(scene.app.state.sessions.current(), None, "a script has to say where its next text goes");
    scene.feed(&["more"]);
    scene.shows("not sent (no session is current");
    scene.feed(&["\\topic our plan"]);
    scene.shows("\\topic: no session is current: \\lobby, \\sw or \\join first; no topic was set");
}

#[test]
fn the_messages_of_a_room_that_was_made_anew_are_asked_for() {
    let mut scene = in_tea();
    scene.lobby(LobbyEvent::Down { reason: "x".to_owned() });
    scene.shown();
    let LobbyEvent::RoomJoined { joined: anew, .. } = joined("tea", None) else { unreachable!() };
    let anew = JoinedRoom { log: LogId::new([8; 16]), head: at(3), start: at(3), resumed: false, ..*anew };
    scene.lobby(LobbyEvent::RoomJoined { joined: Box::new(anew), resumed: Resumed::Elsewhere });
    let (room, before) = (Some(room("tea")), Some(Seq(4)));
    assert_eq!(scene.link.told(), [ClientMessage::History { request: 2, limit: 20, room, before }]);
    assert_eq!(scene.shown(), "", "nothing had been said in the old room");
}

/// Notes how far this user read in the room in an earlier run.
fn returning(scene: &mut Scene, fetched: u64) {
    let hash = ChainHash::new([1; 32]);
    let mark = Mark { log: LogId::new([7; 16]), read: fetched, fetched, hash, at: 1 };
    scene.app.state.return_to_room(room("tea"), mark);
}

#[test]
fn a_room_with_very_many_missed_messages_is_joined_again_nearer_to_its_newest_message() {
    let mut scene = Scene::new();
    returning(&mut scene, 100);
    let LobbyEvent::RoomJoined { joined: far, .. } = joined("tea", None) else { unreachable!() };
    let far = JoinedRoom { head: at(30_000), start: at(100), ..*far };
    let resumed = Resumed::After { missed: 0 };
    scene.lobby(LobbyEvent::RoomJoined { joined: Box::new(far.clone()), resumed });
    let told = scene.link.told();
    let [ClientMessage::Part { .. }, ClientMessage::Join(JoinRoom { request, since, cursor: None, .. })] =
        &told[..]
    else {
        panic!("{told:?}")
    };
    assert_eq!(*since, Some(Seq(20_000)));
    assert_eq!(scene.shown(), "");
    // However many messages come meanwhile, the client does not join again.
    let near = JoinedRoom { request: Some(*request), head: at(45_000), start: at(20_000), ..far };
    scene.lobby(LobbyEvent::RoomJoined { joined: Box::new(near), resumed });
    scene.shows("you are in #tea: session 1");
    assert_eq!(scene.link.told(), []);
    assert!(scene.app.state.is_catching_up(), "what was missed is on its way");
}

#[test]
fn a_rejoined_room_without_missed_messages_shows_only_that_it_was_joined() {
    let mut scene = Scene::new();
    returning(&mut scene, 7);
    let LobbyEvent::RoomJoined { joined: again, .. } = joined("tea", None) else { unreachable!() };
    let again = JoinedRoom { head: at(7), start: at(7), ..*again };
    let resumed = Resumed::After { missed: 0 };
    scene.lobby(LobbyEvent::RoomJoined { joined: Box::new(again), resumed });
    assert_eq!(scene.shown(), ">>> you are in #tea: session 1\n");
    assert!(scene.app.state.sessions.is_lobby_current() && !scene.app.state.is_catching_up());
}
