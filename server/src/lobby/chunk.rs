//! Messages that follow each other and are handed to every connection together. This file owns how many messages are in
//! a chunk, and holds the encoded line of a chunk; it knows no encoding.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use hobnob_protocol::chain::{LobbyMessage, Seq};
use hobnob_protocol::content::Content;
use hobnob_protocol::fast_path::is_plain;

use crate::decide::RoomId;

/// When its messages take about this many bytes on the wire, a chunk is complete. This is what one connection is handed
/// at once: four full TLS records.
pub(crate) const CHUNK_BYTES: usize = 64 * 1024;

/// How many bytes a message usually takes on the wire besides its text: its time, its numbers, and the names of the
/// fields.
const FRAME_BYTES: usize = 48;

/// JSON writes some characters as up to six bytes.
const ESCAPED_BYTES: usize = 6;

/// Some messages that follow each other; at least one. All connections share the chunk and its encoded line.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// All messages of the batch, shared with the log that stores them.
    batch: Arc<Vec<LobbyMessage>>,
    range: Range<usize>,
    /// About how many bytes the messages take on the wire.
    bytes: usize,
    /// The room in which they were said; `None` for the lobby.
    room: Option<RoomId>,
    line: OnceLock<Bytes>,
}

impl Chunk {
    /// Cuts a batch of messages of the lobby into chunks. The messages are in order and without a gap.
    pub(crate) fn cut(batch: &Arc<Vec<LobbyMessage>>) -> Vec<Arc<Self>> {
        Self::cut_of(None, batch)
    }

    /// Cuts a batch of messages of a room, or of the lobby, into chunks.
    pub(crate) fn cut_of(room: Option<&RoomId>, batch: &Arc<Vec<LobbyMessage>>) -> Vec<Arc<Self>> {
        let mut chunks = Vec::new();
        let (mut start, mut bytes) = (0, 0);
        for (index, message) in batch.iter().enumerate() {
            bytes += bytes_of(message);
            if bytes >= CHUNK_BYTES || index + 1 == batch.len() {
                let range = start..index + 1;
                let (batch, room) = (Arc::clone(batch), room.cloned());
                chunks.push(Arc::new(Self { batch, range, bytes, room, line: OnceLock::new() }));
                (start, bytes) = (index + 1, 0);
            }
        }
        chunks
    }

    /// Returns the room in which they were said, or `None` for the lobby.
    pub(crate) fn room(&self) -> Option<&RoomId> {
        self.room.as_ref()
    }

    /// About how many bytes its line has.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the messages of this chunk alone; the batch that they were cut from has others.
    pub(crate) fn messages(&self) -> &[LobbyMessage] {
        &self.batch[self.range.clone()]
    }

    /// Returns the number of the first message.
    pub(crate) fn first(&self) -> Seq {
        self.batch[self.range.start].seq
    }

    /// Returns the number of the last message.
    pub(crate) fn last(&self) -> Seq {
        self.batch[self.range.end - 1].seq
    }

    /// Returns the line that `encode` makes of the messages. `encode` is called only once, by the first caller; all
    /// others get the same bytes, so all callers must pass the same `encode`.
    pub(crate) fn line(&self, encode: impl FnOnce() -> Bytes) -> &Bytes {
        self.line.get_or_init(encode)
    }
}

/// About how many bytes a message takes on the wire; never fewer than its text takes.
fn bytes_of(message: &LobbyMessage) -> usize {
    match &message.content {
        Content::Text(text) if is_plain(text.as_str().as_bytes()) => FRAME_BYTES + text.as_str().len(),
        content => FRAME_BYTES + ESCAPED_BYTES * content.bytes_of_text(),
    }
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::chain::ChainHash;
    use hobnob_protocol::ids::RunId;
    use hobnob_protocol::key::PublicKey;
    use hobnob_protocol::text::Text;

    use super::*;

    fn batch(count: u64, text: &str) -> Arc<Vec<LobbyMessage>> {
        let message = |seq| LobbyMessage {
            seq: Seq(seq),
            at: 0,
            name: "anna".parse().unwrap(),
            key: PublicKey::new([1; 32]),
            run: RunId::new([1; 8]),
            id: seq,
            content: Text::new(text).unwrap().into(),
            hash: ChainHash::new([0; 32]),
        };
        Arc::new((1..=count).map(message).collect())
    }

    #[test]
    fn a_long_batch_is_cut_without_a_gap() {
        let chunks = Chunk::cut(&batch(20, &"x".repeat(16 * 1024)));
        assert!(chunks.len() >= 4);
        let mut next = Seq(1);
        for chunk in &chunks {
            assert_eq!(chunk.first(), next);
            assert_eq!(chunk.messages().len() as u64, chunk.last().0 + 1 - next.0);
            next = chunk.last().next();
        }
        assert_eq!(next, Seq(21));
        assert_eq!(
            Chunk::cut(&batch(20, &"\t".repeat(16 * 1024))).len(),
            20,
            "each takes six times the room"
        );
        assert!(Chunk::cut(&batch(0, "x")).is_empty());
    }

    #[test]
    fn the_line_of_a_chunk_is_made_once() {
        let chunk = &Chunk::cut(&batch(2, "x"))[0];
        assert_eq!(chunk.line(|| Bytes::from_static(b"made")), "made");
        assert_eq!(chunk.line(|| unreachable!("it was made already")), "made");
    }
}
