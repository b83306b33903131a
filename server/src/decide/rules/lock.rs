//! Whether the lobby is locked, until when, and which keys may come in nevertheless. This file owns that rule; it knows
//! nothing of names except since when a key has one.

use std::collections::BTreeSet;

use hobnob_protocol::key::Fingerprint;
use serde::{Deserialize, Serialize};

use super::MAX_ENTRIES;
use super::moderation::Denied;
use super::term::{Sentence, Term};

/// A key whose oldest name has belonged to it for this many milliseconds, an hour, may come into a locked lobby.
const OLD_ENOUGH: u64 = 3600 * 1000;

/// The lock, and the keys that were admitted. They stay admitted when the lock ends, and may come in at the next lock
/// too.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lock {
    closed: Option<Sentence>,
    admitted: BTreeSet<Fingerprint>,
}

impl Lock {
    /// Returns until when the lock holds, or `None` while the lobby is open.
    pub(super) fn holds(&self, now: u64) -> Option<Term> {
        let closed = self.closed.as_ref().filter(|sentence| sentence.holds(now))?;
        Some(Term::until(closed.until))
    }

    /// Whether this key may join or speak. A name that belongs to its key since a time far ahead was bound under a
    /// wrong clock, and counts as old.
    ///
    /// # Errors
    /// Fails with the time until which the key may not.
    pub(super) fn admits(&self, key: &Fingerprint, named_since: Option<u64>, now: u64) -> Result<(), Term> {
        let Some(until) = self.holds(now) else { return Ok(()) };
        let is_old = named_since.is_some_and(|since| now.abs_diff(since) >= OLD_ENOUGH);
        if is_old || self.admitted.contains(key) { Ok(()) } else { Err(until) }
    }

    /// Locks the lobby; a second lock replaces the first.
    pub(super) fn close(&mut self, sentence: Sentence) {
        self.closed = Some(sentence);
    }

    pub(super) fn open(&mut self, now: u64) -> Result<(), Denied> {
        self.closed.take().filter(|sentence| sentence.holds(now)).map(drop).ok_or(Denied::Unchanged)
    }

    pub(super) fn admit(&mut self, key: &Fingerprint) -> Result<(), Denied> {
        if self.admitted.len() >= MAX_ENTRIES {
            return Err(Denied::ListFull);
        }
        if self.admitted.insert(key.clone()) { Ok(()) } else { Err(Denied::Unchanged) }
    }

    /// Takes out the keys that were admitted.
    pub(super) fn take_admitted(&mut self) -> Vec<Fingerprint> {
        std::mem::take(&mut self.admitted).into_iter().collect()
    }

    /// Makes an open lock with these admitted keys.
    pub(super) fn with_admitted(admitted: impl Iterator<Item = Fingerprint>) -> Self {
        Self { closed: None, admitted: admitted.collect() }
    }

    /// Takes over the lock if there is none here, and admitted keys as long as there is room.
    pub(super) fn keep(&mut self, kept: &Self) {
        if self.closed.is_none() {
            self.closed.clone_from(&kept.closed);
        }
        for fingerprint in &kept.admitted {
            if self.admitted.len() < MAX_ENTRIES {
                self.admitted.insert(fingerprint.clone());
            }
        }
    }

    pub(super) fn clock_went_back(&mut self, now: u64) {
        if let Some(sentence) = &mut self.closed {
            sentence.clock_went_back(now);
        }
    }
}
