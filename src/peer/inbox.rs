//! Which of the other side's texts this side has. Owns the numbers of the incoming texts; knows
//! nothing of sockets or time.

use thiserror::Error;

/// What became of a text that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is the next one.
    New,
    /// It was here before, over an earlier connection.
    Again,
}

/// A text arrived before the one in front of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("text {arrived} came after text {last}")]
pub(super) struct Gap {
    arrived: u64,
    last: u64,
}

/// How far the texts of the other side were heard, shown and acknowledged.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    /// The last text that arrived.
    heard: u64,
    /// The last text the user was shown: only this far is acknowledged, so that nothing is lost for
    /// good when this process ends with texts it did not show.
    shown: u64,
    /// The last text acknowledged over the current connection.
    acknowledged: u64,
}

/// So many texts are acknowledged in any case: a small part of the window, so that the other side
/// never waits for it.
const ACKNOWLEDGE_EVERY: u64 = 64;

impl Inbox {
    /// A text with this number arrived.
    ///
    /// # Errors
    /// When one before it is missing.
    pub(super) fn take(&mut self, number: u64) -> Result<Taken, Gap> {
        if number <= self.heard {
            return Ok(Taken::Again);
        }
        if number != self.heard + 1 {
            return Err(Gap { arrived: number, last: self.heard });
        }
        self.heard = number;
        Ok(Taken::New)
    }

    /// The user was shown everything up to `number`; what never arrived cannot have been.
    pub(super) fn show(&mut self, number: u64) {
        self.shown = self.shown.max(number.min(self.heard));
    }

    /// The number the other side is to be told now, once; `None` while it knows, or soon will. An
    /// acknowledgement for each text would cost a write each, so one that is not `rested` (it goes
    /// out alone, soon after the last) waits for more.
    pub(super) fn due(&mut self, rested: bool) -> Option<u64> {
        let behind = self.shown.saturating_sub(self.acknowledged);
        let is_due = behind >= ACKNOWLEDGE_EVERY || (rested && behind > 0);
        is_due.then(|| {
            self.acknowledged = self.shown;
            self.shown
        })
    }

    /// Whether the other side is still to be told of something.
    pub(super) fn is_owing(&self) -> bool {
        self.shown > self.acknowledged
    }

    /// A connection begins whose hello told the other side `told`.
    pub(super) fn begin(&mut self, told: u64) {
        self.acknowledged = told;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_new_once_and_a_gap_is_an_error() {
        let mut inbox = Inbox::default();
        assert_eq!(inbox.take(1), Ok(Taken::New));
        assert_eq!(inbox.take(2), Ok(Taken::New));
        assert_eq!(inbox.take(1), Ok(Taken::Again));
        assert_eq!(inbox.take(4), Err(Gap { arrived: 4, last: 2 }));
        assert_eq!(inbox.take(0), Ok(Taken::Again));
        assert!(inbox.take(u64::MAX).is_err());
    }

    #[test]
    fn only_what_was_shown_is_acknowledged_and_only_once() {
        let mut inbox = Inbox::default();
        for number in 1..=5 {
            inbox.take(number).unwrap();
        }
        assert_eq!(inbox.due(true), None);
        assert!(!inbox.is_owing());
        inbox.show(2);
        inbox.show(3);
        assert_eq!(inbox.due(false), None, "more may follow");
        assert!(inbox.is_owing());
        assert_eq!(inbox.due(true), Some(3));
        assert_eq!(inbox.due(true), None);
        inbox.show(99);
        assert_eq!(inbox.due(true), Some(5));
    }

    #[test]
    fn many_texts_are_acknowledged_without_a_rest() {
        let mut inbox = Inbox::default();
        for number in 1..=ACKNOWLEDGE_EVERY {
            inbox.take(number).unwrap();
            inbox.show(number);
            let due = (number == ACKNOWLEDGE_EVERY).then_some(number);
            assert_eq!(inbox.due(false), due);
        }
    }
}
