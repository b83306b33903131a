//! A note for each of many names, with a bound: when a name too many is noted, the one that was noted first gives way.
//! This is plain data, and knows nothing of what is noted.

use std::collections::{HashMap, VecDeque};

use hobnob_protocol::name::UserName;

/// Notes by name.
#[derive(Debug)]
pub(super) struct ByName<V> {
    most: usize,
    notes: HashMap<UserName, V>,
    /// The names in the order in which they were noted. A name whose note was removed may still be among them.
    order: VecDeque<UserName>,
}

impl<V> ByName<V> {
    /// Makes room for the notes of `most` names.
    pub(super) fn new(most: usize) -> Self {
        Self { most, notes: HashMap::new(), order: VecDeque::new() }
    }

    /// Notes something of a name, in the place of an earlier note of it.
    pub(super) fn insert(&mut self, name: &UserName, note: V) {
        if self.notes.insert(name.clone(), note).is_some() {
            return;
        }
        self.order.push_back(name.clone());
        if self.order.len() > self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.notes.remove(&oldest);
        }
    }

    /// Returns the note of a name.
    pub(super) fn get(&self, name: &UserName) -> Option<&V> {
        self.notes.get(name)
    }

    /// Removes and returns the note of a name.
    pub(super) fn remove(&mut self, name: &UserName) -> Option<V> {
        self.notes.remove(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_that_was_noted_first_gives_way() {
        let mut notes = ByName::new(3);
        let name = |number: usize| format!("u{number}").parse().unwrap();
        for number in 0..5 {
            notes.insert(&name(number), number);
            notes.insert(&name(number), number + 100);
        }
        let left: Vec<Option<usize>> = (0..5).map(|number| notes.get(&name(number)).copied()).collect();
        assert_eq!(left, [None, None, Some(102), Some(103), Some(104)]);
    }

    #[test]
    fn names_that_come_and_go_are_bounded() {
        let mut notes = ByName::new(3);
        for number in 0..20 {
            let name: UserName = format!("u{number}").parse().unwrap();
            notes.insert(&name, number);
            assert_eq!(notes.remove(&name), Some(number));
            notes.insert(&name, number);
        }
        assert!(notes.order.len() <= 3 && notes.notes.len() <= 3);
    }
}
