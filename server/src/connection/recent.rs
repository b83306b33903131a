//! The newest messages of the lobby or of a room in the form in which they are sent, encoded once for everybody. This
//! file owns the limits of that memory, and finds the bytes that follow a number. It knows no client and no file: older
//! messages are read from the log.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hobnob_protocol::chain::{ChainHash, LogId, Position, Seq};

use super::encode::chunk_line;
use crate::lobby::{Chunk, Memory, RoomMemory};

/// How many bytes of encoded messages are kept in memory. A client that is further behind reads from the log.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// How many chunks are kept in memory. In a quiet lobby each chunk holds one message.
const MAX_CHUNKS: usize = 4096;

/// How many hashes are kept, so that a position near the head is known without reading the log. More than the largest
/// backlog.
const MAX_HASHES: usize = 4096;

/// The same limits for a room. They are lower because there may be a thousand rooms.
const ROOM_BOUNDS: Bounds = Bounds { bytes: 64 * 1024, chunks: 64, hashes: 64 };

const LOBBY_BOUNDS: Bounds = Bounds { bytes: MAX_BYTES, chunks: MAX_CHUNKS, hashes: MAX_HASHES };

/// How much is kept in memory.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    bytes: usize,
    chunks: usize,
    hashes: usize,
}

/// A chunk, encoded. The messages themselves are not kept, because they take twice the memory.
#[derive(Debug)]
struct Lines {
    first: Seq,
    last: Seq,
    bytes: Bytes,
}

/// What [`Recent::gather`] found after a cursor.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Gathered {
    /// Chunks were found, and the cursor is at this number now.
    UpTo(Seq),
    /// Nothing follows: the cursor is at the head.
    CaughtUp,
    /// What follows the cursor is no longer in memory.
    TooOld,
}

/// The bounded memory of the newest messages of one log.
#[derive(Debug)]
pub(crate) struct Recent {
    chunks: VecDeque<Lines>,
    bytes: usize,
    head: Seq,
    /// The hashes of the newest messages and of the position before them; the last one belongs to the head.
    hashes: VecDeque<ChainHash>,
    bounds: Bounds,
}

impl Recent {
    /// Makes an empty memory for the lobby's log, whose newest position is `position`.
    pub(crate) fn new(position: Position) -> Self {
        Self::bounded(position, LOBBY_BOUNDS)
    }

    /// Makes an empty memory for a room's log.
    fn of_room(position: Position) -> Self {
        Self::bounded(position, ROOM_BOUNDS)
    }

    fn bounded(position: Position, bounds: Bounds) -> Self {
        let (chunks, hashes) = (VecDeque::new(), [position.hash].into());
        Self { chunks, bytes: 0, head: position.seq, hashes, bounds }
    }

    /// Adds chunks that follow the head. The oldest chunks and hashes are dropped when a limit is exceeded.
    pub(crate) fn push(&mut self, chunks: &[Arc<Chunk>]) {
        for chunk in chunks {
            debug_assert_eq!(chunk.first(), self.head.next(), "the memory has no gap");
            let bytes = chunk_line(chunk).clone();
            self.head = chunk.last();
            self.bytes += bytes.len();
            self.chunks.push_back(Lines { first: chunk.first(), last: chunk.last(), bytes });
            self.hashes.extend(chunk.messages().iter().map(|message| message.hash));
        }
        while self.bytes > self.bounds.bytes || self.chunks.len() > self.bounds.chunks {
            let Some(oldest) = self.chunks.pop_front() else { break };
            self.bytes -= oldest.bytes.len();
        }
        while self.hashes.len() > self.bounds.hashes {
            self.hashes.pop_front();
        }
    }

    /// Returns the number of the newest message.
    pub(crate) fn head(&self) -> Seq {
        self.head
    }

    /// Returns the position after message `seq`, if its hash is in memory.
    pub(crate) fn position(&self, seq: Seq) -> Option<Position> {
        let back = self.head.0.checked_sub(seq.0)?;
        let index = (self.hashes.len() as u64).checked_sub(back + 1)?;
        Some(Position { seq, hash: *self.hashes.get(index as usize)? })
    }

    /// Appends to `out` the chunks that follow `cursor`, about `max_bytes` of them. A chunk is always whole: a client
    /// that has read a part of it drops that part.
    pub(crate) fn gather(&self, cursor: Seq, max_bytes: usize, out: &mut Vec<Bytes>) -> Gathered {
        if cursor >= self.head {
            return Gathered::CaughtUp;
        }
        let index = self.chunks.partition_point(|chunk| chunk.last <= cursor);
        match self.chunks.get(index) {
            Some(chunk) if chunk.first <= cursor.next() => {}
            _ => return Gathered::TooOld,
        }
        let (mut reached, mut bytes) = (cursor, 0);
        for chunk in self.chunks.range(index..) {
            bytes += chunk.bytes.len();
            reached = chunk.last;
            out.push(chunk.bytes.clone());
            if bytes >= max_bytes {
                break;
            }
        }
        Gathered::UpTo(reached)
    }
}

impl Memory for Mutex<Recent> {
    fn prepare(&self, chunk: &Chunk) {
        chunk_line(chunk);
    }

    fn remember(&self, chunks: &[Arc<Chunk>]) {
        self.lock().unwrap_or_else(PoisonError::into_inner).push(chunks);
    }
}

/// The memories of the rooms in which somebody is.
#[derive(Debug, Default)]
pub(crate) struct RecentOfRooms(Mutex<HashMap<LogId, Arc<Mutex<Recent>>>>);

impl RecentOfRooms {
    fn rooms(&self) -> MutexGuard<'_, HashMap<LogId, Arc<Mutex<Recent>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the memory of a room, if somebody is in it.
    pub(super) fn of(&self, room: LogId) -> Option<Arc<Mutex<Recent>>> {
        self.rooms().get(&room).cloned()
    }
}

impl RoomMemory for RecentOfRooms {
    fn open(&self, room: LogId, head: Position) {
        self.rooms().entry(room).or_insert_with(|| Arc::new(Mutex::new(Recent::of_room(head))));
    }

    fn remember(&self, room: LogId, chunks: &[Arc<Chunk>]) {
        if let Some(recent) = self.of(room) {
            recent.lock().unwrap_or_else(PoisonError::into_inner).push(chunks);
        }
    }

    fn close(&self, room: LogId) {
        self.rooms().remove(&room);
    }
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::chain::LobbyMessage;
    use hobnob_protocol::ids::RunId;
    use hobnob_protocol::key::PublicKey;
    use hobnob_protocol::message::ServerMessage;
    use hobnob_protocol::text::Text;

    use super::*;

    fn messages(range: std::ops::RangeInclusive<u64>, len: usize) -> Vec<LobbyMessage> {
        range
            .map(|seq| LobbyMessage {
                seq: Seq(seq),
                at: 0,
                name: "anna".parse().unwrap(),
                key: PublicKey::new([1; 32]),
                run: RunId::new([1; 8]),
                id: seq,
                content: Text::new("x".repeat(len)).unwrap().into(),
                hash: ChainHash::new([seq as u8; 32]),
            })
            .collect()
    }

    fn push(recent: &mut Recent, messages: Vec<LobbyMessage>) {
        recent.push(&Chunk::cut(&Arc::new(messages)));
    }

    fn seqs(lines: &[Bytes]) -> Vec<u64> {
        let all = lines.concat();
        let text = std::str::from_utf8(&all).unwrap();
        text.lines()
            .flat_map(|line| match serde_json::from_str(line).unwrap() {
                ServerMessage::Said(said) => said.first().0..=said.last().0,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    fn start() -> Position {
        Position::start(&LogId::new([0; 16]))
    }

    #[test]
    fn the_chunks_after_a_cursor_are_found_with_the_one_it_is_in() {
        let mut recent = Recent::new(start());
        push(&mut recent, messages(1..=5, 10));
        push(&mut recent, messages(6..=6, 10));
        for cursor in 0..6 {
            let mut out = Vec::new();
            assert_eq!(recent.gather(Seq(cursor), usize::MAX, &mut out), Gathered::UpTo(Seq(6)));
            let from = if cursor < 5 { 1 } else { 6 };
            assert_eq!(seqs(&out), (from..=6).collect::<Vec<_>>());
        }
        assert_eq!(recent.gather(Seq(6), 1, &mut Vec::new()), Gathered::CaughtUp);
        let mut out = Vec::new();
        assert_eq!(recent.gather(Seq(0), 1, &mut out), Gathered::UpTo(Seq(5)));
    }

    #[test]
    fn the_oldest_chunks_are_dropped_when_the_memory_is_full() {
        let mut recent = Recent::new(start());
        for seq in 1..=1000 {
            push(&mut recent, messages(seq..=seq, 16 * 1024));
        }
        assert!(recent.bytes <= MAX_BYTES);
        assert_eq!(recent.gather(Seq(5), 1, &mut Vec::new()), Gathered::TooOld);
        assert_eq!(recent.position(Seq(5)).unwrap().hash, ChainHash::new([5; 32]));
        assert_eq!(recent.position(Seq(0)), Some(start()));
        assert_eq!(recent.position(Seq(1001)), None);
    }
}
