//! Proposals that wait until the batch before them is stored. Owns their bounds; knows nothing of what becomes of
//! them.

use std::collections::HashMap;

use hobnob_protocol::name::{PublicKey, RunId, UserName};

use crate::decide::{ConnectionId, Entry, Join, Newcomer};

/// Entries and bytes of text that gather before no more commands are taken: whoever sends more has to wait.
const MAX_ENTRIES: usize = 4096;
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// The next batch.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    entries: Vec<Entry>,
    bytes: usize,
    /// Who wants in: the last of each key, under which name and of which run.
    joining: HashMap<PublicKey, (UserName, RunId, ConnectionId)>,
}

impl Gathered {
    pub(super) fn has_room(&self) -> bool {
        self.entries.len() < MAX_ENTRIES && self.bytes < MAX_BYTES
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn push(&mut self, entry: Entry) {
        match &entry {
            Entry::Say { text, .. } => self.bytes += text.as_str().len(),
            Entry::Join(join) => {
                let Join { id, newcomer, .. } = &**join;
                self.joining.insert(newcomer.key, (newcomer.wish.clone(), newcomer.run, *id));
            }
            _ => {}
        }
        self.entries.push(entry);
    }

    /// The connection of another client of the newcomer's key that wants the same name.
    pub(super) fn is_joining(&self, newcomer: &Newcomer) -> Option<ConnectionId> {
        let (wish, run, id) = self.joining.get(&newcomer.key)?;
        (*wish == newcomer.wish && *run != newcomer.run).then_some(*id)
    }

    /// All of it; the next batch gathers from now on.
    pub(super) fn take(&mut self) -> Vec<Entry> {
        (self.bytes, self.joining) = (0, HashMap::new());
        // Room for as many as came now: in a busy lobby as many come again.
        let room = self.entries.len();
        std::mem::replace(&mut self.entries, Vec::with_capacity(room))
    }
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::name::Text;

    use super::*;

    #[test]
    fn it_is_bounded_in_entries_and_in_bytes() {
        let say =
            |len| Entry::Say { from: ConnectionId(1), id: 1, text: Text::new("x".repeat(len)).unwrap() };
        let mut gathered = Gathered::default();
        while gathered.has_room() {
            gathered.push(say(16 * 1024));
        }
        assert_eq!(gathered.entries.len(), MAX_BYTES / (16 * 1024));
        assert_eq!(gathered.take().len(), MAX_BYTES / (16 * 1024));
        assert!(gathered.is_empty());
        while gathered.has_room() {
            gathered.push(Entry::Leave(ConnectionId(1)));
        }
        assert_eq!(gathered.take().len(), MAX_ENTRIES);
    }
}
