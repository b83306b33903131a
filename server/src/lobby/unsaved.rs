//! Changes that are not stored yet: names whose bindings have changed, rooms whose dates have changed, and rooms that
//! are gone. They are stored with the next batch; if only dates have changed, they are stored from time to time. This
//! file knows neither the log nor why a name changed.

use std::collections::{BTreeMap, BTreeSet};

use hobnob_protocol::chain::LogId;
use hobnob_protocol::name::UserName;

use crate::decide::{KeptRoom, NameBinding};

/// How many freed names are stored with one batch. A name that is not stored as freed belongs to its key again after a
/// restart, and is freed then.
const FREED_AT_ONCE: usize = 1000;

/// What is to be stored.
#[derive(Debug, Clone, Default)]
pub(super) struct Unsaved {
    bound: BTreeMap<UserName, NameBinding>,
    freed: BTreeSet<UserName>,
    rooms: BTreeMap<LogId, KeptRoom>,
    gone_rooms: BTreeSet<LogId>,
    dates_due: bool,
}

/// Changes that are stored with one batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) names: Vec<NameBinding>,
    pub(super) freed: Vec<UserName>,
    pub(super) rooms: Vec<KeptRoom>,
    pub(super) gone_rooms: Vec<LogId>,
}

impl Unsaved {
    /// A name belongs to a key, or its user was seen.
    pub(super) fn bind(&mut self, binding: NameBinding) {
        self.freed.remove(&binding.name);
        self.bound.insert(binding.name.clone(), binding);
    }

    /// A name belongs to nobody any more.
    pub(super) fn free(&mut self, name: UserName) {
        self.bound.remove(&name);
        self.freed.insert(name);
    }

    /// Somebody was in a room at a later date than is stored.
    pub(super) fn room_seen(&mut self, room: KeptRoom) {
        self.rooms.insert(room.id.log, room);
    }

    /// A room no longer exists.
    pub(super) fn room_gone(&mut self, log: LogId) {
        self.rooms.remove(&log);
        self.gone_rooms.insert(log);
    }

    /// From now on changes are worth storing even if only dates have changed.
    pub(super) fn dates_are_due(&mut self) {
        self.dates_due = true;
    }

    /// These are the changes as they were before some batch, which decided nothing. What is due since then stays due.
    pub(super) fn go_back(&mut self, before: Self) {
        let dates_due = self.dates_due;
        *self = before;
        self.dates_due |= dates_due;
    }

    /// Whether something is to be stored even if there are no messages.
    pub(super) fn is_due(&self) -> bool {
        let Self { bound, freed, rooms, gone_rooms, dates_due } = self;
        *dates_due && !(bound.is_empty() && freed.is_empty() && rooms.is_empty() && gone_rooms.is_empty())
    }

    /// Whether names are freed that are not stored as freed.
    pub(super) fn has_freed(&self) -> bool {
        !self.freed.is_empty()
    }

    /// Returns all changes; none are left afterwards, unless more names were freed than are stored at once.
    pub(super) fn take(&mut self) -> Changes {
        let Self { bound, mut freed, rooms, gone_rooms, .. } = std::mem::take(self);
        if let Some(first_left) = freed.iter().nth(FREED_AT_ONCE).cloned() {
            self.freed = freed.split_off(&first_left);
            self.dates_due = true;
        }
        Changes {
            names: bound.into_values().collect(),
            freed: freed.into_iter().collect(),
            rooms: rooms.into_values().collect(),
            gone_rooms: gone_rooms.into_iter().collect(),
        }
    }

    /// These changes were not stored: they are to be stored later, unless something newer has replaced them since.
    pub(super) fn put_back(&mut self, changes: Changes) {
        let Changes { names, freed, rooms, gone_rooms } = changes;
        for binding in names {
            if !self.freed.contains(&binding.name) {
                self.bound.entry(binding.name.clone()).or_insert(binding);
            }
        }
        let Self { bound, freed: unsaved, .. } = self;
        unsaved.extend(freed.into_iter().filter(|name| !bound.contains_key(name)));
        // A room that is gone does not come back.
        self.gone_rooms.extend(gone_rooms);
        for room in rooms.into_iter().filter(|room| !self.gone_rooms.contains(&room.id.log)) {
            self.rooms.entry(room.id.log).or_insert(room);
        }
    }
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::key::PublicKey;

    use super::*;
    use crate::decide::RoomId;

    fn name(text: &str) -> UserName {
        text.parse().unwrap()
    }

    fn binding(text: &str, seen: u64) -> NameBinding {
        NameBinding { name: name(text), key: PublicKey::new([1; 32]), seen, spoke: false, since: 0 }
    }

    #[test]
    fn the_last_change_counts_also_after_a_failure() {
        let mut unsaved = Unsaved::default();
        unsaved.bind(binding("anna", 1));
        unsaved.free(name("bobby"));
        unsaved.bind(binding("carl", 1));
        let changes = unsaved.take();
        assert_eq!((changes.names.len(), changes.freed.len()), (2, 1));
        unsaved.bind(binding("anna", 2));
        unsaved.bind(binding("bobby", 2));
        unsaved.free(name("carl"));
        unsaved.put_back(changes);
        let Changes { names, freed, .. } = unsaved.take();
        assert_eq!((names, freed), (vec![binding("anna", 2), binding("bobby", 2)], vec![name("carl")]));
    }

    #[test]
    fn a_room_that_is_gone_does_not_come_back_after_a_failure() {
        let room = |log: u8, seen| KeptRoom {
            id: RoomId { name: "dev".parse().unwrap(), log: LogId::new([log; 16]) },
            topic: None,
            seen,
        };
        let mut unsaved = Unsaved::default();
        unsaved.room_seen(room(1, 5));
        unsaved.room_seen(room(2, 5));
        unsaved.room_gone(LogId::new([3; 16]));
        let changes = unsaved.take();
        unsaved.room_gone(LogId::new([1; 16]));
        unsaved.room_seen(room(2, 6));
        unsaved.put_back(changes);
        let Changes { rooms, gone_rooms, .. } = unsaved.take();
        assert_eq!(rooms, [room(2, 6)]);
        assert_eq!(gone_rooms, [LogId::new([1; 16]), LogId::new([3; 16])]);
    }

    #[test]
    fn many_freed_names_are_stored_in_parts() {
        let mut unsaved = Unsaved::default();
        let count = 2 * FREED_AT_ONCE + 1;
        (0..count).for_each(|n| unsaved.free(name(&format!("n{n:05}"))));
        unsaved.bind(binding("anna", 1));
        let first = unsaved.take();
        assert_eq!((first.names.len(), first.freed.len()), (1, FREED_AT_ONCE));
        assert!(unsaved.is_due(), "the rest waits for nothing else");
        unsaved.bind(binding(&format!("n{:05}", count - 1), 2));
        let (second, third) = (unsaved.take(), unsaved.take());
        assert_eq!((second.names.len(), second.freed.len()), (1, FREED_AT_ONCE));
        assert_eq!(third, Changes::default(), "the last one belongs to somebody again");
        assert!(!unsaved.has_freed());
    }

    #[test]
    fn dates_alone_are_stored_when_they_are_due() {
        let mut unsaved = Unsaved::default();
        unsaved.dates_are_due();
        assert!(!unsaved.is_due(), "nothing changed");
        unsaved.bind(binding("anna", 1));
        assert!(unsaved.is_due());
        unsaved.take();
        unsaved.bind(binding("anna", 2));
        assert!(!unsaved.is_due());
    }
}
