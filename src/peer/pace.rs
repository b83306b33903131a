//! How often small things are written on a link. This file has plain numbers and no socket. It owns the pause between
//! two acknowledgements and the turns of the short way (see [`super::outgoing`]).

use std::time::Duration;

/// The shortest pause between two acknowledgements that are written alone. A single text is acknowledged at once; a
/// stream of texts is acknowledged up to a thousand times a second.
const ACKNOWLEDGE_REST: Duration = Duration::from_millis(1);

/// How long after the last acknowledgement the next one goes out at the latest, if nothing else wakes the link before.
/// A stream wakes the link with each text, so only the last texts of a stream wait so long. A timer of one millisecond
/// would wake another thread each time it is set, which costs more than a text does.
const ACKNOWLEDGE_WITHIN: Duration = Duration::from_millis(10);

/// When a text was last acknowledged, in awake time.
#[derive(Debug, Default)]
pub(super) struct AcknowledgePace {
    last: Duration,
}

impl AcknowledgePace {
    /// Notes that an acknowledgement goes out at `now`.
    pub(super) fn acknowledged(&mut self, now: Duration) {
        self.last = now;
    }

    /// Whether an acknowledgement may go out alone at `now`.
    pub(super) fn is_rested(&self, now: Duration) -> bool {
        now.saturating_sub(self.last) >= ACKNOWLEDGE_REST
    }

    /// Returns when the link has to look for texts to acknowledge, if nothing wakes it before.
    pub(super) fn latest(&self) -> Duration {
        self.last + ACKNOWLEDGE_WITHIN
    }
}

/// Whether the app may take the short way. The link gives the app a turn each time it has heard something; the app uses
/// up the turn with one text. Without a turn, texts are gathered, because a burst of texts costs far less when it is
/// written together.
#[derive(Debug, Default)]
pub(super) struct ShortWay {
    is_open: bool,
}

impl ShortWay {
    /// Gives the app a turn, because the link has heard something on the present connection.
    pub(super) fn open(&mut self) {
        self.is_open = true;
    }

    /// Takes the turn away, because a connection begins, on which the link writes first.
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
    fn acknowledgements_are_at_least_a_millisecond_apart() {
        let (mut pace, now) = (AcknowledgePace::default(), Duration::from_secs(7));
        assert!(pace.is_rested(now));
        pace.acknowledged(now);
        assert!(!pace.is_rested(now) && pace.is_rested(now + ACKNOWLEDGE_REST));
        assert!(pace.is_rested(pace.latest()));
    }
}
