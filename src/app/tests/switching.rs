//! To which session goes what is typed after a command that makes another session current, or fails to.

use super::*;

#[test]
fn a_text_after_a_fork_never_reaches_the_lobby() {
    let mut scene = Scene::new();
    scene.feed(&["\\fork bobby", "secret"]);
    assert!(matches!(scene.link.told()[..], [ClientMessage::Pair { request: 1, .. }]));
    let answer = ServerAnswer::NoSuchUser { request: 1, name: "bobby".parse().unwrap() };
    scene.lobby(LobbyEvent::Answer(answer));
    scene.shows("session 1 with bobby is over: it could not be opened");
    assert_eq!(scene.app.state.sessions.current(), None);
    assert!(scene.link.told().is_empty(), "the line after the fork went nowhere");
    scene.feed(&["\\lobby", "hello"]);
    assert_eq!(scene.link.told(), [say(1, "hello")]);
    assert_eq!(scene.app.state.verdict, ExitVerdict::Failed);
}

#[test]
fn a_line_after_a_failed_fork_is_reported_as_not_sent() {
    let mut scene = Scene::new();
    scene.feed(&["\\fork bobby", "secret"]);
    scene.lobby(LobbyEvent::Answer(ServerAnswer::NoSuchUser { request: 1, name: "bobby".parse().unwrap() }));
    scene.shows("not sent (no session is current; \\lobby, \\sw or \\fork first): secret");
}

#[test]
fn a_text_after_a_failed_switch_is_said_nowhere() {
    for failed in ["\\sw bobby", "\\fork anna", "\\fork a/b"] {
        let mut scene = Scene::new();
        scene.feed(&[failed, "secret"]);
        scene.shows("not sent (no session is current; \\lobby, \\sw or \\fork first): secret");
        scene.feed(&["\\lobby", "hello"]);
        assert_eq!(scene.link.told(), [say(1, "hello")], "{failed}");
    }
}

#[test]
fn a_text_after_a_switch_to_a_session_that_is_over_is_said_nowhere() {
    let mut scene = Scene::new();
    scene.feed(&["\\fork bobby"]);
    scene.lobby(LobbyEvent::Answer(ServerAnswer::NoSuchUser { request: 1, name: "bobby".parse().unwrap() }));
    let _asked = scene.link.told();
    scene.feed(&["\\lobby", "\\sw 1", "secret"]);
    assert!(scene.link.told().is_empty());
    // This is the number of a session that a user was to open, and has not opened.
    scene.feed(&["\\lobby", "\\sw 7", "secret"]);
    assert!(scene.link.told().is_empty());
}
