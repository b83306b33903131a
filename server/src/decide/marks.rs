//! Which place of the order was reached when, by the order's own clock, once an hour: so that all servers know alike from
//! where on an order is kept. Plain data.

use std::collections::VecDeque;

use hobnob_order::Place;
use serde::{Deserialize, Serialize};

/// Between two marks, in milliseconds.
const INTERVAL: u64 = 3600 * 1000;

/// Marks that are remembered: more than an order is kept for. Past it the oldest is forgotten.
const MAX_MARKS: usize = 2 * KEPT_MARKS;

/// What has so many marks behind it may be dropped: an order is kept for a week in which something was said in it. A server
/// that was away for less reads on from where it was. Marks are counted and their times are not compared, so that one
/// wrong time drops nothing.
const KEPT_MARKS: usize = 24 * 7;

/// The oldest first, each a place and its time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marks(VecDeque<(u64, u64)>);

impl Marks {
    /// The order has come to `place` at the time `at`. A clock that was set back by hours makes a mark as well.
    pub(super) fn note(&mut self, place: Place, at: u64) {
        if self.0.back().is_some_and(|(_, last)| last.abs_diff(at) < INTERVAL) {
            return;
        }
        if self.0.len() == MAX_MARKS {
            self.0.pop_front();
        }
        self.0.push_back((place.0, at));
    }

    /// Up to which place everything is older than an order is kept.
    pub(super) fn old(&self) -> Option<Place> {
        let index = self.0.len().checked_sub(KEPT_MARKS + 1)?;
        self.0.get(index).map(|(place, _)| Place(*place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_a_week_by_the_orders_own_clock_may_go() {
        let mut marks = Marks::default();
        for hour in 0..=7 * 24 {
            assert_eq!(marks.old(), None);
            marks.note(Place(10 * hour + 1), hour * INTERVAL);
            marks.note(Place(10 * hour + 2), hour * INTERVAL + 1);
        }
        assert_eq!(marks.old(), Some(Place(1)));
        marks.note(Place(9999), (7 * 24 + 1) * INTERVAL);
        assert_eq!(marks.old(), Some(Place(11)));
    }

    #[test]
    fn a_wrong_time_drops_nothing_and_memory_is_bounded() {
        let mut marks = Marks::default();
        marks.note(Place(1), 1000 * INTERVAL);
        marks.note(Place(2), 1_000_000 * INTERVAL);
        marks.note(Place(3), 5 * INTERVAL);
        assert_eq!(marks.old(), None);
        for hour in 0..2 * MAX_MARKS as u64 {
            marks.note(Place(4 + hour), (6 + hour) * INTERVAL);
        }
        assert_eq!(marks.0.len(), MAX_MARKS);
        assert!(marks.old().is_some());
    }
}
