//! How fast each of many owners may do something, through however many hands and however often these come and go: all
//! hands of one owner share a bucket of tokens, and the bucket is kept until it is full again. Who comes back at once
//! therefore finds the bucket as it was left. The number of buckets is limited. This file is told the time, and knows
//! neither who the owners are nor what a token pays for.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::rate::TokenBucket;

/// With so few buckets it is not worth while to look for those that can be dropped.
const FEW: usize = 1024;

/// The shortest time between two searches for buckets to drop when as many are kept as may be.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// The buckets of all owners.
#[derive(Debug)]
pub(crate) struct SharedRates<K> {
    full: TokenBucket,
    /// How many buckets are kept. An owner beyond that gets a bucket that is not kept and not shared.
    most: usize,
    kept: Mutex<Kept<K>>,
}

#[derive(Debug)]
struct Kept<K> {
    buckets: HashMap<K, Arc<Mutex<TokenBucket>>>,
    /// At this number of buckets, those that nobody holds and that are full are dropped.
    sweep_at: usize,
    swept: Option<Instant>,
}

/// One hand on the bucket of an owner.
#[derive(Debug, Clone)]
pub(crate) struct SharedBucket(Arc<Mutex<TokenBucket>>);

impl<K: Eq + Hash> SharedRates<K> {
    /// Each owner begins with the bucket `full`; at most `most` buckets are kept.
    pub(crate) fn new(full: TokenBucket, most: usize) -> Self {
        let kept = Kept { buckets: HashMap::new(), sweep_at: FEW.min(most), swept: None };
        Self { full, most, kept: Mutex::new(kept) }
    }

    /// Returns the bucket of this owner.
    pub(crate) fn of(&self, owner: K, now: Instant) -> SharedBucket {
        let mut kept = lock(&self.kept);
        if let Some(bucket) = kept.buckets.get(&owner) {
            return SharedBucket(Arc::clone(bucket));
        }
        kept.make_room(self.most, now);
        let mut full = self.full;
        full.begin(now);
        let bucket = Arc::new(Mutex::new(full));
        if kept.buckets.len() < self.most {
            kept.buckets.insert(owner, Arc::clone(&bucket));
        }
        SharedBucket(bucket)
    }
}

impl<K: Eq + Hash> Kept<K> {
    /// Drops the buckets that nobody holds and that are full, if there are many more than after the last time.
    fn make_room(&mut self, most: usize, now: Instant) {
        let swept_lately = |swept: Instant| now.saturating_duration_since(swept) < SWEEP_INTERVAL;
        if self.buckets.len() < self.sweep_at
            || (self.sweep_at == most && self.swept.is_some_and(swept_lately))
        {
            return;
        }
        // A hand on a bucket is given only while the buckets are locked, so nobody can get one meanwhile.
        self.buckets.retain(|_, bucket| Arc::strong_count(bucket) > 1 || !lock(bucket).is_full(now));
        (self.sweep_at, self.swept) = ((2 * self.buckets.len()).max(FEW).min(most), Some(now));
    }
}

impl SharedBucket {
    /// Takes `count` tokens, which are owed if they are not there. Returns when the one who took them may go on; `None`
    /// means now.
    /// Each who waits has paid for his own turn, so those who share a bucket need not ask again when their time has
    /// come, and none of them can be overtaken by the others again and again.
    pub(crate) fn take(&self, count: usize, now: Instant) -> Option<Instant> {
        let mut bucket = lock(&self.0);
        bucket.take_many(count, now);
        bucket.ready_at(now)
    }

    /// Returns when the next token may be taken; `None` means now.
    pub(crate) fn ready_at(&self, now: Instant) -> Option<Instant> {
        lock(&self.0).ready_at(now)
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two tokens a second, twenty in a full bucket.
    fn rates(most: usize, now: Instant) -> SharedRates<usize> {
        SharedRates::new(TokenBucket::new(2, now), most)
    }

    /// Takes tokens until one has to wait; returns how many were taken.
    fn drain(bucket: &SharedBucket, now: Instant) -> usize {
        (1..1000).find(|_| bucket.take(1, now).is_some()).unwrap()
    }

    fn kept(rates: &SharedRates<usize>) -> usize {
        lock(&rates.kept).buckets.len()
    }

    #[test]
    fn who_comes_back_finds_the_bucket_as_it_was_left_and_others_have_their_own() {
        let now = Instant::now();
        let rates = rates(10, now);
        assert_eq!(drain(&rates.of(1, now), now), 20);
        assert_eq!(drain(&rates.of(1, now), now), 1, "it is still empty");
        assert_eq!(drain(&rates.of(2, now), now), 20);
        assert_eq!(drain(&rates.of(1, now + Duration::from_secs(3600)), now + Duration::from_secs(3600)), 20);
    }

    #[test]
    fn those_who_share_a_bucket_have_one_rate_together_and_each_its_turn() {
        let now = Instant::now();
        let rates = rates(10, now);
        let hands: Vec<_> = (0..4).map(|_| rates.of(1, now)).collect();
        assert_eq!(drain(&hands[0], now), 20);
        let turns: Vec<_> = hands.iter().map(|hand| hand.take(1, now).unwrap() - now).collect();
        for (turn, millis) in turns.iter().zip([1000, 1500, 2000, 2500]) {
            assert!(turn.as_millis().abs_diff(millis) <= 1, "{turns:?}");
        }
    }

    #[test]
    fn buckets_are_bounded_and_one_that_is_held_or_not_full_is_kept() {
        let now = Instant::now();
        let rates = rates(2 * FEW, now);
        let held = rates.of(0, now);
        let empty = rates.of(1, now);
        drain(&empty, now);
        drop(empty);
        for owner in 2..100_000 {
            rates.of(owner, now);
            assert!(kept(&rates) <= FEW);
        }
        assert_eq!(drain(&rates.of(1, now), now), 1);
        drain(&held, now);
        assert_eq!(drain(&rates.of(0, now), now), 1, "the bucket is the same");
        let hands: Vec<_> = (0..4 * FEW).map(|owner| rates.of(owner, now)).collect();
        assert_eq!(kept(&rates), 2 * FEW);
        drain(&hands[4 * FEW - 1], now);
        assert_eq!(drain(&rates.of(4 * FEW - 1, now), now), 20, "one beyond the limit is not shared");
        drop(hands);
        let later = now + Duration::from_secs(60);
        rates.of(1, later);
        rates.of(1_000_000, later);
        assert_eq!(kept(&rates), 2, "all are full again, and one is held");
    }
}
