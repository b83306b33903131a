//! Names that look like this user's own name, or like the name of an acquaintance: somebody whose key is pinned, or
//! whom this user forked or answered. This file owns whom this user knows, and which of the names that look like theirs
//! he was shown. It is plain data with bounds, and knows neither screens nor files.
//!
//! Nothing that strangers do among themselves takes a place here. A likeness is found again from the names of
//! acquaintances whenever it matters; only that it was shown is remembered. If there are so many names that this is
//! forgotten, it is shown once more.

use std::collections::{HashMap, HashSet};

use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;

use super::by_name::ByName;

/// How many acquaintances are remembered, which is as many names as are kept for completion.
const MOST_ACQUAINTANCES: usize = 10_000;

/// For how many names that look like those of acquaintances it is remembered that they were noticed.
const MOST_NOTICED: usize = 1000;

/// How many names are remembered that look like no acquaintance's, so that they need not be compared at each text. If
/// there are more, all are compared again.
const MOST_UNLIKE: usize = 1000;

/// Whether this user was shown that a name looks like an acquaintance's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Noticed {
    /// It was only counted.
    Counted,
    /// It was shown.
    Shown,
}

/// This user and his acquaintances, and the names that look like theirs.
#[derive(Debug)]
pub(super) struct Acquaintances {
    /// The names and keys that have the same skeleton, in the order in which this user made their acquaintance.
    by_skeleton: HashMap<String, Vec<(UserName, PublicKey)>>,
    count: usize,
    noticed: ByName<Noticed>,
    /// As they are written, because a name may look like another one in capital letters only.
    unlike: HashSet<String>,
}

impl Default for Acquaintances {
    fn default() -> Self {
        Self {
            by_skeleton: HashMap::new(),
            count: 0,
            noticed: ByName::new(MOST_NOTICED),
            unlike: HashSet::new(),
        }
    }
}

impl Acquaintances {
    /// Notes this user's own name, or an acquaintance's, with its key.
    pub(super) fn add(&mut self, name: &UserName, key: &PublicKey) {
        let alike = self.by_skeleton.entry(skeleton(name)).or_default();
        match alike.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = *key,
            None if self.count < MOST_ACQUAINTANCES => {
                alike.push((name.clone(), *key));
                self.count += 1;
                self.unlike.clear();
            }
            None => {}
        }
    }

    /// Returns the first acquaintance whose name has this skeleton.
    pub(super) fn first_with(&self, skeleton: &str) -> Option<&UserName> {
        self.by_skeleton.get(skeleton)?.first().map(|(name, _)| name)
    }

    /// Returns the acquaintance whose name this one looks like, if it is not known to belong to the same user. Of two
    /// acquaintances whose names look alike, the earlier one looks like nobody.
    fn like(&self, skeleton: &str, name: &UserName, key: Option<&PublicKey>) -> Option<&UserName> {
        let alike = self.by_skeleton.get(skeleton)?.iter();
        let mut earlier = alike.take_while(|(known, _)| known != name);
        earlier.find(|(_, known)| key != Some(known)).map(|(known, _)| known)
    }

    /// Notes that a name was met. Returns the acquaintance whose name it looks like, if that was not noticed before.
    pub(super) fn meet(
        &mut self,
        skeleton: &str,
        name: &UserName,
        key: Option<&PublicKey>,
    ) -> Option<UserName> {
        if self.noticed.get(name).is_some() {
            return None;
        }
        let other = self.like(skeleton, name, key)?.clone();
        self.noticed.insert(name, Noticed::Counted);
        Some(other)
    }

    /// Notes that this user is shown that a name looks like an acquaintance's.
    pub(super) fn note_shown(&mut self, name: &UserName) {
        self.noticed.insert(name, Noticed::Shown);
    }

    /// Returns the acquaintance whose name this one looks like, if this user was not shown so, and whether that was
    /// noticed before. From now on it counts as shown.
    pub(super) fn take_unshown(&mut self, name: &UserName, key: &PublicKey) -> Option<(UserName, bool)> {
        let before = self.noticed.get(name).copied();
        if before == Some(Noticed::Shown) || self.unlike.contains(name.as_str()) {
            return None;
        }
        let skeleton = skeleton(name);
        let Some(other) = self.like(&skeleton, name, Some(key)).cloned() else {
            // With another key, a name may look like an acquaintance's after all.
            if self.first_with(&skeleton).is_none_or(|first| first == name) {
                if self.unlike.len() >= MOST_UNLIKE {
                    self.unlike.clear();
                }
                self.unlike.insert(name.as_str().to_owned());
            }
            return None;
        };
        self.note_shown(name);
        Some((other, before.is_some()))
    }
}

/// Returns what a person sees, whatever the letters are: the skeleton, in lower case, because names are compared
/// without regard to case.
pub(super) fn skeleton(name: &UserName) -> String {
    unicode_security::skeleton(name.as_str()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> UserName {
        text.parse().unwrap()
    }

    fn key(byte: u8) -> PublicKey {
        PublicKey::new([byte; 32])
    }

    /// Whoever knows Bobby.
    fn of_bobby() -> Acquaintances {
        let mut known = Acquaintances::default();
        known.add(&name("bobby"), &key(1));
        known
    }

    #[test]
    fn a_name_like_an_acquaintance_s_is_given_out_until_it_was_shown() {
        let (mut known, double) = (of_bobby(), name("b\u{43e}bby"));
        assert_eq!(known.meet(&skeleton(&double), &double, None), Some(name("bobby")));
        assert_eq!(known.meet(&skeleton(&double), &double, None), None, "it is counted once");
        assert_eq!(known.take_unshown(&double, &key(2)), Some((name("bobby"), true)));
        assert_eq!(known.take_unshown(&double, &key(2)), None);
        let another = name("b0bby");
        assert_eq!(known.take_unshown(&another, &key(2)), Some((name("bobby"), false)));
        assert_eq!(known.take_unshown(&name("bobby"), &key(1)), None);
    }

    #[test]
    fn a_name_that_was_harmless_is_compared_again_when_there_is_another_acquaintance() {
        let (mut known, carol) = (of_bobby(), name("c\u{430}rol"));
        assert_eq!(known.take_unshown(&carol, &key(2)), None);
        known.add(&name("carol"), &key(3));
        assert_eq!(known.take_unshown(&carol, &key(2)), Some((name("carol"), false)));
    }

    #[test]
    fn a_name_may_look_like_an_acquaintance_s_in_capital_letters_only() {
        let mut known = of_bobby();
        assert_eq!(known.take_unshown(&name("bo\u{432}by"), &key(2)), None);
        assert_eq!(known.take_unshown(&name("BO\u{412}BY"), &key(2)), Some((name("bobby"), false)));
    }

    #[test]
    fn a_name_of_the_same_key_is_harmless_and_the_same_name_with_another_key_is_not() {
        let (mut known, double) = (of_bobby(), name("b\u{43e}bby"));
        assert_eq!(known.take_unshown(&double, &key(1)), None);
        assert_eq!(known.take_unshown(&double, &key(2)), Some((name("bobby"), false)));
    }

    #[test]
    fn of_two_acquaintances_with_names_that_look_alike_the_later_one_looks_like_the_other() {
        let (mut known, double) = (of_bobby(), name("b\u{43e}bby"));
        known.add(&double, &key(2));
        assert_eq!(known.take_unshown(&name("bobby"), &key(1)), None);
        assert_eq!(known.take_unshown(&double, &key(2)), Some((name("bobby"), false)));
    }

    #[test]
    fn however_many_names_look_like_acquaintances_each_further_one_is_given_out() {
        let mut known = of_bobby();
        for number in 0..MOST_ACQUAINTANCES + 10 {
            known.add(&name(&format!("u{number}a")), &key(3));
            known.take_unshown(&name(&format!("u{number}\u{430}")), &key(4));
            known.take_unshown(&name(&format!("v{number}")), &key(4));
        }
        for double in ["b\u{43e}bby", "b0bby", "BO\u{412}BY"] {
            assert!(known.take_unshown(&name(double), &key(2)).is_some(), "{double}");
        }
        assert_eq!(known.by_skeleton.values().map(Vec::len).sum::<usize>(), MOST_ACQUAINTANCES);
    }
}
