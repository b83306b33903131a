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
            Entry::Say { content, .. } => self.bytes += content.bytes_of_text(),
            Entry::Join(join) => {
                let Join { id, newcomer, .. } = &**join;
                self.joining.insert(newcomer.key, (newcomer.wish.clone(), newcomer.run, *id));
            }
            Entry::Away { .. } | Entry::JoinRoom { .. } | Entry::Part { .. } => self.later.is_needed = true,
            Entry::Act(proposed) => {
                self.bytes += proposed.act.text.as_ref().map_or(0, |text| text.as_str().len())
            }
            Entry::Operators(listed) => self.bytes += listed.len() * FINGERPRINT_BYTES,
            Entry::Leave(_) | Entry::Expire { .. } => {}
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

    /// All of it; the next batch gathers from now on.
    pub(super) fn take(&mut self) -> (Vec<Entry>, Later) {
        let later = std::mem::take(&mut self.later);
        (self.bytes, self.joining) = (0, HashMap::new());
        // Room for as many as came now: in a busy lobby as many come again.
        let room = self.entries.len();
        (std::mem::replace(&mut self.entries, Vec::with_capacity(room)), later)
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
        assert_eq!(gathered.take().0.len(), MAX_BYTES / (16 * 1024));
        assert!(gathered.is_empty());
        while gathered.has_room() {
            gathered.push(Entry::Leave(ConnectionId(1)));
        }
        assert_eq!(gathered.take().0.len(), MAX_ENTRIES);
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
        let (entries, later) = gathered.take();
        assert_eq!(entries.len() + later.questions().len(), MAX_ENTRIES);
        assert!(gathered.keep(question()).is_err());
    }
}
