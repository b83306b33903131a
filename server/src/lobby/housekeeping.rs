//! What the lobby does from time to time: it stores dates, and proposes that names and rooms which nobody has used for
//! long are freed. This file owns how often, and after how long, and how many names at a time; which names and rooms go
//! is decided in `decide`.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::Lobby;
use super::names_clock::NamesTime;
use crate::decide::Entry;
use crate::decide::roster::MOST_EXPIRED;

/// How often the lobby looks for names to free and for dates to store.
const HOUSEKEEPING: Duration = Duration::from_secs(60);
const EXPIRY_INTERVAL: Duration = Duration::from_secs(3600);

/// After this time a name is free if its key never said anything. A user who takes names only to fill the table has to
/// say something for each of them, or to come back.
const UNSPOKEN_TTL: Duration = Duration::from_secs(24 * 3600);

/// A room in which nobody was for this long is removed.
const ROOM_TTL: Duration = Duration::from_secs(30 * 24 * 3600);

/// How many names are freed at a time: some milliseconds' work. If there are more names than a hundred times as many, it
/// is a hundredth of them, because all names are looked through each time. If more names have the same date, it is as
/// many as one entry frees, and never more than that.
const PIECE: usize = 1000;
const PIECES: usize = 100;

// One entry frees a whole piece. Otherwise the last piece would leave some names for an hour.
const _: () = assert!(PIECE <= MOST_EXPIRED);

/// How long the lobby does other things before it frees further names.
const PAUSE: Duration = Duration::from_millis(100);

/// After this many dates were noted, the date is proposed anew. Otherwise all users who come within an hour have the
/// same date, and thousands of names would be freed at once.
const DATES_ALIKE: usize = 1000;

/// The names and rooms that are still to be freed: the oldest first, some at a time.
#[derive(Debug, Default)]
pub(super) struct Expiry {
    /// Each piece has the names that are older than this and were not in a piece before.
    until: VecDeque<u64>,
    /// The times before which names and rooms are too old.
    before: u64,
    unspoken_before: u64,
    rooms_before: u64,
    /// When the next piece is due.
    due: Option<Instant>,
    /// How many dates were noted since the date was proposed.
    dated: usize,
}

impl Expiry {
    /// The date of a name is noted.
    pub(super) fn dated(&mut self) {
        self.dated += 1;
    }

    /// When further names are to be freed.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Returns what is proposed next. The last piece has everything that is too old.
    fn next(&mut self, date: u64, now: Instant) -> Entry {
        let until = self.until.pop_front();
        let is_last = self.until.is_empty();
        self.due = (!is_last).then(|| now + PAUSE);
        self.dated = 0;
        let until = until.filter(|_| !is_last).unwrap_or(u64::MAX);
        Entry::Expire {
            now: date,
            before: self.before.min(until),
            unspoken_before: self.unspoken_before.min(until),
            rooms_before: self.rooms_before,
        }
    }
}

impl Lobby {
    pub(super) fn keep_house(&mut self, now: Instant) {
        self.housekeeping_due = now + HOUSEKEEPING;
        self.unsaved.dates_are_due();
        self.metrics.rooms.set(self.machine.rooms().len() as i64);
        if now >= self.expiry_due {
            self.expiry_due = now + EXPIRY_INTERVAL;
            let NamesTime { date, absent_until } = self.names_clock.read((self.clock)(), now);
            let before = absent_until.saturating_sub(self.name_ttl.as_millis() as u64);
            let unspoken_before = absent_until.saturating_sub(UNSPOKEN_TTL.as_millis() as u64);
            let rooms_before = absent_until.saturating_sub(ROOM_TTL.as_millis() as u64);
            let (dates, all) = self.machine.roster().dates_of_past(before, unspoken_before);
            let (until, dated) = (pieces(dates, (all / PIECES).clamp(PIECE, MOST_EXPIRED)), 0);
            self.expiry = Expiry { until, before, unspoken_before, rooms_before, due: None, dated };
            self.gathered.push(self.expiry.next(date, now));
            self.drop_old();
        }
    }

    /// Proposes that further names are freed, or only the date, if either is due. What was freed before is stored first.
    pub(super) fn go_on_expiring(&mut self, now: Instant) {
        if self.expiry.due.is_some_and(|due| now >= due) {
            if self.unsaved.has_freed() {
                self.expiry.due = Some(now + PAUSE);
                return;
            }
            let date = self.names_clock.read((self.clock)(), now).date;
            self.gathered.push(self.expiry.next(date, now));
        } else if self.expiry.dated >= DATES_ALIKE {
            self.expiry.dated = 0;
            let date = self.names_clock.read((self.clock)(), now).date;
            self.gathered.push(Entry::Expire { now: date, before: 0, unspoken_before: 0, rooms_before: 0 });
        }
    }
}

/// Returns until which date, exclusive, each piece goes if each has about as many of these dates as `size` says. If many
/// names have one date, several pieces end with it. Each of them has what the one before left, and is empty if that was
/// nothing.
fn pieces(mut dates: Vec<u64>, size: usize) -> VecDeque<u64> {
    dates.sort_unstable();
    dates.chunks(size).filter_map(|piece| piece.last()).map(|last| last.saturating_add(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_in_pieces_that_together_are_all() {
        assert!(pieces(Vec::new(), 3).is_empty());
        assert_eq!(pieces(vec![5, 1, 4, 2, 3, 6, 7], 3), [4, 7, 8]);
        assert_eq!(pieces(vec![9; 8], 3), [10, 10, 10], "names of one date cannot be told apart");
        assert_eq!(pieces(vec![1, 1, 1, 1, 2], 2), [2, 2, 3]);
    }

    #[test]
    fn every_piece_is_older_than_the_next_and_the_last_goes_to_the_end() {
        let now = Instant::now();
        let until = pieces((0..10).collect(), 4);
        let mut expiry =
            Expiry { until, before: 5, unspoken_before: 50, rooms_before: 7, ..Expiry::default() };
        let mut next = || match expiry.next(60, now) {
            Entry::Expire { now: 60, before, unspoken_before, rooms_before: 7 } => {
                (before, unspoken_before, expiry.due().is_some())
            }
            _ => panic!("another entry"),
        };
        assert_eq!([next(), next(), next()], [(4, 4, true), (5, 8, true), (5, 50, false)]);
    }
}
