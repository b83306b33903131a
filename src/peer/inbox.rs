//! Which texts of the other side have arrived, were shown and were acknowledged. This file owns the numbers of the
//! incoming texts; it knows nothing of sockets or time.

use thiserror::Error;

/// Whether a text that arrived is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// The text is the next one.
    New,
    /// The text has already arrived, over an earlier connection.
    Again,
}

/// A text arrived, and the text before it is missing.
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
    /// The last text that the user was shown. Texts are acknowledged only up to this number, so that nothing is lost
    /// for good if this process ends before it has shown them.
    shown: u64,
    /// The last text acknowledged over the current connection.
    acknowledged: u64,
}

/// When this many texts are waiting to be acknowledged, they are acknowledged in any case. The number is a small part
/// of the window, so that the other side never has to wait for an acknowledgement.
const ACKNOWLEDGE_EVERY: u64 = 64;

impl Inbox {
    /// Takes a text with this number.
    ///
    /// # Errors
    /// Returns an error if a text before this one is missing.
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

    /// Notes that the user was shown everything up to `number`, but no more than has arrived.
    pub(super) fn show(&mut self, number: u64) {
        self.shown = self.shown.max(number.min(self.heard));
    }

    /// Returns the number of the last text that arrived.
    pub(super) fn heard(&self) -> u64 {
        self.heard
    }

    /// Whether the user was shown everything up to `number`.
    pub(super) fn has_shown(&self, number: u64) -> bool {
        self.shown >= number
    }

    /// Returns the number that is to be acknowledged now; `None` if there is nothing to acknowledge, or if it is better
    /// to wait. An acknowledgement for each text would cost one write for each, so while the last acknowledgement was
    /// sent too recently (`rested` is false), the next one waits for more texts.
    pub(super) fn due(&mut self, rested: bool) -> Option<u64> {
        let behind = self.shown.saturating_sub(self.acknowledged);
        let is_due = behind >= ACKNOWLEDGE_EVERY || (rested && behind > 0);
        is_due.then(|| {
            self.acknowledged = self.shown;
            self.shown
        })
    }

    /// Whether something that was shown is not acknowledged yet.
    pub(super) fn is_owing(&self) -> bool {
        self.shown > self.acknowledged
    }

    /// Whether something that has arrived is not acknowledged yet, perhaps because it was not shown.
    pub(super) fn will_owe(&self) -> bool {
        self.heard > self.acknowledged
    }

    /// Returns the number of the text that is acknowledged without a rest as soon as it is shown.
    pub(super) fn due_at_once(&self) -> u64 {
        self.acknowledged + ACKNOWLEDGE_EVERY
    }

    /// Begins a connection; this side's hello on it acknowledged the texts up to `told`.
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
    fn only_texts_that_were_shown_are_acknowledged_and_only_once() {
        let mut inbox = Inbox::default();
        for number in 1..=5 {
            inbox.take(number).unwrap();
        }
        assert_eq!(inbox.due(true), None);
        assert!(!inbox.is_owing() && inbox.will_owe());
        inbox.show(2);
        inbox.show(3);
        assert_eq!(inbox.due(false), None, "more texts may follow");
        assert!(inbox.is_owing());
        assert_eq!(inbox.due(true), Some(3));
        assert_eq!(inbox.due(true), None);
        inbox.show(99);
        assert_eq!(inbox.due(true), Some(5));
        assert!(!inbox.is_owing() && !inbox.will_owe());
    }

    #[test]
    fn many_texts_are_acknowledged_together_without_a_pause() {
        let mut inbox = Inbox::default();
        for number in 1..=ACKNOWLEDGE_EVERY {
            inbox.take(number).unwrap();
            assert_eq!(inbox.due_at_once(), ACKNOWLEDGE_EVERY);
            inbox.show(number);
            let due = (number == ACKNOWLEDGE_EVERY).then_some(number);
            assert_eq!(inbox.due(false), due);
        }
    }
}
