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
    /// An acknowledgement is not to wait for more.
    hurried: bool,
}

/// While more was heard than shown, an acknowledgement waits until it is for this many texts: an app
/// that catches up shows them one by one, and each would cost a write. A small part of the window,
/// so that the other side never waits for it.
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

    /// The number the other side is to be told now, once; `None` while it knows, or soon will.
    pub(super) fn due(&mut self) -> Option<u64> {
        let behind = self.shown.saturating_sub(self.acknowledged);
        let caught_up = self.shown == self.heard;
        let is_due = behind > 0 && (caught_up || self.hurried || behind >= ACKNOWLEDGE_EVERY);
        self.hurried = false;
        is_due.then(|| {
            self.acknowledged = self.shown;
            self.shown
        })
    }

    /// What was shown by now has waited long enough: [`due`](Self::due) tells it.
    pub(super) fn hurry(&mut self) {
        self.hurried = true;
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
        assert_eq!(inbox.due(), None);
        inbox.show(2);
        inbox.show(3);
        assert_eq!(inbox.due(), None, "more is about to be shown");
        inbox.hurry();
        assert_eq!(inbox.due(), Some(3));
        assert_eq!(inbox.due(), None);
        inbox.show(99);
        assert_eq!(inbox.due(), Some(5));
    }
}
