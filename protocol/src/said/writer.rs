//! Writes entries of a log as lines that hold as many of them as fit.

use std::collections::HashMap;
use std::fmt::Write;

use bytes::{BufMut, Bytes, BytesMut};

use super::Author;
use crate::MAX_LINE_BYTES;
use crate::chain::{LobbyMessage, Position};
use crate::codec::encode_text_into;
use crate::content::Content;
use crate::ids::RunId;
use crate::key::PublicKey;
use crate::room::RoomName;

/// Gathers messages in a row and writes them as one line. The default writer writes for the lobby.
#[derive(Debug, Default)]
pub struct SaidWriter {
    room: Option<RoomName>,
    line: BytesMut,
    authors: Vec<Author>,
    known: HashMap<(PublicKey, RunId), u32>,
    last: Option<Position>,
}

/// How many bytes are reserved for the end of a line. The authors also stand there, but are counted separately.
const FRAME_BYTES: usize = 128;

/// How many bytes one author takes at most: a name of 32 characters of four bytes each, the key, the run, and the names
/// of these members.
const AUTHOR_BYTES: usize = 256;

impl SaidWriter {
    /// Makes a writer for the log of `room`, or for the lobby's log.
    #[must_use]
    pub fn of(room: Option<RoomName>) -> Self {
        Self { room, ..Self::default() }
    }

    /// Returns how many bytes were gathered so far. Authors count with their largest size.
    #[must_use]
    pub fn len(&self) -> usize {
        self.line.len() + self.authors.len() * AUTHOR_BYTES
    }

    /// Whether no message was gathered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    /// Adds the message that follows the last one. If the line would become too long, nothing is added and the answer
    /// is false. The first message always fits.
    pub fn push(&mut self, message: &LobbyMessage) -> bool {
        let (before, authors) = (self.line.len(), self.authors.len());
        let by = self.author(message);
        let is_first = self.is_empty();
        let (line, LobbyMessage { seq, at, id, content, .. }) = (&mut self.line, message);
        let opened = match (is_first, &self.room) {
            // No character that a name may contain needs an escape in JSON.
            (true, Some(room)) => write!(line, r#"{{"type":"said","room":"{room}","seq":{seq},"messages":["#),
            (true, None) => write!(line, r#"{{"type":"said","seq":{seq},"messages":["#),
            (false, _) => write!(line, ","),
        };
        opened.and_then(|()| write!(line, r#"{{"at":{at},"by":{by},"id":{id},"#)).expect("memory takes it");
        write_content(content, line);
        if !is_first && self.len() + FRAME_BYTES > MAX_LINE_BYTES {
            self.line.truncate(before);
            if self.authors.len() > authors {
                self.authors.pop();
                self.known.remove(&(message.key, message.run));
            }
            return false;
        }
        self.last = Some(Position { seq: message.seq, hash: message.hash });
        true
    }

    /// Returns the line and the position after its last message, or `None` if no message was gathered. The writer is
    /// empty afterwards.
    ///
    /// # Panics
    /// Never, because authors always serialize to JSON.
    pub fn finish(&mut self) -> Option<(Bytes, Position)> {
        let end = self.last.take()?;
        self.line.put_slice(br#"],"authors":"#);
        serde_json::to_writer((&mut self.line).writer(), &self.authors).expect("authors are JSON");
        writeln!(self.line, r#","hash":"{}"}}"#, end.hash).expect("memory takes it");
        self.authors.clear();
        self.known.clear();
        Some((self.line.split().freeze(), end))
    }

    fn author(&mut self, message: &LobbyMessage) -> u32 {
        let LobbyMessage { name, key, run, .. } = message;
        let next = self.authors.len() as u32;
        let index = *self.known.entry((*key, *run)).or_insert(next);
        // When a run reconnects, it may get another name. It is then written as another author.
        if self.authors.get(index as usize).is_some_and(|author| author.name.as_str() == name.as_str()) {
            return index;
        }
        self.known.insert((*key, *run), next);
        self.authors.push(Author { name: name.clone(), key: *key, run: *run });
        next
    }
}

/// Writes the last member of a message and closes the JSON object.
fn write_content(content: &Content, line: &mut BytesMut) {
    match content {
        Content::Text(text) => {
            line.put_slice(br#""text":"#);
            encode_text_into(text.as_str(), line);
        }
        Content::Act(act) => {
            line.put_slice(br#""act":"#);
            serde_json::to_writer(line.writer(), &**act).expect("an act is JSON");
        }
    }
    line.put_u8(b'}');
}
