//! Names that look like others: a Latin and a Cyrillic `a` are two letters that look the same. This file owns which
//! names were met, which likenesses were found, and which of them this user was not shown yet. It is plain data with
//! bounds, and knows neither screens nor files.
//!
//! Two names look alike if they have the same skeleton according to Unicode's Technical Standard 39. The client checks
//! this and not the server, because the server may lie, and because its users may have met before.

use std::collections::{HashMap, HashSet, VecDeque};

use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;

/// How many names are remembered, which is as many as are kept for completion. If there are more, strangers give way,
/// the one who was met first before the others.
const MOST_NAMES: usize = 10_000;

/// For how many names it is remembered that they were found to look like others. If there are more, each further one is
/// found again whenever it is met.
const MOST_FOUND: usize = 1000;

/// For how many names it is remembered that their likeness was not shown. The others are only counted.
const MOST_HELD: usize = 2 * MOST_FOUND;

/// A likeness that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Likeness {
    /// An earlier name that looks the same.
    pub(crate) other: UserName,
    /// Whether one of the names that look like this is this user's own name or the name of an acquaintance.
    pub(crate) concerns_acquaintance: bool,
}

/// The names that were met.
#[derive(Debug, Default)]
pub(crate) struct LookAlikes {
    met: HashMap<String, (UserName, Option<PublicKey>)>,
    /// The skeletons of the names that were met in passing, in this order. Some may belong to acquaintances by now.
    strangers: VecDeque<String>,
    /// The skeletons of this user's own name and of the names of acquaintances.
    acquaintances: HashSet<String>,
    found: HashSet<UserName>,
    /// The names whose likeness to another was found and not shown, each with the other.
    held: HashMap<UserName, UserName>,
}

impl LookAlikes {
    /// Notes this user's own name, or the name of a user with whom this user talks in private or whose key is pinned.
    pub(crate) fn acquaint(&mut self, name: &UserName) {
        let skeleton = skeleton(name);
        if self.acquaintances.len() < MOST_NAMES {
            self.acquaintances.insert(skeleton.clone());
        }
        if self.met.contains_key(&skeleton) || self.make_place() {
            self.met.entry(skeleton).or_insert_with(|| (name.clone(), None));
        }
    }

    /// Returns whether there is a place for one more name. If all places are taken, the stranger who was met first
    /// gives way; acquaintances keep theirs.
    fn make_place(&mut self) -> bool {
        while self.met.len() >= MOST_NAMES {
            let Some(oldest) = self.strangers.pop_front() else { return false };
            if !self.acquaintances.contains(&oldest) {
                self.met.remove(&oldest);
            }
        }
        true
    }

    /// Notes that a name was met, with its key if that is known. Returns an earlier name that looks the same and is not
    /// known to belong to the same user, once for each name.
    pub(crate) fn meet(&mut self, name: &UserName, key: Option<&PublicKey>) -> Option<Likeness> {
        let skeleton = skeleton(name);
        let Some((other, other_key)) = self.met.get_mut(&skeleton) else {
            if self.make_place() {
                self.strangers.push_back(skeleton.clone());
                self.met.insert(skeleton, (name.clone(), key.copied()));
            }
            return None;
        };
        if *other == *name {
            *other_key = other_key.or(key.copied());
            return None;
        }
        let is_one_user = key.is_some() && *other_key == key.copied();
        if is_one_user || self.found.contains(name) {
            return None;
        }
        if self.found.len() < MOST_FOUND {
            self.found.insert(name.clone());
        }
        let concerns_acquaintance = self.acquaintances.contains(&skeleton);
        Some(Likeness { other: other.clone(), concerns_acquaintance })
    }

    /// Notes that this user was not shown that these two names look alike.
    pub(crate) fn hold(&mut self, name: &UserName, other: &UserName) {
        if self.held.len() < MOST_HELD {
            self.held.insert(name.clone(), other.clone());
            self.held.entry(other.clone()).or_insert_with(|| name.clone());
        }
    }

    /// Returns the name that looks like this one, if this user was not shown so. From now on it counts as shown.
    pub(crate) fn take_held(&mut self, name: &UserName) -> Option<UserName> {
        let other = self.held.remove(name)?;
        if self.held.get(&other) == Some(name) {
            self.held.remove(&other);
        }
        Some(other)
    }
}

/// Returns what a person sees, whatever the letters are: the skeleton, in lower case, because names are compared
/// without regard to case.
fn skeleton(name: &UserName) -> String {
    unicode_security::skeleton(name.as_str()).flat_map(char::to_lowercase).collect()
}

/// Returns the first character of a name that the other name does not have, which is what a person has to look for.
#[must_use]
pub(crate) fn odd_character(name: &UserName, other: &UserName) -> Option<char> {
    name.as_str().chars().find(|c| !other.as_str().contains(*c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> UserName {
        text.parse().unwrap()
    }

    fn found(names: &mut LookAlikes, text: &str, key: Option<&PublicKey>) -> Option<UserName> {
        names.meet(&name(text), key).map(|likeness| likeness.other)
    }

    #[test]
    fn a_name_that_looks_like_a_known_one_is_reported_once() {
        for (met, alike) in [
            ("anna", "\u{430}nna"),
            ("bobby", "b\u{43e}bby"),
            ("lena", "1ena"),
            ("ANNA", "\u{410}NNA"),
            ("rn", "m"),
        ] {
            let mut names = LookAlikes::default();
            assert_eq!(names.meet(&name(met), None), None);
            assert_eq!(found(&mut names, alike, None), Some(name(met)), "{alike}");
            assert_eq!(names.meet(&name(alike), None), None, "{alike} again");
            assert_eq!(names.meet(&name(met), None), None);
        }
    }

    #[test]
    fn numbered_names_and_the_same_name_in_another_case_are_not_reported() {
        let mut names = LookAlikes::default();
        for other in ["anna", "Anna", "anna_2", "anna_3", "hanna", "\u{e4}nna"] {
            assert_eq!(names.meet(&name(other), None), None, "{other}");
        }
    }

    #[test]
    fn two_similar_names_of_one_key_are_not_reported() {
        let (mut names, key) = (LookAlikes::default(), PublicKey::new([1; 32]));
        names.meet(&name("anna"), Some(&key));
        assert_eq!(names.meet(&name("\u{430}nna"), Some(&key)), None);
        assert_eq!(found(&mut names, "ann\u{430}", Some(&PublicKey::new([2; 32]))), Some(name("anna")));
    }

    #[test]
    fn a_likeness_to_an_acquaintance_is_told_apart_whichever_name_was_met_first() {
        let mut names = LookAlikes::default();
        names.meet(&name("b\u{43e}bby"), None);
        names.acquaint(&name("bobby"));
        names.acquaint(&name("anna"));
        names.meet(&name("carmen"), None);
        for (text, concerns_acquaintance) in [("bobby", true), ("\u{430}nna", true), ("\u{441}armen", false)]
        {
            let likeness = names.meet(&name(text), None).unwrap();
            assert_eq!(likeness.concerns_acquaintance, concerns_acquaintance, "{text}");
        }
    }

    #[test]
    fn a_likeness_that_was_not_shown_is_given_out_once_for_whichever_of_the_two_names_comes_first() {
        for (first, second) in [("anna", "\u{430}nna"), ("\u{430}nna", "anna")] {
            let mut names = LookAlikes::default();
            names.hold(&name("anna"), &name("\u{430}nna"));
            assert_eq!(names.take_held(&name("carmen")), None);
            assert_eq!(names.take_held(&name(first)), Some(name(second)));
            assert_eq!((names.take_held(&name(first)), names.take_held(&name(second))), (None, None));
        }
    }

    #[test]
    fn the_character_that_differs_is_found() {
        assert_eq!(odd_character(&name("\u{430}nna"), &name("anna")), Some('\u{430}'));
        assert_eq!(odd_character(&name("ana"), &name("anna")), None);
    }

    #[test]
    fn strangers_give_way_to_those_who_come_later_and_acquaintances_do_not() {
        let mut names = LookAlikes::default();
        names.acquaint(&name("anna"));
        names.meet(&name("bobby"), None);
        names.acquaint(&name("bobby"));
        names.meet(&name("early"), None);
        (0..MOST_NAMES + 10).for_each(|number| drop(names.meet(&name(&format!("u{number}y")), None)));
        names.meet(&name("carmen"), None);
        names.acquaint(&name("dora"));
        for (text, other) in [
            ("\u{430}nna", Some("anna")),
            ("b\u{43e}bby", Some("bobby")),
            ("\u{441}armen", Some("carmen")),
            ("d\u{43e}ra", Some("dora")),
            ("e\u{430}rly", None),
        ] {
            assert_eq!(found(&mut names, text, None), other.map(name), "{text}");
        }
        assert!(names.met.len() <= MOST_NAMES && names.strangers.len() <= MOST_NAMES);
    }

    #[test]
    fn the_remembered_names_are_bounded() {
        let mut names = LookAlikes::default();
        // Each pair fills one place among the names, one among those found and two among those held.
        for number in 0..MOST_HELD + 10 {
            let (one, two) = (name(&format!("x{number}a")), name(&format!("x{number}\u{430}")));
            names.meet(&one, None);
            names.acquaint(&one);
            names.meet(&two, None);
            names.hold(&two, &one);
        }
        for number in 0..MOST_NAMES + 10 {
            names.meet(&name(&format!("u{number}y")), None);
            names.acquaint(&name(&format!("u{number}y")));
        }
        assert!(names.met.len() <= MOST_NAMES && names.acquaintances.len() <= MOST_NAMES);
        assert!(names.strangers.len() <= MOST_NAMES);
        assert!(names.found.len() <= MOST_FOUND && names.held.len() <= MOST_HELD + 1);
    }
}
