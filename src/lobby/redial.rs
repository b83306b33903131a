//! The pauses before the lobby is tried again. This file owns how they grow, and which connection makes them short
//! again. It knows no connection.

use std::time::Duration;

use hobnob_protocol::ids::random_bytes;

/// The first pause between attempts to reach the lobby again; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The longest pause between attempts to reach the lobby again.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// A connection that lasts this long makes the next pause short again. A server that lets clients in and closes at once
/// is tried less and less often, like one that does not answer.
const HELD: Duration = Duration::from_secs(10);

/// If a connection lasted this long and those before it held, nothing is waited for.
const STEADY: Duration = Duration::from_secs(1);

/// The longest pause while the user waits for the last texts to go out before he leaves.
const HURRIED_PAUSE: Duration = Duration::from_millis(500);

/// Returns the pause after one of length `pause`: twice as long, up to a bound, and up to a quarter shorter by chance,
/// so that a thousand clients of a server that restarts do not all come at once.
pub(super) fn next_pause(pause: Duration, hurried: bool) -> Duration {
    let longest = if hurried { HURRIED_PAUSE } else { LONGEST_PAUSE };
    let doubled = (pause * 2).max(FIRST_PAUSE).min(longest);
    let chance = f64::from(random_bytes::<1>()[0]) / 255.0;
    doubled.mul_f64(1.0 - chance / 4.0)
}

/// How long the link waits after a connection that was lost.
#[derive(Debug, Default)]
pub(super) struct AfterLoss {
    /// The pause that belongs to the last connection; zero if that one held.
    pause: Duration,
}

impl AfterLoss {
    /// Returns how long the link waits now that a connection is lost which lasted for this time.
    pub(super) fn pause(&mut self, lasted: Duration, hurried: bool) -> Duration {
        if lasted >= HELD {
            self.pause = Duration::ZERO;
            return Duration::ZERO;
        }
        let is_first = self.pause.is_zero();
        self.pause = next_pause(self.pause, hurried);
        if is_first && lasted >= STEADY { Duration::ZERO } else { self.pause }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_between_dials_grow_to_a_bound_and_vary() {
        let mut pause = Duration::ZERO;
        for _ in 0..20 {
            pause = next_pause(pause, false);
            assert!(pause <= LONGEST_PAUSE && pause >= FIRST_PAUSE.mul_f64(0.7));
        }
        assert!(pause > Duration::from_secs(8));
        assert!(next_pause(pause, true) <= HURRIED_PAUSE);
    }

    #[test]
    fn only_a_connection_that_held_makes_the_pause_short_again() {
        let (second, mut after) = (Duration::from_secs(1), AfterLoss::default());
        assert_eq!(after.pause(HELD, false), Duration::ZERO);
        assert_eq!(after.pause(STEADY, false), Duration::ZERO, "one short connection is no reason to wait");
        let pauses: Vec<Duration> = (0..10).map(|_| after.pause(second * 9, false)).collect();
        assert!(pauses[0] >= FIRST_PAUSE && pauses[9] > second * 8, "{pauses:?}");
        assert_eq!(after.pause(HELD, false), Duration::ZERO);
        assert!(
            !after.pause(Duration::ZERO, false).is_zero(),
            "a server that closes at once is not dialled in a hurry"
        );
    }
}
