//! Who may not speak, and until when. This file owns the list; it knows nothing of texts.

use std::collections::BTreeMap;

use hobnob_protocol::key::{Fingerprint, PublicKey};
use hobnob_protocol::name::UserName;
use serde::{Deserialize, Serialize};

use super::MAX_ENTRIES;
use super::carried_over::ENTRIES;
use super::moderation::Denied;
use super::term::Sentence;

/// One mute, as `\mutes` lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Muted {
    /// The fingerprint of the key that may not speak.
    pub(crate) fingerprint: Fingerprint,
    /// The name the key had when it was muted.
    pub(crate) name: Option<UserName>,
    /// By whom, when, why, and until when.
    pub(crate) sentence: Sentence,
}

/// One key that is muted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Mute {
    name: Option<UserName>,
    sentence: Sentence,
}

/// All keys that are muted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Mutes(BTreeMap<PublicKey, Mute>);

impl Mutes {
    /// Whether no mute is in the list. Mutes that have ended may still be in it.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the key that was muted under this name.
    pub(super) fn known_as(&self, name: &UserName) -> Option<PublicKey> {
        self.0.iter().find(|(_, mute)| mute.name.as_ref() == Some(name)).map(|(key, _)| *key)
    }

    /// Returns why this key may not speak now.
    pub(super) fn find(&self, key: &PublicKey, now: u64) -> Option<&Sentence> {
        self.0.get(key).map(|mute| &mute.sentence).filter(|sentence| sentence.holds(now))
    }

    /// Mutes a key. A second mute of one key replaces the first.
    pub(super) fn mute(
        &mut self,
        key: PublicKey,
        name: Option<UserName>,
        sentence: Sentence,
        now: u64,
    ) -> Result<(), Denied> {
        self.0.retain(|_, mute| mute.sentence.holds(now));
        if self.0.len() >= MAX_ENTRIES && !self.0.contains_key(&key) {
            return Err(Denied::ListFull);
        }
        self.0.insert(key, Mute { name, sentence });
        Ok(())
    }

    /// Takes a mute back, so that the key may speak again.
    pub(super) fn unmute(&mut self, key: &PublicKey, now: u64) -> Result<(), Denied> {
        let muted = self.0.remove(key).filter(|mute| mute.sentence.holds(now));
        muted.map(drop).ok_or(Denied::Unchanged)
    }

    /// Returns all mutes that hold, the oldest first.
    pub(super) fn list(&self, now: u64) -> Vec<Muted> {
        let holding = self.0.iter().filter(|(_, mute)| mute.sentence.holds(now));
        let mut list: Vec<Muted> = holding
            .map(|(key, mute)| Muted {
                fingerprint: key.fingerprint(),
                name: mute.name.clone(),
                sentence: mute.sentence.clone(),
            })
            .collect();
        list.sort_by(|a, b| (a.sentence.at, &a.fingerprint).cmp(&(b.sentence.at, &b.fingerprint)));
        list
    }

    /// Returns the mutes in parts of at most [`ENTRIES`] rows.
    pub(super) fn parts(self) -> Vec<Self> {
        let all: Vec<_> = self.0.into_iter().collect();
        all.chunks(ENTRIES).map(|some| Self(some.iter().cloned().collect())).collect()
    }

    /// Takes over mutes that are not here, as long as there is room.
    pub(super) fn keep(&mut self, kept: &Self) {
        for (key, mute) in &kept.0 {
            if self.0.len() < MAX_ENTRIES && !self.0.contains_key(key) {
                self.0.insert(*key, mute.clone());
            }
        }
    }

    pub(super) fn clock_went_back(&mut self, now: u64) {
        self.0.values_mut().for_each(|mute| mute.sentence.clock_went_back(now));
    }
}
