//! For how long other servers have said nothing. A plain struct that is told the time.
//!
//! The silence of another server counts only while this one's own signs of life come back through the order: where the
//! order itself stands still, nobody can be heard, and nobody is silent. A server that was frozen itself wakes to a
//! silence of a second, not of the hour that it slept.

use std::collections::BTreeMap;
use std::time::Duration;

use hobnob_order::ServerId;
use tokio::time::Instant;

/// A server that is silent for so long is gone: its users are told as left. Longer than an election among NATS's nodes
/// and than a server takes to find another node when its own one freezes (5 s were seen).
pub(super) const GONE_AFTER: Duration = Duration::from_secs(8);

/// Between two signs of life of this server no more silence is counted than this.
const MAX_STEP: Duration = Duration::from_millis(1500);

/// Who was heard when.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    /// When this server last heard itself.
    own: Option<Instant>,
    others: BTreeMap<ServerId, Silence>,
}

#[derive(Debug)]
struct Silence {
    /// The last batch that was heard.
    last: u64,
    since: Duration,
}

impl Quiet {
    /// A server has a life of which this is the last batch.
    pub(super) fn heard(&mut self, server: ServerId, last: u64) {
        self.others.insert(server, Silence { last, since: Duration::ZERO });
    }

    /// This server's own batch came back.
    pub(super) fn heard_itself(&mut self, now: Instant) {
        let step = self.own.replace(now).map_or(Duration::ZERO, |own| now.saturating_duration_since(own));
        for silence in self.others.values_mut() {
            silence.since += step.min(MAX_STEP);
        }
    }

    /// A life is over.
    pub(super) fn ended(&mut self, server: ServerId) {
        self.others.remove(&server);
    }

    /// Those that are silent for too long, each with its last batch.
    pub(super) fn gone(&self) -> impl Iterator<Item = (ServerId, u64)> {
        let gone = self.others.iter().filter(|(_, silence)| silence.since >= GONE_AFTER);
        gone.map(|(server, silence)| (*server, silence.last))
    }

    /// How many others there are.
    pub(super) fn others(&self) -> usize {
        self.others.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_server_is_gone_when_it_says_nothing_while_this_one_is_heard() {
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
    fn an_order_that_stands_still_and_a_server_that_slept_end_nobody() {
        let (mut quiet, now) = (Quiet::default(), Instant::now());
        quiet.heard(ServerId(1), 7);
        quiet.heard_itself(now);
        quiet.heard_itself(now + 3600 * SECOND);
        assert_eq!(quiet.gone().count(), 0);
    }
}
