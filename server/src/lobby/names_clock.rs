//! Which time it is for names: how long somebody was away is told by this clock, since what it frees cannot be given
//! back. The computer's clock alone is not trusted for that. A plain struct that is told what the clocks show.
//!
//! The rule: the names' time begins at the newest date the log has of any user, and goes on with the time that this
//! server runs, plus one day for each start, but no further than the computer's clock. Where that clock is a month ahead
//! of it, a start adds nothing: the clock may be right after a long stop, or wrong. So after a long stop names are kept
//! longer by that stop, in which nobody could come back. A start in 2080 frees no name, however often it is tried, and
//! dates that are noted meanwhile are not of 2080. Where the computer's clock is behind the newest date, no name is
//! freed, and no date is older than that one.

use std::time::Duration;

use tokio::time::Instant;

use crate::decide::EARLIEST;

/// What each start may add to the newest date in the log. A lobby that somebody hosts every evening so keeps step with
/// the calendar.
const GRACE: Duration = Duration::from_secs(24 * 3600);

/// A clock that is ahead by more than this is not believed even for the grace.
const IMPLAUSIBLE: Duration = Duration::from_secs(30 * 24 * 3600);

/// The names' time, in milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NamesTime {
    /// The date of whoever is seen now.
    pub(super) date: u64,
    /// From when on absences are counted back.
    pub(super) absent_until: u64,
}

/// Tells the names' time.
#[derive(Debug)]
pub(super) struct NamesClock {
    /// The newest date when this began, and when that was. `None` in a new log as long as the clock was never set.
    began: Option<(u64, Instant)>,
}

impl NamesClock {
    /// Begins at the newest date of any name; in a log without names with what the computer's clock first shows.
    pub(super) fn new(newest: Option<u64>, now: Instant) -> Self {
        Self { began: newest.map(|newest| (newest, now)) }
    }

    /// The names' time when the computer's clock shows `wall`.
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
    fn it_is_the_computers_time_while_that_is_plausible() {
        let now = Instant::now();
        let mut clock = NamesClock::new(Some(NEWEST), now);
        for (wall, hours) in [(NEWEST + 5, 0), (NEWEST + DAY, 0), (NEWEST + 3 * DAY, 48)] {
            let read = clock.read(wall, now + Duration::from_secs(hours * 3600));
            assert_eq!(read, NamesTime { date: wall, absent_until: wall });
        }
    }

    #[test]
    fn a_clock_that_is_ahead_adds_what_the_server_runs_and_a_day_if_it_may_be_right() {
        let now = Instant::now();
        let mut clock = NamesClock::new(Some(NEWEST), now);
        let most = NEWEST + DAY;
        assert_eq!(clock.read(NEWEST + 20 * DAY, now), NamesTime { date: most, absent_until: most });
        let later = clock.read(NEWEST + 20 * DAY, now + Duration::from_secs(3600));
        assert_eq!(later.date, most + 3600 * 1000);
        assert_eq!(clock.read(IN_2080, now), NamesTime { date: NEWEST, absent_until: NEWEST });
        // Set right while the server runs.
        assert_eq!(clock.read(NEWEST + 10, now + Duration::from_secs(3600)).date, NEWEST + 10);
        // And it does not help to set it forward then.
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
    fn a_new_log_begins_with_the_clock_when_that_is_set() {
        let now = Instant::now();
        let mut clock = NamesClock::new(None, now);
        assert_eq!(clock.read(7, now).absent_until, 0);
        assert_eq!(clock.read(NEWEST, now), NamesTime { date: NEWEST, absent_until: NEWEST });
        assert_eq!(clock.read(IN_2080, now).date, NEWEST);
        assert_eq!(NamesClock::new(Some(u64::MAX), now).read(NEWEST, now).absent_until, NEWEST);
    }
}
