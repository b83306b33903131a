//! The time that counts for names. It decides how long a user was absent, and a name that is freed cannot be given
//! back. Therefore the computer's clock alone is not trusted. A plain struct that is told what the clocks show.
//!
//! The rule: the names' time begins at the newest date of any user in the log. It goes on with the time that this
//! server runs, plus one day for each start, but never beyond the computer's clock. If that clock is more than a month
//! ahead of the names' time, a start adds nothing: the clock may be right after a long stop, or it may be wrong. So
//! after a long stop names are kept longer by the length of that stop, in which nobody could come back. A start with a
//! clock in 2080 frees no name, however often it is tried, and dates that are noted meanwhile are not in 2080. If the
//! computer's clock is behind the newest date, no name is freed, and no date is noted that is older than that date.

use std::time::Duration;

use tokio::time::Instant;

use crate::decide::EARLIEST;

/// How much each start may add to the newest date in the log. So a lobby that somebody hosts every evening keeps step
/// with the calendar.
const GRACE: Duration = Duration::from_secs(24 * 3600);

/// A clock that is further ahead than this is not believed at all, and the start adds nothing.
const IMPLAUSIBLE: Duration = Duration::from_secs(30 * 24 * 3600);

/// The names' time, in milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NamesTime {
    /// The date on which users are seen now.
    pub(super) date: u64,
    /// The time from which absences are counted back.
    pub(super) absent_until: u64,
}

/// Tells the names' time.
#[derive(Debug)]
pub(super) struct NamesClock {
    /// The newest date at the start, and when the start was. `None` in a new log as long as the computer's clock was
    /// never set.
    began: Option<(u64, Instant)>,
}

impl NamesClock {
    /// Begins at the newest date of any name. In a log without names, begins at the first time that the computer's
    /// clock shows.
    pub(super) fn new(newest: Option<u64>, now: Instant) -> Self {
        Self { began: newest.map(|newest| (newest, now)) }
    }

    /// Returns the names' time when the computer's clock shows `wall`.
    pub(super) fn read(&mut self, wall: u64, now: Instant) -> NamesTime {
        if self.began.is_none() && wall >= EARLIEST {
            self.began = Some((wall, now));
        }
        let Some((newest, since)) = self.began else {
            return NamesTime { date: wall, absent_until: 0 };
        };
        let ran = newest.saturating_add(millis(now.saturating_duration_since(since)));
        let ahead = wall.saturating_sub(ran);
        let grace = if ahead <= millis(IMPLAUSIBLE) { millis(GRACE) } else { 0 };
        let absent_until = wall.min(ran.saturating_add(grace));
        NamesTime { date: absent_until.max(newest), absent_until }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 24 * 3600 * 1000;
    const NEWEST: u64 = EARLIEST + 300 * DAY;
    const IN_2080: u64 = 3_471_292_800_000;

    #[test]
    fn the_names_time_is_the_computers_time_while_that_is_plausible() {
        let now = Instant::now();
        let mut clock = NamesClock::new(Some(NEWEST), now);
        for (wall, hours) in [(NEWEST + 5, 0), (NEWEST + DAY, 0), (NEWEST + 3 * DAY, 48)] {
            let read = clock.read(wall, now + Duration::from_secs(hours * 3600));
            assert_eq!(read, NamesTime { date: wall, absent_until: wall });
        }
    }

    #[test]
    fn a_clock_that_is_ahead_adds_a_day_if_it_may_be_right_and_then_only_running_time_counts() {
        let now = Instant::now();
        let mut clock = NamesClock::new(Some(NEWEST), now);
        let most = NEWEST + DAY;
        assert_eq!(clock.read(NEWEST + 20 * DAY, now), NamesTime { date: most, absent_until: most });
        let later = clock.read(NEWEST + 20 * DAY, now + Duration::from_secs(3600));
        assert_eq!(later.date, most + 3600 * 1000);
        assert_eq!(clock.read(IN_2080, now), NamesTime { date: NEWEST, absent_until: NEWEST });
        // The clock is set right while the server runs.
        assert_eq!(clock.read(NEWEST + 10, now + Duration::from_secs(3600)).date, NEWEST + 10);
        // A clock that is set far ahead afterwards adds nothing to the time for which the server has run.
        assert_eq!(clock.read(IN_2080, now + Duration::from_secs(7200)).date, NEWEST + 7200 * 1000);
    }

    #[test]
    fn a_clock_that_is_behind_frees_nothing_and_notes_nothing_older() {
        let now = Instant::now();
        let mut clock = NamesClock::new(Some(NEWEST), now);
        for wall in [0, EARLIEST, NEWEST - 1] {
            assert_eq!(clock.read(wall, now), NamesTime { date: NEWEST, absent_until: wall });
        }
    }

    #[test]
    fn a_new_log_begins_with_the_clock_as_soon_as_the_clock_is_set() {
        let now = Instant::now();
        let mut clock = NamesClock::new(None, now);
        assert_eq!(clock.read(7, now).absent_until, 0);
        assert_eq!(clock.read(NEWEST, now), NamesTime { date: NEWEST, absent_until: NEWEST });
        assert_eq!(clock.read(IN_2080, now).date, NEWEST);
        assert_eq!(NamesClock::new(Some(u64::MAX), now).read(NEWEST, now).absent_until, NEWEST);
    }
}
