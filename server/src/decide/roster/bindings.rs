//! Which name belongs to which key, and on which date its user was last seen: how a name comes to belong to a key, and
//! when it is free again. This file does not choose the name that a newcomer gets.

use std::sync::Arc;

use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;

use super::{Binding, Roster};
use crate::decide::binding::NameBinding;
use crate::decide::entry::ConnectionId;

/// How many names can belong to keys in all. When the limit is reached, a newcomer has his name only while he is here.
const MAX_BINDINGS: usize = 1_000_000;

/// How many names can belong to one key. When the limit is reached, the key has a further name only while its client is
/// here.
pub(super) const MAX_BINDINGS_PER_KEY: usize = 256;

/// How many names one entry frees at most: less than a tenth of a second's work, in which the lobby does nothing else.
pub(crate) const MOST_EXPIRED: usize = 5_000;

/// While a member is here, the date of its name is stored again after this many milliseconds: a day, since names are
/// kept for days.
pub(super) const SEEN_AGAIN_AFTER: u64 = 24 * 3600 * 1000;

impl Roster {
    /// A name belongs to the key to which it belonged before, unless it belongs to a key already. Returns the binding
    /// if it is new.
    pub(in crate::decide) fn keep(&mut self, binding: &NameBinding) -> Option<NameBinding> {
        let NameBinding { name, key, seen, spoke, since } = binding;
        if self.bindings.contains_key(name) || self.bindings.len() >= MAX_BINDINGS {
            return None;
        }
        self.today = self.today.max(*seen);
        let (name, owner) = (Arc::new(name.clone()), self.owners.or_default(*key));
        owner.add(Arc::clone(&name));
        owner.spoke |= spoke;
        self.bindings.insert(name, Binding { key: *key, seen: *seen, since: *since });
        self.hints.clear();
        Some(binding.clone())
    }

    /// Binds a name to a key. If the name is bound already, the caller makes sure that it is bound to this key. Returns
    /// the binding if something of it is new, and whether the whole binding is new. There is no binding when the name
    /// is not to be kept or a limit is reached.
    pub(super) fn bind(
        &mut self,
        name: &Arc<UserName>,
        key: PublicKey,
        keep: bool,
        since: u64,
    ) -> Option<(NameBinding, bool)> {
        if self.bindings.contains_key(name) {
            return self.see(name).map(|binding| (binding, false));
        }
        let owned = self.owners.get(&key).map_or(0, |owner| owner.names.len());
        if !keep || self.bindings.len() >= MAX_BINDINGS || owned >= MAX_BINDINGS_PER_KEY {
            return None;
        }
        let seen = self.today;
        self.owners.or_default(key).add(Arc::clone(name));
        self.bindings.insert(Arc::clone(name), Binding { key, seen, since });
        Some((NameBinding { name: UserName::clone(name), key, seen, spoke: self.spoke(&key), since }, true))
    }

    /// The user of a bound name is here. Returns the binding if that changes its date.
    pub(super) fn see(&mut self, name: &UserName) -> Option<NameBinding> {
        let binding = self.bindings.get_mut(name).filter(|binding| binding.seen < self.today)?;
        binding.seen = self.today;
        let Binding { key, seen, since } = *binding;
        Some(NameBinding { name: name.clone(), key, seen, spoke: self.spoke(&key), since })
    }

    /// From now on users are seen on this date, unless the date before was later. Returns the names of members whose
    /// date is a day old, with the new date: if the server ends by a fault, these members must not count as absent.
    pub(crate) fn is_now(&mut self, date: u64) -> Vec<NameBinding> {
        self.today = self.today.max(date);
        let long_ago = self.today.saturating_sub(SEEN_AGAIN_AFTER);
        // There are far fewer members than names that belong to somebody.
        let is_due =
            |name: &&Arc<UserName>| self.bindings.get(*name).is_some_and(|binding| binding.seen <= long_ago);
        let due: Vec<Arc<UserName>> = self.in_use.keys().filter(is_due).map(Arc::clone).collect();
        due.iter().filter_map(|name| self.see(name)).collect()
    }

    pub(super) fn spoke(&self, key: &PublicKey) -> bool {
        self.owners.get(key).is_some_and(|owner| owner.spoke)
    }

    /// A member says something. Returns all names of the member's key if the key never spoke before.
    pub(crate) fn speaks(&mut self, id: ConnectionId) -> Vec<NameBinding> {
        let Some(member) = self.members.get_mut(&id).filter(|member| !member.spoke) else {
            return Vec::new();
        };
        member.spoke = true;
        let key = member.key;
        let Some(owner) = self.owners.get_mut(&key).filter(|owner| !owner.spoke) else { return Vec::new() };
        owner.spoke = true;
        let bound = |name: &Arc<UserName>| {
            let Binding { seen, since, .. } = *self.bindings.get(name)?;
            Some(NameBinding { name: UserName::clone(name), key, seen, spoke: true, since })
        };
        owner.names.iter().filter_map(bound).collect()
    }

    /// Frees names that are not in use, and gives them. A name is freed if its user was last here before `oldest`, or
    /// if its key never spoke and its user was last here before `unspoken`. If these are too many, the first of them are
    /// freed.
    pub(crate) fn expire(&mut self, oldest: u64, unspoken: u64) -> Vec<UserName> {
        let expired = self.past(oldest, unspoken).take(MOST_EXPIRED);
        let expired: Vec<(Arc<UserName>, PublicKey)> =
            expired.map(|(name, binding)| (Arc::clone(name), binding.key)).collect();
        for (name, key) in &expired {
            self.bindings.remove(name);
            if self.owners.get_mut(key).is_some_and(|owner| !owner.lose(name)) {
                self.owners.remove(key);
            }
        }
        if !expired.is_empty() {
            self.hints.clear();
        }
        expired.into_iter().map(|(name, _)| UserName::clone(&name)).collect()
    }

    /// Returns on which date each user was last here whose name [`expire`](Self::expire) would free if it freed them all,
    /// and how many names belong to keys in all.
    pub(crate) fn dates_of_past(&self, oldest: u64, unspoken: u64) -> (Vec<u64>, usize) {
        (self.past(oldest, unspoken).map(|(_, binding)| binding.seen).collect(), self.bindings.len())
    }

    /// Returns the names that are not in use and are too old, in their order.
    fn past(&self, oldest: u64, unspoken: u64) -> impl Iterator<Item = (&Arc<UserName>, &Binding)> {
        let is_past = move |binding: &Binding| {
            binding.seen < oldest || (binding.seen < unspoken && !self.spoke(&binding.key))
        };
        self.bindings
            .iter()
            .filter(move |(name, binding)| is_past(binding) && !self.in_use.contains_key(*name))
    }

    /// Returns since when the oldest name of a key belongs to it, or `None` for a key without names.
    pub(crate) fn named_since(&self, key: &PublicKey) -> Option<u64> {
        let names = &self.owners.get(key)?.names;
        names.iter().filter_map(|name| self.bindings.get(name)).map(|binding| binding.since).min()
    }
}
