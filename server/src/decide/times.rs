//! Which time a message carries. The time that comes with a batch is the clock of some computer, and clocks are
//! sometimes wrong. This file owns the rule for that; it asks no clock itself. Times are in milliseconds since
//! 1970-01-01 UTC.

/// 2026-01-01, which is before this program was written: a clock that shows an earlier time was never set.
pub(crate) const EARLIEST: u64 = 1_767_225_600_000;

/// When a clock is set back by no more than this many milliseconds, it was corrected, as happens to clocks every day.
/// Messages then keep the newest time until the clock has reached it again. When the clock is set back further, one of
/// the two times was wrong.
const STANDS_STILL: u64 = 5 * 60 * 1000;

/// Returns the time of what is said now. The clock shows `clock`, and the newest time before was `newest`.
///
/// Times never go back as long as the clock is nearly right, or was never set. After a clock that was far ahead, times
/// follow the clock again. Then the messages of that period stand in the log with later times than the messages after
/// them; it would be worse to go on with the wrong time for years.
pub(super) fn said_at(clock: u64, newest: u64) -> u64 {
    if clock < EARLIEST || (clock < newest && newest - clock <= STANDS_STILL) {
        return newest.max(clock);
    }
    clock
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = EARLIEST + 300 * 24 * 3600 * 1000;
    const IN_2080: u64 = 3_471_292_800_000;

    #[test]
    fn times_follow_a_right_clock_and_stand_still_after_a_small_step_back() {
        assert_eq!(said_at(NOW + 1, NOW), NOW + 1);
        assert_eq!(said_at(NOW - STANDS_STILL, NOW), NOW);
        assert_eq!(said_at(NOW, 0), NOW);
    }

    #[test]
    fn times_are_right_again_after_a_clock_that_was_far_ahead() {
        assert_eq!(said_at(IN_2080, NOW), IN_2080, "nobody can know that it is wrong");
        assert_eq!(said_at(NOW, IN_2080), NOW);
        assert_eq!(said_at(NOW, NOW + STANDS_STILL + 1), NOW);
    }

    #[test]
    fn a_clock_that_was_never_set_is_not_followed() {
        for clock in [0, 1, EARLIEST - 1] {
            assert_eq!(said_at(clock, NOW), NOW);
        }
        assert_eq!(said_at(7, 5), 7, "where no message has a better time");
    }
}
