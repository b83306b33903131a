//! How much a room is used, measured by how many keys spoke there and over how long a time. This decides which room
//! gives way when the limit of rooms is reached. This file holds plain data of a bounded size; it knows neither who is
//! in the room nor how many rooms there may be.
//!
//! A room of somebody who only wants to fill the list is one in which one key said a word. A room that people use is
//! one in which two of them spoke and to which they came back: it is *established*, and gives way to nobody. Somebody
//! who comes back with two keys to a thousand rooms does not establish them all, because a key counts only in so many
//! rooms. Of the rooms that are not established, the one goes first to which the fewest keys came back on another day,
//! and of several such rooms the one in which the fewest keys spoke.
//!
//! Of each room, [`KEYS`] keys are remembered. When one more speaks, one of them gives up its place: a key that is
//! banned, if there is one. Otherwise [`LASTING`] keys stay, those whose first and last message are furthest apart, and
//! of the others the one goes that has been silent for longest. So keys that speak once, however many, do not drive out
//! those who came back, and keys that were there first do not keep out those who came later.
//!
//! This does not stop somebody who has both kinds of keys: at least seven that came back over a longer time than the
//! people, and so many new ones that speak after the people's last words that no place is left for more than one of the
//! people. Then the room counts as a room of these keys. Once they are banned, or spoke in enough newer rooms, it is not
//! established until two people speak there again. A store keeps this over starts. Only what was said since it was last
//! noted there is read from the messages, and nobody counts as banned while they are read.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use hobnob_protocol::MAX_ROOMS_OF_A_KEY;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::room::RoomName;
use serde::{Deserialize, Serialize};

/// How many of the keys that spoke in a room are remembered.
const KEYS: usize = 16;

/// How many of them stay because they spoke there over the longest time. The others are those that spoke last.
const LASTING: usize = KEYS / 2;

/// How many keys have to speak in a room before it is established, and how far apart the first and the last message
/// have to be: a day.
const ENOUGH_KEYS: usize = 2;
const ENOUGH_TIME: u64 = 24 * 3600 * 1000;

/// How much a room is used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The keys that are remembered. The one that spoke last is the last one.
    keys: Vec<Speaker>,
    /// When the first message that is known was said there, and when the last one was.
    times: Option<(u64, u64)>,
}

/// A key that spoke in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Speaker {
    key: PublicKey,
    /// When it spoke first, as far as that is known, and when it spoke last.
    times: Option<(u64, u64)>,
}

impl Standing {
    /// Notes that a key spoke there at a time that is no longer known.
    pub(crate) fn spoke_once(&mut self, key: PublicKey) {
        self.note(key, None, |_| true);
    }

    /// Notes that a key says something there at the time `at`. A key that does not count gives up its place before
    /// others do.
    pub(crate) fn spoke(&mut self, key: PublicKey, at: u64, counts: impl Fn(&PublicKey) -> bool) {
        self.note(key, Some(at), counts);
        self.times = Some(with(self.times, at));
    }

    fn note(&mut self, key: PublicKey, at: Option<u64>, counts: impl Fn(&PublicKey) -> bool) {
        let known = self.keys.iter().position(|speaker| speaker.key == key);
        let before = known.and_then(|place| self.keys.remove(place).times);
        let times = at.map_or(before, |at| Some(with(before, at)));
        self.keys.push(Speaker { key, times });
        if self.keys.len() > KEYS {
            let does_not_count = self.keys.iter().position(|speaker| !counts(&speaker.key));
            let place = does_not_count.unwrap_or_else(|| self.given_up());
            self.keys.remove(place);
        }
    }

    /// Returns the place that is given up if all keys count: that of the key that has been silent for longest, apart
    /// from those that spoke there over the longest time.
    fn given_up(&self) -> usize {
        let mut places: Vec<usize> = (0..self.keys.len()).rev().collect();
        places.sort_by_key(|&place| Reverse(lasted(self.keys[place].times)));
        places.into_iter().skip(LASTING).min().unwrap_or(0)
    }

    /// Returns the remembered keys that count.
    fn counting(&self, counts: impl Fn(&PublicKey) -> bool) -> Vec<&Speaker> {
        self.keys.iter().filter(|speaker| counts(&speaker.key)).collect()
    }

    /// When something was said there last, as far as that is known.
    fn last(&self) -> u64 {
        self.times.map_or(0, |(_, last)| last)
    }
}

/// Returns the first and the last time after something happened at the time `at`, too.
fn with(times: Option<(u64, u64)>, at: u64) -> (u64, u64) {
    let (first, last) = times.unwrap_or((at, at));
    (first, last.max(at))
}

/// Returns how far apart the first and the last time are.
fn lasted(times: Option<(u64, u64)>) -> u64 {
    times.map_or(0, |(first, last)| last.saturating_sub(first))
}

/// What a room has against giving way: a room that is less gives way first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    /// Whether people use the room and come back to it. Such a room does not give way at all.
    pub(super) is_established: bool,
    /// How many keys spoke there on two days, and how many spoke there.
    came_back: usize,
    spoke: usize,
}

/// Returns the rank of each room. A key counts in as many of them as it may be in at once: in rooms that could be
/// established before other rooms, and in those in which something was said last. So coming back to rooms holds no more
/// of them than staying in rooms does.
pub(super) fn ranks<'a>(
    rooms: impl Iterator<Item = (&'a RoomName, &'a Standing)>,
    counts: impl Fn(&PublicKey) -> bool,
) -> BTreeMap<&'a RoomName, Rank> {
    let mut rooms: Vec<_> =
        rooms.map(|(name, standing)| (name, standing, standing.counting(&counts))).collect();
    let is_used =
        |standing: &Standing, keys: usize| keys >= ENOUGH_KEYS && lasted(standing.times) > ENOUGH_TIME;
    rooms.sort_by_key(|(name, standing, keys)| {
        (!is_used(standing, keys.len()), Reverse(standing.last()), *name)
    });
    let mut counted: BTreeMap<&PublicKey, usize> = BTreeMap::new();
    let mut ranks = BTreeMap::new();
    for (name, standing, mut keys) in rooms {
        keys.retain(|speaker| {
            let count = counted.entry(&speaker.key).or_default();
            *count += 1;
            *count <= MAX_ROOMS_OF_A_KEY
        });
        let came_back = keys.iter().filter(|speaker| lasted(speaker.times) > ENOUGH_TIME).count();
        let is_established = is_used(standing, keys.len());
        ranks.insert(name, Rank { is_established, came_back, spoke: keys.len() });
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> PublicKey {
        PublicKey::new([byte; 32])
    }

    fn all(_: &PublicKey) -> bool {
        true
    }

    /// Returns a room in which each of these keys spoke at a time of its own.
    fn spoken(said: impl IntoIterator<Item = (u8, u64)>) -> Standing {
        let mut standing = Standing::default();
        said.into_iter().for_each(|(byte, at)| standing.spoke(key(byte), at, all));
        standing
    }

    fn ranked(rooms: &[Standing], counts: impl Fn(&PublicKey) -> bool) -> Vec<Rank> {
        let name = |number| format!("room{number:03}").parse().unwrap();
        let names: Vec<RoomName> = (0..rooms.len()).map(name).collect();
        ranks(names.iter().zip(rooms), counts).into_values().collect()
    }

    fn is_established(standing: &Standing, counts: impl Fn(&PublicKey) -> bool) -> bool {
        ranked(std::slice::from_ref(standing), counts)[0].is_established
    }

    #[test]
    fn a_room_is_established_by_two_keys_and_more_than_a_day() {
        let standing = spoken([(1, 5), (1, 5 + 2 * ENOUGH_TIME)]);
        assert!(!is_established(&standing, all), "one key alone, for however long");
        let mut standing = spoken([(1, 5), (2, 6)]);
        assert!(!is_established(&standing, all), "on one day alone");
        standing.spoke(key(2), 5 + ENOUGH_TIME, all);
        assert!(!is_established(&standing, all));
        standing.spoke(key(2), 6 + ENOUGH_TIME, all);
        assert!(is_established(&standing, all));
        assert!(!is_established(&standing, |it| *it != key(2)), "a key that does not count");
        standing.spoke(key(3), 0, all);
        assert!(is_established(&standing, |it| *it != key(2)), "a clock that went back takes nothing away");
    }

    #[test]
    fn the_number_of_remembered_keys_is_bounded_and_keys_that_spoke_once_drive_nobody_out_who_came_back() {
        let came_back = (0..LASTING as u8).map(|byte| (byte, 1));
        let mut standing =
            spoken(came_back.clone().chain(came_back.map(|(byte, _)| (byte, ENOUGH_TIME + 2))));
        for byte in 50..250 {
            standing.spoke(key(byte), 2 * ENOUGH_TIME, all);
            assert!(standing.keys.len() <= KEYS);
        }
        let left: Vec<u8> = standing.keys.iter().map(|speaker| speaker.key.as_bytes()[0]).collect();
        assert!(left.into_iter().eq((0..LASTING as u8).chain(250 - (KEYS - LASTING) as u8..250)));
        let rank = ranked(&[standing], all)[0];
        assert_eq!(rank, Rank { is_established: true, came_back: LASTING, spoke: KEYS });
    }

    #[test]
    fn keys_that_were_there_first_do_not_keep_out_those_who_come_later() {
        let strangers = |at| (50..50 + KEYS as u8).map(move |byte| (byte, at));
        let people = |at| (1..=3).map(move |byte| (byte, at));
        let days = ENOUGH_TIME + 1;
        let said =
            strangers(1).chain(strangers(1 + days)).chain(people(2 + days)).chain(people(3 + 2 * days));
        let standing = spoken(said);
        let counts = |it: &PublicKey| it.as_bytes()[0] < 50;
        let rank = ranked(&[standing], counts)[0];
        assert_eq!(rank, Rank { is_established: true, came_back: 3, spoke: 3 });
    }

    #[test]
    fn a_key_that_does_not_count_gives_up_its_place_first() {
        let came_back = (0..KEYS as u8).map(|byte| (byte, 1));
        let mut standing =
            spoken(came_back.clone().chain(came_back.map(|(byte, _)| (byte, ENOUGH_TIME + 2))));
        let counts = |it: &PublicKey| *it != key(9);
        standing.spoke(key(100), 2 * ENOUGH_TIME, counts);
        let rank = ranked(&[standing], counts)[0];
        assert_eq!(rank, Rank { is_established: true, came_back: KEYS - 1, spoke: KEYS });
    }

    #[test]
    fn the_room_to_which_fewer_keys_came_back_gives_way_first_and_then_that_in_which_fewer_spoke() {
        let later = ENOUGH_TIME + 2;
        let quiet = spoken([]);
        let two_of_a_day = spoken([(1, 1), (2, 1)]);
        let six_of_a_day = spoken((10..16).map(|byte| (byte, 1)));
        let one_who_came_back = spoken([(20, 1), (20, later)]);
        let used = spoken([(30, 1), (31, later)]);
        let rooms = [quiet, two_of_a_day, six_of_a_day, one_who_came_back, used];
        let ranks = ranked(&rooms, all);
        assert!(ranks.is_sorted_by(|one, next| one < next), "{ranks:?}");
    }

    #[test]
    fn keys_that_are_newer_in_other_rooms_take_no_room_from_the_people_in_it() {
        let strangers = |at| (50..50 + KEYS as u8).map(move |byte| (byte, at));
        let people = |at| (1..=2).map(move |byte| (byte, at));
        let later = ENOUGH_TIME + 2;
        let mut rooms = vec![spoken(strangers(1).chain(people(2)).chain(people(2 + later)))];
        let junk = spoken(strangers(10).chain(strangers(10 + 2 * later)));
        rooms.resize(1 + MAX_ROOMS_OF_A_KEY, junk);
        let rank = ranked(&rooms, all)[0];
        assert_eq!(rank, Rank { is_established: true, came_back: 2, spoke: 2 });
    }

    #[test]
    fn two_keys_establish_as_many_rooms_as_one_key_may_be_in() {
        let most = MAX_ROOMS_OF_A_KEY + 6;
        let room = |number| spoken([(1, number), (2, number + 2 * ENOUGH_TIME)]);
        let mut rooms: Vec<Standing> = (0..most as u64).map(room).collect();
        let of = |rooms: &[Standing]| -> Vec<usize> {
            let ranks = ranked(rooms, all).into_iter().enumerate();
            ranks.filter(|(_, rank)| rank.is_established).map(|(number, _)| number).collect()
        };
        assert!(of(&rooms).into_iter().eq(6..most));
        let held_no_more = Rank { is_established: false, came_back: 0, spoke: 0 };
        assert_eq!(ranked(&rooms, all)[0], held_no_more, "it goes before rooms in which somebody else spoke");
        // In a room of others nothing is lost by that, and two more keys establish one of the oldest rooms, too.
        rooms[0].spoke(key(3), 5, all);
        rooms[0].spoke(key(4), 5, all);
        assert!(of(&rooms).into_iter().eq([0].into_iter().chain(6..most)));
    }

    #[test]
    fn a_key_that_spoke_at_an_unknown_time_counts_but_did_not_come_back() {
        let mut standing = Standing::default();
        standing.spoke_once(key(1));
        standing.spoke(key(1), 7, all);
        standing.spoke_once(key(2));
        assert_eq!(ranked(&[standing], all)[0], Rank { is_established: false, came_back: 0, spoke: 2 });
    }
}
