//! Tests of the sessions of a run: their numbers, which one is current, and what is unread.

use super::*;

impl PeerSession {
    /// Makes a private session that this user asked for and whose link is up.
    pub(crate) fn up(peer: &str) -> Self {
        Self {
            peer: peer.parse().unwrap(),
            key: None,
            mode: Mode::A,
            state: LinkState::Up,
            verified: false,
            path: None,
            unread: 0,
        }
    }
}

#[test]
fn session_numbers_count_up_and_are_never_used_twice() {
    let mut sessions = Sessions::new();
    assert_eq!(sessions.add(PeerSession::up("bobby")), SessionId(1));
    sessions.remove(SessionId(1));
    assert_eq!(sessions.add(PeerSession::up("carmen")), SessionId(2));
    assert!(!sessions.contains(SessionId(1)));
}

#[test]
fn no_session_is_current_after_the_current_one_ends() {
    let mut sessions = Sessions::new();
    let id = sessions.add(PeerSession::up("bobby"));
    sessions.switch(id);
    sessions.remove(id);
    assert_eq!(sessions.current(), None);
    assert!(!sessions.is_lobby_current());
}

#[test]
fn rooms_and_private_sessions_are_numbered_together() {
    let mut sessions = Sessions::new();
    sessions.set_lobby_state(LinkState::Up);
    let tea = sessions.add_room(RoomSession::joining("tea".parse().unwrap()));
    let bobby = sessions.add(PeerSession::up("bobby"));
    let dev = sessions.add_room(RoomSession::joining("Dev".parse().unwrap()));
    assert_eq!([tea, bobby, dev].map(|id| id.0), [1, 2, 3]);
    let step = |from: SessionId, forward| sessions.beside(from, forward);
    assert_eq!([step(tea, true), step(bobby, true), step(dev, true)], [bobby, dev, SessionId::LOBBY]);
    assert_eq!([step(SessionId::LOBBY, false), step(dev, false), step(bobby, false)], [dev, bobby, tea]);
    let kinds: Vec<String> = sessions.rows().iter().map(|row| row.kind.to_string()).collect();
    assert_eq!(kinds, ["lobby", "room", "peer", "room"]);
    assert_eq!(sessions.with_room(&"dEV".parse().unwrap()), Some(dev));
    assert_eq!(sessions.with_name(&"tea".parse().unwrap()), None, "a room is not found as a user");
    assert!(sessions.is_log(tea) && !sessions.is_log(bobby) && sessions.is_log(SessionId::LOBBY));
}

#[test]
fn a_joined_room_has_the_state_of_the_lobby_link() {
    let mut sessions = Sessions::new();
    let tea = sessions.add_room(RoomSession::joining("tea".parse().unwrap()));
    sessions.set_lobby_state(LinkState::Up);
    assert_eq!(sessions.state(tea), LinkState::Connecting);
    sessions.room_mut(tea).unwrap().joined = true;
    assert_eq!(sessions.state(tea), LinkState::Up);
    sessions.set_lobby_state(LinkState::Down);
    assert!(sessions.is_down(tea));
    sessions.count_unread(tea, false);
    assert_eq!((sessions.unread(tea), sessions.unread(SessionId::LOBBY)), (1, 0));
    sessions.switch(tea);
    assert_eq!(sessions.unread(tea), 0);
    sessions.remove_room(tea);
    assert_eq!((sessions.current(), sessions.contains(tea)), (None, false));
}

#[test]
fn stepping_through_the_sessions_returns_to_the_lobby() {
    let mut sessions = Sessions::new();
    assert_eq!(sessions.beside(SessionId::LOBBY, true), SessionId::LOBBY);
    for name in ["bobby", "carmen", "dora"] {
        sessions.add(PeerSession::up(name));
    }
    sessions.remove(SessionId(2));
    let step = |from, forward| sessions.beside(SessionId(from), forward).0;
    assert_eq!([step(0, true), step(1, true), step(3, true)], [1, 3, 0]);
    assert_eq!([step(0, false), step(3, false), step(1, false)], [3, 1, 0]);
}

#[test]
fn messages_in_other_sessions_are_unread_until_the_user_switches() {
    let mut sessions = Sessions::new();
    let id = sessions.add(PeerSession::up("bobby"));
    let counts = |sessions: &Sessions| {
        sessions.rows().iter().map(|row| (row.unread, row.mentions)).collect::<Vec<_>>()
    };
    sessions.count_unread(id, false);
    sessions.count_unread(id, true);
    sessions.count_unread(SessionId::LOBBY, true);
    assert_eq!(counts(&sessions), [(0, 0), (2, 1)]);
    sessions.switch(id);
    sessions.count_unread(SessionId::LOBBY, true);
    assert_eq!(counts(&sessions), [(1, 1), (0, 0)]);
    sessions.count_missed(SessionId::LOBBY, 10, 2);
    assert_eq!(counts(&sessions), [(11, 3), (0, 0)]);
}

#[test]
fn a_session_is_found_by_name_and_case_is_ignored() {
    let mut sessions = Sessions::new();
    let id = sessions.add(PeerSession::up("Bobby"));
    assert_eq!(sessions.with_name(&"bOBBY".parse().unwrap()), Some(id));
    assert_eq!(sessions.with_name(&"anna".parse().unwrap()), None);
}
