//! A map that can be asked and changed, but walked through only in the order of its keys. Two servers with the same
//! contents must never decide differently because their maps are laid out differently.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// A hash map whose layout cannot be seen.
#[derive(Debug, Clone)]
pub(super) struct Table<K, V>(HashMap<K, V>);

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash, V> Table<K, V> {
    pub(super) fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.0.get(key)
    }

    pub(super) fn get_mut<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.0.get_mut(key)
    }

    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.0.insert(key, value)
    }

    pub(super) fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.0.remove(key)
    }

    /// Returns the value of `key`; it is made now if there is none yet.
    pub(super) fn or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        self.0.entry(key).or_default()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Returns all pairs of the map in the order of their keys, which is the same on every server with the same
    /// contents.
    pub(super) fn sorted(&self) -> Vec<(&K, &V)>
    where
        K: Ord,
    {
        let mut all: Vec<(&K, &V)> = self.0.iter().collect();
        all.sort_unstable_by_key(|(key, _)| *key);
        all
    }

    /// Keeps the values for which `keep` is true. `keep` sees each value alone and in no particular order, so it must
    /// not remember earlier values.
    pub(super) fn retain(&mut self, keep: impl Fn(&mut V) -> bool) {
        self.0.retain(|_, value| keep(value));
    }
}
