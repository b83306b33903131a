//! Proposals that wait until the batch before them is stored, and questions whose answers depend on them. Owns
//! their bounds; knows nothing of what becomes of them.

use std::collections::HashMap;

use hobnob_protocol::name::{PublicKey, RunId, UserName};

use super::handle::LobbyCommand;
use crate::decide::{ConnectionId, Entry, Join, Newcomer};

/// Entries, with questions, and bytes of text that gather before no more commands are taken: whoever sends more has to wait.
const MAX_ENTRIES: usize = 4096;
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// How many bytes a fingerprint has.
const FINGERPRINT_BYTES: usize = 50;
/// Bytes of a batch that leaves the process, of which NATS takes 1 MiB. What is larger is published in parts.
pub(super) const LARGEST_SHARED: usize = 512 * 1024;

/// Bytes that an entry takes in such a batch besides its texts, and at most for each byte of a text: JSON writes some
/// characters as six.
const ENTRY_BYTES: usize = 512;
const ESCAPED: usize = 6;

/// The next batch.
#[derive(Default)]
pub(super) struct Gathered {
    entries: Vec<Entry>,
    bytes: usize,
    /// Who wants in: the last of each key, under which name and of which run.
    joining: HashMap<PublicKey, (UserName, RunId, ConnectionId)>,
    later: Later,
}

/// Questions that are answered after the entries they came behind. Whoever says that he is away, or leaves a room, is told
/// nothing of that, so any question behind it has to be answered with it, and who joins a room may ask at once who is in it; for
/// all else there is an answer that says when it counts, and questions need not wait.
#[derive(Default)]
pub(super) struct Later {
    /// Somebody is away or back, or joins or leaves a room.
    is_needed: bool,
    questions: Vec<LobbyCommand>,
}

impl Later {
    /// Keeps a question if its answer has to wait, or gives it back.
    pub(super) fn keep(&mut self, question: LobbyCommand) -> Result<(), LobbyCommand> {
        if !self.is_needed {
            return Err(question);
        }
        self.questions.push(question);
        Ok(())
    }

    /// The questions, in the order in which they came.
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

    /// Keeps a question that came behind an entry on which its answer depends, or gives it back.
    pub(super) fn keep(&mut self, question: LobbyCommand) -> Result<(), LobbyCommand> {
        self.later.keep(question)
    }

    /// The connection of another client of the newcomer's key that wants the same name.
    pub(super) fn is_joining(&self, newcomer: &Newcomer) -> Option<ConnectionId> {
        let (wish, run, id) = self.joining.get(&newcomer.key)?;
        (*wish == newcomer.wish && *run != newcomer.run).then_some(*id)
    }

    /// As much of it as a batch of `largest` bytes holds, and at least one entry; the next batch gathers from now on.
    /// Questions that wait go with the last part.
    pub(super) fn take(&mut self, largest: usize) -> (Vec<Entry>, Later) {
        let fits = if largest == usize::MAX { self.entries.len() } else { self.fits(largest) };
        if fits < self.entries.len() {
            let entries = self.entries.drain(..fits).collect::<Vec<_>>();
            self.bytes -= entries.iter().map(bytes_of_text).sum::<usize>();
            return (entries, Later::default());
        }
        let later = std::mem::take(&mut self.later);
        (self.bytes, self.joining) = (0, HashMap::new());
        // Room for as many as came now: in a busy lobby as many come again.
        let room = self.entries.len();
        (std::mem::replace(&mut self.entries, Vec::with_capacity(room)), later)
    }

    /// How many of the first entries a batch of that size holds.
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
    use hobnob_protocol::name::Text;

    use super::*;

    #[test]
    fn it_is_bounded_in_entries_and_in_bytes() {
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
    fn what_leaves_the_process_is_published_in_parts_that_fit_and_in_order() {
        let mut gathered = Gathered::default();
        // The worst there is: each byte is written as six.
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
    fn questions_wait_only_behind_somebody_who_is_away_and_within_the_same_bound() {
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
