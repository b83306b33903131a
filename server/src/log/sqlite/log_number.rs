//! Which of the logs in the file a row belongs to. The lobby's log and those of all rooms stand in the same tables, one
//! after the other: the key of a row is the number of its log and that of its last message, as one number. So a row of
//! the lobby has the key that it always had, and each log is a stretch of keys.

use hobnob_protocol::name::Seq;

/// Bits of a key that hold the number of a message: enough for a thousand messages a second over thirty years.
const SEQ_BITS: u32 = 40;

/// The number of a log in this file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LogNumber(u32);

impl LogNumber {
    /// That of the lobby's log.
    pub(crate) const LOBBY: Self = Self(0);

    /// The highest, so that no key reaches the sign bit of what SQLite stores.
    const MAX: u32 = (1 << (63 - SEQ_BITS)) - 1;

    /// The number of a room's log, as it stands in the table of rooms.
    pub(crate) fn of_room(number: i64) -> Option<Self> {
        u32::try_from(number).ok().filter(|number| (1..=Self::MAX).contains(number)).map(Self)
    }

    /// The smallest number of a room's log that is not among these, which are sorted.
    pub(super) fn first_free(taken: impl IntoIterator<Item = Self>) -> Self {
        let mut free = 1;
        for Self(number) in taken {
            if number == free {
                free += 1;
            }
        }
        Self(free)
    }

    /// The key of the row whose last message this is.
    pub(crate) fn key(self, last: Seq) -> i64 {
        let seq = last.0.min((1 << SEQ_BITS) - 1);
        ((u64::from(self.0) << SEQ_BITS) | seq).cast_signed()
    }

    /// The first key past those of this log.
    pub(crate) fn end(self) -> i64 {
        ((u64::from(self.0) + 1) << SEQ_BITS).cast_signed()
    }

    /// The number of the message that a key of this log names.
    pub(crate) fn seq(self, key: i64) -> Seq {
        Seq(key.cast_unsigned() & ((1 << SEQ_BITS) - 1))
    }

    /// As the table of rooms has it.
    pub(super) fn stored(self) -> i64 {
        i64::from(self.0)
    }

    /// The number of the log that a key belongs to.
    pub(super) fn of_key(key: i64) -> Option<Self> {
        u32::try_from(key.cast_unsigned() >> SEQ_BITS).ok().filter(|number| *number <= Self::MAX).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_a_stretch_of_keys_and_the_lobby_has_the_first() {
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
    fn a_number_that_is_free_again_is_taken_again() {
        let numbers =
            |numbers: &[i64]| numbers.iter().filter_map(|n| LogNumber::of_room(*n)).collect::<Vec<_>>();
        for (taken, free) in [(&[][..], 1), (&[1, 2, 3], 4), (&[2, 3], 1), (&[1, 3, 4], 2)] {
            assert_eq!(LogNumber::first_free(numbers(taken)).stored(), free);
        }
    }
}
