//! How long other servers have been silent. A plain struct that is told the time.
//!
//! The silence of another server counts only while this server's own signs of life come back through the order: when
//! the order itself stands still, nobody can be heard. A server that was frozen counts only a second or so of silence
//! when it wakes, not the hour for which it was frozen.

use std::collections::BTreeMap;
use std::time::Duration;

use hobnob_order::ServerId;
use tokio::time::Instant;

/// A server that is silent for this long is gone, and its users are announced as having left. This is longer than an
/// election among NATS nodes, and longer than a server takes to find another node when its own node freezes (5 s were
/// seen).
pub(super) const GONE_AFTER: Duration = Duration::from_secs(8);

/// The most silence that is counted between two signs of life of this server.
const MAX_STEP: Duration = Duration::from_millis(1500);

/// When each server was last heard.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    /// When this server last heard itself.
    own: Option<Instant>,
    others: BTreeMap<ServerId, Silence>,
}

#[derive(Debug)]
struct Silence {
    /// The number of the last batch that was heard.
    last: u64,
    since: Duration,
}

impl Quiet {
    /// Notes a batch of a server, which ends its silence.
    pub(super) fn heard(&mut self, server: ServerId, last: u64) {
        self.others.insert(server, Silence { last, since: Duration::ZERO });
    }

    /// Notes that this server's own batch came back.
    pub(super) fn heard_itself(&mut self, now: Instant) {
        let step = self.own.replace(now).map_or(Duration::ZERO, |own| now.saturating_duration_since(own));
        for silence in self.others.values_mut() {
            silence.since += step.min(MAX_STEP);
        }
    }

    /// Notes that a life is over.
    pub(super) fn ended(&mut self, server: ServerId) {
        self.others.remove(&server);
    }

    /// Returns the servers that are silent for too long, each with the number of its last batch.
    pub(super) fn gone(&self) -> impl Iterator<Item = (ServerId, u64)> {
        let gone = self.others.iter().filter(|(_, silence)| silence.since >= GONE_AFTER);
        gone.map(|(server, silence)| (*server, silence.last))
    }

    /// Returns how many other servers there are.
    pub(super) fn others(&self) -> usize {
        self.others.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_server_is_gone_when_it_is_silent_while_this_one_is_heard() {
        let (mut quiet, mut now) = (Quiet::default(), Instant::now());
        quiet.heard(ServerId(1), 7);
        quiet.heard(ServerId(2), 3);
        for second in 0..=8 {
            assert_eq!(quiet.gone().count(), 0, "after {second} s");
            quiet.heard_itself(now);
            quiet.heard(ServerId(2), 4 + second);
            now += SECOND;
        }
        assert_eq!(quiet.gone().collect::<Vec<_>>(), [(ServerId(1), 7)]);
        quiet.heard(ServerId(1), 8);
        assert_eq!(quiet.gone().count(), 0, "it is back");
        quiet.ended(ServerId(1));
        assert_eq!(quiet.others(), 1);
    }

    #[test]
    fn no_server_counts_as_gone_when_the_order_stands_still_or_this_server_was_frozen() {
        let (mut quiet, now) = (Quiet::default(), Instant::now());
        quiet.heard(ServerId(1), 7);
        quiet.heard_itself(now);
        quiet.heard_itself(now + 3600 * SECOND);
        assert_eq!(quiet.gone().count(), 0);
    }
}
