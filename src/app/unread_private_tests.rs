//! Private messages that a person has not read: they are told when their session ends and at the next start.

use hobnob_protocol::ids::PairToken;

use super::event::Event;
use super::missed_tests::{BOBBY, EVE, enters, person, script};
use super::tests::Scene;
use crate::repl::Typed;
use crate::session::{PeerSession, SessionId};
use crate::show::unsent::Unsent;
use crate::show::{ClosedReason, Message};
use crate::timestamp::Timestamp;

/// Bobby opens a private session, which is kept, and says something.
fn bobby_whispers(scene: &mut Scene, texts: &[&str]) -> SessionId {
    let state = &mut scene.app.state;
    let session = state.sessions.add(PeerSession { key: Some(BOBBY), ..PeerSession::up("bobby") });
    state.keeping.open_private(session, BOBBY, "bobby".parse().unwrap(), PairToken::new([5; 16]));
    for text in texts {
        let message = state.message(session, "bobby".parse().unwrap(), text, Timestamp(1));
        state.record(session, message.at, &message.from.clone(), text);
        state.show_message(Message { key: Some(BOBBY), ..message });
    }
    session
}

#[test]
fn unread_private_messages_are_told_when_the_session_ends_and_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let hint = "3 messages of bobby that you have not read: \\history 3 bobby";
    let mut scene = person(folder.path());
    let session = bobby_whispers(&mut scene, &["one", "two", "three"]);
    scene.app.state.user.has_typed = true;
    scene.app.state.session_over(session, ClosedReason::Left, &Unsent::OtherLeft(&"bobby".parse().unwrap()));
    scene.app.settle();
    scene.shows(hint);
    // The run is killed.
    let mut scene = person(folder.path());
    scene.app.state.tell_unread_private();
    scene.app.settle();
    scene.shows(hint);
    scene.app.prompt();
    enters(&mut scene, "\\history 3 bobby");
    scene.shown();
    scene.app.state.tell_unread_private();
    scene.app.settle();
    assert_eq!(scene.shown(), "");
}

#[test]
fn a_private_session_in_which_something_is_typed_counts_as_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = person(folder.path());
    let session = bobby_whispers(&mut scene, &["one", "two"]);
    scene.app.state.switch(session).unwrap();
    scene.app.prompt();
    scene.happens(Event::Typed(Typed::Line {
        text: "\\ss".to_owned(),
        session: Some(session),
        typing: Default::default(),
    }));
    scene.shown();
    bobby_says_more(&mut scene, session);
    // All of it is written before the next run begins.
    drop(scene);
    let mut next = person(folder.path());
    next.app.state.tell_unread_private();
    next.app.settle();
    next.shows("1 message of bobby that you have not read: \\history 1 bobby");
    // A script is told nothing.
    let mut next = script(folder.path());
    next.app.state.tell_unread_private();
    assert_eq!(next.shown(), "");
}

fn bobby_says_more(scene: &mut Scene, session: SessionId) {
    scene.app.state.record(session, Timestamp(2), &"bobby".parse().unwrap(), "after the last line");
}

#[test]
fn of_two_users_who_had_one_name_both_are_told_and_each_has_a_command_that_shows_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = person(folder.path());
    let session = bobby_whispers(&mut scene, &["one", "two"]);
    scene.app.state.session_over(session, ClosedReason::Left, &Unsent::OtherLeft(&"bobby".parse().unwrap()));
    let state = &mut scene.app.state;
    let session = state.sessions.add(PeerSession { key: Some(EVE), ..PeerSession::up("bobby") });
    state.keeping.open_private(session, EVE, "bobby".parse().unwrap(), PairToken::new([6; 16]));
    state.record(session, Timestamp(3), &"bobby".parse().unwrap(), "three");
    drop(scene);
    let mut scene = person(folder.path());
    scene.app.state.tell_unread_private();
    scene.app.settle();
    let beginning = BOBBY.fingerprint().to_string()[..15].to_owned();
    let by_name = "1 message of bobby that you have not read: \\history 1 bobby";
    let by_key = format!("2 messages of another bobby, unread: \\history 2 {beginning}");
    let told = scene.shown();
    assert!(told.contains(by_name) && told.contains(&by_key), "{told}");
    scene.app.prompt();
    enters(&mut scene, &format!("\\history 2 {beginning}"));
    let read = scene.shown();
    assert!(read.contains("two") && !read.contains("three"), "{read}");
    scene.app.state.tell_unread_private();
    scene.app.settle();
    let told = scene.shown();
    assert!(told.contains(by_name) && !told.contains("another"), "{told}");
    scene.app.prompt();
    enters(&mut scene, "\\history SHA256:nobody");
    scene.shows("nothing is kept of private talk with a key that begins with");
}
