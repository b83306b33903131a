//! A sorted map of which a copy costs nothing, whatever its size: the copy and the original have all nodes in common,
//! and a change copies only the nodes that lead to it. Therefore the whole machine can be written to a disk while the
//! lobby goes on. It is walked through only in the order of its keys, so that two servers with the same contents never
//! decide differently because their maps are laid out differently. Nothing but this file knows which library the map
//! is from.
//!
//! A change of a map that was copied costs [`MOST`] pairs and, of each node on the way there, two keys. No insertion ever
//! moves more than that, while a hash map that is full moves everything. A node has memory for [`MOST`] pairs as long as
//! it has one; so a map in which keys come and go for long takes more memory than one that was only filled.

#[cfg(test)]
mod tests;

use std::borrow::Borrow;

use immutable_chunkmap::map::Map;

/// How many pairs a node has at most. With fewer, a walk through the map takes longer. With more, a change after a copy
/// takes longer, and a map of few pairs, or one in which keys come and go, takes more memory.
const MOST: usize = 32;

/// A sorted map whose copies share what they have in common.
#[derive(Debug, Clone)]
pub(super) struct SortedMap<K: Ord + Clone, V: Clone> {
    map: Map<K, V, MOST>,
}

impl<K: Ord + Clone, V: Clone> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self { map: Map::new() }
    }
}

impl<K: Ord + Clone, V: Clone> SortedMap<K, V> {
    pub(super) fn len(&self) -> usize {
        self.map.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// All pairs of the map in the order of their keys.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.map.into_iter()
    }

    /// All keys of the map in their order.
    pub(super) fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// All values of the map in the order of their keys.
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    pub(super) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.map.get(key)
    }

    /// The key as it stands in the map, and its value.
    pub(super) fn get_key_value<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        self.map.get_full(key)
    }

    pub(super) fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }

    pub(super) fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.map.get_mut_cow(key)
    }

    /// Gives the value that the key had before. The key stays as it stands in the map.
    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let put = |key: K, value, before: Option<(&K, &V)>| {
            Some((before.map_or(key, |(key, _)| key.clone()), value))
        };
        self.map.update_cow(key, value, put)
    }

    pub(super) fn remove<Q: Ord>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        // Nothing is copied for a key that is not there.
        self.get(key)?;
        self.map.remove_cow(key)
    }

    /// Returns the value of `key`; it is made now if there is none yet.
    pub(super) fn or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        self.map.get_or_default_cow(key)
    }

    /// Keeps the values for which `keep` is true.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&mut V) -> bool) {
        let gone: Vec<K> =
            self.map.iter_mut_cow().filter_map(|(key, value)| (!keep(value)).then(|| key.clone())).collect();
        gone.iter().for_each(|key| drop(self.map.remove_cow(key)));
    }
}
