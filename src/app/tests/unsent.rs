//! A lobby that is down, refuses a text, or has sent this user out: what is held, and what is reported.

use hobnob_protocol::message::{NotAcceptedCode, Refused, RefusedCode};

use super::*;

#[test]
fn a_switch_to_a_lobby_that_is_down_fails_and_texts_for_it_are_kept() {
    let mut scene = Scene::new();
    scene.lobby(LobbyEvent::Down { reason: "cut".to_owned() });
    scene.feed(&["\\lobby"]);
    scene.shows("the lobby is down");
    scene.feed(&["held"]);
    assert_eq!(scene.link.told(), [say(1, "held")]);
    assert_eq!(scene.app.state.ledger.len(), 1);
}

#[test]
fn a_text_that_the_server_cannot_store_is_reported() {
    let mut scene = Scene::new();
    scene.feed(&["hello"]);
    scene.lobby(LobbyEvent::not_accepted(1, NotAcceptedCode::Store));
    scene.shows("not sent (the server could not store it): hello");
    assert_eq!(scene.app.state.verdict, ExitVerdict::Failed);
}

#[test]
fn a_text_said_after_the_link_has_ended_for_good_is_reported_at_once() {
    let mut scene = Scene::new();
    scene.feed(&["before"]);
    scene.link.end();
    scene.lobby(key_changed());
    let shown = scene.shown();
    assert!(shown.contains("another key; either the server was given a new key"), "{shown}");
    assert!(shown.contains("perhaps not delivered (the server's key changed): before"), "{shown}");
    let mut scene = Scene::new();
    scene.link.end();
    scene.feed(&["after"]);
    scene.shows("not sent (the lobby's link has ended for good): after");
    assert!(scene.app.state.ledger.is_empty(), "no command waits for the text");
}

#[test]
fn a_user_who_was_sent_out_is_told_how_to_come_back_and_nothing_of_a_lost_link() {
    let mut scene = Scene::new().at_terminal();
    let kicked =
        Refused { code: RefusedCode::Kicked, by: Some("boss".parse().unwrap()), reason: None, until: None };
    scene.app.command(Queued::new("whois".to_owned(), "bobby".to_owned(), None));
    scene.link.end();
    scene.happens(Event::Lobby(LobbyEvent::SentOut(kicked)));
    let shown = scene.shown();
    let out = "you were sent out of the lobby; \\quit and start hobnob again to come back";
    assert!(shown.contains("boss kicked you out of the lobby") && shown.contains(out), "{shown}");
    assert!(!shown.contains("is down") && !shown.contains("went down"), "{shown}");
    for (word, args) in [("lobby", ""), ("users", ""), ("switch", "0"), ("join", "tea")] {
        scene.app.command(Queued::new(word.to_owned(), args.to_owned(), None));
        scene.shows(&format!("\\{word}: {out}"));
    }
    scene.app.text("hello", SessionId::LOBBY, "hello");
    let shown = scene.shown();
    assert!(shown.contains("not sent (you were sent out of the lobby): hello"), "{shown}");
    assert!(!shown.contains("waits"), "{shown}");
    assert!(scene.app.state.ledger.is_empty() && scene.app.state.verdict == ExitVerdict::SentOut);
}

#[test]
fn a_question_that_is_open_when_the_link_is_lost_fails_its_command() {
    let mut scene = Scene::new();
    scene.feed(&["\\whois bobby", "next"]);
    scene.lobby(LobbyEvent::Down { reason: "cut".to_owned() });
    scene.shows("\\whois: the lobby went down before it answered");
    assert_eq!(scene.link.told().len(), 2, "the script goes on");
}

#[test]
fn what_a_session_cannot_keep_until_it_opens_is_reported_as_it_is_said() {
    let mut scene = Scene::new();
    scene.feed(&["\\fork bobby"]);
    let session = scene.app.state.sessions.current().unwrap();
    let long = Text::new("x".repeat(16 * 1024)).unwrap();
    let fit = crate::peer::OUTBOX_BYTES / long.as_str().len();
    for _ in 0..fit {
        assert!(scene.app.state.say(session, long.clone(), None).is_some());
    }
    assert_eq!(scene.app.state.verdict, ExitVerdict::Done);
    assert_eq!(scene.app.state.say(session, Text::new("too much").unwrap(), None), None);
    scene.shows("not sent (1000 messages or 4 MiB wait for the session to open): too much");
    assert_eq!((scene.app.state.verdict, scene.app.state.ledger.len()), (ExitVerdict::Failed, fit));
}
