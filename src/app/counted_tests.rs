//! Messages that were only counted in the prompt of a terminal are shown at the latest when their session ends.

use std::sync::Arc;

use hobnob_protocol::ids::PairToken;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::NotJoinedCode;
use hobnob_protocol::room::RoomName;

use super::tests::Scene;
use super::*;
use crate::config::preferences::{Others, Preferences};
use crate::repl::ReplHandle;
use crate::screen::folding::Folding;
use crate::screen::{Form, Screen, Sink};
use crate::session::{Mode, PeerSession, RoomSession};
use crate::show::terminal::TerminalForm;
use crate::show::unsent::Unsent;
use crate::show::{ClosedReason, Message};
use crate::timestamp::Timestamp;

/// A person at a terminal in the lobby. `others` says whether messages of other sessions are shown or counted.
fn person(others: Others) -> Scene {
    let mut scene = Scene::new().at_terminal();
    let preferences = Preferences { others, ..Preferences::default() };
    let today = jiff::Timestamp::UNIX_EPOCH;
    let form = TerminalForm::new(false, jiff::tz::TimeZone::UTC, preferences.clone(), today);
    let sink = Sink::Terminal(Arc::new(ReplHandle::without_editor()));
    scene.app.state.user.preferences = preferences;
    scene.app.state.screen = Screen::new(Form::Terminal(Box::new(Folding::new(form))), sink, None);
    scene.app.prompt();
    scene
}

/// Opens a private session for bobby, which is not current.
fn with_bobby(scene: &mut Scene) -> SessionId {
    scene.app.state.sessions.add(PeerSession {
        key: Some(PublicKey::new([2; 32])),
        mode: Mode::B,
        ..PeerSession::up("bobby")
    })
}

/// Bobby says something in a session.
fn says(scene: &mut Scene, session: SessionId, text: &str) {
    let state = &mut scene.app.state;
    let message = state.message(session, "bobby".parse().unwrap(), text, Timestamp(1));
    state.show_message(Message { key: Some(PublicKey::new([2; 32])), ..message });
}

/// Checks that these parts are shown in this order.
#[track_caller]
fn stands_in_order(shown: &str, parts: &[&str]) {
    let mut rest = shown;
    for part in parts {
        let at = rest.find(part).unwrap_or_else(|| panic!("{part:?} does not follow in:\n{shown}"));
        rest = &rest[at + part.len()..];
    }
}

fn leaves(scene: &mut Scene, session: SessionId) {
    scene.app.state.session_over(session, ClosedReason::Left, &Unsent::OtherLeft(&"bobby".parse().unwrap()));
    scene.app.settle();
}

#[test]
fn a_private_session_that_ends_shows_the_messages_that_were_only_counted() {
    let mut scene = person(Others::Count);
    let session = with_bobby(&mut scene);
    says(&mut scene, session, "goodbye, anna");
    assert_eq!(scene.shown(), "");
    leaves(&mut scene, session);
    let shown = scene.shown();
    stands_in_order(&shown, &["1 unread in session 1", "goodbye, anna", "session 1 with bobby is over"]);
    assert!(!scene.app.state.sessions.has_unseen(session));
}

#[test]
fn an_ended_session_shows_its_newest_twenty_unread_messages_and_names_no_command() {
    let mut scene = person(Others::Count);
    let session = with_bobby(&mut scene);
    (1..=25).for_each(|number| says(&mut scene, session, &format!("text {number} of many")));
    leaves(&mut scene, session);
    let shown = scene.shown();
    let order = ["25 unread in session 1, the newest 20 of them", "text 6 of", "text 25 of", "is over"];
    stands_in_order(&shown, &order);
    assert!(!shown.contains("text 5 of") && !shown.contains("\\history"), "{shown}");
}

#[test]
fn messages_that_were_shown_already_are_not_shown_again() {
    let mut scene = person(Others::Show);
    let session = with_bobby(&mut scene);
    says(&mut scene, session, "seen as it came");
    scene.shows("seen as it came");
    leaves(&mut scene, session);
    let shown = scene.shown();
    assert!(shown.contains("is over") && !shown.contains("unread") && !shown.contains("seen"), "{shown}");
    // A person who has switched to the session has seen the messages, too.
    let mut scene = person(Others::Count);
    let session = with_bobby(&mut scene);
    says(&mut scene, session, "read in time");
    scene.app.state.switch(session).unwrap();
    scene.shows("read in time");
    scene.app.state.switch(SessionId::LOBBY).unwrap();
    leaves(&mut scene, session);
    assert!(!scene.shown().contains("read in time"));
}

#[test]
fn counted_messages_are_shown_at_the_end_even_if_the_setting_was_changed_meanwhile() {
    let mut scene = person(Others::Count);
    let session = with_bobby(&mut scene);
    says(&mut scene, session, "counted");
    scene.app.state.user.preferences.others = Others::Show;
    says(&mut scene, session, "as it came");
    scene.shown();
    leaves(&mut scene, session);
    stands_in_order(&scene.shown(), &["2 unread in session 1", "counted", "as it came", "is over"]);
}

#[test]
fn a_room_that_cannot_be_rejoined_shows_the_messages_that_were_only_counted() {
    let mut scene = person(Others::Count);
    let room: RoomName = "tea".parse().unwrap();
    let session = scene.app.state.sessions.add_room(RoomSession::joining(room.clone()));
    says(&mut scene, session, "the kettle is on");
    assert_eq!(scene.shown(), "");
    let code = NotJoinedCode::Full;
    scene.happens(Event::Lobby(LobbyEvent::RoomNotJoined { request: None, room, code }));
    stands_in_order(&scene.shown(), &["1 unread in #tea", "the kettle is on", "session 1 with #tea is over"]);
}

#[test]
fn a_user_who_returns_to_the_lobby_sees_the_messages_that_were_only_counted_there() {
    for is_left_by_other in [true, false] {
        let mut scene = person(Others::Count);
        let session = with_bobby(&mut scene);
        scene.app.state.switch(session).unwrap();
        scene.shown();
        says(&mut scene, SessionId::LOBBY, "hello to all");
        assert_eq!(scene.shown(), "");
        if is_left_by_other {
            leaves(&mut scene, session);
        } else {
            scene.app.prompt();
            let text = "\\leave".to_owned();
            scene.happens(Event::Typed(crate::repl::Typed::Line {
                text,
                session: Some(session),
                typing: Default::default(),
            }));
        }
        stands_in_order(&scene.shown(), &["1 unread in the lobby", "hello to all"]);
    }
}

#[test]
fn what_a_user_says_in_another_client_is_not_unread_and_is_shown_between_what_is() {
    let mut scene = person(Others::Count);
    let session = with_bobby(&mut scene);
    scene.app.state.switch(session).unwrap();
    scene.shown();
    says(&mut scene, SessionId::LOBBY, "first");
    let state = &mut scene.app.state;
    let own = state.message(SessionId::LOBBY, "anna_2".parse().unwrap(), "from my phone", Timestamp(1));
    state.show_message(Message { key: Some(PublicKey::new([1; 32])), ..own });
    says(&mut scene, SessionId::LOBBY, "second");
    assert_eq!(scene.app.state.sessions.unread(SessionId::LOBBY), 2);
    scene.app.state.switch(SessionId::LOBBY).unwrap();
    stands_in_order(&scene.shown(), &["2 unread in the lobby", "first", "from my phone", "second"]);
}

#[test]
fn unread_messages_of_strangers_do_not_hide_those_of_others_in_the_prompt() {
    let mut scene = person(Others::Count);
    let strangers: Vec<SessionId> = (0..4).map(|_| with_bobby(&mut scene)).collect();
    for (number, session) in (0..).zip(&strangers) {
        scene.app.state.strangers.up(&PairToken::new([number; 16]), *session);
    }
    let answered = with_bobby(&mut scene);
    strangers.into_iter().chain([answered]).for_each(|session| says(&mut scene, session, "hi"));
    let prompt = counts::counts(SessionId::LOBBY, &scene.app.state, Instant::now());
    assert_eq!(prompt, " (1:1 2:1 5:1 …)");
}
