//! Names whose bindings changed since they were last stored. They go with whatever is stored next; a change of
//! dates alone is stored once in a while. Knows neither the log nor why a name changed.

use std::collections::{BTreeMap, BTreeSet};

use hobnob_protocol::name::UserName;

use crate::decide::NameBinding;

/// What is to be stored.
#[derive(Debug, Default)]
pub(super) struct Unsaved {
    bound: BTreeMap<UserName, NameBinding>,
    freed: BTreeSet<UserName>,
    dates_due: bool,
}

impl Unsaved {
    /// A name belongs to somebody, or its user was seen.
    pub(super) fn bind(&mut self, binding: NameBinding) {
        self.freed.remove(&binding.name);
        self.bound.insert(binding.name.clone(), binding);
    }

    /// A name belongs to nobody any more.
    pub(super) fn free(&mut self, name: UserName) {
        self.bound.remove(&name);
        self.freed.insert(name);
    }

    /// Changes of dates alone are worth storing now.
    pub(super) fn dates_are_due(&mut self) {
        self.dates_due = true;
    }

    /// Whether something is to be stored although nothing else is.
    pub(super) fn is_due(&self) -> bool {
        self.dates_due && !(self.bound.is_empty() && self.freed.is_empty())
    }

    /// All changes; none are left.
    pub(super) fn take(&mut self) -> (Vec<NameBinding>, Vec<UserName>) {
        let Self { bound, freed, .. } = std::mem::take(self);
        (bound.into_values().collect(), freed.into_iter().collect())
    }

    /// These were not stored: they come again, unless they changed once more since.
    pub(super) fn put_back(&mut self, bound: Vec<NameBinding>, freed: Vec<UserName>) {
        for binding in bound {
            if !self.freed.contains(&binding.name) {
                self.bound.entry(binding.name.clone()).or_insert(binding);
            }
        }
        let Self { bound, freed: unsaved, .. } = self;
        unsaved.extend(freed.into_iter().filter(|name| !bound.contains_key(name)));
    }
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::name::PublicKey;

    use super::*;

    fn name(text: &str) -> UserName {
        text.parse().unwrap()
    }

    fn binding(text: &str, seen: u64) -> NameBinding {
        NameBinding { name: name(text), key: PublicKey::new([1; 32]), seen, spoke: false }
    }

    #[test]
    fn what_changed_last_counts_also_after_a_failure() {
        let mut unsaved = Unsaved::default();
        unsaved.bind(binding("anna", 1));
        unsaved.free(name("bobby"));
        unsaved.bind(binding("carl", 1));
        let (bound, freed) = unsaved.take();
        assert_eq!((bound.len(), freed.len()), (2, 1));
        unsaved.bind(binding("anna", 2));
        unsaved.bind(binding("bobby", 2));
        unsaved.free(name("carl"));
        unsaved.put_back(bound, freed);
        assert_eq!(unsaved.take(), (vec![binding("anna", 2), binding("bobby", 2)], vec![name("carl")]));
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
