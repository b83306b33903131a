//! Tests of the module above; they know its private parts.

use std::collections::{BTreeMap, BTreeSet};

use hobnob_protocol::name::UserName;
use immutable_chunkmap::map::NodeRef;
use proptest::prelude::*;

use super::*;

type Node<'a, K, V> = Option<NodeRef<'a, K, V, MOST>>;

/// Calls `each` for all nodes, and says how many levels there are.
fn walk<K: Ord + Clone, V: Clone>(
    node: Node<'_, K, V>,
    each: &mut impl FnMut(&NodeRef<'_, K, V, MOST>),
) -> usize {
    node.map_or(0, |node| {
        each(&node);
        1 + walk(node.left(), each).max(walk(node.right(), each))
    })
}

/// The nodes of a table; each one has a pair, and none has too many.
fn nodes<K: Ord + Clone, V: Clone>(table: &SortedMap<K, V>) -> BTreeSet<usize> {
    let mut all = BTreeSet::new();
    walk(table.map.root(), &mut |node| {
        assert!((1..=MOST).contains(&node.len()), "{}", node.len());
        all.insert(node.identity());
    });
    all
}

#[track_caller]
fn check(table: &SortedMap<u32, u32>, expected: &BTreeMap<u32, u32>) {
    assert!(table.iter().eq(expected.iter()));
    assert_eq!((table.len(), table.is_empty()), (expected.len(), expected.is_empty()));
    nodes(table);
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
        let (mut table, mut expected) = (SortedMap::default(), BTreeMap::new());
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
fn a_key_stays_as_it_was_inserted_first() {
    let [first, same]: [UserName; 2] = ["Anna", "anna"].map(|name| name.parse().unwrap());
    let mut table = SortedMap::default();
    assert_eq!(table.insert(first, 1), None);
    assert_eq!(table.insert(same.clone(), 2), Some(1));
    let (key, value) = table.get_key_value(&same).unwrap();
    assert_eq!((key.as_str(), *value), ("Anna", 2));
}

#[test]
fn a_copy_is_made_in_no_time_and_a_change_copies_one_node_of_each_level() {
    let spread = |n: u32| n.wrapping_mul(2_654_435_761);
    let mut table = SortedMap::default();
    for n in 0..200_000u32 {
        table.insert(spread(n), n);
    }
    let levels = walk(table.map.root(), &mut |_| {});
    assert!(levels <= 18, "{levels}");
    let copy = table.clone();
    let before = nodes(&copy);
    assert_eq!(nodes(&table), before, "nothing is copied until something changes");
    let own = |table: &SortedMap<u32, u32>| nodes(table).difference(&before).count();
    *table.get_mut(&spread(7)).unwrap() = 0;
    let copied = own(&table);
    assert!((1..=levels).contains(&copied), "{copied}");
    // What is copied already is not copied again.
    *table.get_mut(&spread(7)).unwrap() = 1;
    assert_eq!(own(&table), copied);
    // Nothing is copied for a key that is not there.
    assert_eq!(table.remove(&spread(1_000_000)), None);
    assert_eq!(own(&table), copied);
    for n in 0..100 {
        table.remove(&spread(n));
        table.insert(spread(1_000_000 + n), n);
    }
    assert!(own(&table) <= 200 * (levels + 1));
    assert_eq!(copy.get(&spread(7)), Some(&7));
    assert_eq!(copy.iter().count(), 200_000);
}

#[test]
fn what_comes_in_its_order_fills_the_nodes() {
    let mut table = SortedMap::default();
    for n in 0..6400u32 {
        table.insert(n, ());
    }
    assert_eq!(nodes(&table).len(), 6400 / MOST);
    for n in 0..6400 {
        table.remove(&n);
    }
    assert!(table.is_empty() && table.map.root().is_none());
}
