//! What a person types at a terminal before he can have read that something has changed: after the end of a session, at a
//! question, and behind a command that opens a session. None of it reaches anybody for whom it was not meant.

use std::time::Duration;

use hobnob_protocol::key::PublicKey;
use tokio::time::Instant;

use super::asked::{Asked, AskedTo};
use super::event::Event;
use super::refused_tests::{BOBBY, enter, input, leave_at_the_prompt_of_bobby, person, with_bobby};
use super::tests::{Scene, say};
use super::{InputSource, settling::SETTLING};
use crate::config::preferences::Private;
use crate::lobby::event::LobbyEvent;
use crate::repl::{Draft, Typed, Typing};
use crate::session::{PeerSession, RoomSession, SessionId};

const LOBBY: SessionId = SessionId::LOBBY;

fn enter_typed(scene: &mut Scene, text: &str, typing: Typing) {
    let (text, session) = (text.to_owned(), Some(LOBBY));
    scene.happens(Event::Typed(Typed::Line { text, session, typing }));
    scene.app.prompt();
}

fn step(scene: &mut Scene, forward: bool, draft: &str, session: SessionId) {
    let (draft, session) = (Draft::at_end(draft), Some(session));
    scene.happens(Event::Typed(Typed::Stepped { forward, draft, session }));
    scene.app.prompt();
}

fn brought_back(scene: &Scene) -> Vec<String> {
    input(scene).0
}

/// A person in the lobby whose session with bobby has just ended.
fn bobby_has_just_left() -> Scene {
    let mut scene = person();
    with_bobby(&mut scene);
    scene.app.settle();
    scene.app.state.sessions.remove(BOBBY);
    scene.app.settle();
    scene
}

#[tokio::test(start_paused = true)]
async fn a_line_that_was_begun_just_after_its_session_ended_is_not_said_in_the_lobby() {
    let mut scene = person();
    leave_at_the_prompt_of_bobby(&mut scene);
    scene.happens(Event::Typed(Typed::Cancelled { draft: Draft::default(), session: Some(BOBBY) }));
    scene.app.prompt();
    tokio::time::advance(Duration::from_millis(500)).await;
    let begun = Some(Instant::now());
    tokio::time::advance(Duration::from_millis(1600)).await;
    enter_typed(&mut scene, "a secret", Typing { begun, ..Typing::default() });
    scene.shows("not sent (it was typed before this prompt was there; the Up key brings it back): a secret");
    assert_eq!(brought_back(&scene), ["a secret"]);
    tokio::time::advance(SETTLING).await;
    let begun = Some(Instant::now());
    enter_typed(&mut scene, "hello all", Typing { begun, ..Typing::default() });
    assert_eq!(scene.link.told(), [say(1, "hello all")]);
}

#[tokio::test(start_paused = true)]
async fn a_step_to_a_session_that_has_just_ended_stays_and_what_follows_is_not_said() {
    for forward in [true, false] {
        let mut scene = bobby_has_just_left();
        step(&mut scene, forward, "", LOBBY);
        scene.shows("session 1 has just ended; you are where you were");
        tokio::time::advance(Duration::from_millis(300)).await;
        enter(&mut scene, "a secret", LOBBY);
        scene.shows("not sent (it was typed before this prompt was there");
        assert_eq!(brought_back(&scene), ["a secret"]);
        assert!(scene.link.told().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_goes_on_when_there_was_time_to_see_that_a_session_ended() {
    let mut scene = bobby_has_just_left();
    tokio::time::advance(SETTLING).await;
    step(&mut scene, true, "", LOBBY);
    enter(&mut scene, "hello all", LOBBY);
    assert_eq!(scene.link.told(), [say(1, "hello all")]);
}

#[tokio::test(start_paused = true)]
async fn the_name_of_a_user_whose_session_has_just_ended_does_not_lead_to_a_room() {
    let mut scene = person();
    let room = RoomSession { joined: true, ..RoomSession::joining("bobby".parse().unwrap()) };
    with_bobby(&mut scene);
    let room = scene.app.state.sessions.add_room(room);
    scene.app.settle();
    scene.app.state.sessions.remove(BOBBY);
    scene.app.settle();
    enter(&mut scene, "\\sw bobby", LOBBY);
    scene.shows("session 1 with bobby has just ended; nothing was done: \\sw #bobby goes to the room");
    enter(&mut scene, "a secret", LOBBY);
    assert!(scene.link.told().is_empty());
    assert_eq!(scene.app.state.sessions.current(), Some(LOBBY));
    enter(&mut scene, "\\sw #bobby", LOBBY);
    assert_eq!(scene.app.state.sessions.current(), Some(room));
}

#[test]
fn a_question_whether_to_remove_something_that_ends_without_an_answer_means_no() {
    for (typed, back) in [("", vec![]), ("y", vec![]), ("hello bobby", vec!["hello bobby".to_owned()])] {
        for stepped in [true, false] {
            let mut scene = person();
            with_bobby(&mut scene);
            let InputSource::Terminal(terminal) = &mut scene.app.input else { unreachable!() };
            terminal.ask(Asked {
                text: "\\forget bobby --talk".to_owned(),
                session: BOBBY,
                to: AskedTo::Remove,
            });
            if stepped {
                step(&mut scene, false, typed, BOBBY);
            } else {
                let draft = Draft::at_end(typed);
                scene.happens(Event::Typed(Typed::Cancelled { draft, session: Some(BOBBY) }));
                scene.app.prompt();
            }
            scene.shows("it stays");
            assert_eq!(input(&scene), (back.clone(), String::new()), "{typed:?}");
        }
    }
}

#[test]
fn a_text_at_the_question_whether_to_leave_is_brought_back() {
    for (typed, back) in [("hello all", true), ("n", false), ("", false)] {
        let mut scene = person();
        let InputSource::Terminal(terminal) = &mut scene.app.input else { unreachable!() };
        terminal.ask_to_leave();
        enter(&mut scene, typed, LOBBY);
        assert_eq!(brought_back(&scene).contains(&typed.to_owned()), back, "{typed}");
        assert_eq!(scene.shown().contains("not sent"), back, "{typed}");
        assert!(scene.link.told().is_empty() && scene.app.ending.is_none(), "{typed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_together_with_the_command_that_lets_somebody_in_is_not_said_in_the_lobby() {
    for asks in [true, false] {
        let mut scene = person();
        scene.app.state.user.preferences.private = Private::Ask;
        if asks {
            let (name, key) = ("dan".parse().unwrap(), PublicKey::new([4; 32]));
            scene.happens(Event::Lobby(LobbyEvent::Asked { ask: 1, name, key, session: None }));
        }
        enter(&mut scene, "\\accept dan", LOBBY);
        scene.link.told();
        enter(&mut scene, "hello dan", LOBBY);
        assert!(scene.link.told().is_empty(), "{asks}");
        assert_eq!(brought_back(&scene), ["hello dan"]);
        tokio::time::advance(SETTLING).await;
        enter(&mut scene, "hello all", LOBBY);
        assert_eq!(scene.link.told(), [say(1, "hello all")]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_behind_a_line_that_was_recalled_is_not_said_until_its_author_has_seen_it() {
    let mut scene = person();
    let typing = |recalled: &str| Typing { recalled: Draft::at_end(recalled), ..Typing::default() };
    let line = "a secret \\msg bobby another";
    enter_typed(&mut scene, line, typing("a secret"));
    scene.shows("a command was typed behind the text that was there");
    assert_eq!(brought_back(&scene), [line]);
    tokio::time::advance(SETTLING).await;
    enter_typed(&mut scene, line, typing(line));
    assert_eq!(scene.link.told(), [say(1, line)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_typed_behind_a_name_that_two_users_have_is_not_said_in_the_lobby() {
    for line in ["\\fork bobby", "\\sw bobby"] {
        let mut scene = person();
        for number in [2, 3] {
            let key = Some(PublicKey::new([number; 32]));
            scene.app.state.sessions.add(PeerSession { key, ..PeerSession::up("bobby") });
        }
        enter(&mut scene, line, LOBBY);
        scene.link.told();
        tokio::time::advance(Duration::from_millis(300)).await;
        let begun = Some(Instant::now());
        tokio::time::advance(SETTLING).await;
        enter_typed(&mut scene, "a secret", Typing { begun, ..Typing::default() });
        assert!(scene.link.told().is_empty(), "{line}");
        assert_eq!(brought_back(&scene), ["a secret"]);
    }
}
