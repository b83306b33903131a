//! How often small things go out on a link: plain numbers, no socket. Owns the rest between two
//! acknowledgements and the turns of the short way (see [`super::outgoing`]).

use std::time::Duration;

/// An acknowledgement that goes out alone comes this long after the last one, or later: a text is
/// acknowledged at once, a stream of them a thousand times a second.
const ACKNOWLEDGE_REST: Duration = Duration::from_millis(1);

/// When a text was last acknowledged, in awake time.
#[derive(Debug, Default)]
pub(super) struct AcknowledgePace {
    last: Duration,
}

impl AcknowledgePace {
    /// An acknowledgement goes out at `now`.
    pub(super) fn acknowledged(&mut self, now: Duration) {
        self.last = now;
    }

    /// Whether one may go out alone at `now`.
    pub(super) fn is_rested(&self, now: Duration) -> bool {
        now.saturating_sub(self.last) >= ACKNOWLEDGE_REST
    }

    /// When the next one may go out alone.
    pub(super) fn next(&self) -> Duration {
        self.last + ACKNOWLEDGE_REST
    }
}

/// Whose turn it is on the short way. The link hands the app a turn each time it has heard something; the
/// app uses it up with one text. In between texts are gathered, for a burst of them costs far less together.
#[derive(Debug, Default)]
pub(super) struct ShortWay {
    is_open: bool,
}

impl ShortWay {
    /// The link has heard something on the present connection.
    pub(super) fn open(&mut self) {
        self.is_open = true;
    }

    /// A connection begins, on which the link writes first.
    pub(super) fn close(&mut self) {
        self.is_open = false;
    }

    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledgement_rests_a_millisecond_after_the_last() {
        let (mut pace, now) = (AcknowledgePace::default(), Duration::from_secs(7));
        assert!(pace.is_rested(now));
        pace.acknowledged(now);
        assert!(!pace.is_rested(now) && pace.is_rested(pace.next()));
    }
}
