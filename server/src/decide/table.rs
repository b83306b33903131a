//! A map that can be asked and changed, and walked through in the order of its keys alone: two servers that hold the same must never decide
//! differently because their maps are laid out differently.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// A hash map without an order.
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

    /// What `key` stands for, made now if it stands for nothing yet.
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

    /// All of it in the order of the keys, which is the same wherever the same is held.
    pub(super) fn sorted(&self) -> Vec<(&K, &V)>
    where
        K: Ord,
    {
        let mut all: Vec<(&K, &V)> = self.0.iter().collect();
        all.sort_unstable_by_key(|(key, _)| *key);
        all
    }

    /// Keeps what `keep` says. It is asked about each alone, in no order, so it must not remember what it was
    /// asked.
    pub(super) fn retain(&mut self, keep: impl Fn(&mut V) -> bool) {
        self.0.retain(|_, value| keep(value));
    }
}
