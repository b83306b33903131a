//! Names that look like others: a Latin and a Cyrillic `a` are two letters that look the same. This file owns which
//! names were met, which likenesses were found, and which of them this user was not shown yet. Those that concern
//! somebody whom this user knows are in [`super::acquaintances`], so that nothing of strangers takes their place. It is
//! plain data with bounds, and knows neither screens nor files.
//!
//! Two names look alike if they have the same skeleton according to Unicode's Technical Standard 39. The client checks
//! this and not the server, because the server may lie, and because its users may have met before.

use std::collections::{HashMap, VecDeque};

use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;

use super::acquaintances::{Acquaintances, skeleton};
use super::by_name::ByName;

/// How many names of strangers are remembered, which is as many as are kept for completion. If there are more, the one
/// who was met first gives way.
const MOST_NAMES: usize = 10_000;

/// For how many names of strangers it is remembered that they were found to look like others. If there are more, the one
/// that was found first is found again when it is met again.
const MOST_FOUND: usize = 1000;

/// For how many names of strangers it is remembered that their likeness was not shown. Of the others it is only counted.
const MOST_HELD: usize = 2 * MOST_FOUND;

/// A likeness that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Likeness {
    /// An earlier name that looks the same.
    pub(crate) other: UserName,
    /// This user's own name or that of an acquaintance, if one of the names that look like this is such a name.
    pub(crate) acquaintance: Option<UserName>,
}

/// A likeness that this user has to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unshown {
    /// A name that looks the same.
    pub(crate) other: UserName,
    /// Whether it was found before, so that programs were told.
    pub(crate) was_found: bool,
}

/// The names that were met.
#[derive(Debug)]
pub(crate) struct LookAlikes {
    acquaintances: Acquaintances,
    /// The first stranger's name of each skeleton.
    met: HashMap<String, (UserName, Option<PublicKey>)>,
    /// The skeletons of these names, in the order in which they were met.
    order: VecDeque<String>,
    found: ByName<()>,
    /// The names of strangers whose likeness to another was found and not shown, each with the other.
    held: ByName<UserName>,
}

impl Default for LookAlikes {
    fn default() -> Self {
        Self {
            acquaintances: Acquaintances::default(),
            met: HashMap::new(),
            order: VecDeque::new(),
            found: ByName::new(MOST_FOUND),
            held: ByName::new(MOST_HELD),
        }
    }
}

impl LookAlikes {
    /// Notes this user's own name, or the name of a user with whom this user talks in private or whose key is pinned.
    pub(crate) fn acquaint(&mut self, name: &UserName, key: &PublicKey) {
        self.acquaintances.add(name, key);
    }

    /// Notes that a name was met, with its key if that is known. Returns another name that looks the same and is not
    /// known to belong to the same user, once for each name.
    pub(crate) fn meet(&mut self, name: &UserName, key: Option<&PublicKey>) -> Option<Likeness> {
        let skeleton = skeleton(name);
        if let Some(other) = self.acquaintances.meet(&skeleton, name, key) {
            return Some(Likeness { acquaintance: Some(other.clone()), other });
        }
        let acquaintance = self.acquaintances.first_with(&skeleton).cloned();
        // Beside an acquaintance's name, only that name itself is of interest: others were found to look like it.
        if acquaintance.as_ref().is_some_and(|known| known != name) {
            self.meet_first(skeleton, name, key);
            return None;
        }
        let other = self.meet_first(skeleton, name, key)?;
        if self.found.get(name).is_some() {
            return None;
        }
        self.found.insert(name, ());
        Some(Likeness { other, acquaintance })
    }

    /// Notes the first name of a skeleton. Returns the one that was there before, if it is another user's.
    fn meet_first(&mut self, skeleton: String, name: &UserName, key: Option<&PublicKey>) -> Option<UserName> {
        let Some((other, other_key)) = self.met.get_mut(&skeleton) else {
            if self.order.len() >= MOST_NAMES
                && let Some(oldest) = self.order.pop_front()
            {
                self.met.remove(&oldest);
            }
            self.order.push_back(skeleton.clone());
            self.met.insert(skeleton, (name.clone(), key.copied()));
            return None;
        };
        if *other == *name {
            *other_key = other_key.or(key.copied());
            return None;
        }
        let is_one_user = key.is_some() && *other_key == key.copied();
        (!is_one_user).then(|| other.clone())
    }

    /// Notes that this user was shown a likeness.
    pub(crate) fn note_shown(&mut self, name: &UserName, likeness: &Likeness) {
        if likeness.acquaintance.is_some() {
            self.acquaintances.note_shown(name);
        }
    }

    /// Notes that this user was not shown a likeness.
    pub(crate) fn hold(&mut self, name: &UserName, likeness: &Likeness) {
        // A likeness to an acquaintance's name is found again.
        if likeness.acquaintance.is_none() {
            self.held.insert(name, likeness.other.clone());
            if self.held.get(&likeness.other).is_none() {
                self.held.insert(&likeness.other, name.clone());
            }
        }
    }

    /// Returns the acquaintance whose name this one looks like, if this user was not shown so. From now on it counts as
    /// shown.
    pub(crate) fn take_like_acquaintance(&mut self, name: &UserName, key: &PublicKey) -> Option<Unshown> {
        let (other, was_found) = self.acquaintances.take_unshown(name, key)?;
        self.take_held(name);
        Some(Unshown { other, was_found })
    }

    /// Returns the name that looks like this one, if this user was not shown so. From now on it counts as shown.
    pub(crate) fn take_unshown(&mut self, name: &UserName, key: &PublicKey) -> Option<Unshown> {
        self.take_like_acquaintance(name, key)
            .or_else(|| self.take_held(name).map(|other| Unshown { other, was_found: true }))
    }

    fn take_held(&mut self, name: &UserName) -> Option<UserName> {
        let other = self.held.remove(name)?;
        if self.held.get(&other) == Some(name) {
            self.held.remove(&other);
        }
        Some(other)
    }
}

/// Returns the first character of a name that the other name does not have, as a capital letter or a small one, which is
/// what a person has to look for.
#[must_use]
pub(crate) fn odd_character(name: &UserName, other: &UserName) -> Option<char> {
    let other = other.as_str().to_lowercase();
    name.as_str().chars().find(|c| !c.to_lowercase().all(|small| other.contains(small)))
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

    fn found(names: &mut LookAlikes, text: &str, key: Option<&PublicKey>) -> Option<UserName> {
        names.meet(&name(text), key).map(|likeness| likeness.other)
    }

    fn held(names: &mut LookAlikes, text: &str) -> Option<UserName> {
        names.take_unshown(&name(text), &key(7)).map(|unshown| unshown.other)
    }

    /// Meets a name, and is not shown what it looks like.
    fn meet_unshown(names: &mut LookAlikes, text: &str) {
        if let Some(likeness) = names.meet(&name(text), None) {
            names.hold(&name(text), &likeness);
        }
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
        let mut names = LookAlikes::default();
        names.meet(&name("anna"), Some(&key(1)));
        assert_eq!(names.meet(&name("\u{430}nna"), Some(&key(1))), None);
        assert_eq!(found(&mut names, "ann\u{430}", Some(&key(2))), Some(name("anna")));
    }

    #[test]
    fn a_likeness_to_an_acquaintance_is_told_apart_whichever_name_was_met_first() {
        let mut names = LookAlikes::default();
        names.meet(&name("b\u{43e}bby"), None);
        names.acquaint(&name("bobby"), &key(1));
        names.acquaint(&name("anna"), &key(2));
        names.meet(&name("carmen"), None);
        for (text, other, acquaintance) in [
            ("bobby", "b\u{43e}bby", Some("bobby")),
            ("b0bby", "bobby", Some("bobby")),
            ("\u{430}nna", "anna", Some("anna")),
            ("\u{441}armen", "carmen", None),
        ] {
            let likeness = Likeness { other: name(other), acquaintance: acquaintance.map(name) };
            assert_eq!(names.meet(&name(text), None), Some(likeness), "{text}");
            assert_eq!(names.meet(&name(text), None), None, "{text} again");
        }
    }

    #[test]
    fn a_likeness_that_was_not_shown_is_given_out_once_for_whichever_of_the_two_names_comes_first() {
        for (first, second) in [("anna", "\u{430}nna"), ("\u{430}nna", "anna")] {
            let mut names = LookAlikes::default();
            ["anna", "\u{430}nna"].iter().for_each(|text| meet_unshown(&mut names, text));
            assert_eq!(held(&mut names, "carmen"), None);
            assert_eq!(held(&mut names, first), Some(name(second)));
            assert_eq!((held(&mut names, first), held(&mut names, second)), (None, None));
        }
    }

    #[test]
    fn whatever_strangers_do_among_themselves_a_name_like_an_acquaintance_s_is_given_out() {
        let mut names = LookAlikes::default();
        names.acquaint(&name("bobby"), &key(1));
        meet_unshown(&mut names, "b\u{43e}bby");
        for number in 0..MOST_NAMES + 10 {
            [format!("x{number}a"), format!("x{number}\u{430}")]
                .iter()
                .for_each(|it| meet_unshown(&mut names, it));
        }
        meet_unshown(&mut names, "b0bby");
        for double in ["b\u{43e}bby", "b0bby", "BO\u{412}BY"] {
            assert_eq!(held(&mut names, double), Some(name("bobby")), "{double}");
            assert_eq!(held(&mut names, double), None, "{double} again");
        }
    }

    #[test]
    fn a_name_that_was_met_before_its_double_s_owner_was_known_is_given_out_once_more() {
        let mut names = LookAlikes::default();
        names.meet(&name("bobby"), None);
        let likeness = names.meet(&name("b\u{43e}bby"), None).unwrap();
        names.note_shown(&name("b\u{43e}bby"), &likeness);
        assert_eq!(held(&mut names, "b\u{43e}bby"), None);
        names.acquaint(&name("bobby"), &key(1));
        assert_eq!(held(&mut names, "b\u{43e}bby"), Some(name("bobby")));
    }

    #[test]
    fn the_character_that_differs_is_found() {
        assert_eq!(odd_character(&name("\u{430}nna"), &name("anna")), Some('\u{430}'));
        assert_eq!(odd_character(&name("BO\u{412}BY"), &name("bobby")), Some('\u{412}'));
        assert_eq!(odd_character(&name("ana"), &name("anna")), None);
    }

    #[test]
    fn strangers_give_way_to_those_who_come_later_and_acquaintances_do_not() {
        let mut names = LookAlikes::default();
        names.acquaint(&name("anna"), &key(1));
        names.meet(&name("bobby"), None);
        names.acquaint(&name("bobby"), &key(2));
        names.meet(&name("early"), None);
        (0..MOST_NAMES + 10).for_each(|number| drop(names.meet(&name(&format!("u{number}y")), None)));
        names.meet(&name("carmen"), None);
        names.acquaint(&name("dora"), &key(3));
        for (text, other) in [
            ("\u{430}nna", Some("anna")),
            ("b\u{43e}bby", Some("bobby")),
            ("\u{441}armen", Some("carmen")),
            ("d\u{43e}ra", Some("dora")),
            ("e\u{430}rly", None),
        ] {
            assert_eq!(found(&mut names, text, None), other.map(name), "{text}");
        }
        assert!(names.met.len() <= MOST_NAMES && names.order.len() <= MOST_NAMES);
    }
}
