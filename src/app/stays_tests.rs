//! What stays on the screen of a typed line: the text that it says, as others see it, or the line as it was typed if
//! nothing was said. Also the questions before a text is said.

use hobnob_protocol::message::ClientMessage;

use super::refused_tests::person;
use super::tests::Scene;
use super::*;
use crate::config::preferences::{Preferences, Times};
use crate::repl::{AsSaid, Stays, Typed};
use crate::session::{LinkState, PeerSession, RoomSession};
use crate::show::unsent::LobbyEnded;

/// A person at a terminal in the lobby, who is shown no times and has two aliases.
fn author() -> Scene {
    let mut scene = person();
    scene.app.state.user.preferences = Preferences { times: Times::Off, ..Preferences::default() };
    for (name, text) in [("brb", "be right back"), ("wave", "\\me waves")] {
        scene.app.state.user.aliases.set(name, Some(text)).unwrap();
    }
    scene
}

/// Enters a line under the prompt of the current session. Returns what stays of it in the place of its prompt and text;
/// `None` if it stays as it was typed.
fn enter(scene: &mut Scene, line: &str) -> Option<String> {
    let session = scene.app.state.sessions.current();
    editor(scene).hand_over();
    scene.happens(Event::Typed(Typed::Line { text: line.to_owned(), session, typing: Default::default() }));
    let stays = editor(scene).stays().expect("the app tells what stays");
    scene.app.prompt();
    match stays {
        Stays::AsTyped => None,
        Stays::AsSaid(AsSaid { before, text, .. }) => Some(format!("{}{text}", before.raw())),
    }
}

/// Answers a question. Of the answer nothing else can stay than what was typed.
fn answer(scene: &mut Scene, line: &str) {
    let session = scene.app.state.sessions.current();
    scene.happens(Event::Typed(Typed::Line { text: line.to_owned(), session, typing: Default::default() }));
    scene.app.prompt();
}

fn editor(scene: &Scene) -> &crate::repl::ReplHandle {
    let InputSource::Terminal(terminal) = &scene.app.input else { unreachable!() };
    terminal.editor()
}

fn said(scene: &mut Scene) -> Vec<String> {
    let texts = scene.link.told().into_iter().filter_map(|told| match told {
        ClientMessage::Say { text, .. } => Some(text.as_str().to_owned()),
        _ => None,
    });
    texts.collect()
}

#[test]
fn a_text_stays_on_the_screen_as_it_is_said() {
    for (line, shown) in [
        ("hello", "anna: hello"),
        ("\\me sings", "* anna sings"),
        ("/me sings", "* anna sings"),
        ("* anna sings", "* anna sings"),
        ("//me", "anna: /me"),
        ("\\\\path", "anna: \\path"),
        ("\\brb", "anna: be right back"),
        ("\\brb soon", "anna: be right back soon"),
        ("\\wave", "* anna waves"),
        ("C:\\\\", "anna: C:\\"),
        ("one\ntwo", "anna: one\ntwo"),
        ("caf\u{fffd}", "anna: caf\u{fffd}"),
    ] {
        let mut scene = author();
        assert_eq!(enter(&mut scene, line).as_deref(), Some(shown), "{line:?}");
        assert_eq!(said(&mut scene).len(), 1, "{line:?}");
    }
}

#[test]
fn a_text_for_a_room_or_in_private_stays_with_its_receiver() {
    let mut scene = author();
    let room = RoomSession { joined: true, ..RoomSession::joining("tea".parse().unwrap()) };
    let tea = scene.app.state.sessions.add_room(room);
    let bobby = scene.app.state.sessions.add(PeerSession::up("bobby"));
    for (session, texts) in [
        (tea, ["#tea anna: hello", "#tea * anna waves"]),
        (bobby, ["P-> bobby <anna> hello", "P-> bobby * anna waves"]),
    ] {
        scene.app.state.sessions.switch(session);
        for (line, shown) in ["hello", "\\wave"].into_iter().zip(texts) {
            assert_eq!(enter(&mut scene, line).as_deref(), Some(shown), "{line:?}");
        }
    }
}

#[test]
fn a_line_that_says_nothing_stays_as_it_was_typed() {
    let long = "x".repeat(hobnob_protocol::MAX_TEXT_BYTES + 1);
    for line in [
        "",
        "\\users",
        "/query bobby",
        " \\users",
        "\\brb\nmore",
        "\\nonsense",
        "\\msg bobby hi",
        "hello\n\\msg bobby secret",
        "\\me hi\\msg bobby secret",
        &long,
    ] {
        let mut scene = author();
        assert_eq!(enter(&mut scene, line), None, "{line:?}");
        assert_eq!(said(&mut scene), Vec::<String>::new(), "{line:?}");
    }
}

#[test]
fn a_text_that_is_refused_does_not_look_said() {
    // It has a character for a byte that its author did not mean.
    let mut scene = author();
    scene.happens(Event::Typed(Typed::NotUtf8(0xe9)));
    assert_eq!(enter(&mut scene, "caf\u{fffd}"), None);
    // It was finished before anybody can have read that the command failed.
    let mut scene = author();
    assert_eq!(enter(&mut scene, "\\fork an/na"), None);
    assert_eq!(enter(&mut scene, "secret"), None);
    // A command was typed behind the text with which the line began.
    let mut scene = author();
    let text = "Dear all,".to_owned();
    scene.happens(Event::Typed(Typed::Edited { text, session: Some(SessionId::LOBBY), failed: None }));
    scene.app.prompt();
    assert_eq!(enter(&mut scene, "Dear all,\\msg bobby secret"), None);
    scene.shows("a command was typed behind");
    // The lobby has ended for this user.
    let mut scene = author();
    scene.app.state.lobby_ended = Some(LobbyEnded::Kicked);
    assert_eq!(enter(&mut scene, "hello"), None);
    scene.shows("not sent");
    assert_eq!(said(&mut scene), Vec::<String>::new());
}

#[test]
fn a_text_that_waits_for_the_lobby_stays_as_it_is_said() {
    let mut scene = author();
    scene.app.state.sessions.set_lobby_state(LinkState::Down);
    assert_eq!(enter(&mut scene, "hello").as_deref(), Some("anna: hello"));
    assert_eq!(scene.shown(), ">>> the lobby is down: this waits, and goes out when it is back\n");
}

#[test]
fn a_text_about_which_its_author_is_asked_is_shown_as_said_below_a_yes_alone() {
    let text = "hello\n\\msg bobby secret";
    let mut scene = author();
    assert_eq!(enter(&mut scene, text), None);
    scene.shows("2 lines to the lobby, beginning: hello");
    answer(&mut scene, "");
    assert_eq!(scene.shown(), "");
    assert_eq!(enter(&mut scene, text), None);
    let asked = scene.shown();
    assert!(asked.contains("2 lines to the lobby") && !asked.contains("anna: hello"), "{asked}");
    answer(&mut scene, "y");
    scene.shows("anna: hello\n\\msg bobby secret\n");
    assert_eq!(said(&mut scene), [text]);
}

#[test]
fn what_was_typed_ahead_of_a_question_is_brought_back_and_answers_no() {
    for (typed, brought_back) in
        [("the next line", true), ("yes, and more", true), ("n", false), (" No ", false), ("", false)]
    {
        let mut scene = author();
        enter(&mut scene, "hello\n\\msg bobby secret");
        scene.shown();
        answer(&mut scene, typed);
        let lines: &[&str] = if brought_back { &[typed] } else { &[] };
        assert_eq!(editor(&scene).brought_back(), lines, "{typed:?}");
        assert_eq!(scene.shown().contains("not sent"), brought_back, "{typed:?}");
        let InputSource::Terminal(terminal) = &scene.app.input else { unreachable!() };
        assert_eq!(terminal.returned(), "hello\n\\msg bobby secret");
        assert_eq!(said(&mut scene), Vec::<String>::new(), "{typed:?}");
    }
}
