//! How long something holds, and what was said when it was imposed. This file owns what happens to an end when the
//! clock goes back; it knows nothing of what ends.

use hobnob_protocol::content::ShortText;
use hobnob_protocol::name::UserName;
use serde::{Deserialize, Serialize};

/// When the clock goes back by no more than this many milliseconds, it was corrected, as happens to clocks every day.
/// Ends are not moved for a correction.
const CORRECTION: u64 = 5 * 60 * 1000;

/// The latest end there is: the last millisecond of the year 9999. What would end later is for good.
const LATEST_END: u64 = 253_402_300_799_999;

/// How long something is to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Term {
    /// It holds until it is taken back.
    ForGood,
    /// A number of milliseconds: in a proposal, how long it holds; where its end is told, the time of that end.
    Millis(u64),
}

impl Term {
    /// Returns when something ends that begins `now` and has this length, or `None` for what never ends, or not before
    /// [`LATEST_END`].
    pub(crate) fn end_from(self, now: u64) -> Option<u64> {
        match self {
            Self::ForGood => None,
            Self::Millis(millis) => Some(now.saturating_add(millis)).filter(|end| *end <= LATEST_END),
        }
    }

    /// Returns the time of an end that [`until`](Self::until) made a term, or `None` for what never ends.
    pub(crate) fn as_end(self) -> Option<u64> {
        match self {
            Self::ForGood => None,
            Self::Millis(end) => Some(end),
        }
    }

    /// Makes a term of an end, so that the end can be told.
    pub(crate) fn until(end: Option<u64>) -> Self {
        end.map_or(Self::ForGood, Self::Millis)
    }
}

/// Who imposed something, when, why, and until when it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sentence {
    /// The operator's name at that time.
    pub(crate) by: UserName,
    /// When it was imposed.
    pub(crate) at: u64,
    /// When it ends; `None` if it has no end.
    pub(crate) until: Option<u64>,
    /// What the operator said about it.
    pub(crate) reason: Option<ShortText>,
}

impl Sentence {
    /// Whether it still holds.
    pub(crate) fn holds(&self, now: u64) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// The clock went back to `now`. A sentence that began later than `now` begins now instead, and keeps its length.
    /// Otherwise a ban of an hour that was imposed under a clock a year ahead would hold for a year.
    pub(crate) fn clock_went_back(&mut self, now: u64) {
        if self.at <= now {
            return;
        }
        let ahead = self.at - now;
        self.at = now;
        self.until = self.until.map(|until| until.saturating_sub(ahead));
    }
}

/// Whether the clock went back by more than a correction.
pub(super) fn went_back(before: u64, now: u64) -> bool {
    now.saturating_add(CORRECTION) < before
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(at: u64, until: Option<u64>) -> Sentence {
        Sentence { by: "boss".parse().unwrap(), at, until, reason: None }
    }

    #[test]
    fn a_sentence_ends_at_its_time_and_one_without_an_end_never_does() {
        let hour = sentence(1000, Term::Millis(500).end_from(1000));
        assert!(hour.holds(1499));
        assert!(!hour.holds(1500));
        assert!(sentence(0, Term::ForGood.end_from(0)).holds(u64::MAX));
        for millis in [LATEST_END, u64::MAX / 2, u64::MAX] {
            assert_eq!(Term::Millis(millis).end_from(7), None, "{millis}");
        }
        assert_eq!(Term::Millis(LATEST_END - 7).end_from(7), Some(LATEST_END));
    }

    #[test]
    fn a_sentence_imposed_under_a_clock_that_was_ahead_keeps_its_length() {
        let mut ahead = sentence(10_000, Some(10_500));
        ahead.clock_went_back(2000);
        assert_eq!(ahead, sentence(2000, Some(2500)));
        let mut earlier = sentence(1000, Some(3000));
        earlier.clock_went_back(2000);
        assert_eq!(
            earlier,
            sentence(1000, Some(3000)),
            "it began before that time and ends when it was to end"
        );
    }

    #[test]
    fn a_clock_that_is_corrected_by_minutes_does_not_count_as_set_back() {
        assert!(!went_back(1_000_000, 1_000_000 - CORRECTION));
        assert!(went_back(1_000_000, 999_999 - CORRECTION));
        assert!(!went_back(5, u64::MAX));
    }
}
