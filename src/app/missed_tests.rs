//! What was missed in the lobby: it is counted alike everywhere, and what a person has read is noted with each line.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hobnob_protocol::chain::{ChainHash, LobbyMessage, LogId, Position, Seq};
use hobnob_protocol::content::{Act, Content};
use hobnob_protocol::ids::RunId;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::text::Text;
use serde_json::Value;

use super::tests::Scene;
use super::*;
use crate::client::keeping::Keeping;
use crate::client::missed::Begun;
use crate::data::history::entry::{Mark, Reader};
use crate::data::history::{DEFAULT_SIZE, History};
use crate::lobby::sequence::Resumed;
use crate::repl::{ReplHandle, Typed};
use crate::screen::folding::Folding;
use crate::screen::{Form, Screen, Sink};
use crate::show::terminal::TerminalForm;

const SERVER: PublicKey = PublicKey::new([9; 32]);
const LOG: LogId = LogId::new([7; 16]);
const OWN: PublicKey = PublicKey::new([1; 32]);
pub(super) const BOBBY: PublicKey = PublicKey::new([2; 32]);
pub(super) const EVE: PublicKey = PublicKey::new([3; 32]);

fn at(seq: u64) -> Position {
    Position { seq: Seq(seq), hash: ChainHash::new([1; 32]) }
}

fn mark(read: u64) -> Mark {
    Mark { log: LOG, read, fetched: read, hash: at(read).hash, at: 1 }
}

/// A script whose history is in this folder. It is in the lobby.
pub(super) fn script(folder: &Path) -> Scene {
    let mut scene = Scene::new();
    keep(&mut scene, folder, Reader::Script);
    scene
}

/// A person at a terminal, whose history is in this folder.
pub(super) fn person(folder: &Path) -> Scene {
    let mut scene = Scene::new().at_terminal();
    let preferences = scene.app.state.user.preferences.clone();
    let form = TerminalForm::new(false, jiff::tz::TimeZone::UTC, preferences, jiff::Timestamp::UNIX_EPOCH);
    let sink = Sink::Terminal(Arc::new(ReplHandle::without_editor()));
    scene.app.state.screen = Screen::new(Form::Terminal(Box::new(Folding::new(form))), sink, None);
    keep(&mut scene, folder, Reader::Person);
    scene
}

fn keep(scene: &mut Scene, folder: &Path, reader: Reader) {
    let (history, trouble) = History::open(folder, &"anna".parse().unwrap(), DEFAULT_SIZE).unwrap();
    assert_eq!(trouble, None);
    scene.app.state.keeping = Keeping::new(history, (OWN, "anna".parse().unwrap()), reader);
}

/// The run reads the lobby's log from `start` on; the newest message is `head`.
fn begins(scene: &mut Scene, mark: Option<Mark>, start: u64, head: u64) {
    let state = &mut scene.app.state;
    state.keeping.enter(SessionId::LOBBY, SERVER, LOG, at(start), None);
    let begun = Begun { log: LOG, head: at(head), start: at(start), resumed: Resumed::After { missed: 0 } };
    state.begin_reading_log(SessionId::LOBBY, begun, mark, false);
}

fn hears(scene: &mut Scene, seq: u64, key: PublicKey, content: impl Into<Content>) {
    let names = [(OWN, "anna_2"), (BOBBY, "bobby"), (EVE, "eve")];
    let name = names.iter().find(|(of, _)| *of == key).unwrap().1.parse().unwrap();
    let (run, hash) = (RunId::new([2; 8]), at(seq).hash);
    let message =
        LobbyMessage { seq: Seq(seq), at: seq, name, key, run, id: seq, content: content.into(), hash };
    let message = Box::new(message);
    scene.happens(Event::Lobby(LobbyEvent::Said { room: None, message, replayed: true }));
}

fn says(scene: &mut Scene, seq: u64, key: PublicKey) {
    hears(scene, seq, key, Text::new(format!("number {seq}.")).unwrap());
}

pub(super) fn enters(scene: &mut Scene, line: &str) {
    scene.app.prompt();
    scene.happens(Event::Typed(Typed::Line {
        text: line.to_owned(),
        session: Some(SessionId::LOBBY),
        typing: Default::default(),
    }));
}

/// Returns up to which message the lobby is stored as read.
fn read(scene: &Scene, reader: Reader) -> u64 {
    scene.app.state.keeping.history.marks(reader).unwrap()[&SERVER].read
}

#[tokio::test(start_paused = true)]
async fn a_line_notes_what_its_author_has_read_at_once_and_then_once_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = person(folder.path());
    begins(&mut scene, None, 0, 0);
    says(&mut scene, 1, BOBBY);
    enters(&mut scene, "\\missed");
    assert_eq!(read(&scene, Reader::Person), 0, "a look at what was missed moves the mark itself");
    enters(&mut scene, "hello");
    assert_eq!(read(&scene, Reader::Person), 1);
    for seq in 2..=50 {
        says(&mut scene, seq, BOBBY);
        enters(&mut scene, "a line of a paste");
    }
    assert_eq!(read(&scene, Reader::Person), 1, "many lines are noted together");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(scene.app.deadline().is_some_and(|due| due <= Instant::now()));
    scene.happens(Event::Time);
    assert_eq!(read(&scene, Reader::Person), 50);
    says(&mut scene, 51, BOBBY);
    tokio::time::advance(Duration::from_secs(5)).await;
    scene.happens(Event::Time);
    assert_eq!(read(&scene, Reader::Person), 50, "nothing was typed since");
    // The run is killed: nothing more is noted, and the next one begins with what came after the last line.
    let mark = scene.app.state.keeping.history.marks(Reader::Person).unwrap()[&SERVER];
    let mut next = script(folder.path());
    begins(&mut next, Some(mark), 50, 51);
    says(&mut next, 51, BOBBY);
    next.feed(&["\\missed"]);
    next.shows("bobby: number 51.\n>>> that is all you missed\n");
}

#[test]
fn a_line_leaves_unread_what_its_author_cannot_have_seen() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = person(folder.path());
    begins(&mut scene, Some(mark(0)), 0, 3);
    says(&mut scene, 1, BOBBY);
    // Two of three messages are still on their way.
    enters(&mut scene, "hello");
    assert!(scene.app.state.keeping.history.marks(Reader::Person).unwrap().is_empty());
    // Messages that were only counted have not been seen either.
    let folder = tempfile::tempdir().unwrap();
    let mut scene = person(folder.path());
    begins(&mut scene, None, 0, 0);
    says(&mut scene, 1, BOBBY);
    scene.app.state.sessions.note_unseen(SessionId::LOBBY);
    enters(&mut scene, "hello");
    assert_eq!(read(&scene, Reader::Person), 0);
}

#[test]
fn a_script_notes_what_it_has_read_at_its_end_only() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = script(folder.path());
    begins(&mut scene, None, 0, 0);
    says(&mut scene, 1, BOBBY);
    scene.feed(&["hello"]);
    assert_eq!(read(&scene, Reader::Script), 0);
    scene.app.state.end_reading();
    assert_eq!(read(&scene, Reader::Script), 1);
}

/// Reads a page of what was missed. Returns the number of its first and of its last message, and what is said below.
fn page(scene: &mut Scene) -> (u64, u64, String) {
    scene.shown();
    scene.feed(&["\\missed"]);
    let shown = scene.shown();
    assert!(!shown.contains("missing") && !shown.contains("not kept"), "{shown}");
    let events: Vec<Value> = shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let numbers: Vec<u64> = events.iter().filter_map(|event| event["seq"].as_u64()).collect();
    let said = events.last().unwrap()["text"].as_str().unwrap().to_owned();
    (numbers[0], numbers[numbers.len() - 1], said)
}

#[test]
fn missed_counts_messages_of_others_alone_and_shows_own_ones_between_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = script(folder.path()).with_json();
    scene.app.state.user.ignored.set(&EVE.to_string(), Some("eve")).unwrap();
    begins(&mut scene, Some(mark(0)), 0, 64);
    // An act has a number, too. It is no message, and nothing is missing because of it.
    hears(&mut scene, 1, BOBBY, Act::topic(None));
    // Bobby says 30 messages. Between and after them are her own, and some of a user whom she ignores.
    for seq in 2..=64 {
        let by_bobby = seq % 2 == 0 && seq <= 60;
        says(&mut scene, seq, if by_bobby { BOBBY } else { [OWN, EVE][usize::from(seq % 10 == 5)] });
    }
    scene.shows(r#""event":"missed","session":0,"count":30"#);
    assert_eq!(page(&mut scene), (2, 21, "20 more: \\missed".to_owned()));
    assert_eq!(page(&mut scene), (22, 41, "10 more: \\missed".to_owned()));
    assert_eq!(page(&mut scene), (42, 61, "that is all you missed".to_owned()));
    assert_eq!(read(&scene, Reader::Script), 64, "nothing of others is left");
    scene.feed(&["\\missed"]);
    scene.shows("nothing that you missed is left to be read");
}

#[test]
fn a_page_does_not_begin_with_own_messages_and_none_is_left_when_its_author_is_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = script(folder.path()).with_json();
    begins(&mut scene, Some(mark(0)), 0, 300);
    (1..=300).for_each(|seq| says(&mut scene, seq, if seq % 150 == 0 { BOBBY } else { OWN }));
    assert_eq!(page(&mut scene), (150, 169, "1 more: \\missed".to_owned()));
    scene.app.state.user.ignored.set(&BOBBY.to_string(), Some("bobby")).unwrap();
    scene.feed(&["\\missed"]);
    scene.shows("nothing that you missed is left to be read");
    assert_eq!(read(&scene, Reader::Script), 300);
}

#[test]
fn messages_that_were_not_fetched_are_told_where_they_are_missing() {
    for (start, until, reason) in [
        (7, 10, "the server has only later ones"),
        (507, 10_507, "at most 10000 are fetched; \\\\history N asks the server for more"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut scene = script(folder.path()).with_json();
        begins(&mut scene, Some(mark(0)), 0, 3);
        (1..=3).for_each(|seq| says(&mut scene, seq, BOBBY));
        // The first three are kept and not read when the next run begins.
        let state = &mut scene.app.state;
        state.keeping.close(SessionId::LOBBY);
        state.unread.clear();
        begins(&mut scene, Some(Mark { read: 0, ..mark(3) }), start, until);
        (start + 1..=until).for_each(|seq| says(&mut scene, seq, BOBBY));
        scene.shown();
        scene.feed(&["\\missed"]);
        let shown = scene.shown();
        let gap = format!("{} messages are missing here: {reason}", start - 3);
        let places = [r#""seq":3"#, &gap, &format!(r#""seq":{}"#, start + 1)].map(|part| shown.find(part));
        assert!(places.is_sorted() && places[0].is_some(), "{places:?} in {shown}");
    }
}

#[test]
fn messages_that_the_history_has_let_go_are_counted_above_those_that_are_left() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = script(folder.path()).with_json();
    begins(&mut scene, Some(mark(0)), 0, 30);
    (1..=30).for_each(|seq| says(&mut scene, seq, BOBBY));
    scene.shown();
    let state = &mut scene.app.state;
    let kept = rusqlite::Connection::open(folder.path().join("history.sqlite")).unwrap();
    state.keeping.history.marks(Reader::Script).unwrap();
    kept.execute("DELETE FROM messages WHERE number <= 12", []).unwrap();
    scene.feed(&["\\missed"]);
    scene.shows("12 messages before these are not kept on this machine any more");
}

#[test]
fn missed_tells_where_the_messages_begin_that_a_person_was_shown_at_the_start() {
    let told = "what follows was shown at the start, too";
    let folder = tempfile::tempdir().unwrap();
    let mut scene = person(folder.path());
    begins(&mut scene, Some(mark(0)), 0, 21);
    (1..=21).for_each(|seq| says(&mut scene, seq, BOBBY));
    scene.shown();
    enters(&mut scene, "\\missed");
    let shown = scene.shown();
    let places = ["number 1.", told, "number 2."].map(|part| shown.find(part));
    assert!(places.is_sorted() && places[0].is_some(), "{places:?} in {shown}");
    while shown.contains("more: \\missed") && scene.app.state.unread.contains_key(&SessionId::LOBBY) {
        enters(&mut scene, "\\missed");
        assert!(!scene.shown().contains(told), "it is told once");
    }
    // A script is shown nothing at the start as if it had read it.
    let folder = tempfile::tempdir().unwrap();
    let mut scene = script(folder.path());
    begins(&mut scene, Some(mark(0)), 0, 2);
    (1..=2).for_each(|seq| says(&mut scene, seq, BOBBY));
    scene.feed(&["\\missed"]);
    assert!(!scene.shown().contains(told));
}

#[test]
fn messages_that_are_shown_on_the_way_to_their_session_are_not_left_to_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = script(folder.path()).with_json();
    begins(&mut scene, Some(mark(0)), 0, 3);
    // Before Bobby's message only an act and a text of her own are unread.
    hears(&mut scene, 1, BOBBY, Act::topic(None));
    says(&mut scene, 2, OWN);
    says(&mut scene, 3, BOBBY);
    scene.app.state.show_unread(SessionId::LOBBY, 1, false);
    scene.feed(&["\\missed"]);
    scene.shows("nothing that you missed is left to be read");
}

#[test]
fn what_missed_has_shown_of_a_session_is_no_longer_counted_in_the_prompt() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = script(folder.path());
    scene.app.state.sessions.unset_current();
    begins(&mut scene, Some(mark(0)), 0, 25);
    (1..=25).for_each(|seq| says(&mut scene, seq, BOBBY));
    // The prompt counts what was missed, as in a room that is not current, and a message that came later.
    scene.app.state.sessions.count_missed(SessionId::LOBBY, 25, 1);
    hears(&mut scene, 26, BOBBY, Text::new("anna, later").unwrap());
    let unread = |scene: &Scene| scene.app.state.sessions.unread(SessionId::LOBBY);
    assert_eq!(unread(&scene), 26);
    scene.feed(&["\\missed"]);
    scene.shows("5 more: \\missed");
    assert_eq!(unread(&scene), 6);
    scene.feed(&["\\missed"]);
    scene.shows("that is all you missed");
    assert_eq!(unread(&scene), 1, "what came in this run is not shown by it");
    assert_eq!(scene.app.state.first_unread.get(&SessionId::LOBBY), Some(&26));
}

#[test]
fn a_room_of_which_all_that_was_missed_was_shown_counts_as_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = script(folder.path());
    scene.app.state.sessions.unset_current();
    begins(&mut scene, Some(mark(0)), 0, 2);
    (1..=2).for_each(|seq| says(&mut scene, seq, BOBBY));
    scene.app.state.sessions.count_missed(SessionId::LOBBY, 2, 2);
    scene.feed(&["\\missed"]);
    scene.shows("that is all you missed");
    let sessions = &scene.app.state.sessions;
    assert_eq!((sessions.unread(SessionId::LOBBY), sessions.has_unseen(SessionId::LOBBY)), (0, false));
}
