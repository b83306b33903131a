//! Which outbox numbers of which run have been taken: how a text that is sent again after a lost link
//! is told from a new one. A plain struct, bounded; what is forgotten here the log still knows.

use std::collections::HashMap;

use hobnob_protocol::name::{PublicKey, RunId};

/// Runs remembered in each of two generations. More than can be in the lobby at once, so that a run
/// is forgotten only long after its texts were stored.
const RUNS_PER_GENERATION: usize = 32 * 1024;

/// One run of one user's client.
pub(crate) type Party = (PublicKey, RunId);

/// The last number taken of each run.
#[derive(Debug, Default)]
pub(crate) struct Outboxes {
    young: HashMap<Party, u64>,
    old: HashMap<Party, u64>,
}

impl Outboxes {
    /// Notes that the log holds texts of `run` up to `id`.
    pub(crate) fn note(&mut self, party: Party, id: u64) {
        let last = self.last(&party).map_or(id, |last| last.max(id));
        if self.young.len() >= RUNS_PER_GENERATION && !self.young.contains_key(&party) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(party, last);
    }

    /// Whether `id` is new; from now on it is not.
    pub(crate) fn take(&mut self, party: Party, id: u64) -> bool {
        // Nearly always: a run that has spoken lately goes on.
        if let Some(last) = self.young.get_mut(&party).filter(|last| id > **last) {
            *last = id;
            return true;
        }
        if self.last(&party).is_some_and(|last| id <= last) {
            return false;
        }
        self.note(party, id);
        true
    }

    fn last(&self, party: &Party) -> Option<u64> {
        self.young.get(party).or_else(|| self.old.get(party)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(n: u64) -> Party {
        (PublicKey::new([1; 32]), RunId::new(n.to_be_bytes()))
    }

    #[test]
    fn a_number_is_new_once() {
        let mut outboxes = Outboxes::default();
        assert!(outboxes.take(party(1), 5));
        assert!(!outboxes.take(party(1), 5));
        assert!(!outboxes.take(party(1), 4));
        assert!(outboxes.take(party(1), 6));
        assert!(outboxes.take(party(2), 1));
        outboxes.note(party(2), 9);
        assert!(!outboxes.take(party(2), 9));
        outboxes.note(party(2), 3);
        assert!(!outboxes.take(party(2), 9));
    }

    #[test]
    fn memory_is_bounded_and_the_latest_are_kept() {
        let mut outboxes = Outboxes::default();
        for run in 0..200_000 {
            outboxes.take(party(run), 1);
        }
        assert!(outboxes.young.len() + outboxes.old.len() <= 2 * RUNS_PER_GENERATION);
        assert!(!outboxes.take(party(199_000), 1));
    }
}
