//! A rate: a bucket of tokens that fills with time. This file knows nothing of what a token pays for.

use std::time::Duration;

use tokio::time::Instant;

/// How many seconds' worth of tokens a client may have saved up.
const BURST_SECONDS: f64 = 10.0;

/// A bucket of tokens; full at first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TokenBucket {
    per_second: f64,
    most: f64,
    tokens: f64,
    counted_at: Instant,
}

impl TokenBucket {
    /// Makes a full bucket that gains `per_second` tokens a second.
    pub(crate) fn new(per_second: u32, now: Instant) -> Self {
        Self::of_many(per_second, 1, now)
    }

    /// Makes a full bucket for this many clients that gain `per_second` tokens a second each. Together they have saved
    /// up a second's worth, and at least as much as one of them may.
    pub(crate) fn of_many(per_second: u32, clients: u32, now: Instant) -> Self {
        let (each, clients) = (f64::from(per_second.max(1)), f64::from(clients.max(1)));
        let most = each * clients.max(BURST_SECONDS);
        Self { per_second: each * clients, most, tokens: most, counted_at: now }
    }

    /// The bucket is full, and gains nothing more before `now`.
    pub(crate) fn begin(&mut self, now: Instant) {
        (self.tokens, self.counted_at) = (self.most, now);
    }

    /// Whether no more tokens can be saved up.
    pub(crate) fn is_full(&mut self, now: Instant) -> bool {
        self.count(now);
        self.tokens >= self.most
    }

    /// Takes `count` tokens. Tokens that are not there are owed, and have to be gained before the next one may be
    /// taken.
    pub(crate) fn take_many(&mut self, count: usize, now: Instant) {
        self.count(now);
        // Exact up to 2^53, and nobody takes so many.
        self.tokens -= count as f64;
    }

    /// Returns when the next token may be taken; `None` means now.
    pub(crate) fn ready_at(&mut self, now: Instant) -> Option<Instant> {
        self.count(now);
        if self.tokens >= 1.0 {
            return None;
        }
        // A little more than exactly, so that rounding does not wake the reader too early.
        let wait = (1.0 - self.tokens) / self.per_second;
        Some(now + Duration::from_secs_f64(wait) + Duration::from_micros(100))
    }

    fn count(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.counted_at).as_secs_f64();
        self.counted_at = now;
        self.tokens = (self.tokens + elapsed * self.per_second).min(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(2, start);
        for _ in 0..20 {
            assert_eq!(bucket.ready_at(start), None);
            bucket.take_many(1, start);
        }
        let ready = bucket.ready_at(start).unwrap();
        assert!((ready - start).as_millis().abs_diff(500) <= 1);
        assert_eq!(bucket.ready_at(ready), None);
        bucket.take_many(1, ready);
        assert!(bucket.ready_at(ready).is_some());
    }

    #[test]
    fn many_clients_have_their_rates_together_and_a_second_saved_up_or_as_much_as_one() {
        let start = Instant::now();
        for (clients, at_once, in_ten_seconds) in [(1, 20, 20), (5, 20, 100), (100, 200, 2000)] {
            let mut bucket = TokenBucket::of_many(2, clients, start);
            let mut taken = |now| {
                let took = (0..10_000).take_while(|_| {
                    bucket.ready_at(now).is_none().then(|| bucket.take_many(1, now)).is_some()
                });
                took.count()
            };
            assert_eq!(taken(start), at_once, "{clients}");
            let gained: usize =
                (1..=100).map(|tenth| taken(start + Duration::from_millis(100) * tenth)).sum();
            assert!(gained.abs_diff(in_ten_seconds) <= 1, "{clients}: {gained}");
            assert!(!bucket.is_full(start + Duration::from_secs(10)));
            assert!(bucket.is_full(start + Duration::from_secs(21)));
        }
    }
}
