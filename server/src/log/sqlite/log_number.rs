//! The log in the file to which a row belongs. The lobby's log and those of all rooms are in the same tables, one after
//! the other: the key of a row is the number of its log and the number of its last message, combined into one number.
//! So a row of the lobby has the same key as before there were rooms, and each log is a range of keys.

use hobnob_protocol::chain::Seq;

/// How many bits of a key hold the number of a message: enough for a thousand messages a second over thirty years.
const SEQ_BITS: u32 = 40;

/// The number of a log in this file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LogNumber(u32);

impl LogNumber {
    /// The number of the lobby's log.
    pub(crate) const LOBBY: Self = Self(0);

    /// The greatest number, so that no key reaches the sign bit of what SQLite stores.
    const MAX: u32 = (1 << (63 - SEQ_BITS)) - 1;

    /// Reads the number of a room's log from the table of rooms.
    pub(crate) fn of_room(number: i64) -> Option<Self> {
        u32::try_from(number).ok().filter(|number| (1..=Self::MAX).contains(number)).map(Self)
    }

    /// Returns the smallest number for a room's log that is not in `taken`, which is sorted.
    pub(super) fn first_free(taken: impl IntoIterator<Item = Self>) -> Self {
        let mut free = 1;
        for Self(number) in taken {
            if number == free {
                free += 1;
            }
        }
        Self(free)
    }

    /// Returns the key of the row whose last message is `last`.
    pub(crate) fn key(self, last: Seq) -> i64 {
        let seq = last.0.min((1 << SEQ_BITS) - 1);
        ((u64::from(self.0) << SEQ_BITS) | seq).cast_signed()
    }

    /// Returns the first key after those of this log.
    pub(crate) fn end(self) -> i64 {
        ((u64::from(self.0) + 1) << SEQ_BITS).cast_signed()
    }

    /// Returns the number of the message in a key of this log.
    pub(crate) fn seq(self, key: i64) -> Seq {
        Seq(key.cast_unsigned() & ((1 << SEQ_BITS) - 1))
    }

    /// Returns the number as the table of rooms stores it.
    pub(super) fn stored(self) -> i64 {
        i64::from(self.0)
    }

    /// Returns the number of the log that a key belongs to.
    pub(super) fn of_key(key: i64) -> Option<Self> {
        u32::try_from(key.cast_unsigned() >> SEQ_BITS).ok().filter(|number| *number <= Self::MAX).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_a_range_of_keys_and_the_lobby_has_the_first() {
        assert_eq!(LogNumber::LOBBY.key(Seq(7)), 7);
        let (one, two) = (LogNumber::of_room(1).unwrap(), LogNumber::of_room(2).unwrap());
        assert!(LogNumber::LOBBY.key(Seq(u64::MAX)) < one.key(Seq(0)));
        assert_eq!(one.end(), two.key(Seq(0)));
        assert_eq!((two.seq(two.key(Seq(9))), LogNumber::of_key(two.key(Seq(9)))), (Seq(9), Some(two)));
        let last = LogNumber::of_room(i64::from(LogNumber::MAX)).unwrap();
        assert!(last.key(Seq(u64::MAX)) > 0);
        for bad in [0, -1, i64::from(LogNumber::MAX) + 1, i64::MAX] {
            assert_eq!(LogNumber::of_room(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_number_that_is_free_again_is_given_again() {
        let numbers =
            |numbers: &[i64]| numbers.iter().filter_map(|n| LogNumber::of_room(*n)).collect::<Vec<_>>();
        for (taken, free) in [(&[][..], 1), (&[1, 2, 3], 4), (&[2, 3], 1), (&[1, 3, 4], 2)] {
            assert_eq!(LogNumber::first_free(numbers(taken)).stored(), free);
        }
    }
}
