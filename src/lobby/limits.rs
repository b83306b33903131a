//! What one server may make this client do without being asked: plain numbers, and the caller tells the time. This file
//! owns the rate of unasked introductions and of questions for consent, and the count of signs of life that this client
//! owes. It knows nothing of connections.

use std::time::Duration;

use tokio::time::Instant;

/// How many unasked introductions are taken in a burst. This is more than the forks that anybody gets at once.
const INTRODUCTIONS_AT_ONCE: u32 = 64;

/// After each interval of this length one more unasked introduction is taken.
const INTRODUCTION_EVERY: Duration = Duration::from_millis(250);

/// How many signs of life this client may owe. A server asks again only after a while and after an introduction. A
/// server that asks for more does not read the answers, and its other requests are ignored.
const MOST_PONGS: u32 = 1024;

/// Decides which unasked introductions, or which questions for consent, are taken. The others are ignored: nobody is
/// dialled for them, and the user who forked learns that this user cannot be reached.
#[derive(Debug)]
pub(super) struct UnaskedRate {
    /// How many may be taken now.
    left: u32,
    counted: Instant,
}

impl UnaskedRate {
    pub(super) fn new(now: Instant) -> Self {
        Self { left: INTRODUCTIONS_AT_ONCE, counted: now }
    }

    /// Whether the one that has just come is taken.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.counted);
        let more = u32::try_from(passed.as_millis() / INTRODUCTION_EVERY.as_millis()).unwrap_or(u32::MAX);
        if self.left.saturating_add(more) >= INTRODUCTIONS_AT_ONCE {
            (self.left, self.counted) = (INTRODUCTIONS_AT_ONCE, now);
        } else {
            self.left += more;
            self.counted += INTRODUCTION_EVERY * more;
        }
        let is_taken = self.left > 0;
        self.left = self.left.saturating_sub(1);
        is_taken
    }
}

/// The signs of life that this client owes. They are counted and not queued, because a server may ask without reading.
#[derive(Debug, Default)]
pub(super) struct Pongs {
    owed: u32,
}

impl Pongs {
    /// Notes that the server asks for a sign of life.
    pub(super) fn asked(&mut self) {
        self.owed = (self.owed + 1).min(MOST_PONGS);
    }

    /// Takes a sign of life that is to be written now; returns whether one is owed.
    pub(super) fn take(&mut self) -> bool {
        let is_owed = self.owed > 0;
        self.owed = self.owed.saturating_sub(1);
        is_owed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn introductions_are_taken_in_a_burst_and_then_four_a_second() {
        let mut rate = UnaskedRate::new(Instant::now());
        let take = |rate: &mut UnaskedRate| (0..50_000).filter(|_| rate.take(Instant::now())).count();
        assert_eq!(take(&mut rate), INTRODUCTIONS_AT_ONCE as usize);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(take(&mut rate), 4);
        for _ in 0..10 {
            tokio::time::advance(Duration::from_millis(100)).await;
            rate.take(Instant::now());
        }
        assert_eq!(take(&mut rate), 0, "parts of an interval add up to no more than whole intervals");
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(take(&mut rate), INTRODUCTIONS_AT_ONCE as usize);
    }

    #[test]
    fn each_ping_is_answered_once_and_a_flood_of_pings_only_in_part() {
        let mut pongs = Pongs::default();
        (0..3).for_each(|_| pongs.asked());
        assert_eq!(std::iter::from_fn(|| pongs.take().then_some(())).count(), 3);
        (0..1_000_000).for_each(|_| pongs.asked());
        assert_eq!(std::iter::from_fn(|| pongs.take().then_some(())).count(), MOST_PONGS as usize);
    }
}
