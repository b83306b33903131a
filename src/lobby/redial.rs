//! The pauses before the lobby is tried again. This file knows no connection.

use std::time::Duration;

use hobnob_protocol::ids::random_bytes;

/// The first pause between attempts to reach the lobby again; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The longest pause between attempts to reach the lobby again.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

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
}
