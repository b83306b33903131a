//! A connection that only records what it is told, and memories that keep nothing.

use hobnob_protocol::message::{OperatorRow, RestraintRow};

use super::*;
use crate::decide::RoomId;
use crate::decide::roster::Present;

/// A memory that remembers nothing, because nobody reads later here.
pub(super) struct Forgetful;

impl Memory for Forgetful {
    fn prepare(&self, _chunk: &Chunk) {}
    fn remember(&self, _chunks: &[Arc<Chunk>]) {}
}

impl RoomMemory for Forgetful {
    fn open(&self, _room: LogId, _head: Position) {}
    fn remember(&self, _room: LogId, _chunks: &[Arc<Chunk>]) {}
    fn close(&self, _room: LogId) {}
}

/// How many introductions a [`Recorder`] takes.
pub(super) const INTRODUCTIONS: u64 = 20;

/// A connection that hands on what it is told.
pub(super) struct Recorder {
    pub(super) told: mpsc::UnboundedSender<Told>,
    /// What was said and is not sent yet.
    pub(super) unsent: Mutex<Vec<Told>>,
    pub(super) introductions: AtomicU64,
    /// How many more introductions it takes.
    pub(super) room: u64,
}

#[derive(Debug, PartialEq)]
pub(super) enum Told {
    In(Admitted),
    InRoom(RoomView),
    LeftRoom(RoomName),
    /// A message of a room: its number in the author's run and its number in the log.
    SaidIn(RoomName, u64, Seq),
    Line(ServerMessage),
    /// A message of the lobby: its number in the author's run and its number in the log.
    Said(u64, Seq),
    Users(usize),
    Probe,
    End(Option<ServerMessage>),
}

impl Recorder {
    fn note(&self, told: Told) {
        assert!(self.unsent.lock().unwrap().is_empty(), "it goes out before anything else is told");
        let _gone = self.told.send(told);
    }
}

impl Outlet for Recorder {
    fn let_in(&self, admitted: Admitted) {
        self.note(Told::In(admitted));
    }
    fn said(&self, chunk: &Chunk) {
        let mut unsent = self.unsent.lock().unwrap();
        assert!(unsent.is_empty(), "each chunk goes out before the next");
        unsent.extend(chunk.messages().iter().map(|message| match chunk.room() {
            Some(room) => Told::SaidIn(room.name.clone(), message.id, message.seq),
            None => Told::Said(message.id, message.seq),
        }));
    }
    fn send(&self) {
        for told in self.unsent.lock().unwrap().drain(..) {
            let _gone = self.told.send(told);
        }
    }
    fn tell(&self, fact: &ServerMessage) {
        self.note(Told::Line(fact.clone()));
    }
    fn presence(&self, news: &News, from: usize) {
        let changes = news.changes()[news.passed_over(from)..].to_vec();
        if !changes.is_empty() {
            self.note(Told::Line(ServerMessage::Presence { room: news.room().cloned(), changes }));
        }
    }
    fn users(&self, _request: u32, present: Present) {
        self.note(Told::Users(present.names.len()));
    }
    fn rooms(&self, request: u32, rooms: Arc<[RoomSummary]>) {
        let rooms = rooms.to_vec();
        self.note(Told::Line(ServerMessage::Rooms { request, rooms, more: false }));
    }
    fn bans(&self, request: u32, bans: Vec<RestraintRow>) {
        self.note(Told::Line(ServerMessage::Bans { request, bans, more: false }));
    }
    fn mutes(&self, request: u32, mutes: Vec<RestraintRow>) {
        self.note(Told::Line(ServerMessage::Mutes { request, mutes, more: false }));
    }
    fn ops(&self, request: u32, ops: Vec<OperatorRow>) {
        self.note(Told::Line(ServerMessage::Ops { request, ops, more: false }));
    }
    fn in_room(&self, view: RoomView) {
        self.note(Told::InRoom(view));
    }
    fn not_in_room(&self, room: &RoomName, code: NotJoinedCode) {
        self.note(Told::Line(ServerMessage::NotJoined { request: None, room: room.clone(), code }));
    }
    fn left_room(&self, room: &RoomId) {
        self.note(Told::LeftRoom(room.name.clone()));
    }
    fn introduce(&self, introduction: Introduction) -> Option<u64> {
        if self.introductions.load(Ordering::SeqCst) >= self.room {
            return None;
        }
        self.note(Told::Line(ServerMessage::Introduced(introduction)));
        Some(self.introductions.fetch_add(1, Ordering::SeqCst) + 1)
    }
    fn ask(&self, question: &ServerMessage) -> bool {
        self.note(Told::Line(question.clone()));
        true
    }
    fn probe(&self) {
        self.note(Told::Probe);
    }
    fn end(&self, ending: Ending) {
        self.note(Told::End(ending.last));
    }
}
