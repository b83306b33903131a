//! Proposals that wait until the batch before them is stored, and questions whose answers depend on them. This file
//! owns the limits of both; it knows nothing of what becomes of them.

use std::collections::HashMap;

use hobnob_protocol::ids::RunId;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;

use super::handle::LobbyCommand;
use crate::decide::{ConnectionId, Entry, Join, Newcomer};

/// How many entries and questions, and how many bytes of text, may gather. When a limit is reached, no more commands
/// are taken, so clients that send more have to wait.
const MAX_ENTRIES: usize = 4096;
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// How many bytes a fingerprint has.
const FINGERPRINT_BYTES: usize = 50;
/// The greatest size of a batch that leaves the process, in bytes; NATS takes 1 MiB. Larger batches are published in
/// parts.
pub(super) const LARGEST_SHARED: usize = 512 * 1024;

/// How many bytes an entry takes in such a batch besides its texts, and how many bytes each byte of a text takes at
/// most: JSON writes some characters as six bytes.
const ENTRY_BYTES: usize = 512;
const ESCAPED: usize = 6;

/// The batch that gathers while the one before it is on its way: its entries, and the questions that are answered after
/// them.
#[derive(Default)]
pub(super) struct Gathered {
    entries: Vec<Entry>,
    bytes: usize,
    /// The newcomers of this batch: for each key the last one, with its wish, its run and its connection.
    joining: HashMap<PublicKey, (UserName, RunId, ConnectionId)>,
    later: Later,
}

/// Questions that are answered only after the entries before them were applied. A client that says that it is away, or
/// leaves a room, gets no confirmation, so every later question has to be answered with that in effect. A client that
/// joins a room may ask at once who is in it. All other entries are confirmed when they take effect, and questions need
/// not wait for them.
#[derive(Default)]
pub(super) struct Later {
    /// Whether an entry waits by which a client is away or back, or joins or leaves a room.
    is_needed: bool,
    questions: Vec<LobbyCommand>,
}

impl Later {
    /// Keeps a question if its answer has to wait; otherwise gives it back.
    pub(super) fn keep(&mut self, question: LobbyCommand) -> Result<(), LobbyCommand> {
        if !self.is_needed {
            return Err(question);
        }
        self.questions.push(question);
        Ok(())
    }

    /// Returns the questions, in the order in which they came.
    pub(super) fn questions(self) -> Vec<LobbyCommand> {
        self.questions
    }
}

impl Gathered {
    pub(super) fn has_room(&self) -> bool {
        self.entries.len() + self.later.questions.len() < MAX_ENTRIES && self.bytes < MAX_BYTES
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn push(&mut self, entry: Entry) {
        match &entry {
            Entry::Say { .. } | Entry::Act(_) | Entry::Operators(_) => self.bytes += bytes_of_text(&entry),
            Entry::Join(join) => {
                let Join { id, newcomer, .. } = &**join;
                self.joining.insert(newcomer.key, (newcomer.wish.clone(), newcomer.run, *id));
            }
            Entry::Away { .. } | Entry::JoinRoom { .. } | Entry::Part { .. } => self.later.is_needed = true,
            Entry::Leave(_)
            | Entry::Expire { .. }
            | Entry::Kept(_)
            | Entry::KeptName(_)
            | Entry::KeptRules(_)
            | Entry::Serves(_)
            | Entry::Gone { .. } => {}
        }
        self.entries.push(entry);
    }

    /// Leaves out the texts and acts of a connection.
    pub(super) fn leave_out_texts_of(&mut self, id: ConnectionId) {
        self.entries.retain(|entry| match entry {
            Entry::Say { from, .. } => *from != id,
            Entry::Act(act) => act.from != id,
            _ => true,
        });
        self.bytes = self.entries.iter().map(bytes_of_text).sum();
    }

    /// Keeps a question that came after an entry on which its answer depends; otherwise gives it back.
    pub(super) fn keep(&mut self, question: LobbyCommand) -> Result<(), LobbyCommand> {
        self.later.keep(question)
    }

    /// Returns the connection of another client of the newcomer's key that wants the same name and comes with this
    /// batch.
    pub(super) fn is_joining(&self, newcomer: &Newcomer) -> Option<ConnectionId> {
        let (wish, run, id) = self.joining.get(&newcomer.key)?;
        (*wish == newcomer.wish && *run != newcomer.run).then_some(*id)
    }

    /// Takes as many entries as fit into a batch of `largest` bytes, but at least one; from now on the next batch
    /// gathers. Questions that wait go with the last part.
    pub(super) fn take(&mut self, largest: usize) -> (Vec<Entry>, Later) {
        let fits = if largest == usize::MAX { self.entries.len() } else { self.fits(largest) };
        if fits < self.entries.len() {
            let entries = self.entries.drain(..fits).collect::<Vec<_>>();
            self.bytes -= entries.iter().map(bytes_of_text).sum::<usize>();
            return (entries, Later::default());
        }
        let later = std::mem::take(&mut self.later);
        (self.bytes, self.joining) = (0, HashMap::new());
        // Room for as many entries as came now, because in a busy lobby as many come again.
        let room = self.entries.len();
        (std::mem::replace(&mut self.entries, Vec::with_capacity(room)), later)
    }

    /// Returns how many of the first entries fit into a batch of that size.
    fn fits(&self, largest: usize) -> usize {
        let mut bytes = 0;
        let fits = self.entries.iter().take_while(|entry| {
            bytes += ENTRY_BYTES + ESCAPED * bytes_of_text(entry);
            bytes <= largest
        });
        fits.count().max(1)
    }
}

fn bytes_of_text(entry: &Entry) -> usize {
    match entry {
        Entry::Say { content, .. } => content.bytes_of_text(),
        Entry::Act(proposed) => proposed.act.text.as_ref().map_or(0, |text| text.as_str().len()),
        Entry::Operators(listed) => listed.len() * FINGERPRINT_BYTES,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::text::Text;

    use super::*;

    #[test]
    fn the_entries_that_gather_are_bounded_in_number_and_in_bytes() {
        let say = |len| Entry::Say {
            from: ConnectionId(1),
            id: 1,
            room: None,
            content: Text::new("x".repeat(len)).unwrap().into(),
        };
        let mut gathered = Gathered::default();
        while gathered.has_room() {
            gathered.push(say(16 * 1024));
        }
        assert_eq!(gathered.entries.len(), MAX_BYTES / (16 * 1024));
        assert_eq!(gathered.take(usize::MAX).0.len(), MAX_BYTES / (16 * 1024));
        assert!(gathered.is_empty());
        while gathered.has_room() {
            gathered.push(Entry::Leave(ConnectionId(1)));
        }
        assert_eq!(gathered.take(usize::MAX).0.len(), MAX_ENTRIES);
    }

    #[test]
    fn texts_of_one_connection_are_left_out() {
        let say = |from, id| Entry::Say {
            from: ConnectionId(from),
            id,
            room: None,
            content: Text::new("xyz").unwrap().into(),
        };
        let mut gathered = Gathered::default();
        for entry in [say(1, 1), say(2, 1), Entry::Leave(ConnectionId(1)), say(1, 2)] {
            gathered.push(entry);
        }
        gathered.leave_out_texts_of(ConnectionId(1));
        assert_eq!(gathered.bytes, 3);
        assert_eq!(gathered.take(usize::MAX).0, [say(2, 1), Entry::Leave(ConnectionId(1))]);
    }

    #[test]
    fn a_large_batch_is_published_in_parts_that_fit_and_in_order() {
        let mut gathered = Gathered::default();
        // The worst case: each byte is written as six.
        let text = Text::new("\u{1}".repeat(16 * 1024)).unwrap();
        for id in 1..=20 {
            gathered.push(Entry::Say { from: ConnectionId(1), id, room: None, content: text.clone().into() });
        }
        gathered.push(Entry::Away { from: ConnectionId(1), away: None });
        assert!(gathered.keep(LobbyCommand::Users { from: ConnectionId(1), request: 1, room: None }).is_ok());
        let (mut all, mut parts, mut questions) = (Vec::new(), 0, 0);
        while !gathered.is_empty() {
            assert_eq!(questions, 0, "questions go with the last part");
            let (entries, later) = gathered.take(LARGEST_SHARED);
            let (server, number, vouch) = (hobnob_order::ServerId(1), 1, None);
            let batch = crate::decide::Proposals { server, number, vouch, entries };
            assert!(hobnob_order::Payload::to_bytes(&batch).len() <= LARGEST_SHARED);
            all.extend(batch.entries);
            questions += later.questions().len();
            parts += 1;
        }
        assert!(parts > 1);
        assert_eq!((all.len(), questions, gathered.bytes), (21, 1, 0));
        assert!(all.iter().zip(1..).take(20).all(|(e, n)| matches!(e, Entry::Say { id, .. } if *id == n)));
    }

    #[test]
    fn questions_wait_only_behind_entries_without_a_confirmation_and_within_the_same_limit() {
        let question = || LobbyCommand::Users { from: ConnectionId(1), request: 1, room: None };
        let mut gathered = Gathered::default();
        assert!(gathered.keep(question()).is_err());
        gathered.push(Entry::Away { from: ConnectionId(1), away: None });
        while gathered.has_room() {
            assert!(gathered.keep(question()).is_ok());
        }
        let (entries, later) = gathered.take(usize::MAX);
        assert_eq!(entries.len() + later.questions().len(), MAX_ENTRIES);
        assert!(gathered.keep(question()).is_err());
    }
}
