//! Notes once an hour, by the order's own clock, which place the order has reached. From these marks all servers
//! conclude alike from which place on an order is kept. This file holds plain data.

use std::collections::VecDeque;

use hobnob_order::Place;
use serde::{Deserialize, Serialize};

/// The time between two marks, in milliseconds.
const INTERVAL: u64 = 3600 * 1000;

/// How many marks are remembered: more than an order is kept for. When the limit is reached, the oldest mark is
/// forgotten.
const MAX_MARKS: usize = 2 * KEPT_MARKS;

/// The part of an order that has this many marks after it may be dropped. So an order is kept for a week, without
/// the hours in which no server published anything, and a server that was away for less than a week reads on from where
/// it was. Marks are counted and their times are not compared, so that one wrong time drops nothing.
const KEPT_MARKS: usize = 24 * 7;

/// The marks, the oldest first: each is a place and the time at which it was reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marks(VecDeque<(u64, u64)>);

impl Marks {
    /// The order has come to `place` at the time `at`. When the clock was set back by hours, that makes a mark as well.
    pub(super) fn note(&mut self, place: Place, at: u64) {
        if self.0.back().is_some_and(|(_, last)| last.abs_diff(at) < INTERVAL) {
            return;
        }
        if self.0.len() == MAX_MARKS {
            self.0.pop_front();
        }
        self.0.push_back((place.0, at));
    }

    /// Returns the place up to which everything is older than an order is kept, or `None` while there is nothing so
    /// old.
    pub(super) fn old(&self) -> Option<Place> {
        let index = self.0.len().checked_sub(KEPT_MARKS + 1)?;
        self.0.get(index).map(|(place, _)| Place(*place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_of_an_order_older_than_a_week_by_its_own_clock_may_be_dropped() {
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
    fn a_wrong_time_drops_nothing_and_the_number_of_marks_is_bounded() {
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
