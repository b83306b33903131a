//! Carries rules over when the lobby of a single server becomes the beginning of a lobby on many servers: cuts them
//! into parts that are small enough for a message of NATS, and puts the parts together again. This file knows neither
//! NATS nor who sends the parts.

use super::Rules;
use super::lock::Lock;

/// Up to how many bytes rules are left in one part: half of what a message of NATS takes.
const LARGEST: usize = 512 * 1024;

/// How many rows of one list are in a part. A row has at most a reason of 400 bytes, which JSON may write as six times
/// as many, and names, fingerprints and times. That is 4 KiB, so a part has half a MiB.
pub(super) const ENTRIES: usize = 128;

impl Rules {
    /// Returns the rules in parts that [`keep`](Self::keep) puts together again.
    pub(crate) fn parts(&self) -> Vec<Self> {
        let bytes = serde_json::to_vec(self).map_or(usize::MAX, |json| json.len());
        if bytes <= LARGEST {
            return vec![self.clone()];
        }
        let mut first = self.clone();
        let bans = std::mem::take(&mut first.bans).parts();
        let mutes = std::mem::take(&mut first.mutes).parts();
        let admitted = first.lock.take_admitted();
        let mut parts = vec![first];
        parts.extend(bans.into_iter().map(|bans| Self { bans, ..Self::default() }));
        parts.extend(mutes.into_iter().map(|mutes| Self { mutes, ..Self::default() }));
        parts.extend(admitted.chunks(ENTRIES).map(|some| {
            let lock = Lock::with_admitted(some.iter().cloned());
            Self { lock, ..Self::default() }
        }));
        parts
    }

    /// Takes over rules that were decided before, as far as nothing else is decided here: a row that is here already
    /// stays as it is. Returns true when that adds something.
    pub(crate) fn keep(&mut self, kept: &Self) -> bool {
        let before = self.clone();
        self.operators.keep(&kept.operators);
        self.bans.keep(&kept.bans);
        self.mutes.keep(&kept.mutes);
        self.lock.keep(&kept.lock);
        if self.slow == 0 {
            self.slow = kept.slow;
        }
        if self.topic.is_none() {
            self.topic.clone_from(&kept.topic);
        }
        *self != before
    }
}
