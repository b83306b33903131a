//! A sorted map of which a copy costs nothing, whatever its size: the copy and the original have all nodes in common,
//! and a change copies only the nodes that lead to it. Therefore the whole machine can be written to a disk while the
//! lobby goes on. It is walked through only in the order of its keys, so that two servers with the same contents never
//! decide differently because their maps are laid out differently.
//!
//! A change of a map that was copied costs at most one node of each level: [`MOST`](node::MOST) pairs and, of a million pairs, three
//! or four times as many children. No insertion ever moves more than that, while a hash map that is full moves
//! everything.

mod node;
#[cfg(test)]
mod tests;

use std::borrow::Borrow;
use std::sync::Arc;

use self::node::{Iter, Node};

/// A sorted map whose copies share what they have in common.
#[derive(Debug, Clone)]
pub(super) struct Table<K, V> {
    root: Arc<Node<K, V>>,
    len: usize,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { root: Arc::default(), len: 0 }
    }
}

impl<K, V> Table<K, V> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// All pairs of the map in the order of their keys.
    pub(super) fn iter(&self) -> Iter<'_, K, V> {
        self.root.iter()
    }

    /// All keys of the map in their order.
    pub(super) fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// All values of the map in the order of their keys.
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }
}

impl<K: Ord, V> Table<K, V> {
    pub(super) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.get_key_value(key).map(|(_, value)| value)
    }

    /// The key as it stands in the map, and its value.
    pub(super) fn get_key_value<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        self.root.find(key)
    }

    pub(super) fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }
}

impl<K: Ord + Clone, V: Clone> Table<K, V> {
    pub(super) fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        Arc::make_mut(&mut self.root).find_mut(key)
    }

    /// Gives the value that the key had before.
    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let (before, right) = Arc::make_mut(&mut self.root).insert(key, value);
        if let Some(right) = right {
            self.root = Arc::new(Node::over(Arc::clone(&self.root), right));
        }
        self.len += usize::from(before.is_none());
        before
    }

    pub(super) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        // Nothing is copied for a key that is not there.
        self.get(key)?;
        let removed = Arc::make_mut(&mut self.root).remove(key)?;
        self.len -= 1;
        self.lower();
        Some(removed)
    }

    /// Returns the value of `key`; it is made now if there is none yet.
    pub(super) fn or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        if !self.contains_key(&key) {
            self.insert(key.clone(), V::default());
        }
        self.get_mut(&key).expect("it was inserted if it was not there")
    }

    /// Keeps the values for which `keep` is true.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&mut V) -> bool) {
        self.len -= Arc::make_mut(&mut self.root).retain(&mut keep);
        self.lower();
    }

    /// Takes away roots that only lead to one child.
    fn lower(&mut self) {
        while let Some(below) = self.root.lower() {
            self.root = below;
        }
    }
}
