//! Keeps a server, or a crowd of strangers, from filling the screen with the same notice. The first few notices of each
//! kind are shown as they come; the others are counted for ten seconds and summed up in one line. This file owns how
//! many are too many; the texts are in [`crate::show`].

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::client::State;
use crate::show::{Notice, Repeated};

/// How many notices of one kind are shown as they come within [`WINDOW`]. Without malice or a fault there are never
/// more.
const AT_ONCE: u32 = 5;

/// How long further notices are counted. A flood costs one line in each such time.
const WINDOW: Duration = Duration::from_secs(10);

/// What was shown of one kind.
#[derive(Debug)]
struct Told {
    until: Instant,
    told: u32,
    /// How many were not shown and are summed up when the time is over.
    held: u64,
}

/// What was shown lately, by kind.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    kinds: BTreeMap<Repeated, Told>,
}

impl Repeats {
    /// Returns whether one more notice of this kind is shown now. If not, `count` is added to what will be summed up.
    fn take(&mut self, kind: Repeated, count: u64, now: Instant) -> bool {
        let told = self.kinds.entry(kind).or_insert(Told { until: now + WINDOW, told: 0, held: 0 });
        if told.until <= now && told.held == 0 {
            *told = Told { until: now + WINDOW, told: 0, held: 0 };
        }
        if told.told < AT_ONCE && told.held == 0 {
            told.told += 1;
            return true;
        }
        told.held = told.held.saturating_add(count);
        false
    }

    /// Returns what is to be summed up now. While a flood goes on, only sums are shown.
    fn due(&mut self, now: Instant) -> Vec<(Repeated, u64)> {
        let over = self.kinds.iter_mut().filter(|(_, told)| told.held > 0 && told.until <= now);
        over.map(|(kind, told)| {
            let held = std::mem::take(&mut told.held);
            (told.until, told.told) = (now + WINDOW, AT_ONCE);
            (*kind, held)
        })
        .collect()
    }

    /// Returns when something is to be summed up.
    fn deadline(&self) -> Option<Instant> {
        self.kinds.values().filter(|told| told.held > 0).map(|told| told.until).min()
    }
}

impl State {
    /// Shows a notice of a kind that others can cause. If there are too many, `count` is added to the sum
    /// that is shown later.
    pub(super) fn emit_repeated(&mut self, kind: Repeated, count: u64, notice: impl Into<Notice>) {
        if self.repeats.take(kind, count, Instant::now()) {
            self.emit(notice.into());
        }
    }

    /// Returns when notices that were held back are to be summed up.
    pub(crate) fn repeats_deadline(&self) -> Option<Instant> {
        self.repeats.deadline()
    }

    /// Sums up what was held back and is due.
    pub(crate) fn repeats_time(&mut self, now: Instant) {
        for (kind, count) in self.repeats.due(now) {
            self.emit(kind.more(count));
        }
    }

    /// Sums up everything that was held back, because the run ends.
    pub(crate) fn tell_repeats(&mut self) {
        self.repeats_time(Instant::now() + WINDOW);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_notices_are_shown_at_once_and_a_flood_is_summed_in_each_window() {
        for kind in Repeated::ALL {
            let (mut repeats, start) = (Repeats::default(), Instant::now());
            let told = (0..100_000).filter(|_| repeats.take(kind, 2, start)).count();
            assert_eq!(told, AT_ONCE as usize);
            assert_eq!(repeats.deadline(), Some(start + WINDOW));
            assert_eq!(repeats.due(start + WINDOW / 2), []);
            assert_eq!(repeats.due(start + WINDOW), [(kind, 2 * (100_000 - u64::from(AT_ONCE)))]);
            assert!(!repeats.take(kind, 1, start + WINDOW), "during a flood only sums are shown");
            assert_eq!(repeats.due(start + WINDOW * 2), [(kind, 1)]);
            assert_eq!((repeats.deadline(), repeats.due(start + WINDOW * 9)), (None, vec![]));
            assert!(repeats.take(kind, 1, start + WINDOW * 3), "after a pause the notice is shown again");
        }
    }

    #[test]
    fn each_kind_of_notice_is_limited_separately_and_a_sum_does_not_overflow() {
        let (mut repeats, now) = (Repeats::default(), Instant::now());
        for _ in 0..AT_ONCE + 2 {
            repeats.take(Repeated::Skipped, u64::MAX, now);
        }
        assert!(repeats.take(Repeated::Closing, 1, now));
        assert_eq!(repeats.due(now + WINDOW), [(Repeated::Skipped, u64::MAX)]);
    }
}
