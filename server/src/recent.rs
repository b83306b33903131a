//! The newest lobby messages as they go out on the wire, encoded once for everybody. Owns the bounds
//! of that memory and the way from a number to the bytes after it. Knows no client and no file: what
//! is older is read from the log.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use hobnob_protocol::chain::{LobbyMessage, Position};
use hobnob_protocol::codec;
use hobnob_protocol::message::ServerMessage;
use hobnob_protocol::name::{ChainHash, Seq};

/// A chunk is closed when it has this many bytes: what one connection is handed at once, four full
/// TLS records.
const CHUNK_BYTES: usize = 64 * 1024;

/// Bytes of encoded messages kept in memory. A client that is this far behind reads from the log.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Chunks kept in memory; in a quiet lobby each holds one message.
const MAX_CHUNKS: usize = 4096;

/// Hashes kept, so that a newcomer's place near the head is known without reading the log. More than
/// the largest backlog.
const MAX_HASHES: usize = 4096;

/// Some messages in a row, each as a `said` line.
#[derive(Debug)]
pub(crate) struct Chunk {
    first: Seq,
    bytes: Bytes,
    /// Where each message's line ends in `bytes`.
    ends: Box<[usize]>,
}

impl Chunk {
    /// Encodes `messages`, which are in order and without a gap, and gives them back.
    pub(crate) fn encode(messages: Vec<LobbyMessage>) -> (Vec<LobbyMessage>, Vec<Arc<Self>>) {
        let mut back = Vec::with_capacity(messages.len());
        let mut chunks = Vec::new();
        let mut bytes = BytesMut::new();
        let mut ends = Vec::new();
        for message in messages {
            let said = ServerMessage::Said(message);
            codec::encode_into(&said, &mut bytes);
            ends.push(bytes.len());
            if let ServerMessage::Said(message) = said {
                back.push(message);
            }
            if bytes.len() >= CHUNK_BYTES {
                chunks.push(Self::close(&back, &mut bytes, &mut ends));
            }
        }
        if !ends.is_empty() {
            chunks.push(Self::close(&back, &mut bytes, &mut ends));
        }
        (back, chunks)
    }

    fn close(encoded: &[LobbyMessage], bytes: &mut BytesMut, ends: &mut Vec<usize>) -> Arc<Self> {
        let first = encoded[encoded.len() - ends.len()].seq;
        let ends = std::mem::take(ends).into_boxed_slice();
        Arc::new(Self { first, bytes: bytes.split().freeze(), ends })
    }

    /// The number of the first message.
    pub(crate) fn first(&self) -> Seq {
        self.first
    }

    /// The number of the last message.
    pub(crate) fn last(&self) -> Seq {
        Seq(self.first.0 + self.ends.len() as u64 - 1)
    }

    /// All lines.
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The lines after `cursor`, which is in this chunk or just before it.
    fn after(&self, cursor: Seq) -> Bytes {
        let skipped = (cursor.0 + 1).saturating_sub(self.first.0) as usize;
        match skipped.checked_sub(1) {
            None => self.bytes.clone(),
            Some(last_skipped) => self.bytes.slice(self.ends[last_skipped]..),
        }
    }
}

/// What [`Recent::gather`] found after a cursor.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Gathered {
    /// The cursor is past these now.
    UpTo(Seq),
    /// Nothing: the cursor is at the head.
    CaughtUp,
    /// What follows the cursor is no longer in memory.
    TooOld,
}

/// The bounded memory of the newest messages.
#[derive(Debug)]
pub(crate) struct Recent {
    chunks: VecDeque<Arc<Chunk>>,
    bytes: usize,
    head: Seq,
    /// The hashes of the newest messages and of the place before them; the last is the head's.
    hashes: VecDeque<ChainHash>,
}

impl Recent {
    /// An empty memory of a log that has been read up to `position`.
    pub(crate) fn new(position: Position) -> Self {
        Self { chunks: VecDeque::new(), bytes: 0, head: position.seq, hashes: [position.hash].into() }
    }

    /// Takes in what follows the head; the oldest go.
    pub(crate) fn push(&mut self, chunks: &[Arc<Chunk>], hashes: impl IntoIterator<Item = ChainHash>) {
        for chunk in chunks {
            debug_assert_eq!(chunk.first(), self.head.next(), "the memory has no gap");
            self.head = chunk.last();
            self.bytes += chunk.bytes.len();
            self.chunks.push_back(Arc::clone(chunk));
        }
        self.hashes.extend(hashes);
        while self.bytes > MAX_BYTES || self.chunks.len() > MAX_CHUNKS {
            let Some(oldest) = self.chunks.pop_front() else { break };
            self.bytes -= oldest.bytes.len();
        }
        while self.hashes.len() > MAX_HASHES {
            self.hashes.pop_front();
        }
    }

    /// The number of the newest message.
    pub(crate) fn head(&self) -> Seq {
        self.head
    }

    /// The place after message `seq`, if it is near the head.
    pub(crate) fn position(&self, seq: Seq) -> Option<Position> {
        let back = self.head.0.checked_sub(seq.0)?;
        let index = (self.hashes.len() as u64).checked_sub(back + 1)?;
        Some(Position { seq, hash: *self.hashes.get(index as usize)? })
    }

    /// Appends to `out` what follows `cursor`, about `max_bytes` of it.
    pub(crate) fn gather(&self, cursor: Seq, max_bytes: usize, out: &mut Vec<Bytes>) -> Gathered {
        if cursor >= self.head {
            return Gathered::CaughtUp;
        }
        let index = self.chunks.partition_point(|chunk| chunk.last() <= cursor);
        match self.chunks.get(index) {
            Some(chunk) if chunk.first() <= cursor.next() => {}
            _ => return Gathered::TooOld,
        }
        let (mut reached, mut bytes) = (cursor, 0);
        for chunk in self.chunks.range(index..) {
            let lines = chunk.after(reached);
            bytes += lines.len();
            reached = chunk.last();
            out.push(lines);
            if bytes >= max_bytes {
                break;
            }
        }
        Gathered::UpTo(reached)
    }
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::name::{LogId, PublicKey, RunId, Text};

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
                text: Text::new("x".repeat(len)).unwrap(),
                hash: ChainHash::new([seq as u8; 32]),
            })
            .collect()
    }

    fn push(recent: &mut Recent, messages: Vec<LobbyMessage>) {
        let (messages, chunks) = Chunk::encode(messages);
        recent.push(&chunks, messages.iter().map(|m| m.hash));
    }

    fn seqs(lines: &[Bytes]) -> Vec<u64> {
        let all = lines.concat();
        let text = std::str::from_utf8(&all).unwrap();
        text.lines()
            .map(|line| match serde_json::from_str(line).unwrap() {
                ServerMessage::Said(message) => message.seq.0,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    fn start() -> Position {
        Position::start(&LogId::new([0; 16]))
    }

    #[test]
    fn what_follows_a_cursor_is_found_also_inside_a_chunk() {
        let mut recent = Recent::new(start());
        push(&mut recent, messages(1..=5, 10));
        push(&mut recent, messages(6..=6, 10));
        for cursor in 0..6 {
            let mut out = Vec::new();
            assert_eq!(recent.gather(Seq(cursor), usize::MAX, &mut out), Gathered::UpTo(Seq(6)));
            assert_eq!(seqs(&out), (cursor + 1..=6).collect::<Vec<_>>());
        }
        assert_eq!(recent.gather(Seq(6), 1, &mut Vec::new()), Gathered::CaughtUp);
        let mut out = Vec::new();
        assert_eq!(recent.gather(Seq(0), 1, &mut out), Gathered::UpTo(Seq(5)));
    }

    #[test]
    fn the_oldest_go_when_the_memory_is_full() {
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

    #[test]
    fn a_long_batch_is_cut_into_chunks() {
        let (back, chunks) = Chunk::encode(messages(1..=20, 16 * 1024));
        assert_eq!(back.len(), 20);
        assert!(chunks.len() >= 4 && chunks.iter().all(|c| c.bytes.len() < CHUNK_BYTES + 20_000));
        assert_eq!(chunks.last().unwrap().last(), Seq(20));
    }
}
