//! Texts that were refused at a terminal: the Up key brings each back, and the next thing that is typed is never glued
//! to a text that was there and said to somebody for whom it was not meant. Also what a person sees of a text that a
//! command said.

use std::sync::Arc;

use hobnob_protocol::message::{ClientMessage, NotAcceptedCode};

use super::tests::{Scene, say};
use super::*;
use crate::config::preferences::{Preferences, Times};
use crate::lobby::event::ServerAnswer;
use crate::repl::{Draft, ReplHandle, Typed};
use crate::screen::folding::Folding;
use crate::screen::{Form, Screen, Sink};
use crate::session::{PeerSession, RoomSession};
use crate::show::terminal::TerminalForm;

const BOBBY: SessionId = SessionId(1);

/// A person at a terminal in the lobby, who is shown no times.
pub(super) fn person() -> Scene {
    let mut scene = Scene::new().at_terminal();
    let preferences = Preferences { times: Times::Off, wrap: false, ..Preferences::default() };
    let today = jiff::Timestamp::UNIX_EPOCH;
    let mut form = TerminalForm::new(false, jiff::tz::TimeZone::UTC, preferences, today);
    form.know_own(&"anna".parse().unwrap());
    let sink = Sink::Terminal(Arc::new(ReplHandle::without_editor()));
    scene.app.state.screen = Screen::new(Form::Terminal(Box::new(Folding::new(form))), sink, None);
    scene.app.prompt();
    scene
}

fn with_bobby(scene: &mut Scene) {
    assert_eq!(scene.app.state.sessions.add(PeerSession::up("bobby")), BOBBY);
}

/// Session 1 with bobby ends while its prompt is shown.
fn leave_at_the_prompt_of_bobby(scene: &mut Scene) {
    with_bobby(scene);
    scene.app.state.sessions.switch(BOBBY);
    scene.app.prompt();
    scene.app.state.sessions.remove(BOBBY);
    scene.app.settle();
}

fn enter(scene: &mut Scene, line: &str, session: SessionId) {
    scene.happens(Event::Typed(Typed::Line { text: line.to_owned(), session: Some(session) }));
    scene.app.prompt();
}

fn refuse(scene: &mut Scene, id: u64, code: NotAcceptedCode) {
    scene.happens(Event::Lobby(LobbyEvent::not_accepted(id, code)));
    scene.app.prompt();
}

/// Returns the lines that the Up key brings back, and the text with which the present prompt begins.
fn input(scene: &Scene) -> (Vec<String>, String) {
    let InputSource::Terminal(terminal) = &scene.app.input else { unreachable!() };
    (terminal.editor().brought_back(), terminal.returned())
}

#[test]
fn a_text_that_an_operator_refuses_is_brought_back_as_it_was_typed() {
    use NotAcceptedCode::{Locked, Muted, Slow};
    let lines = ["hello", "\\me waves", "/etc/hosts", "\\\\fork bobby", " blank", "one\ntwo", "C:\\\\"];
    for code in [Muted, Slow, Locked] {
        let mut scene = person();
        for line in lines {
            enter(&mut scene, line, SessionId::LOBBY);
        }
        for id in 1..=lines.len() as u64 {
            refuse(&mut scene, id, code);
            scene.shows("; the Up key brings it back)");
        }
        let expected: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        assert_eq!(input(&scene), (expected, String::new()), "{code:?}");
    }
}

#[test]
fn a_refused_text_of_a_program_is_brought_back_as_it_would_be_typed() {
    let mut scene = person();
    scene.app.state.say(SessionId::LOBBY, Text::new("\\fork bobby").unwrap(), None);
    refuse(&mut scene, 1, NotAcceptedCode::Muted);
    assert_eq!(input(&scene).0, ["\\\\fork bobby"]);
}

#[test]
fn a_text_that_the_server_cannot_take_for_another_reason_does_not_come_back() {
    let mut scene = person();
    enter(&mut scene, "hello", SessionId::LOBBY);
    refuse(&mut scene, 1, NotAcceptedCode::Store);
    assert!(!scene.shown().contains("Up key"));
    assert!(input(&scene).0.is_empty());
}

#[test]
fn a_script_is_told_the_reason_alone() {
    let mut scene = Scene::new();
    scene.feed(&["hello"]);
    scene.lobby(LobbyEvent::not_accepted(1, NotAcceptedCode::Slow));
    scene.shows("not sent (slow mode: wait a little before you speak again): hello");
}

#[tokio::test(start_paused = true)]
async fn a_command_of_a_room_that_is_over_does_nothing_in_the_lobby() {
    for line in ["\\topic our plan", "\\leave", "\\edit our plan", "\\verify yes"] {
        let mut scene = person();
        let room = RoomSession { joined: true, ..RoomSession::joining("tea".parse().unwrap()) };
        let tea = scene.app.state.sessions.add_room(room);
        scene.app.state.sessions.switch(tea);
        scene.app.prompt();
        scene.app.state.sessions.remove_room(tea);
        scene.app.settle();
        enter(&mut scene, line, tea);
        scene.shows("nothing was done (the session it was typed in is over; the Up key brings it back)");
        assert_eq!(input(&scene), (vec![line.to_owned()], String::new()));
        assert!(scene.link.told().is_empty(), "{line}");
        // Under the lobby's own prompt it is carried out when there was time to read what happened.
        tokio::time::advance(super::terminal::SETTLING).await;
        enter(&mut scene, "\\topic our plan", SessionId::LOBBY);
        let told = scene.link.told();
        assert!(matches!(&told[..], [ClientMessage::Act { .. }]), "{told:?}");
    }
}

#[test]
fn a_line_of_a_session_that_is_over_begins_no_line_of_the_lobby() {
    let mut scene = person();
    leave_at_the_prompt_of_bobby(&mut scene);
    enter(&mut scene, "my secret", BOBBY);
    scene.shows("not sent (the session it was typed in is over; the Up key brings it back): my secret");
    assert_eq!(input(&scene), (vec!["my secret".to_owned()], String::new()));
    assert_eq!(scene.app.state.sessions.current(), Some(SessionId::LOBBY));
}

#[test]
fn a_line_that_stays_in_the_editor_of_a_session_that_is_over_is_never_said() {
    let mut scene = person();
    leave_at_the_prompt_of_bobby(&mut scene);
    enter(&mut scene, " \\fork carmen", BOBBY);
    assert_eq!(input(&scene).1, " \\fork carmen");
    scene.shows("something invisible");
    // The prompt is still that of the session that is over.
    enter(&mut scene, "a secret", BOBBY);
    scene.shows("not sent (the session it was typed in is over");
    assert_eq!(input(&scene).1, "");
    assert!(scene.link.told().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_command_typed_behind_an_edited_text_is_not_said_until_its_author_has_seen_it() {
    let mut scene = person();
    let text = "Dear all,".to_owned();
    scene.happens(Event::Typed(Typed::Edited { text, session: Some(SessionId::LOBBY), failed: None }));
    scene.app.prompt();
    assert_eq!(input(&scene).1, "Dear all,");
    let glued = "Dear all,\\fork bobby";
    enter(&mut scene, glued, SessionId::LOBBY);
    scene.shows("a command was typed behind the text that was there");
    assert_eq!(input(&scene), (vec![glued.to_owned()], String::new()));
    // This was typed ahead, for bobby.
    enter(&mut scene, "secret", SessionId::LOBBY);
    scene.shows("typed before this prompt was there");
    assert!(scene.link.told().is_empty());
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    enter(&mut scene, glued, SessionId::LOBBY);
    assert_eq!(scene.link.told(), [say(1, glued)]);
}

#[tokio::test(start_paused = true)]
async fn a_command_behind_a_text_that_a_key_brought_is_not_said() {
    for line in ["hello\\msg bobby secret", "hello/msg bobby secret"] {
        let mut scene = person();
        scene.happens(Event::Typed(Typed::Brought(Draft::at_end("hello"))));
        enter(&mut scene, line, SessionId::LOBBY);
        scene.shows("a command was typed behind the text that was there");
        assert_eq!(input(&scene).0, [line]);
        assert!(scene.link.told().is_empty());
        // The line is said if its author brings it back and says it again.
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
        scene.happens(Event::Typed(Typed::Brought(Draft::at_end(line))));
        enter(&mut scene, line, SessionId::LOBBY);
        assert_eq!(scene.link.told(), [say(1, line)]);
    }
}

#[test]
fn a_private_text_that_a_command_said_is_shown_once_when_it_is_acknowledged() {
    let mut scene = person();
    with_bobby(&mut scene);
    enter(&mut scene, "\\msg bobby lunch?", SessionId::LOBBY);
    assert_eq!(scene.shown(), "", "nobody has acknowledged it");
    scene.app.state.settle_sent(1, None);
    assert_eq!(scene.shown(), "P-> bobby <anna> lunch?\n");
    // The editor has shown this one already.
    enter(&mut scene, "\\sw 1", SessionId::LOBBY);
    scene.shown();
    enter(&mut scene, "at noon?", BOBBY);
    scene.app.state.settle_sent(2, None);
    assert_eq!(scene.shown(), "");
}

#[test]
fn a_private_text_that_fails_does_not_look_said() {
    let mut scene = person();
    enter(&mut scene, "\\msg bobby lunch?", SessionId::LOBBY);
    let asked = scene.link.told().into_iter().find_map(|told| match told {
        ClientMessage::Pair { request, .. } => Some(request),
        _ => None,
    });
    let nobody = ServerAnswer::NoSuchUser { request: asked.unwrap(), name: "bobby".parse().unwrap() };
    scene.happens(Event::Lobby(LobbyEvent::Answer(nobody)));
    let shown = scene.shown();
    assert!(shown.contains("lunch?") && shown.contains("not sent"), "{shown}");
    assert!(!shown.contains("<anna>"), "{shown}");
}

#[test]
fn the_answer_to_a_question_begins_no_line() {
    let mut scene = person();
    with_bobby(&mut scene);
    let InputSource::Terminal(terminal) = &mut scene.app.input else { unreachable!() };
    terminal.ask_to_leave();
    let (draft, session) = (Draft::at_end("y"), Some(SessionId::LOBBY));
    scene.happens(Event::Typed(Typed::Stepped { forward: true, draft, session }));
    scene.app.prompt();
    enter(&mut scene, "n", SessionId::LOBBY);
    enter(&mut scene, "\\lobby", BOBBY);
    assert_eq!(scene.app.state.sessions.current(), Some(SessionId::LOBBY));
    assert_eq!(input(&scene).1, "");
}
