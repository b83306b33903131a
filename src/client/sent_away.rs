//! The keys of strangers that are not heard again in this run: those that this user sent away, and those whose sessions
//! this user left twice within an hour. This file also remembers the keys that this user has forgotten, so that a name
//! can still be forgiven. It is plain data with bounds; the caller tells the time, and it knows no sessions.

use std::collections::VecDeque;
use std::time::Duration;

use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;
use tokio::time::Instant;

/// A stranger whose sessions this user leaves twice within this time is not heard again.
const LEFT_TWICE_WITHIN: Duration = Duration::from_secs(60 * 60);

/// How many keys are remembered that were left, sent away or forgotten. Each takes a command of this user.
const MOST_REMEMBERED: usize = 1000;

/// The keys that were sent away, each with the name that it had, and what may lead there.
#[derive(Debug, Default)]
pub(crate) struct SentAway {
    keys: VecDeque<(PublicKey, UserName)>,
    /// When this user left sessions of strangers.
    left: VecDeque<(PublicKey, Instant)>,
    forgotten: VecDeque<(PublicKey, UserName)>,
}

impl SentAway {
    /// Whether this key was sent away.
    #[must_use]
    pub(crate) fn contains(&self, key: &PublicKey) -> bool {
        self.keys.iter().any(|(away, _)| away == key)
    }

    /// Refuses a key for the rest of this run.
    pub(crate) fn add(&mut self, key: PublicKey, name: &UserName) {
        if !self.contains(&key) {
            remember(&mut self.keys, (key, name.clone()));
        }
    }

    /// Notes that this user left a session of a stranger. Returns true if the key is refused from now on.
    pub(crate) fn left(&mut self, key: PublicKey, name: &UserName, now: Instant) -> bool {
        self.left.retain(|(_, at)| now.duration_since(*at) < LEFT_TWICE_WITHIN);
        let again = self.left.iter().any(|(left, _)| *left == key);
        if again {
            self.add(key, name);
        }
        remember(&mut self.left, (key, now));
        again
    }

    /// Lets keys open sessions again that were sent away under this name, and this key. Returns whether there were any.
    pub(crate) fn forgive(&mut self, name: &UserName, key: Option<&PublicKey>) -> bool {
        let is_meant = |away: &PublicKey, called: &UserName| *called == *name || Some(away) == key;
        let (left, before) = (&mut self.left, self.keys.len());
        self.keys.retain(|(away, called)| {
            let meant = is_meant(away, called);
            if meant {
                left.retain(|(it, _)| it != away);
            }
            !meant
        });
        before != self.keys.len()
    }

    /// Notes that this user has forgotten a key.
    pub(crate) fn forgot(&mut self, name: &UserName, key: PublicKey) {
        self.forgotten.retain(|(_, called)| called != name);
        remember(&mut self.forgotten, (key, name.clone()));
    }

    /// Returns the key that this name had before it was forgotten in this run.
    #[must_use]
    pub(crate) fn forgotten(&self, name: &UserName) -> Option<PublicKey> {
        self.forgotten.iter().find(|(_, called)| called == name).map(|(key, _)| *key)
    }
}

fn remember<T>(kept: &mut VecDeque<T>, it: T) {
    if kept.len() == MOST_REMEMBERED {
        kept.pop_front();
    }
    kept.push_back(it);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> PublicKey {
        PublicKey::new([byte; 32])
    }

    fn bobby() -> UserName {
        "bobby".parse().unwrap()
    }

    #[test]
    fn only_a_key_that_is_left_twice_within_an_hour_is_sent_away() {
        let (mut away, now) = (SentAway::default(), Instant::now());
        assert!(!away.left(key(1), &bobby(), now));
        assert!(!away.left(key(2), &bobby(), now), "another key of the same name counts for itself");
        assert!(
            !away.left(key(1), &bobby(), now + LEFT_TWICE_WITHIN),
            "an hour later it counts as the first time"
        );
        assert!(away.left(key(1), &bobby(), now + LEFT_TWICE_WITHIN + Duration::from_secs(1)));
        assert!(away.contains(&key(1)) && !away.contains(&key(2)));
    }

    #[test]
    fn a_key_is_forgiven_by_its_name_or_by_itself_and_then_was_never_left() {
        let (mut away, now) = (SentAway::default(), Instant::now());
        for forgiven in [None, Some(&key(1))] {
            let name: UserName = if forgiven.is_some() { "carl".parse().unwrap() } else { bobby() };
            assert!(!away.left(key(1), &bobby(), now) && away.left(key(1), &bobby(), now));
            assert!(away.forgive(&name, forgiven) && !away.forgive(&name, forgiven));
            assert!(!away.contains(&key(1)));
        }
        assert!(!away.left(key(1), &bobby(), now));
    }

    #[test]
    fn the_remembered_keys_of_forgotten_users_are_bounded() {
        let mut away = SentAway::default();
        let name = |number: usize| format!("user{number}").parse().unwrap();
        for number in 0..2 * MOST_REMEMBERED {
            away.forgot(&name(number), key(1));
        }
        assert_eq!(away.forgotten.len(), MOST_REMEMBERED);
        assert_eq!(away.forgotten(&name(0)), None);
        assert_eq!(away.forgotten(&name(2 * MOST_REMEMBERED - 1)), Some(key(1)));
    }
}
