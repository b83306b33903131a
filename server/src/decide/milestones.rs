//! Notes once an hour, by the order's own clock, which place the order has reached. From these milestones all servers
//! conclude alike from which place on an order is kept. This file holds plain data.

use std::collections::VecDeque;

use hobnob_order::Place;
use serde::{Deserialize, Serialize};

/// The time between two milestones, in milliseconds.
const INTERVAL: u64 = 3600 * 1000;

/// How many milestones are remembered: more than an order is kept for. When the limit is reached, the oldest one is
/// forgotten.
const MAX_MILESTONES: usize = 2 * KEPT_MILESTONES;

/// The part of an order that has this many milestones after it may be dropped. So an order is kept for a week, without
/// the hours in which no server published anything, and a server that was away for less than a week reads on from where
/// it was. Milestones are counted and their times are not compared, so that one wrong time drops nothing.
const KEPT_MILESTONES: usize = 24 * 7;

/// The milestones, the oldest first: each is a place and the time at which it was reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Milestones(VecDeque<(u64, u64)>);

impl Milestones {
    /// The order has come to `place` at the time `at`. When the clock was set back by hours, that makes a milestone as
    /// well.
    pub(super) fn note(&mut self, place: Place, at: u64) {
        if self.0.back().is_some_and(|(_, last)| last.abs_diff(at) < INTERVAL) {
            return;
        }
        if self.0.len() == MAX_MILESTONES {
            self.0.pop_front();
        }
        self.0.push_back((place.0, at));
    }

    /// Returns the place up to which everything is older than an order is kept, or `None` while there is nothing so
    /// old.
    pub(super) fn old(&self) -> Option<Place> {
        let index = self.0.len().checked_sub(KEPT_MILESTONES + 1)?;
        self.0.get(index).map(|(place, _)| Place(*place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_of_an_order_older_than_a_week_by_its_own_clock_may_be_dropped() {
        let mut milestones = Milestones::default();
        for hour in 0..=7 * 24 {
            assert_eq!(milestones.old(), None);
            milestones.note(Place(10 * hour + 1), hour * INTERVAL);
            milestones.note(Place(10 * hour + 2), hour * INTERVAL + 1);
        }
        assert_eq!(milestones.old(), Some(Place(1)));
        milestones.note(Place(9999), (7 * 24 + 1) * INTERVAL);
        assert_eq!(milestones.old(), Some(Place(11)));
    }

    #[test]
    fn a_wrong_time_drops_nothing_and_the_number_of_milestones_is_bounded() {
        let mut milestones = Milestones::default();
        milestones.note(Place(1), 1000 * INTERVAL);
        milestones.note(Place(2), 1_000_000 * INTERVAL);
        milestones.note(Place(3), 5 * INTERVAL);
        assert_eq!(milestones.old(), None);
        for hour in 0..2 * MAX_MILESTONES as u64 {
            milestones.note(Place(4 + hour), (6 + hour) * INTERVAL);
        }
        assert_eq!(milestones.0.len(), MAX_MILESTONES);
        assert!(milestones.old().is_some());
    }
}
