//! Tests of the module above; they know its private parts.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::node::MOST;
use super::*;

/// The nodes of a table that are not those of another one.
fn own_nodes<K, V>(table: &Arc<Node<K, V>>, other: &BTreeMap<*const Node<K, V>, ()>) -> usize {
    if other.contains_key(&Arc::as_ptr(table)) {
        return 0;
    }
    1 + match &**table {
        Node::Leaf(_) => 0,
        Node::Branch(children) => children.iter().map(|(_, child)| own_nodes(child, other)).sum(),
    }
}

fn nodes<K, V>(node: &Arc<Node<K, V>>, all: &mut BTreeMap<*const Node<K, V>, ()>) {
    all.insert(Arc::as_ptr(node), ());
    if let Node::Branch(children) = &**node {
        children.iter().for_each(|(_, child)| nodes(child, all));
    }
}

/// How many levels there are; all leaves are at the same depth, and no node is empty or too large.
fn levels<K, V>(node: &Node<K, V>, is_root: bool) -> usize {
    assert!(node.rows() <= MOST, "{}", node.rows());
    match node {
        Node::Leaf(pairs) => {
            assert!(is_root || !pairs.is_empty());
            1
        }
        Node::Branch(children) => {
            assert!(!children.is_empty() && (!is_root || children.len() > 1));
            let mut below = children.iter().map(|(_, child)| levels(child, false));
            let first = below.next().unwrap();
            assert!(below.all(|other| other == first));
            1 + first
        }
    }
}

#[track_caller]
fn check(table: &Table<u32, u32>, expected: &BTreeMap<u32, u32>) {
    assert!(table.iter().eq(expected.iter()));
    assert_eq!((table.len(), table.is_empty()), (expected.len(), expected.is_empty()));
    levels(&table.root, true);
    for (key, value) in expected {
        assert_eq!(table.get_key_value(key), Some((key, value)));
    }
}

#[derive(Debug, Clone)]
enum Change {
    Insert(u32),
    /// So many keys in their order, as numbers of connections come.
    Run(u32),
    Remove(u32),
    RemoveFrom(u32),
    Count(u32),
    Retain(u32),
    Copy,
}

fn change() -> impl Strategy<Value = Change> {
    let key = 0u32..2000;
    prop_oneof![
        8 => key.clone().prop_map(Change::Insert),
        2 => key.clone().prop_map(Change::Run),
        8 => key.clone().prop_map(Change::Remove),
        2 => key.clone().prop_map(Change::RemoveFrom),
        4 => key.prop_map(Change::Count),
        1 => (2u32..5).prop_map(Change::Retain),
        2 => Just(Change::Copy),
    ]
}

proptest! {
    #[test]
    fn a_table_is_a_sorted_map_and_its_copies_stay_as_they_were(
        changes in prop::collection::vec(change(), 0..200)
    ) {
        let (mut table, mut expected) = (Table::default(), BTreeMap::new());
        let mut copies = Vec::new();
        for (change, n) in changes.into_iter().zip(0..) {
            match change {
                Change::Insert(key) => assert_eq!(table.insert(key, n), expected.insert(key, n)),
                Change::Run(from) => {
                    for key in from..from + 300 {
                        assert_eq!(table.insert(key, n), expected.insert(key, n));
                    }
                }
                Change::Remove(key) => assert_eq!(table.remove(&key), expected.remove(&key)),
                Change::RemoveFrom(from) => {
                    for key in from..from + 300 {
                        assert_eq!(table.remove(&key), expected.remove(&key));
                    }
                }
                Change::Count(key) => {
                    *table.or_default(key) += 1;
                    *expected.entry(key).or_default() += 1;
                    assert_eq!(table.get_mut(&key), expected.get_mut(&key));
                }
                Change::Retain(by) => {
                    table.retain(|value| *value % by != 0);
                    expected.retain(|_, value| *value % by != 0);
                }
                Change::Copy => copies.push((table.clone(), expected.clone())),
            }
            check(&table, &expected);
        }
        copies.iter().for_each(|(table, expected)| check(table, expected));
    }
}

#[test]
fn a_copy_is_made_in_no_time_and_a_change_copies_one_node_of_each_level() {
    let spread = |n: u32| n.wrapping_mul(2_654_435_761);
    let mut table = Table::default();
    for n in 0..200_000u32 {
        table.insert(spread(n), n);
    }
    let levels = levels(&table.root, true);
    assert!(levels <= 4, "{levels}");
    let copy = table.clone();
    let mut before = BTreeMap::new();
    nodes(&copy.root, &mut before);
    assert!(Arc::ptr_eq(&copy.root, &table.root), "nothing is copied until something changes");
    *table.get_mut(&spread(7)).unwrap() = 0;
    assert_eq!(own_nodes(&table.root, &before), levels);
    // What is copied already is not copied again.
    *table.get_mut(&spread(7)).unwrap() = 1;
    assert_eq!(own_nodes(&table.root, &before), levels);
    for n in 0..100 {
        table.remove(&spread(n));
        table.insert(spread(1_000_000 + n), n);
    }
    assert!(own_nodes(&table.root, &before) <= 200 * (levels + 1));
    assert_eq!(copy.get(&spread(7)), Some(&7));
    assert_eq!(copy.iter().count(), 200_000);
}

#[test]
fn what_comes_in_its_order_fills_the_nodes() {
    let mut table = Table::default();
    for n in 0..6400u32 {
        table.insert(n, ());
    }
    let mut all = BTreeMap::new();
    nodes(&table.root, &mut all);
    assert!(all.len() <= 110, "{}", all.len());
    // When most is gone, what is left comes together.
    for n in (0..6400).filter(|n| n % 64 != 0) {
        table.remove(&n);
    }
    all.clear();
    nodes(&table.root, &mut all);
    assert!(all.len() <= 12, "{}", all.len());
    for n in 0..6400 {
        table.remove(&n);
    }
    assert!(table.is_empty() && matches!(&*table.root, Node::Leaf(pairs) if pairs.capacity() <= 16));
}
