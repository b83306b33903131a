//! The app's rules, driven by events, with a lobby that is a queue and no network.

mod ending;
mod history;
mod switching;
mod unsent;

use std::sync::Arc;

use hobnob_protocol::chain::{Seq, link};
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::{Change, ClientMessage};
use hobnob_protocol::text::Text;
use tokio::sync::{mpsc, watch};

use super::next_event::IN_A_ROW;
use super::*;
use crate::client::keeping::Keeping;
use crate::client::user::User;
use crate::client::{ExitVerdict, Given, Me};
use crate::data::history::History;
use crate::data::history::entry::Reader;
use crate::data::trust::Trust;
use crate::lobby::event::ServerAnswer;
use crate::lobby::event_queue::{self, EventSender};
use crate::lobby::handle::{TestLink, test_handle};
use crate::peer::PeerEvent;
use crate::plugins::Plugins;
use crate::repl::EditorWords;
use crate::screen::{Form, Screen, Sink};
use crate::show::human::{Human, Shown};

pub(super) struct Scene {
    pub(super) app: App,
    pub(super) link: TestLink,
    lines: mpsc::Sender<ScriptLine>,
    words: watch::Receiver<Arc<EditorWords>>,
    seen: usize,
    _folder: tempfile::TempDir,
    _queues: (EventSender, mpsc::Sender<PeerEvent>, mpsc::Sender<Signal>),
}

impl Scene {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (lobby, link) = test_handle();
        let state = State::new(Given {
            me: Me {
                name: "anna".parse().unwrap(),
                fingerprint: PublicKey::new([1; 32]).fingerprint(),
                hosts: false,
            },
            network: None,
            lobby,
            head: 0,
            since_in_rooms: std::collections::HashMap::new(),
            keeping: Keeping::new(
                History::off(),
                (PublicKey::new([1; 32]), "anna".parse().unwrap()),
                Reader::Script,
            ),
            trust: Trust::open(folder.path()).unwrap().of_lobby(&PublicKey::new([9; 32])),
            strangers: 16,
            user: User::default(),
            plugins: Plugins::default(),
            screen: Screen::new(Form::Human(Human { color: false }), Sink::Held, None),
        });
        let (lobby_tx, lobby_rx) = event_queue::events();
        let (peer_tx, peers) = mpsc::channel(8);
        let (signal_tx, signals) = mpsc::channel(8);
        let (_no_programs, plugins) = mpsc::channel(1);
        let sources = Sources { lobby: lobby_rx, peers, plugins, signals, output_closed: None };
        let (completion, words) = Completion::new();
        let (lines, line_rx) = mpsc::channel(1000);
        let app = App::new(state, completion, sources, InputSource::script(line_rx));
        Self { app, link, lines, words, seen: 0, _folder: folder, _queues: (lobby_tx, peer_tx, signal_tx) }
    }

    /// Feeds lines of a script, as far as they may be read. A line that begins with a brace is a request.
    pub(super) fn feed(&mut self, lines: &[&str]) {
        for line in lines {
            let line = (*line).to_owned();
            let line = match line.starts_with('{') {
                true => ScriptLine::Request(line),
                false => ScriptLine::Line(line),
            };
            self.lines.try_send(line).unwrap();
        }
        self.turn();
    }

    /// Replaces the script by a person at a terminal without an editor.
    pub(super) fn at_terminal(mut self) -> Self {
        let (_nobody, typed) = mpsc::channel(1);
        let repl = Arc::new(crate::repl::ReplHandle::without_editor());
        self.app.input = InputSource::terminal(repl, typed, false, false);
        self
    }

    /// Shows events as JSON from now on.
    pub(super) fn with_json(mut self) -> Self {
        self.app.state.screen = Screen::new(Form::Json, Sink::Held, None);
        self
    }

    pub(super) fn turn(&mut self) {
        loop {
            let in_flight = self.app.state.ledger.len();
            let InputSource::Script(lines, queue) = &mut self.app.input else { unreachable!() };
            if self.app.ending.is_some() || !queue.takes_line(in_flight) {
                return;
            }
            let Ok(line) = lines.try_recv() else { return };
            self.happens(Event::Script(Some(line)));
        }
    }

    pub(super) fn happens(&mut self, event: Event) {
        self.app.apply(event);
        self.app.settle();
    }

    pub(super) fn lobby(&mut self, event: LobbyEvent) {
        self.happens(Event::Lobby(event));
        self.turn();
    }

    /// Returns what was shown since the last call.
    pub(super) fn shown(&mut self) -> String {
        let waiting = self.app.state.screen.waiting();
        let text = waiting[self.seen..].iter().map(|shown| match shown {
            Shown::Out(text) | Shown::Err(text) => text.as_str(),
            Shown::Nothing => "",
        });
        let text = text.collect();
        self.seen = waiting.len();
        text
    }

    #[track_caller]
    pub(super) fn shows(&mut self, expected: &str) {
        let shown = self.shown();
        assert!(shown.contains(expected), "{expected:?} not in:\n{shown}");
    }
}

/// The link has ended for good, because the server has another key.
pub(super) fn key_changed() -> LobbyEvent {
    LobbyEvent::KeyChanged { reason: "another key".to_owned(), servers: vec!["one.example:7".to_owned()] }
}

pub(super) fn say(id: u64, text: &str) -> ClientMessage {
    ClientMessage::Say { id, room: None, text: Text::new(text).unwrap() }
}

#[test]
fn the_app_answers_the_ping_that_follows_an_introduction() {
    let mut scene = Scene::new();
    scene.feed(&["\\fork bobby"]);
    scene.lobby(LobbyEvent::IntroductionAsked);
    assert!(matches!(scene.link.told()[..], [ClientMessage::Pair { .. }, ClientMessage::Pong]));
}

#[test]
fn a_command_waits_for_the_texts_before_it() {
    let mut scene = Scene::new();
    scene.feed(&["one", "two", "\\users", "three"]);
    assert_eq!(scene.link.told(), [say(1, "one"), say(2, "two")]);
    scene.lobby(LobbyEvent::Sent { room: None, id: 1, seq: Seq(1), message: None });
    assert!(scene.link.told().is_empty());
    scene.lobby(LobbyEvent::Sent { room: None, id: 2, seq: Seq(2), message: None });
    assert_eq!(scene.link.told(), [ClientMessage::Users { request: 1, room: None }]);
    let names = vec!["anna".parse().unwrap()];
    scene.lobby(LobbyEvent::Answer(ServerAnswer::Users { request: 1, names, away: Vec::new(), more: false }));
    scene.shows("in the lobby (1): anna");
    assert_eq!(scene.link.told(), [say(3, "three")]);
}

#[test]
fn a_command_in_the_wrong_place_or_form_is_refused_and_never_said() {
    let mut scene = Scene::new();
    for (line, text) in [
        ("\\frok bobby", "did you mean \\fork"),
        ("\\fork", "usage: \\fork NAME"),
        ("\\users now", "usage: \\users"),
        ("\\fork ANNA", "that is you"),
        ("\\fork a b", "a name has only letters"),
        ("\\sw 7", "there is no session 7"),
        ("\\leave", "neither a private session nor a room is current"),
        ("\\wait soon", "usage: \\wait"),
        ("\\history 0", "usage: \\history"),
    ] {
        scene.feed(&[line]);
        scene.shows(text);
        assert!(scene.link.told().is_empty(), "{line}");
    }
}

#[test]
fn the_help_for_one_command_says_what_its_row_has_no_room_for() {
    let mut scene = Scene::new();
    scene.feed(&["\\help verify"]);
    scene.shows("each of the two has to \\forget the other by name");
    scene.feed(&["\\help accept"]);
    scene.shows("\\accept alone tells who waits for your answer");
    scene.feed(&["\\help"]);
    assert!(!scene.shown().contains("who waits for your answer"));
}

#[test]
fn whoever_asks_for_the_history_of_a_room_or_of_the_lobby_by_name_is_told_where_it_is_shown() {
    let mut scene = Scene::new();
    scene.feed(&["\\hist 3 #tea"]);
    scene.shows("what was said in #tea is shown there: \\sw #tea, then \\history");
    let mut scene = Scene::new();
    scene.feed(&["\\history 5 lobby"]);
    scene.shows("what was said in the lobby is shown there: \\lobby, then \\history");
    scene.feed(&["\\history 5 bobby"]);
    scene.shows("nothing is kept of private talk with bobby");
}

#[test]
fn a_search_without_further_messages_says_that_all_were_shown() {
    let mut scene = Scene::new();
    scene.feed(&["\\search"]);
    scene.shows("\\search WORDS comes first; \\search alone then shows the next page of it");
    scene.feed(&["\\search x"]);
    scene.shows("nothing that is kept here has these words");
    for _ in 0..2 {
        scene.feed(&["\\search"]);
        assert_eq!(scene.shown(), ">>> that was all\n");
    }
}

#[test]
fn users_who_come_and_go_are_shown_and_known_to_completion() {
    let mut scene = Scene::new();
    scene.lobby(LobbyEvent::Presence {
        room: None,
        changes: vec![
            Change::Joined("bobby".parse().unwrap()),
            Change::Joined("carmen".parse().unwrap()),
            Change::Left("carmen".parse().unwrap()),
        ],
    });
    scene.shows(">>> bobby joined\n>>> carmen joined\n>>> carmen left\n");
    assert_eq!(scene.words.borrow().users, ["bobby"]);
}

#[test]
fn changes_that_a_line_makes_are_known_to_completion_after_that_line() {
    let mut scene = Scene::new();
    scene.feed(&["\\alias brb be right back"]);
    assert_eq!(scene.words.borrow().aliases[0].name, "brb");
    scene.feed(&["\\unalias brb", "\\fork bobby"]);
    assert!(scene.words.borrow().aliases.is_empty());
    assert_eq!(scene.words.borrow().sessions[1], (SessionId(1), "bobby".to_owned()));
    scene.lobby(LobbyEvent::Answer(ServerAnswer::NoSuchUser { request: 1, name: "bobby".parse().unwrap() }));
    assert_eq!(scene.words.borrow().sessions.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn lines_and_deadlines_are_handled_during_a_flood_from_the_lobby() {
    let mut scene = Scene::new();
    scene.feed(&["\\whois bobby"]);
    scene.lines.try_send(ScriptLine::Line("\\quit".to_owned())).unwrap();
    let (mut answered, mut taken) = (false, false);
    for _ in 0..5 * IN_A_ROW {
        while scene._queues.0.try_send(LobbyEvent::PresenceSkipped { room: None }) {}
        match scene.app.next_event().await {
            Event::Lobby(_) => {}
            Event::Time => {
                answered = true;
                scene.happens(Event::Time);
            }
            Event::Script(line) => {
                assert_eq!(line, Some(ScriptLine::Line("\\quit".to_owned())));
                taken = true;
            }
            other => panic!("{other:?}"),
        }
        tokio::time::advance(crate::client::questions::PATIENCE / IN_A_ROW).await;
    }
    assert!(answered && taken, "{answered} {taken}");
    scene.shows("did not answer in time");
}
