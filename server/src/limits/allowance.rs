//! How often each of many keys may do something: each has a bucket of tokens, and the number of buckets is limited. A
//! plain struct that is told the time; it knows nothing of what a token pays for.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

/// The shortest time between two searches for full buckets to drop. To look through all buckets for each token would
/// cost more than what the token pays for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// How large the buckets are, and how many of them there may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measure {
    /// How many tokens are in a full bucket.
    pub(crate) burst: u32,
    /// The time in which a bucket gains one token.
    pub(crate) every: Duration,
    /// How many buckets are remembered. A full bucket is not remembered.
    pub(crate) buckets: usize,
    /// The answer to a key for whose bucket there is no room.
    pub(crate) when_crowded: bool,
}

/// Buckets of tokens; all are full at first.
#[derive(Debug)]
pub(crate) struct Allowance<K> {
    measure: Measure,
    /// When each bucket will be full again. A bucket that is not here is full.
    full_at: HashMap<K, Instant>,
    swept: Option<Instant>,
}

impl<K: Eq + Hash> Allowance<K> {
    pub(crate) fn new(measure: Measure) -> Self {
        Self { measure, full_at: HashMap::new(), swept: None }
    }

    /// Takes a token of `key`; false if there is none.
    pub(crate) fn take(&mut self, key: K, now: Instant) -> bool {
        let Measure { burst, every, when_crowded, .. } = self.measure;
        let known = self.full_at.get(&key).copied();
        let full_at = known.map_or(now, |at| at.max(now)) + every;
        if full_at > now + every * burst {
            return false;
        }
        if known.is_none() && !self.has_room(now) {
            return when_crowded;
        }
        self.full_at.insert(key, full_at);
        true
    }

    /// Puts back a token that was taken and not used.
    pub(crate) fn give_back(&mut self, key: &K) {
        if let Some(full_at) = self.full_at.get_mut(key)
            && let Some(earlier) = full_at.checked_sub(self.measure.every)
        {
            *full_at = earlier;
        }
    }

    /// Returns how many buckets are remembered.
    #[cfg(test)]
    pub(crate) fn remembered(&self) -> usize {
        self.full_at.len()
    }

    fn has_room(&mut self, now: Instant) -> bool {
        if self.full_at.len() < self.measure.buckets {
            return true;
        }
        if self.swept.is_none_or(|swept| now.saturating_duration_since(swept) >= SWEEP_INTERVAL) {
            self.swept = Some(now);
            self.full_at.retain(|_, full_at| *full_at > now);
        }
        self.full_at.len() < self.measure.buckets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(when_crowded: bool) -> Measure {
        Measure { burst: 3, every: Duration::from_secs(10), buckets: 4, when_crowded }
    }

    #[test]
    fn each_key_has_a_burst_and_then_gains_tokens_with_time() {
        let (mut allowance, now) = (Allowance::new(measure(false)), Instant::now());
        let taken =
            |allowance: &mut Allowance<_>, key, now| (0..9).filter(|_| allowance.take(key, now)).count();
        assert_eq!(taken(&mut allowance, "anna", now), 3);
        assert_eq!(taken(&mut allowance, "bobby", now), 3, "another's bucket is another");
        assert!(!allowance.take("anna", now + Duration::from_secs(9)));
        assert_eq!(taken(&mut allowance, "anna", now + Duration::from_secs(20)), 2);
        assert_eq!(taken(&mut allowance, "anna", now + Duration::from_secs(3600)), 3, "no more than full");
    }

    #[test]
    fn a_token_that_is_given_back_can_be_taken_again_and_a_full_bucket_gets_no_fuller() {
        let (mut allowance, now) = (Allowance::new(measure(false)), Instant::now());
        for _ in 0..100 {
            assert!(allowance.take("anna", now));
            allowance.give_back(&"anna");
        }
        allowance.give_back(&"anna");
        let later = now + Duration::from_secs(60);
        assert_eq!((0..9).filter(|_| allowance.take("anna", later)).count(), 3);
    }

    #[test]
    fn buckets_are_bounded_and_full_ones_are_dropped() {
        for when_crowded in [false, true] {
            let (mut allowance, now) = (Allowance::new(measure(when_crowded)), Instant::now());
            for n in 0..4 {
                assert!(allowance.take(n, now));
            }
            assert_eq!(allowance.take(4, now), when_crowded);
            assert_eq!(allowance.full_at.len(), 4);
            assert!((0..2).all(|_| allowance.take(0, now)), "who has a bucket keeps it");
            assert!(!allowance.take(0, now));
            assert!(allowance.take(4, now + Duration::from_secs(11)), "those of the others are full again");
            assert_eq!(allowance.full_at.len(), 2);
        }
    }
}
