//! Who wants a private session with this user and waits for an answer, whom this user turned away lately, and whom it has
//! let in but a moment ago. Plain and bounded; is told the time, and knows nothing of links.

use std::collections::VecDeque;
use std::time::Duration;

use hobnob_protocol::INTRODUCTION_LIFETIME;
use hobnob_protocol::name::{PublicKey, UserName};
use tokio::time::Instant;

/// How long somebody waits for this user's answer, and is declined then.
const WAITS_FOR: Duration = Duration::from_secs(120);

/// So many wait at once; further ones are told that too much waits.
const MOST_WAITING: usize = 16;

/// Whoever was declined may ask again after this.
const DECLINED_FOR: Duration = Duration::from_secs(10 * 60);

/// Keys remembered for having been declined. A user, or two minutes, is needed for each.
const MOST_DECLINED: usize = 1000;

/// Keys that were let in and whose introduction is on its way. The server asks for few at once; one that has no room here
/// is asked for again.
const MOST_WELCOME: usize = 256;

/// Somebody who waits for this user's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Knock {
    /// The server's number for it.
    pub(crate) ask: u64,
    /// Who.
    pub(crate) name: UserName,
    /// With which key.
    pub(crate) key: PublicKey,
    until: Instant,
}

/// Why somebody does not even wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KnockRefused {
    /// This key was declined lately.
    Declined,
    /// This key waits already, or as many do as may.
    Busy,
}

/// A key that was let in, and whose introduction is on its way.
#[derive(Debug)]
struct Welcome {
    key: PublicKey,
    at: Instant,
    is_stranger: bool,
}

/// Everybody who waits, was declined, or is about to come.
#[derive(Debug, Default)]
pub(crate) struct Knocks {
    waiting: Vec<Knock>,
    declined: VecDeque<(PublicKey, Instant)>,
    welcome: VecDeque<Welcome>,
}

impl Knocks {
    /// Somebody wants to be let in, and waits.
    ///
    /// # Errors
    /// Why nobody is asked about it.
    pub(crate) fn knock(
        &mut self,
        ask: u64,
        name: &UserName,
        key: &PublicKey,
        now: Instant,
    ) -> Result<(), KnockRefused> {
        self.declined.retain(|(_, at)| now.duration_since(*at) < DECLINED_FOR);
        if self.declined.iter().any(|(declined, _)| declined == key) {
            return Err(KnockRefused::Declined);
        }
        if self.waiting.len() >= MOST_WAITING || self.waiting.iter().any(|knock| knock.key == *key) {
            return Err(KnockRefused::Busy);
        }
        self.waiting.push(Knock { ask, name: name.clone(), key: *key, until: now + WAITS_FOR });
        Ok(())
    }

    /// Takes out whoever of this name waits.
    pub(crate) fn take(&mut self, name: &UserName) -> Option<Knock> {
        let at = self.waiting.iter().position(|knock| knock.name == *name)?;
        Some(self.waiting.remove(at))
    }

    /// This key was declined: it does not ask again for a while.
    pub(crate) fn note_declined(&mut self, key: PublicKey, now: Instant) {
        remember(&mut self.declined, MOST_DECLINED, (key, now));
    }

    /// This key, a stranger's or not, may be introduced now.
    pub(crate) fn note_welcome(&mut self, key: PublicKey, is_stranger: bool, now: Instant) {
        remember(&mut self.welcome, MOST_WELCOME, Welcome { key, at: now, is_stranger });
    }

    /// Whether this key may be introduced; once for each time that it was let in.
    pub(crate) fn take_welcome(&mut self, key: &PublicKey, now: Instant) -> bool {
        self.forget_expired(now);
        let at = self.welcome.iter().position(|welcome| welcome.key == *key);
        at.and_then(|at| self.welcome.remove(at)).is_some()
    }

    /// How many strangers were let in and are still to come; none where this key is one of them.
    pub(crate) fn strangers_to_come(&mut self, key: &PublicKey, now: Instant) -> Option<usize> {
        self.forget_expired(now);
        let strangers = || self.welcome.iter().filter(|welcome| welcome.is_stranger);
        (!strangers().any(|welcome| welcome.key == *key)).then(|| strangers().count())
    }

    fn forget_expired(&mut self, now: Instant) {
        self.welcome.retain(|welcome| now.duration_since(welcome.at) <= INTRODUCTION_LIFETIME);
    }

    /// The key may ask at once again, and whoever asks.
    pub(crate) fn forgive(&mut self, key: &PublicKey) {
        self.declined.retain(|(declined, _)| declined != key);
    }

    /// When the next of them has waited for long enough.
    #[must_use]
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.waiting.iter().map(|knock| knock.until).min()
    }

    /// Takes out those who have waited for long enough.
    pub(crate) fn take_overdue(&mut self, now: Instant) -> Vec<Knock> {
        self.waiting.extract_if(.., |knock| knock.until <= now).collect()
    }

    /// The server has forgotten what it asked.
    pub(crate) fn forget_waiting(&mut self) {
        self.waiting.clear();
    }
}

fn remember<T>(kept: &mut VecDeque<T>, most: usize, it: T) {
    if kept.len() == most {
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

    fn name(number: u8) -> UserName {
        format!("user{number}").parse().unwrap()
    }

    fn knock(knocks: &mut Knocks, number: u8, now: Instant) -> Result<(), KnockRefused> {
        knocks.knock(u64::from(number), &name(number), &key(number), now)
    }

    #[test]
    fn one_of_a_key_waits_and_sixteen_in_all() {
        let (mut knocks, now) = (Knocks::default(), Instant::now());
        assert_eq!(knock(&mut knocks, 1, now), Ok(()));
        assert_eq!(knock(&mut knocks, 1, now), Err(KnockRefused::Busy));
        assert_eq!(knocks.knock(9, &name(200), &key(1), now), Err(KnockRefused::Busy), "whatever its name");
        (2..=16).for_each(|number| assert_eq!(knock(&mut knocks, number, now), Ok(())));
        assert_eq!(knock(&mut knocks, 17, now), Err(KnockRefused::Busy));
        assert_eq!(knocks.take(&"USER1".parse().unwrap()).unwrap().ask, 1);
        assert_eq!(knock(&mut knocks, 17, now), Ok(()));
        assert_eq!(knocks.take(&name(1)), None);
    }

    #[test]
    fn whoever_was_declined_asks_again_after_ten_minutes() {
        let (mut knocks, now) = (Knocks::default(), Instant::now());
        knocks.note_declined(key(1), now);
        assert_eq!(knock(&mut knocks, 1, now), Err(KnockRefused::Declined));
        assert_eq!(knock(&mut knocks, 1, now + DECLINED_FOR / 2), Err(KnockRefused::Declined));
        assert_eq!(knock(&mut knocks, 1, now + DECLINED_FOR), Ok(()));
        knocks.note_declined(key(2), now + DECLINED_FOR);
        knocks.forgive(&key(2));
        assert_eq!(knock(&mut knocks, 2, now + DECLINED_FOR), Ok(()));
    }

    #[test]
    fn nobody_waits_for_longer_than_two_minutes() {
        let (mut knocks, now) = (Knocks::default(), Instant::now());
        knock(&mut knocks, 1, now).unwrap();
        knock(&mut knocks, 2, now + WAITS_FOR / 2).unwrap();
        assert_eq!(knocks.deadline(), Some(now + WAITS_FOR));
        let overdue = knocks.take_overdue(now + WAITS_FOR);
        assert_eq!(overdue.iter().map(|knock| knock.ask).collect::<Vec<_>>(), [1]);
        knocks.forget_waiting();
        assert_eq!(knocks.deadline(), None);
    }

    #[test]
    fn who_is_let_in_comes_once_and_soon() {
        let (mut knocks, now) = (Knocks::default(), Instant::now());
        knocks.note_welcome(key(1), true, now);
        assert!(!knocks.take_welcome(&key(2), now));
        assert_eq!(knocks.strangers_to_come(&key(1), now), None);
        assert_eq!(knocks.strangers_to_come(&key(2), now), Some(1));
        assert!(knocks.take_welcome(&key(1), now) && !knocks.take_welcome(&key(1), now));
        knocks.note_welcome(key(1), true, now);
        assert!(!knocks.take_welcome(&key(1), now + INTRODUCTION_LIFETIME * 2));
        (0..2 * MOST_WELCOME).for_each(|_| knocks.note_welcome(key(1), true, now));
        (0..2 * MOST_DECLINED).for_each(|_| knocks.note_declined(key(1), now));
        assert_eq!((knocks.welcome.len(), knocks.declined.len()), (MOST_WELCOME, MOST_DECLINED));
    }
}
