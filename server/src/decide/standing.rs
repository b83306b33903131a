//! How much a room is used, measured by how many keys spoke there and over how long a time. This decides which room
//! gives way when the limit of rooms is reached. This file holds plain data of a bounded size; it knows neither who is
//! in the room nor how many rooms there may be.
//!
//! A room of somebody who only wants to fill the list is one in which one key said a word. A room that people use is
//! one in which two of them spoke and to which they came back: it is *established*, and gives way to nobody. Somebody
//! who comes back with two keys to a thousand rooms does not establish them all, because a key counts only in so many
//! rooms.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use hobnob_protocol::MAX_ROOMS_OF_A_KEY;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::room::RoomName;
use serde::{Deserialize, Serialize};

/// How many of the keys that spoke in a room are remembered: enough to tell whether two are left when some of them are
/// banned.
const KEYS: usize = 8;

/// How many keys have to speak in a room before it is established, and how far apart the first and the last message
/// have to be: a day.
const ENOUGH_KEYS: usize = 2;
const ENOUGH_TIME: u64 = 24 * 3600 * 1000;

/// How much a room is used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The first keys that spoke there.
    keys: BTreeSet<PublicKey>,
    /// When the first message that is known was said there, and when the last one was.
    times: Option<(u64, u64)>,
}

impl Standing {
    /// Notes that a key spoke there at a time that is no longer known.
    pub(crate) fn spoke_once(&mut self, key: PublicKey) {
        if self.keys.len() < KEYS {
            self.keys.insert(key);
        }
    }

    /// Notes that a key says something there at the time `at`.
    pub(crate) fn spoke(&mut self, key: PublicKey, at: u64) {
        self.spoke_once(key);
        let (first, last) = self.times.unwrap_or((at, at));
        self.times = Some((first, last.max(at)));
    }

    /// Returns how many of the keys that spoke there count, up to the number that makes a room established.
    pub(super) fn keys(&self, counts: impl Fn(&PublicKey) -> bool) -> usize {
        self.keys.iter().filter(|key| counts(key)).take(ENOUGH_KEYS).count()
    }

    /// Whether people use the room and come back to it, if its keys count in no other room.
    fn could_be_established(&self, counts: impl Fn(&PublicKey) -> bool) -> bool {
        let lasted = self.times.is_some_and(|(first, last)| last.saturating_sub(first) > ENOUGH_TIME);
        lasted && self.keys(counts) >= ENOUGH_KEYS
    }

    /// When something was said there last, as far as that is known.
    fn last(&self) -> u64 {
        self.times.map_or(0, |(_, last)| last)
    }
}

/// Returns the rooms that are established. A key counts in as many of them as it may be in at once: in those in which
/// something was said last. So coming back to rooms holds no more of them than staying in rooms does.
pub(super) fn established<'a>(
    rooms: impl Iterator<Item = (&'a RoomName, &'a Standing)>,
    counts: impl Fn(&PublicKey) -> bool,
) -> BTreeSet<&'a RoomName> {
    let mut rooms: Vec<_> = rooms.filter(|(_, standing)| standing.could_be_established(&counts)).collect();
    rooms.sort_by_key(|(name, standing)| (Reverse(standing.last()), *name));
    let mut counted: BTreeMap<&PublicKey, usize> = BTreeMap::new();
    let mut established = BTreeSet::new();
    for (name, standing) in rooms {
        let mut keys = 0;
        for key in standing.keys.iter().filter(|key| counts(key)) {
            let count = counted.entry(key).or_default();
            if *count < MAX_ROOMS_OF_A_KEY {
                *count += 1;
                keys += 1;
            }
        }
        if keys >= ENOUGH_KEYS {
            established.insert(name);
        }
    }
    established
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> PublicKey {
        PublicKey::new([byte; 32])
    }

    #[test]
    fn a_room_is_established_by_two_keys_and_more_than_a_day() {
        let all = |_: &PublicKey| true;
        let mut standing = Standing::default();
        standing.spoke(key(1), 5);
        standing.spoke(key(1), 5 + 2 * ENOUGH_TIME);
        assert!(!standing.could_be_established(all), "one key alone, for however long");
        let mut standing = Standing::default();
        standing.spoke(key(1), 5);
        standing.spoke(key(2), 6);
        assert!(!standing.could_be_established(all), "on one day alone");
        standing.spoke(key(2), 5 + ENOUGH_TIME);
        assert!(!standing.could_be_established(all));
        standing.spoke(key(2), 6 + ENOUGH_TIME);
        assert!(standing.could_be_established(all));
        assert!(!standing.could_be_established(|it| *it != key(2)), "a key that does not count");
        standing.spoke(key(3), 0);
        assert!(
            standing.could_be_established(|it| *it != key(2)),
            "a clock that went back takes nothing away"
        );
    }

    #[test]
    fn the_number_of_remembered_keys_is_bounded() {
        let mut standing = Standing::default();
        (0..200).for_each(|byte| standing.spoke(key(byte), 1));
        assert_eq!(standing.keys.len(), KEYS);
        assert_eq!(standing.keys(|_| true), ENOUGH_KEYS);
    }

    #[test]
    fn two_keys_establish_as_many_rooms_as_one_key_may_be_in() {
        let all = |_: &PublicKey| true;
        let mut rooms: Vec<(RoomName, Standing)> = Vec::new();
        for number in 0..MAX_ROOMS_OF_A_KEY as u64 + 6 {
            let mut standing = Standing::default();
            standing.spoke(key(1), number);
            standing.spoke(key(2), number + 2 * ENOUGH_TIME);
            rooms.push((format!("room{number:03}").parse().unwrap(), standing));
        }
        let of = |rooms: &[(RoomName, Standing)]| -> Vec<String> {
            let established = established(rooms.iter().map(|(name, standing)| (name, standing)), all);
            established.into_iter().map(ToString::to_string).collect()
        };
        let newest: Vec<String> =
            (6..MAX_ROOMS_OF_A_KEY + 6).map(|number| format!("room{number:03}")).collect();
        assert_eq!(of(&rooms), newest);
        // In a room of others nothing is lost by that, and two more keys establish one of the oldest rooms, too.
        rooms[0].1.spoke(key(3), 5);
        rooms[0].1.spoke(key(4), 5);
        assert_eq!(of(&rooms).first().map(String::as_str), Some("room000"));
        assert_eq!(of(&rooms).len(), MAX_ROOMS_OF_A_KEY + 1);
    }
}
