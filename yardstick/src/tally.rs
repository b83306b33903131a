//! What the crowd heard: how many deliveries, how late, and in which order. Plain numbers.

use std::time::Duration;

/// How many buckets there are for each power of two: figures are exact to three per cent.
const STEPS: usize = 32;

/// A delivery that took longer than this counts as late.
const LATE: Duration = Duration::from_secs(1);

/// How many deliveries took how long.
#[derive(Debug, Clone)]
pub(crate) struct Histogram {
    buckets: Vec<u64>,
    count: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: vec![0; 64 * STEPS], count: 0 }
    }
}

impl Histogram {
    /// Counts a delivery that took this long.
    pub(crate) fn add(&mut self, nanos: u64) {
        self.buckets[bucket(nanos)] += 1;
        self.count += 1;
    }

    /// The time that this part of the deliveries did not exceed; 0.5 for the median.
    pub(crate) fn quantile(&self, part: f64) -> Duration {
        let wanted = (self.count as f64 * part).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, &count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return Duration::from_nanos(floor(index));
            }
        }
        Duration::ZERO
    }
}

fn bucket(nanos: u64) -> usize {
    let nanos = nanos.max(STEPS as u64);
    let power = nanos.ilog2() as usize;
    let step = (nanos >> (power - 5)) as usize - STEPS;
    power * STEPS + step
}

fn floor(bucket: usize) -> u64 {
    let (power, step) = (bucket / STEPS, bucket % STEPS);
    if power < 5 { 0 } else { ((STEPS + step) as u64) << (power - 5) }
}

/// What was heard since the last [`Tally::begin`].
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    /// How many texts all clients together have heard.
    pub(crate) deliveries: u64,
    /// How many texts were skipped: a later one of the same author came first.
    pub(crate) lost: u64,
    /// How many texts came again.
    pub(crate) duplicate: u64,
    /// How many deliveries took longer than a second.
    pub(crate) late: u64,
    /// The times from the moment a text was said to the moment it was heard.
    pub(crate) latencies: Histogram,
}

impl Tally {
    /// Forgets everything that was heard, and counts from zero.
    pub(crate) fn begin(&mut self) {
        *self = Self::default();
    }

    /// A text was heard. `expected` is the number that should have come next from its author.
    pub(crate) fn heard(&mut self, expected: &mut u32, number: u32, nanos: u64) {
        if number < *expected {
            self.duplicate += 1;
            return;
        }
        self.lost += u64::from(number - *expected);
        *expected = number + 1;
        self.deliveries += 1;
        self.late += u64::from(nanos > LATE.as_nanos() as u64);
        self.latencies.add(nanos);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_to_three_per_cent() {
        let mut histogram = Histogram::default();
        (1..=1000).for_each(|micros| histogram.add(micros * 1000));
        for part in [0.5, 0.99] {
            let found = histogram.quantile(part).as_secs_f64();
            assert!((found / (part * 1e-3) - 1.0).abs() < 0.035, "{part}: {found}");
        }
    }

    #[test]
    fn texts_that_are_missing_or_come_twice_are_counted() {
        let (mut tally, mut expected) = (Tally::default(), 0);
        for number in [0, 1, 1, 4] {
            tally.heard(&mut expected, number, 5);
        }
        assert_eq!((tally.deliveries, tally.lost, tally.duplicate), (3, 2, 1));
    }
}
