//! For whom a line, and what follows it, was meant. The cases stand in a table, each for a script, which sees no
//! prompt, and for a person at a terminal, whose prompt says where a line goes.

use std::sync::Arc;

use hobnob_protocol::text::Text;

use super::tests::Scene;
use super::*;
use crate::repl::{ReplHandle, Typed};
use crate::screen::{Form, Screen, Sink};
use crate::session::{LinkState, PeerSession, RoomSession};
use crate::show::human::Human;

/// The situation before the line.
#[derive(Debug, Clone, Copy)]
enum Before {
    /// The lobby is current, and there is no session.
    InLobby,
    /// Session 1, with bobby, is current.
    WithBobby,
    /// Session 1, with bobby, is current, and the lobby is down.
    LobbyDown,
    /// Session 1 is over, and the lobby is current.
    BobbyGone,
    /// Session 1, with the room tea, is current.
    InTea,
    /// Session 1, with the room tea, is current, and the lobby is down.
    TeaDown,
    /// The room was left, and the lobby is current.
    TeaGone,
}

/// Who hears the texts after the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    Lobby,
    Bobby,
    Tea,
    Nobody,
}

use Before::{BobbyGone, InLobby, InTea, LobbyDown, TeaDown, TeaGone, WithBobby};
use Heard::{Bobby, Lobby, Nobody, Tea};

/// A line, and who hears what follows it at once: in a script, and at a terminal.
type Case = (Before, &'static str, [Heard; 2]);

const CASES: &[Case] = &[
    // The command was to lead to a user, and failed.
    (InLobby, "\\fork an/na", [Nobody; 2]),
    (InLobby, "\\fork anna", [Nobody; 2]),
    (InLobby, "\u{feff}\\fork anna", [Nobody; 2]),
    (InLobby, "\\sw carmen", [Nobody; 2]),
    (BobbyGone, "\\sw 1", [Nobody; 2]),
    (WithBobby, "\\fork carmen", [Nobody; 2]),
    (WithBobby, "\\sw carmen", [Nobody; 2]),
    (LobbyDown, "\\fork carmen", [Nobody; 2]),
    // hobnob has no such command; in other chats it leads to a user.
    (InLobby, "\\query carmen", [Nobody; 2]),
    (InLobby, "\\channel carmen", [Nobody; 2]),
    // The command was to lead to a room, and failed.
    (InLobby, "\\join te/a", [Nobody; 2]),
    (InLobby, "\\join ##tea", [Nobody; 2]),
    (InLobby, "\\join tea dev", [Nobody; 2]),
    (InLobby, "\\sw #tea", [Nobody; 2]),
    (LobbyDown, "\\join tea", [Nobody; 2]),
    (WithBobby, "\\join te/a", [Nobody; 2]),
    (InTea, "\\join te/a", [Nobody; 2]),
    (InTea, "\\fork an/na", [Nobody; 2]),
    (InTea, "\\sw carmen", [Nobody; 2]),
    (InTea, "\\sw #dev", [Nobody; 2]),
    (TeaDown, "\\join dev", [Nobody; 2]),
    (TeaGone, "\\sw #tea", [Nobody; 2]),
    (TeaGone, "\\sw 1", [Nobody; 2]),
    // The command leads to a room. A person may type on there at once; a script reads on when the server has answered.
    (InLobby, "\\join tea", [Nobody, Tea]),
    (InTea, "\\join #TEA", [Tea; 2]),
    (TeaDown, "\\sw tea", [Tea; 2]),
    // A command that is run in a room and fails leads nowhere else.
    (InTea, "\\users x", [Tea; 2]),
    (InTea, "\\nonsense x", [Tea; 2]),
    (InTea, "\\msg carmen", [Tea; 2]),
    (InTea, "\\sw 7", [Nobody; 2]),
    (TeaDown, "\\sw 0", [Tea; 2]),
    (TeaDown, "\\topic x", [Tea; 2]),
    (InTea, "\\leave", [Lobby; 2]),
    (TeaDown, "\\leave", [Lobby; 2]),
    (InTea, "\\lobby", [Lobby; 2]),
    // The command would have led to a user or a room if it had been complete or spelled right.
    (InLobby, "\\fork", [Nobody; 2]),
    (InLobby, "\\sw", [Nobody; 2]),
    (InLobby, "\\sw 7", [Nobody; 2]),
    (WithBobby, "\\sw 7", [Nobody; 2]),
    (InLobby, "\\frok carmen", [Nobody; 2]),
    (InLobby, "\\Fork carmen", [Nobody; 2]),
    (InLobby, "\\forkcarmen", [Nobody; 2]),
    (InLobby, "\\ fork carmen", [Nobody; 2]),
    (InLobby, "\\ users", [Lobby; 2]),
    (InLobby, "\\query", [Nobody; 2]),
    (InLobby, "\\join", [Nobody; 2]),
    (InLobby, "\\jion tea", [Nobody; 2]),
    (InLobby, "\\Join tea", [Nobody; 2]),
    (InLobby, "\\jointea", [Nobody; 2]),
    (InTea, "\\join", [Nobody; 2]),
    // The command leads to nobody.
    (InLobby, "\\nonsense x", [Lobby; 2]),
    (InLobby, "\\nick x", [Lobby; 2]),
    (InLobby, "\\users x", [Lobby; 2]),
    (InLobby, "\\leave", [Lobby; 2]),
    (LobbyDown, "\\sw 0", [Bobby; 2]),
    (LobbyDown, "\\lobby", [Bobby; 2]),
    (InLobby, "\\msg carmen", [Lobby; 2]),
    (InLobby, "\\msg anna secret", [Lobby; 2]),
    (WithBobby, "\\msg an/na secret", [Bobby; 2]),
    // The command leads to the lobby, and nothing prevents that.
    (WithBobby, "\\lobby", [Lobby; 2]),
    // It cannot be seen what the line was meant to be. At a terminal it stays in the editor, and what follows is typed
    // behind it.
    (InLobby, " \\fork carmen", [Nobody; 2]),
    (InLobby, "\u{feff}\u{feff}\\fork carmen", [Nobody; 2]),
    (InLobby, " \\join tea", [Nobody; 2]),
    (InTea, "\u{200b}\\lobby", [Nobody; 2]),
    (InLobby, "\u{200b}\\users", [Nobody; 2]),
    (InLobby, "\\\u{200b}fork carmen", [Nobody; 2]),
    (WithBobby, "\t\\lobby", [Nobody; 2]),
    (InLobby, "\u{1b}[0m\\fork carmen", [Nobody; 2]),
    (InLobby, "\u{1b}[200~\\fork carmen", [Nobody; 2]),
    (InLobby, "\u{fffe}\\fork carmen", [Nobody; 2]),
    (InLobby, "\u{fffd}\\fork carmen", [Nobody; 2]),
    (InLobby, "\u{301}\\fork carmen", [Nobody; 2]),
    // On a pipe a command of another chat is an ordinary text; at a terminal it is not said.
    (InLobby, "/query carmen", [Lobby, Nobody]),
    (WithBobby, "/nick x", [Bobby, Nobody]),
    // This word means the same in hobnob.
    (InLobby, "/fork anna", [Lobby, Nobody]),
    (InLobby, "/sw 7", [Lobby, Nobody]),
];

fn scene(before: Before) -> Scene {
    let mut scene = Scene::new();
    let state = &mut scene.app.state;
    if matches!(before, InTea | TeaDown | TeaGone) {
        let room = RoomSession { joined: true, ..RoomSession::joining("tea".parse().unwrap()) };
        let session = state.sessions.add_room(room);
        state.sessions.switch(session);
    } else if !matches!(before, InLobby) {
        let session = state.sessions.add(PeerSession::up("bobby"));
        state.sessions.switch(session);
    }
    match before {
        LobbyDown | TeaDown => state.sessions.set_lobby_state(LinkState::Down),
        BobbyGone => {
            state.sessions.remove(SessionId(1));
            state.sessions.switch(SessionId::LOBBY);
        }
        TeaGone => {
            state.sessions.remove_room(SessionId(1));
            state.sessions.switch(SessionId::LOBBY);
        }
        InLobby | WithBobby | InTea => {}
    }
    scene
}

fn in_script(before: Before, line: &str) -> (Scene, String) {
    let mut scene = scene(before);
    scene.feed(&[line]);
    // The text after the line is fed without looking at what the line itself said, because a command would wait for
    // that.
    scene.feed(&["after"]);
    (scene, "after".to_owned())
}

fn at_terminal(before: Before, line: &str) -> (Scene, String) {
    let mut scene = scene(before).at_terminal();
    scene.app.prompt();
    enter(&mut scene, line);
    let InputSource::Terminal(terminal) = &scene.app.input else { unreachable!() };
    let after = format!("{}after", terminal.returned());
    enter(&mut scene, &after);
    (scene, after)
}

fn enter(scene: &mut Scene, line: &str) {
    let session = scene.app.state.sessions.current();
    scene.happens(Event::Typed(Typed::Line { text: line.to_owned(), session, typing: Default::default() }));
    scene.app.prompt();
}

fn heard(scene: &mut Scene, after: &str) -> Heard {
    let after = Text::new(after).unwrap();
    let first = if scene.app.state.sessions.room(SessionId(1)).is_some() { Tea } else { Bobby };
    let mut heard_by =
        |session| scene.app.state.ledger.take_session(session).iter().any(|it| it.text == after);
    match (heard_by(SessionId::LOBBY), heard_by(SessionId(1))) {
        (true, false) => Lobby,
        (false, true) => first,
        (false, false) => Nobody,
        (true, true) => panic!("the text was said in two sessions"),
    }
}

#[test]
fn a_text_after_a_line_is_heard_only_by_those_it_was_meant_for_or_by_nobody() {
    for (before, line, [script, terminal]) in CASES {
        let (mut scene, after) = in_script(*before, line);
        assert_eq!(heard(&mut scene, &after), *script, "{before:?}, script: {line:?}");
        let (mut scene, after) = at_terminal(*before, line);
        assert_eq!(heard(&mut scene, &after), *terminal, "{before:?}, terminal: {line:?}");
    }
}

#[test]
fn a_text_after_an_unreadable_command_is_heard_by_nobody() {
    for line in
        [ScriptLine::NotUtf8 { line: 1, command: true }, ScriptLine::TooLong { bytes: 1, command: true }]
    {
        let mut scene = Scene::new();
        scene.happens(Event::Script(Some(line)));
        scene.feed(&["after"]);
        assert_eq!(heard(&mut scene, "after"), Nobody);
    }
    let mut scene = Scene::new();
    scene.happens(Event::Script(Some(ScriptLine::NotUtf8 { line: 1, command: false })));
    scene.feed(&["after"]);
    assert_eq!(heard(&mut scene, "after"), Lobby);
}

#[test]
fn a_text_after_a_request_that_begins_with_invisible_characters_is_heard_by_nobody() {
    for (line, heard_by) in [
        ("\u{1b}[0m{\"command\":\"fork bobby\"}", Nobody),
        ("\u{200b}{\"command\":\"fork bobby\"}", Nobody),
        ("{\"comand\":\"users\"}", Lobby),
    ] {
        let mut scene = Scene::new();
        scene.happens(Event::Script(Some(ScriptLine::Request(line.to_owned()))));
        scene.feed(&["after"]);
        assert_eq!(heard(&mut scene, "after"), heard_by, "{line:?}");
    }
}

#[test]
fn a_line_that_is_neither_run_nor_said_stays_in_the_editor_at_a_terminal() {
    for line in [" \\fork bobby", "/query bobby", "/nick x", "\u{200b}\\users"] {
        let mut scene = Scene::new().at_terminal();
        scene.app.prompt();
        enter(&mut scene, line);
        let InputSource::Terminal(terminal) = &scene.app.input else { unreachable!() };
        assert_eq!(terminal.returned(), line);
    }
}

/// At a terminal the prompt says where a line goes. A person who has had time to read that the command failed means
/// what the prompt says.
#[tokio::test(start_paused = true)]
async fn a_line_typed_after_the_error_could_be_read_is_said_at_a_terminal() {
    for (before, line, heard_by) in [
        (InLobby, "\\sw carmen", Lobby),
        (InLobby, "\\fork an/na", Lobby),
        (WithBobby, "\\fork carmen", Bobby),
        (InLobby, "\\sw 99", Lobby),
        (InLobby, "\\frok bob", Lobby),
        (InLobby, "\\forkbob", Lobby),
    ] {
        let mut scene = scene(before).at_terminal();
        scene.app.prompt();
        enter(&mut scene, line);
        tokio::time::advance(super::settling::TYPED_AHEAD).await;
        let InputSource::Terminal(terminal) = &scene.app.input else { unreachable!() };
        let after = format!("{}after", terminal.returned());
        enter(&mut scene, &after);
        assert_eq!(heard(&mut scene, &after), heard_by, "{before:?}: {line:?}");
    }
}

#[test]
fn a_fork_of_a_user_with_a_session_makes_that_session_current_only_at_a_terminal() {
    for (state, told) in
        [(LinkState::Up, "was open already"), (LinkState::Connecting, "is being opened already")]
    {
        let mut scene = scene(WithBobby).at_terminal();
        let sink = Sink::Terminal(Arc::new(ReplHandle::without_editor()));
        scene.app.state.screen = Screen::new(Form::Human(Human { color: false }), sink, None);
        scene.app.state.sessions.peer_mut(SessionId(1)).unwrap().state = state;
        scene.app.state.sessions.switch(SessionId::LOBBY);
        scene.app.prompt();
        enter(&mut scene, "\\fork Bobby");
        enter(&mut scene, "after");
        assert_eq!(heard(&mut scene, "after"), Bobby, "{state:?}");
        scene.shows(&format!("session 1 with bobby {told}; it is current now"));
    }
    let mut scene = scene(WithBobby);
    scene.app.state.sessions.switch(SessionId::LOBBY);
    scene.feed(&["\\fork bobby", "after"]);
    assert_eq!(heard(&mut scene, "after"), Nobody);
    scene.shows("\\fork: session 1 with bobby is there already: \\sw 1");
}
