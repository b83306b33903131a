//! Names that look like others: a Latin and a Cyrillic `a` are two letters that look the same. This file owns which
//! names were met and which pairs were reported. It is plain data with bounds, and knows neither screens nor files.
//!
//! Two names look alike if they have the same skeleton according to Unicode's Technical Standard 39. The client checks
//! this and not the server, because the server may lie, and because its users may have met before.

use std::collections::{HashMap, HashSet};

use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;

/// How many names are remembered, which is as many as are kept for completion.
const MOST_NAMES: usize = 10_000;

/// For how many names it is reported that they look like others. If there are more, further reports are not worth a
/// line each.
const MOST_TOLD: usize = 1000;

/// The names that were met.
#[derive(Debug, Default)]
pub(crate) struct LookAlikes {
    met: HashMap<String, (UserName, Option<PublicKey>)>,
    told: HashSet<UserName>,
}

impl LookAlikes {
    /// Notes that a name was met, with its key if that is known. Returns an earlier name that looks the same and is not
    /// known to belong to the same user, once for each name.
    pub(crate) fn meet(&mut self, name: &UserName, key: Option<&PublicKey>) -> Option<UserName> {
        let skeleton = skeleton(name);
        let Some((other, other_key)) = self.met.get_mut(&skeleton) else {
            if self.met.len() < MOST_NAMES {
                self.met.insert(skeleton, (name.clone(), key.copied()));
            }
            return None;
        };
        if *other == *name {
            *other_key = other_key.or(key.copied());
            return None;
        }
        let is_one_user = key.is_some() && *other_key == key.copied();
        let is_told = is_one_user || self.told.len() >= MOST_TOLD || !self.told.insert(name.clone());
        (!is_told).then(|| other.clone())
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
            assert_eq!(names.meet(&name(alike), None), Some(name(met)), "{alike}");
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
        assert_eq!(names.meet(&name("ann\u{430}"), Some(&PublicKey::new([2; 32]))), Some(name("anna")));
    }

    #[test]
    fn the_character_that_differs_is_found() {
        assert_eq!(odd_character(&name("\u{430}nna"), &name("anna")), Some('\u{430}'));
        assert_eq!(odd_character(&name("ana"), &name("anna")), None);
    }

    #[test]
    fn the_remembered_names_are_bounded() {
        let mut names = LookAlikes::default();
        for number in 0..MOST_NAMES + 10 {
            names.meet(&name(&format!("u{number}x")), None);
        }
        assert!(names.met.len() <= MOST_NAMES);
    }
}
