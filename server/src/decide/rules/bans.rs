//! Who is kept out: banned keys, the networks from which these keys were sent out, and banned ranges of addresses. This
//! file owns these three lists; it knows nothing of connections.

use std::collections::BTreeMap;

use hobnob_protocol::key::Fingerprint;
use hobnob_protocol::name::UserName;
use serde::{Deserialize, Serialize};

use super::MAX_ENTRIES;
use super::banned::Banned;
use super::carried_over::ENTRIES;
use super::moderation::{Denied, Who};
use super::range::AddressRange;
use super::term::{Sentence, Term};
use crate::network::Network;

/// For this many milliseconds, an hour, the network of a banned key is closed to keys without a name here. A ban that
/// ends earlier opens the network when it ends.
const NETWORK_CLOSED: u64 = 3600 * 1000;

/// One ban, as `\bans` lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ban {
    /// The key or the addresses that the ban keeps out.
    pub(crate) what: Banned,
    /// The name the key had when it was banned.
    pub(crate) name: Option<UserName>,
    /// By whom, when, why, and until when.
    pub(crate) sentence: Sentence,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KeyBan {
    name: Option<UserName>,
    sentence: Sentence,
    /// The network from which the key was sent out. It matters only as long as that network is closed.
    network: Option<Network>,
}

/// All bans. Bans that have ended are dropped when the next ban is imposed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bans {
    keys: BTreeMap<Fingerprint, KeyBan>,
    ranges: BTreeMap<AddressRange, Sentence>,
}

impl Bans {
    /// Returns the ban that keeps this key out when it comes from this network, or `None` when no ban does. The closed
    /// network of a banned key does not keep out a key with a name here: a user who came from that network before has
    /// nothing to do with the banned one.
    pub(super) fn find(
        &self,
        key: &Fingerprint,
        network: Option<Network>,
        has_name: bool,
        now: u64,
    ) -> Option<&Sentence> {
        let by_key = self.keys.get(key).map(|ban| &ban.sentence).filter(|sentence| sentence.holds(now));
        let by_range = || {
            let ip = network?.ip();
            self.ranges.iter().find(|(range, it)| it.holds(now) && range.contains(ip)).map(|(_, it)| it)
        };
        let by_network = || {
            let network = network.filter(|_| !has_name)?;
            let closes =
                |ban: &&KeyBan| ban.network == Some(network) && network_is_closed(&ban.sentence, now);
            self.keys.values().find(closes).map(|ban| &ban.sentence)
        };
        by_key.or_else(by_range).or_else(by_network)
    }

    /// Whether any key is banned. Bans that have ended count too, until the next ban is imposed.
    pub(super) fn has_keys(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Returns the key that was banned under this name.
    pub(super) fn known_as(&self, name: &UserName) -> Option<Fingerprint> {
        let banned = self.keys.iter().find(|(_, ban)| ban.name.as_ref() == Some(name));
        banned.map(|(fingerprint, _)| fingerprint.clone())
    }

    /// Bans a key. A second ban of one key replaces the first.
    pub(super) fn ban_key(
        &mut self,
        who: &Who,
        network: Option<Network>,
        sentence: Sentence,
        now: u64,
    ) -> Result<(), Denied> {
        self.drop_ended(now);
        if self.is_full() && !self.keys.contains_key(&who.fingerprint) {
            return Err(Denied::ListFull);
        }
        let ban = KeyBan { name: who.name.clone(), sentence, network };
        self.keys.insert(who.fingerprint.clone(), ban);
        Ok(())
    }

    /// Bans addresses. A second ban of one range replaces the first.
    pub(super) fn ban_range(
        &mut self,
        range: AddressRange,
        sentence: Sentence,
        now: u64,
    ) -> Result<(), Denied> {
        self.drop_ended(now);
        if self.is_full() && !self.ranges.contains_key(&range) {
            return Err(Denied::ListFull);
        }
        self.ranges.insert(range, sentence);
        Ok(())
    }

    /// Takes a ban back. Its network is open again as well.
    pub(super) fn unban(&mut self, what: &Banned, now: u64) -> Result<(), Denied> {
        let sentence = match what {
            Banned::Key(fingerprint) => self.keys.remove(fingerprint).map(|ban| ban.sentence),
            Banned::Range(range) => self.ranges.remove(range),
        };
        sentence.filter(|sentence| sentence.holds(now)).map(drop).ok_or(Denied::Unchanged)
    }

    /// Returns all bans that hold, the oldest first.
    pub(super) fn list(&self, now: u64) -> Vec<Ban> {
        let keys = self.keys.iter().map(|(fingerprint, ban)| Ban {
            what: Banned::Key(fingerprint.clone()),
            name: ban.name.clone(),
            sentence: ban.sentence.clone(),
        });
        let ranges = self.ranges.iter().map(|(range, sentence)| Ban {
            what: Banned::Range(*range),
            name: None,
            sentence: sentence.clone(),
        });
        let mut list: Vec<Ban> = keys.chain(ranges).filter(|ban| ban.sentence.holds(now)).collect();
        list.sort_by(|a, b| (a.sentence.at, &a.what).cmp(&(b.sentence.at, &b.what)));
        list
    }

    /// Returns the ranges that are banned, and until when.
    pub(super) fn ranges(&self, now: u64) -> Vec<(AddressRange, Term)> {
        let those = self.ranges.iter().filter(|(_, sentence)| sentence.holds(now));
        those.map(|(range, sentence)| (*range, Term::until(sentence.until))).collect()
    }

    /// Returns the bans in parts of at most [`ENTRIES`] rows.
    pub(super) fn parts(self) -> Vec<Self> {
        let (keys, ranges): (Vec<_>, Vec<_>) =
            (self.keys.into_iter().collect(), self.ranges.into_iter().collect());
        let of_keys = keys
            .chunks(ENTRIES)
            .map(|some| Self { keys: some.iter().cloned().collect(), ranges: BTreeMap::new() });
        let of_ranges = ranges
            .chunks(ENTRIES)
            .map(|some| Self { keys: BTreeMap::new(), ranges: some.iter().cloned().collect() });
        of_keys.chain(of_ranges).collect()
    }

    /// Takes over bans that are not here, as long as there is room.
    pub(super) fn keep(&mut self, kept: &Self) {
        for (fingerprint, ban) in &kept.keys {
            if !self.is_full() && !self.keys.contains_key(fingerprint) {
                self.keys.insert(fingerprint.clone(), ban.clone());
            }
        }
        for (range, sentence) in &kept.ranges {
            if !self.is_full() && !self.ranges.contains_key(range) {
                self.ranges.insert(*range, sentence.clone());
            }
        }
    }

    /// Returns the keys that are banned, and until when.
    pub(super) fn keys(&self, now: u64) -> Vec<(Fingerprint, Term)> {
        let those = self.keys.iter().filter(|(_, ban)| ban.sentence.holds(now));
        those.map(|(fingerprint, ban)| (fingerprint.clone(), Term::until(ban.sentence.until))).collect()
    }

    pub(super) fn clock_went_back(&mut self, now: u64) {
        self.keys.values_mut().for_each(|ban| ban.sentence.clock_went_back(now));
        self.ranges.values_mut().for_each(|sentence| sentence.clock_went_back(now));
    }

    fn is_full(&self) -> bool {
        self.keys.len() + self.ranges.len() >= MAX_ENTRIES
    }

    fn drop_ended(&mut self, now: u64) {
        self.keys.retain(|_, ban| ban.sentence.holds(now));
        self.ranges.retain(|_, sentence| sentence.holds(now));
    }
}

/// Whether the network of a banned key is still closed to keys without a name.
fn network_is_closed(sentence: &Sentence, now: u64) -> bool {
    sentence.holds(now) && now < sentence.at.saturating_add(NETWORK_CLOSED)
}
