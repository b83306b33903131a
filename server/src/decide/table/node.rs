//! The nodes of a [`Table`](super::Table): leaves with pairs, and branches over them. All leaves are at the same depth.
//! A branch has with each child a key that no key of this child is below, except for the first child, to which
//! everything belongs that is below the second one's.

use std::borrow::Borrow;
use std::slice;
use std::sync::Arc;

/// How many pairs a leaf has at most, and how many children a branch.
pub(super) const MOST: usize = 64;

/// Two neighbours that have no more than this together become one.
const FEW: usize = MOST / 2;

/// A node gets memory for this many more rows at a time. Nodes are many, so memory that waits for rows would be most of
/// a table.
const GROWTH: usize = 8;

/// A node and the key that none of its keys is below.
type Child<K, V> = (K, Arc<Node<K, V>>);

#[derive(Debug, Clone)]
pub(super) enum Node<K, V> {
    Leaf(Vec<(K, V)>),
    Branch(Vec<Child<K, V>>),
}

impl<K, V> Default for Node<K, V> {
    fn default() -> Self {
        Self::Leaf(Vec::new())
    }
}

impl<K, V> Node<K, V> {
    /// How many pairs or children it has.
    pub(super) fn rows(&self) -> usize {
        match self {
            Self::Leaf(pairs) => pairs.len(),
            Self::Branch(children) => children.len(),
        }
    }

    pub(super) fn iter(&self) -> Iter<'_, K, V> {
        let mut iter = Iter { branches: Vec::new(), leaf: Default::default() };
        iter.descend(self);
        iter
    }

    /// What may take the place of a root: its only child, or an empty leaf if it has none.
    pub(super) fn lower(&self) -> Option<Arc<Self>> {
        match self {
            Self::Branch(children) if children.len() < 2 => {
                Some(children.first().map(|(_, child)| Arc::clone(child)).unwrap_or_default())
            }
            _ => None,
        }
    }
}

impl<K: Ord, V> Node<K, V> {
    pub(super) fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        let mut node = self;
        loop {
            match node {
                Self::Branch(children) => node = &children[towards(children, key)].1,
                Self::Leaf(pairs) => {
                    let (key, value) = &pairs[within(pairs, key).ok()?];
                    return Some((key, value));
                }
            }
        }
    }
}

impl<K: Ord + Clone, V: Clone> Node<K, V> {
    /// A root over a root that became too large and was split.
    pub(super) fn over(left: Arc<Self>, right: Child<K, V>) -> Self {
        // Everything below the right one's key belongs to the left one, so any key does for it that is below.
        let low = left.iter().next().map_or_else(|| right.0.clone(), |(key, _)| key.clone());
        Self::Branch(vec![(low, left), right])
    }

    pub(super) fn find_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let mut node = self;
        loop {
            match node {
                Self::Branch(children) => {
                    let at = towards(children, key);
                    node = Arc::make_mut(&mut children[at].1);
                }
                Self::Leaf(pairs) => {
                    let at = within(pairs, key).ok()?;
                    return Some(&mut pairs[at].1);
                }
            }
        }
    }

    /// Gives the value that the key had before, and the right part of this node if it had to be split.
    pub(super) fn insert(&mut self, key: K, value: V) -> (Option<V>, Option<Child<K, V>>) {
        match self {
            Self::Leaf(pairs) => match within(pairs, &key) {
                Ok(at) => (Some(std::mem::replace(&mut pairs[at].1, value)), None),
                Err(at) => (None, put(pairs, at, (key, value)).map(|right| child(right, Self::Leaf))),
            },
            Self::Branch(children) => {
                let at = towards(children, &key);
                let (before, right) = Arc::make_mut(&mut children[at].1).insert(key, value);
                let right = right.and_then(|right| put(children, at + 1, right));
                (before, right.map(|right| child(right, Self::Branch)))
            }
        }
    }

    pub(super) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        match self {
            Self::Leaf(pairs) => {
                let at = within(pairs, key).ok()?;
                let (_, value) = pairs.remove(at);
                give_back(pairs);
                Some(value)
            }
            Self::Branch(children) => {
                let at = towards(children, key);
                let removed = Arc::make_mut(&mut children[at].1).remove(key)?;
                join(children, at);
                give_back(children);
                Some(removed)
            }
        }
    }

    /// Keeps the values for which `keep` is true, and says how many are gone.
    pub(super) fn retain(&mut self, keep: &mut impl FnMut(&mut V) -> bool) -> usize {
        match self {
            Self::Leaf(pairs) => {
                let before = pairs.len();
                pairs.retain_mut(|(_, value)| keep(value));
                give_back(pairs);
                before - pairs.len()
            }
            Self::Branch(children) => {
                let gone = children.iter_mut().map(|(_, child)| Arc::make_mut(child).retain(keep)).sum();
                for at in (0..children.len()).rev() {
                    join(children, at);
                }
                give_back(children);
                gone
            }
        }
    }

    /// Takes over everything of its right neighbour, whose keys are not below `low`.
    fn append(&mut self, low: K, right: Self) {
        match (self, right) {
            (Self::Leaf(own), Self::Leaf(more)) => {
                own.reserve_exact(more.len());
                own.extend(more);
            }
            (Self::Branch(own), Self::Branch(mut more)) => {
                // It was a first child, whose own key says nothing.
                if let Some((first, _)) = more.first_mut() {
                    *first = low;
                }
                own.reserve_exact(more.len());
                own.extend(more);
            }
            _ => unreachable!("all leaves are at the same depth"),
        }
    }
}

/// The index of the child to which a key belongs. A branch always has children.
fn towards<K: Borrow<Q>, V, Q: Ord + ?Sized>(children: &[Child<K, V>], key: &Q) -> usize {
    children.partition_point(|(low, _)| low.borrow() <= key).saturating_sub(1)
}

/// The index of a key, or the one at which it would be.
fn within<K: Borrow<Q>, V, Q: Ord + ?Sized>(pairs: &[(K, V)], key: &Q) -> Result<usize, usize> {
    pairs.binary_search_by(|(other, _)| other.borrow().cmp(key))
}

/// Inserts a row. If there are too many rows then, gives the right part of them. Keys often come in their order; then
/// the left part stays full.
fn put<T>(rows: &mut Vec<T>, at: usize, row: T) -> Option<Vec<T>> {
    if rows.len() == rows.capacity() {
        rows.reserve_exact(GROWTH.min(MOST + 1 - rows.len().min(MOST)));
    }
    rows.insert(at, row);
    if rows.len() <= MOST {
        return None;
    }
    let from = if at == MOST { MOST } else { rows.len() / 2 };
    let right = rows.split_off(from);
    rows.shrink_to((from + GROWTH).min(MOST));
    Some(right)
}

fn child<K: Clone, V, T>(rows: Vec<(K, T)>, node: impl Fn(Vec<(K, T)>) -> Node<K, V>) -> Child<K, V> {
    (rows[0].0.clone(), Arc::new(node(rows)))
}

/// Takes away a child that is empty, and joins one that has become small with a neighbour that is small, too.
fn join<K: Ord + Clone, V: Clone>(children: &mut Vec<Child<K, V>>, at: usize) {
    let rows = |at: usize| children.get(at).map(|(_, child)| child.rows());
    let Some(own) = rows(at) else { return };
    if own == 0 {
        children.remove(at);
        return;
    }
    let fits = |other: usize| rows(other).is_some_and(|other| own + other <= FEW);
    let left = match at.checked_sub(1) {
        Some(left) if fits(left) => left,
        _ if fits(at + 1) => at,
        _ => return,
    };
    let (low, right) = children.remove(left + 1);
    Arc::make_mut(&mut children[left].1).append(low, Arc::unwrap_or_clone(right));
}

/// Gives memory back when most of it is unused.
fn give_back<T>(rows: &mut Vec<T>) {
    if rows.capacity() > 2 * rows.len() + GROWTH {
        rows.shrink_to(rows.len() + GROWTH);
    }
}

/// Walks through all pairs in the order of their keys.
pub(in crate::decide) struct Iter<'a, K, V> {
    /// What is left of the branches that lead to the leaf.
    branches: Vec<slice::Iter<'a, Child<K, V>>>,
    leaf: slice::Iter<'a, (K, V)>,
}

impl<'a, K, V> Iter<'a, K, V> {
    fn descend(&mut self, node: &'a Node<K, V>) {
        match node {
            Node::Leaf(pairs) => self.leaf = pairs.iter(),
            Node::Branch(children) => self.branches.push(children.iter()),
        }
    }
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.leaf.next() {
                return Some((key, value));
            }
            match self.branches.last_mut()?.next() {
                Some((_, node)) => self.descend(node),
                None => drop(self.branches.pop()),
            }
        }
    }
}
