//! The newest lobby messages as they go out on the wire, encoded once for everybody. Owns the bounds
//! of that memory and the way from a number to the bytes after it. Knows no client and no file: what
//! is older is read from the log.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use hobnob_protocol::chain::{LobbyMessage, Position};
use hobnob_protocol::name::{ChainHash, Seq};
use hobnob_protocol::said::SaidWriter;

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

/// Some messages in a row, as one `said` line.
#[derive(Debug)]
pub(crate) struct Chunk {
    first: Seq,
    last: Seq,
    bytes: Bytes,
}

impl Chunk {
    /// Encodes `messages`, which are in order and without a gap.
    pub(crate) fn encode(messages: &[LobbyMessage]) -> Vec<Arc<Self>> {
        let mut chunks = Vec::new();
        let mut writer = SaidWriter::default();
        let mut first = messages.first().map_or(Seq(0), |message| message.seq);
        for message in messages {
            if writer.len() >= CHUNK_BYTES || !writer.push(message) {
                first = Self::close(&mut writer, first, &mut chunks);
                writer.push(message);
            }
        }
        Self::close(&mut writer, first, &mut chunks);
        chunks
    }

    /// Makes a chunk of what was gathered from `first` on; the number of the next one's first message.
    fn close(writer: &mut SaidWriter, first: Seq, chunks: &mut Vec<Arc<Self>>) -> Seq {
        let Some((bytes, end)) = writer.finish() else { return first };
        chunks.push(Arc::new(Self { first, last: end.seq, bytes }));
        end.seq.next()
    }

    /// The number of the first message.
    pub(crate) fn first(&self) -> Seq {
        self.first
    }

    /// The number of the last message.
    pub(crate) fn last(&self) -> Seq {
        self.last
    }

    /// The line.
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
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

    /// Appends to `out` what follows `cursor`, about `max_bytes` of it. A chunk goes whole: who has read a
    /// part of it drops that.
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
            bytes += chunk.bytes.len();
            reached = chunk.last();
            out.push(chunk.bytes.clone());
            if bytes >= max_bytes {
                break;
            }
        }
        Gathered::UpTo(reached)
    }
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::message::ServerMessage;
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
        recent.push(&Chunk::encode(&messages), messages.iter().map(|m| m.hash));
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
    fn what_follows_a_cursor_is_found_with_the_chunk_it_is_in() {
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
        let chunks = Chunk::encode(&messages(1..=20, 16 * 1024));
        assert!(chunks.len() >= 4 && chunks.iter().all(|c| c.bytes.len() < CHUNK_BYTES + 20_000));
        assert_eq!(chunks.last().unwrap().last(), Seq(20));
    }
}
