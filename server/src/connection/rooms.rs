//! The rooms of one client: how far it was sent the log of each room, which rooms it asked to join, and which room is
//! served next. This file owns the limits and the order of these; it writes nothing itself. For a client that never
//! joins a room no [`Rooms`] is made.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use hobnob_protocol::MAX_ROOMS_OF_A_KEY;
use hobnob_protocol::chain::Seq;
use hobnob_protocol::message::{JoinRoom, RoomCursor};
use hobnob_protocol::room::RoomName;

use super::arrival::Begin;
use super::recent::{Gathered, Recent};
use super::{FEED_BYTES, LogRead};
use crate::decide::{RoomId, RoomView};
use crate::lobby::Chunk;

/// How many joins may wait for the lobby's answer: as many as there may be rooms for one key.
const MAX_ASKED: usize = MAX_ROOMS_OF_A_KEY;

/// A join that the lobby has not answered yet.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) room: RoomName,
    /// The number of the question; `None` for a room that the hello named.
    pub(super) request: Option<u32>,
    pub(super) begin: Begin,
}

impl From<JoinRoom> for Asked {
    fn from(join: JoinRoom) -> Self {
        let JoinRoom { request, room, cursor, since, backlog } = join;
        Self { room, request: Some(request), begin: Begin::new(cursor, since, backlog) }
    }
}

impl From<RoomCursor> for Asked {
    fn from(RoomCursor { room, cursor }: RoomCursor) -> Self {
        Self { room, request: None, begin: Begin::new(Some(cursor), None, 0) }
    }
}

/// A room that the lobby has let the client into, and of which the client was not told yet.
#[derive(Debug)]
struct Arriving {
    asked: Asked,
    view: RoomView,
    /// Whether the client has left the room meanwhile. Then it is told that it was in, but is sent nothing of what is
    /// said there.
    left: bool,
}

/// One room in which the client is.
#[derive(Debug)]
struct RoomReader {
    id: RoomId,
    recent: Arc<Mutex<Recent>>,
    /// The client has been sent the room's log up to this number.
    cursor: Seq,
    /// Whether the lobby may write what follows the cursor.
    caught_up: bool,
    /// Lines that were read from the log and are not sent yet, and the number up to which they go.
    loaded: Option<(Bytes, Seq)>,
}

/// What is to be done with a chunk of a room that the lobby brings.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Brought {
    /// The chunk is written now.
    Write,
    /// The chunk is sent later, when the client was sent what comes before it.
    Later,
    /// Nothing is done: the client was sent the chunk already, or will read it from the memory, or is not in the room.
    Nothing,
}

/// The rooms of one client.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    asked: VecDeque<Asked>,
    arriving: VecDeque<Arriving>,
    /// Whether the position for the first room in `arriving` is being looked up.
    is_looking: bool,
    readers: Vec<RoomReader>,
    /// The index of the room that is served next.
    turn: usize,
    /// Whether the rooms are served before the lobby.
    is_turn: bool,
}

impl Rooms {
    /// Notes a join that is put to the lobby, or gives it back when too many wait already.
    pub(super) fn ask(&mut self, asked: Asked) -> Result<(), Asked> {
        if self.asked.len() + self.arriving.len() >= MAX_ASKED {
            return Err(asked);
        }
        self.asked.push_back(asked);
        Ok(())
    }

    /// The lobby lets the client into a room.
    pub(super) fn let_in(&mut self, view: RoomView) {
        let Some(asked) = self.take_asked(&view.id.name) else { return };
        self.arriving.push_back(Arriving { asked, view, left: false });
    }

    /// Takes out the oldest unanswered join of a room.
    pub(super) fn take_asked(&mut self, room: &RoomName) -> Option<Asked> {
        let at = self.asked.iter().position(|asked| asked.room == *room)?;
        self.asked.remove(at)
    }

    /// Returns the next room for which the position of the client has to be looked up. Rooms are looked up one at a
    /// time.
    pub(super) fn next_arrival(&mut self) -> Option<(RoomView, Begin)> {
        let next = self.arriving.front().filter(|_| !self.is_looking)?;
        self.is_looking = true;
        Some((next.view.clone(), next.asked.begin))
    }

    /// Returns the number up to which the client was sent messages in a room that it is in already.
    pub(super) fn sent_up_to(&self, id: &RoomId) -> Option<Seq> {
        self.readers.iter().find(|reader| reader.id == *id).map(|reader| reader.cursor)
    }

    /// The position for the first room in `arriving` was looked up. Returns the join that is answered by it. `recent`
    /// is `None` if nobody is in the room any more.
    pub(super) fn arrived(&mut self, start: Seq, recent: Option<Arc<Mutex<Recent>>>) -> Option<Asked> {
        self.is_looking = false;
        let Arriving { asked, view, left } = self.arriving.pop_front()?;
        let is_in = self.readers.iter().any(|reader| reader.id == view.id);
        if let Some(recent) = recent.filter(|_| !left && !is_in) {
            let (id, cursor) = (view.id, start);
            self.readers.push(RoomReader { id, recent, cursor, caught_up: false, loaded: None });
        }
        Some(asked)
    }

    /// The client is no longer in a room.
    pub(super) fn left(&mut self, room: &RoomId) {
        self.readers.retain(|reader| reader.id != *room);
        for arriving in self.arriving.iter_mut().filter(|arriving| arriving.view.id == *room) {
            arriving.left = true;
        }
    }

    /// Returns the log of a room that the client is in, and the number of the room's newest message.
    pub(super) fn log_of(&self, room: &RoomName) -> Option<(RoomId, Seq)> {
        let reader = self.readers.iter().find(|reader| reader.id.name == *room)?;
        let head = reader.recent.lock().unwrap_or_else(PoisonError::into_inner).head();
        Some((reader.id.clone(), head))
    }

    /// The lobby brings a chunk of a room. `writable` says whether the socket takes anything.
    pub(super) fn brought(&mut self, room: &RoomId, chunk: &Chunk, writable: bool) -> Brought {
        let Some(reader) = self.readers.iter_mut().find(|reader| reader.id == *room) else {
            return Brought::Nothing;
        };
        if !reader.caught_up || reader.cursor >= chunk.last() {
            return Brought::Nothing;
        }
        if !writable || reader.cursor.next() < chunk.first() {
            reader.caught_up = false;
            return Brought::Later;
        }
        reader.cursor = chunk.last();
        Brought::Write
    }

    /// Whether the rooms are served before the lobby.
    pub(super) fn is_turn(&self) -> bool {
        self.is_turn
    }

    /// The lobby is served now, so the rooms are next.
    pub(super) fn lobby_is_served(&mut self) {
        self.is_turn = true;
    }

    /// Moves what follows the cursor of one room to `out`, or says which part of the log has to be read. After that the
    /// lobby is next.
    pub(super) fn catch_up(&mut self, out: &mut Vec<Bytes>) -> Option<LogRead> {
        self.is_turn = false;
        let count = self.readers.len();
        let behind =
            (0..count).map(|step| (self.turn + step) % count).find(|at| !self.readers[*at].caught_up)?;
        self.turn = (behind + 1) % count;
        self.readers[behind].catch_up(out)
    }

    /// Takes lines that were read from the log of a room.
    pub(super) fn supply(&mut self, room: &RoomId, lines: Bytes, reached: Seq) {
        if let Some(reader) = self.readers.iter_mut().find(|reader| reader.id == *room) {
            reader.loaded = Some((lines, reached));
        }
    }

    /// Drops lines that were read from the log and are not sent yet.
    pub(super) fn drop_loaded(&mut self) {
        for reader in &mut self.readers {
            reader.loaded = None;
        }
    }
}

impl RoomReader {
    fn catch_up(&mut self, out: &mut Vec<Bytes>) -> Option<LogRead> {
        if let Some((lines, reached)) = self.loaded.take() {
            out.push(lines);
            self.cursor = reached;
            return None;
        }
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        match recent.gather(self.cursor, FEED_BYTES, out) {
            Gathered::UpTo(reached) => {
                self.cursor = reached;
                self.caught_up = reached == recent.head();
            }
            Gathered::CaughtUp => self.caught_up = true,
            Gathered::TooOld => {
                return Some(LogRead::Behind { room: Some(self.id.clone()), after: self.cursor });
            }
        }
        None
    }
}
