//! How fast one connection may be read: a bucket of tokens that fills with time. This file knows nothing of what a
//! token pays for.

use std::time::Duration;

use tokio::time::Instant;

/// How many seconds' worth of tokens a client may have saved up.
const BURST_SECONDS: f64 = 10.0;

/// A bucket of tokens; full at first.
#[derive(Debug)]
pub(crate) struct TokenBucket {
    per_second: f64,
    tokens: f64,
    counted_at: Instant,
}

impl TokenBucket {
    /// Makes a full bucket that gains `per_second` tokens a second.
    pub(crate) fn new(per_second: u32, now: Instant) -> Self {
        let per_second = f64::from(per_second.max(1));
        Self { per_second, tokens: per_second * BURST_SECONDS, counted_at: now }
    }

    /// Takes a token. The caller makes sure that there is one ([`ready_at`](Self::ready_at)).
    pub(crate) fn take(&mut self, now: Instant) {
        self.take_many(1, now);
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
        self.tokens = (self.tokens + elapsed * self.per_second).min(self.per_second * BURST_SECONDS);
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
            bucket.take(start);
        }
        let ready = bucket.ready_at(start).unwrap();
        assert!((ready - start).as_millis().abs_diff(500) <= 1);
        assert_eq!(bucket.ready_at(ready), None);
        bucket.take(ready);
        assert!(bucket.ready_at(ready).is_some());
    }
}
