//! The app's rules, driven by events, with a lobby that is a queue and no network.

use std::sync::Arc;

use hobnob_protocol::chain::{LobbyMessage, LogId, Position, Seq, link};
use hobnob_protocol::ids::RunId;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::{Change, ClientMessage, NotAcceptedCode, Refused, RefusedCode};
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
            me: Me { name: "anna".parse().unwrap(), fingerprint: PublicKey::new([1; 32]).fingerprint() },
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

pub(super) fn say(id: u64, text: &str) -> ClientMessage {
    ClientMessage::Say { id, room: None, text: Text::new(text).unwrap() }
}

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
fn a_search_without_further_messages_says_that_all_were_shown() {
    let mut scene = Scene::new();
    scene.feed(&["\\search"]);
    scene.shows("usage: \\search");
    scene.feed(&["\\search x"]);
    scene.shows("nothing that is kept here has these words");
    for _ in 0..2 {
        scene.feed(&["\\search"]);
        assert_eq!(scene.shown(), ">>> that was all\n");
    }
}

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
    scene.lobby(LobbyEvent::KeyChanged("another key".to_owned()));
    scene.shows("perhaps not delivered (the server's key changed): before");
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
    scene.app.text("hello".to_owned(), SessionId::LOBBY, "hello");
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
fn a_script_leaves_the_lobby_when_its_last_text_is_acknowledged() {
    let mut scene = Scene::new();
    scene.feed(&["bye"]);
    scene.happens(Event::Script(None));
    assert_eq!(scene.link.told(), [say(1, "bye")]);
    scene.lobby(LobbyEvent::Sent { room: None, id: 1, seq: Seq(1), message: None });
    assert_eq!(scene.link.told(), [ClientMessage::Leave]);
    scene.lobby(LobbyEvent::Left);
    assert!(scene.app.is_over());
    assert!(scene.app.state.is_clean());
}

#[tokio::test(start_paused = true)]
async fn texts_that_were_not_acknowledged_by_the_end_are_reported() {
    let mut scene = Scene::new();
    scene.lobby(LobbyEvent::Down { reason: "cut".to_owned() });
    scene.feed(&["lost"]);
    scene.happens(Event::Script(None));
    for _ in 0..2 {
        tokio::time::advance(std::time::Duration::from_secs(16)).await;
        scene.happens(Event::Time);
    }
    scene.shows("not sent (the lobby was down until the end): lost");
    assert!(scene.app.is_over());
    assert_eq!(scene.app.state.verdict, ExitVerdict::Failed);
}

#[tokio::test(start_paused = true)]
async fn texts_on_their_way_at_the_end_are_reported_as_perhaps_not_delivered() {
    let mut scene = Scene::new();
    scene.feed(&["under way"]);
    scene.lobby(LobbyEvent::Down { reason: "cut".to_owned() });
    scene.happens(Event::Script(None));
    for _ in 0..2 {
        tokio::time::advance(std::time::Duration::from_secs(16)).await;
        scene.happens(Event::Time);
    }
    scene.shows("perhaps not delivered (it was not acknowledged before the end): under way");
}

#[tokio::test(start_paused = true)]
async fn the_end_waits_for_a_slow_server_as_long_as_it_acknowledges_texts() {
    let mut scene = Scene::new();
    scene.feed(&["one", "two", "three"]);
    scene.happens(Event::Script(None));
    for id in 1..=3 {
        tokio::time::advance(std::time::Duration::from_secs(14)).await;
        scene.happens(Event::Time);
        scene.lobby(LobbyEvent::Sent { room: None, id, seq: Seq(id), message: None });
    }
    scene.lobby(LobbyEvent::Left);
    assert!(scene.app.is_over() && scene.app.state.is_clean());
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

#[test]
fn an_endless_answer_of_the_server_is_cut_at_a_bound() {
    let mut scene = Scene::new();
    scene.feed(&["\\users", "\\history 3"]);
    let names: Vec<_> = (0..500).map(|number| format!("u{number}").parse().unwrap()).collect();
    for _ in 0..200 {
        let names = names.clone();
        scene.lobby(LobbyEvent::Answer(ServerAnswer::Users {
            request: 1,
            names,
            away: Vec::new(),
            more: true,
        }));
    }
    assert!(!scene.app.state.questions.is_open(1));
    let mut position = Position::start(&LogId::new([0; 16]));
    for part in 0..10 {
        let after = position;
        let messages = (1..=100).map(|number| {
            let mut message = LobbyMessage {
                seq: Seq(part * 100 + number),
                at: 0,
                name: "bobby".parse().unwrap(),
                key: PublicKey::new([2; 32]),
                run: RunId::new([2; 8]),
                id: 1,
                content: Text::new("x").unwrap().into(),
                hash: position.hash,
            };
            message.hash = link(&position.hash, &message);
            position.advance(&message).unwrap();
            message
        });
        let messages = messages.collect();
        scene.lobby(LobbyEvent::Answer(ServerAnswer::History { request: 2, after, messages, more: true }));
    }
    assert!(!scene.app.state.questions.is_open(2));
    scene.shows("bobby: x");
}

/// Makes messages with these numbers, the first of which follows this position.
fn chained(place: Position, numbers: std::ops::RangeInclusive<u64>) -> (Position, Vec<LobbyMessage>) {
    let mut position = place;
    let messages = numbers.map(|number| {
        let mut message = LobbyMessage {
            seq: Seq(number),
            at: 0,
            name: "bobby".parse().unwrap(),
            key: PublicKey::new([2; 32]),
            run: RunId::new([2; 8]),
            id: 1,
            content: Text::new(number.to_string()).unwrap().into(),
            hash: position.hash,
        };
        message.hash = link(&position.hash, &message);
        position.advance(&message).unwrap();
        message
    });
    let messages = messages.collect();
    (position, messages)
}

#[test]
fn a_long_history_is_fetched_in_parts_in_order_as_far_as_it_is_kept() {
    let mut scene = Scene::new();
    scene.app.state.heads.reach(SessionId::LOBBY, 3_000);
    scene.feed(&["\\history 2500", "after"]);
    let asked =
        |limit, before| ClientMessage::History { request: 1, limit, room: None, before: Some(Seq(before)) };
    assert_eq!(scene.link.told(), [asked(1000, 1_501)]);
    // The log no longer keeps any message up to 1400.
    let kept = Position { seq: Seq(1_400), ..Position::start(&LogId::new([0; 16])) };
    let answer = |after, messages| {
        LobbyEvent::Answer(ServerAnswer::History { request: 1, after, messages, more: false })
    };
    let (place, messages) = chained(kept, 1_401..=1_500);
    scene.lobby(answer(kept, messages));
    scene.shows("bobby: 1401");
    assert_eq!(scene.link.told(), [asked(1000, 2_501)]);
    let (end, messages) = chained(place, 1_501..=2_500);
    scene.lobby(answer(place, messages));
    scene.shows("bobby: 2500");
    assert_eq!(scene.link.told(), [asked(500, 3_001)]);
    let (_, messages) = chained(end, 2_501..=3_000);
    scene.lobby(answer(end, messages));
    scene.shows("bobby: 3000");
    // The command is finished, so the script goes on.
    assert_eq!(scene.link.told(), [say(1, "after")]);
}

#[test]
fn a_server_that_has_no_message_of_a_long_history_is_asked_only_twice() {
    let mut scene = Scene::new();
    scene.app.state.heads.reach(SessionId::LOBBY, u64::MAX);
    scene.feed(&["\\history 4000000000"]);
    for _ in 0..2 {
        let after = Position::start(&LogId::new([0; 16]));
        let answer = ServerAnswer::History { request: 1, after, messages: Vec::new(), more: false };
        scene.lobby(LobbyEvent::Answer(answer));
    }
    assert_eq!(scene.link.told().len(), 2);
    assert!(!scene.app.state.questions.is_open(1));
}
