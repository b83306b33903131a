//! The source of chance: one number, which is printed and gives the same faults again.

use std::time::{Duration, Instant};

/// A small generator (SplitMix64); the faults need to be varied, not unpredictable.
pub(crate) struct Chance(u64);

impl Chance {
    /// Takes the seed from `HOBNOB_FAULT_SEED`, or from the clock, and prints it.
    #[must_use]
    pub(crate) fn new(scene: &str) -> Self {
        let given = std::env::var("HOBNOB_FAULT_SEED").ok().map(|text| {
            text.parse().unwrap_or_else(|err| panic!("HOBNOB_FAULT_SEED is no number: {text:?} ({err})"))
        });
        let seed = given.unwrap_or_else(|| {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
            u64::from(now.subsec_nanos()) ^ now.as_secs()
        });
        eprintln!("{scene}: HOBNOB_FAULT_SEED={seed}");
        Self(seed)
    }

    /// Makes a generator with this seed.
    #[must_use]
    pub(crate) fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// Makes another generator, whose numbers do not depend on how this one goes on.
    #[must_use]
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.next())
    }

    /// Returns a duration of up to `most`, in whole milliseconds.
    pub(crate) fn span(&mut self, most: Duration) -> Duration {
        Duration::from_millis(self.below(most.as_millis() as u64 + 1))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Lets up to `most` pass, to choose the moment of a fault by chance. It does not wait for anything.
    pub(crate) fn moment(&mut self, most: Duration) {
        let time = Duration::from_micros(self.below(most.as_micros() as u64 + 1));
        std::thread::sleep(time); // this chooses the moment of the fault; nothing is waited for
    }
}

/// How long a test goes on: a number of rounds, or `HOBNOB_FAULT_SECONDS`.
pub(crate) struct Span {
    rounds: usize,
    until: Option<Instant>,
}

impl Span {
    /// Lasts for `rounds` rounds, unless `HOBNOB_FAULT_SECONDS` asks for a longer test.
    #[must_use]
    pub(crate) fn rounds(rounds: usize) -> Self {
        let seconds = std::env::var("HOBNOB_FAULT_SECONDS").ok().map(|text| {
            text.parse().unwrap_or_else(|err| panic!("HOBNOB_FAULT_SECONDS is no number: {text:?} ({err})"))
        });
        Self { rounds, until: seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds)) }
    }

    /// Whether there is another round after `done` rounds.
    #[must_use]
    pub(crate) fn goes_on(&self, done: usize) -> bool {
        match self.until {
            Some(until) => Instant::now() < until,
            None => done < self.rounds,
        }
    }
}
