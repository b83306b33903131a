//! The names that may be completed: those of the users in the lobby, and of those who said something, perhaps long ago.
//! This is plain data. It owns the bound on how many names are kept, and knows nothing of editors.

use std::collections::BTreeSet;

use hobnob_protocol::name::UserName;

/// How many names are kept for completion. More would not help anybody who types.
const MAX_NAMES: usize = 10_000;

/// The names that may be completed.
#[derive(Debug, Default)]
pub(crate) struct KnownNames {
    names: BTreeSet<UserName>,
    /// Those of them whose users are in the lobby.
    here: BTreeSet<UserName>,
    changes: u64,
}

impl KnownNames {
    /// Remembers a name, unless too many are known already. Returns whether it was new.
    pub(crate) fn add(&mut self, name: &UserName) -> bool {
        let is_new = self.names.len() < MAX_NAMES && !self.names.contains(name);
        if is_new {
            self.names.insert(name.clone());
            self.changes += 1;
        }
        is_new
    }

    /// Notes that the user of a name is in the lobby, if the name is known.
    pub(crate) fn is_here(&mut self, name: &UserName) {
        if self.names.contains(name) {
            self.here.insert(name.clone());
        }
    }

    /// Forgets who is in the lobby. The caller then names, one by one, those who are there by a new answer of the
    /// server.
    pub(crate) fn nobody_is_here(&mut self) {
        self.here.clear();
    }

    /// Returns the names of the users who are in the lobby, in order, as far as this client was told.
    pub(crate) fn here(&self) -> impl Iterator<Item = &UserName> {
        self.here.iter()
    }

    /// Forgets a name, because its user has left the lobby.
    pub(crate) fn remove(&mut self, name: &UserName) {
        self.here.remove(name);
        if self.names.remove(name) {
            self.changes += 1;
        }
    }

    /// Whether a name is known.
    #[must_use]
    pub(crate) fn contains(&self, name: &UserName) -> bool {
        self.names.contains(name)
    }

    /// Returns all names, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &UserName> {
        self.names.iter()
    }

    /// Returns a counter of the changes to the names.
    #[must_use]
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_who_only_spoke_long_ago_is_not_here() {
        let mut names = KnownNames::default();
        let [anna, bobby, carl] = ["anna", "bobby", "carl"].map(|name| name.parse().unwrap());
        assert!(names.add(&anna) && names.add(&bobby));
        names.is_here(&anna);
        names.is_here(&carl);
        assert_eq!(names.here().collect::<Vec<_>>(), [&anna], "carl's name is not known");
        assert_eq!(names.iter().count(), 2);
        names.remove(&anna);
        assert_eq!(names.here().count(), 0);
        names.is_here(&bobby);
        names.nobody_is_here();
        assert_eq!((names.here().count(), names.iter().count()), (0, 1));
    }

    #[test]
    fn known_names_are_bounded_and_only_real_changes_are_counted() {
        let mut names = KnownNames::default();
        for number in 0..MAX_NAMES + 10 {
            names.add(&format!("u{number}").parse().unwrap());
        }
        assert_eq!((names.iter().count(), names.changes()), (MAX_NAMES, MAX_NAMES as u64));
        let name = "u7".parse().unwrap();
        names.add(&name);
        names.remove(&name);
        names.remove(&name);
        assert_eq!((names.iter().count(), names.changes()), (MAX_NAMES - 1, MAX_NAMES as u64 + 1));
    }
}
