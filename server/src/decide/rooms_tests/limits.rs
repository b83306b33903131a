//! How many rooms there are: who may make one more, and which room gives way to it.

use hobnob_protocol::MAX_ROOMS_OF_A_KEY;
use hobnob_protocol::message::NotJoinedCode;

use super::*;
use crate::decide::ProposedAct;
use crate::decide::rooms::lifetime::MAX_MAKERS;

#[test]
fn a_key_makes_five_rooms_an_hour_and_the_same_room_counts_once() {
    let mut stage = Stage::new();
    for room in ["a", "b", "c", "d", "e"] {
        assert!(stage.joins(1, room)[0].starts_with("1 in"));
    }
    assert_eq!(stage.joins(1, "f"), ["1 not in f: TooSoon"]);
    assert!(stage.joins(2, "f")[0].starts_with("2 in"), "another key has five of its own");
    assert_eq!(stage.joins(1, "f"), ["1 in f of 2 after 0"], "one that is there needs not be made");
    // A user who was alone in a quiet room and lost the link makes the room again.
    stage.apply(vec![Entry::Leave(ConnectionId(1)), enter(4, "anna", 1)]);
    assert!(stage.joins(4, "a")[0].starts_with("4 in"));
    assert_eq!(stage.joins(4, "g"), ["4 not in g: TooSoon"]);
    stage.now += HOUR;
    assert!(stage.joins(4, "g")[0].starts_with("4 in"));
}

#[test]
fn the_number_of_rooms_and_the_rooms_of_one_key_are_limited() {
    let mut stage = Stage::of(3, Vec::new());
    stage.apply(vec![enter(1, "anna", 1)]);
    for room in ["a", "b", "c"] {
        stage.joins(1, room);
    }
    assert_eq!(stage.joins(1, "d"), [format!("1 not in d: {:?}", NotJoinedCode::Full)]);
    stage.apply(vec![part(1, "b")]);
    assert!(stage.joins(1, "d")[0].starts_with("1 in"), "one that is gone makes room");

    let room = |n: usize| OpenedRoom {
        kept: KeptRoom {
            id: RoomId { name: name(&format!("room{n}")), log: LogId::new([n as u8; 16]) },
            topic: None,
            seen: BEGINNING,
        },
        head: Position { seq: Seq(1), ..Position::start(&LogId::new([n as u8; 16])) },
        posts: Posts::of_a_room(),
        standing: Standing::default(),
    };
    let mut stage = Stage::of(100, (0..=MAX_ROOMS_OF_A_KEY).map(room).collect());
    stage.apply(vec![enter(1, "anna", 1), enter(2, "anna", 1)]);
    for n in 0..MAX_ROOMS_OF_A_KEY {
        let from = 1 + (n % 2) as u64;
        assert!(stage.joins(from, &format!("room{n}"))[0].starts_with(&format!("{from} in")));
    }
    assert_eq!(stage.joins(1, "room64"), ["1 not in room64: TooMany"], "both clients of the key count");
    assert!(stage.joins(1, "room1")[0].starts_with("1 in"), "a room in which the key is already counts once");
    stage.apply(vec![Entry::Leave(ConnectionId(2))]);
    assert!(stage.joins(1, "room64")[0].starts_with("1 in"));
}

/// Makes a lobby of twenty users and twenty rooms. Each of the first ten users has made two rooms, said a word there
/// and left.
fn filled() -> Stage {
    let mut stage = Stage::of(20, Vec::new());
    stage.expire(30 * DAY);
    stage.apply((1..=20).map(|n| enter(n, &format!("user{n}"), n as u16)).collect());
    for n in 0..20 {
        let room = format!("junk{n:02}");
        stage.joins(1 + n / 2, &room);
        stage.apply(vec![say(1 + n / 2, n + 1, &room), part(1 + n / 2, &room)]);
        stage.now += 60 * 1000;
        stage.expire(30 * DAY);
    }
    stage
}

#[test]
fn a_room_that_nobody_uses_gives_way_when_the_limit_of_rooms_is_reached() {
    let mut stage = filled();
    let makes = |stage: &mut Stage, from, room: &str| {
        let told = stage.joins(from, room);
        stage.apply(vec![say(from, stage.number, room)]);
        told
    };
    assert_eq!(
        makes(&mut stage, 11, "tea"),
        ["junk00 gone", "11 in tea of 1 after 0"],
        "the longest empty one"
    );
    assert_eq!(makes(&mut stage, 12, "dev"), ["junk01 gone", "12 in dev of 1 after 0"]);
    assert_eq!(stage.machine.rooms().len(), 20);
    // A room in which two keys spoke goes only after all rooms in which one key did, however long it was empty.
    stage.joins(12, "tea");
    stage.apply(vec![say(12, 900, "tea"), part(11, "tea"), part(12, "tea")]);
    for n in 0..60 {
        stage.now += 30 * 60 * 1000;
        stage.expire(30 * DAY);
        let told = makes(&mut stage, 13 + n % 8, &format!("more{n}"));
        assert!(told.len() == 2 && told[0] != "tea gone" && told[0] != "dev gone", "{told:?}");
        stage.apply(vec![part(13 + n % 8, &format!("more{n}"))]);
    }
    // A room in which somebody is never gives way.
    let rooms = stage.machine.rooms_mut().list();
    assert!(rooms.iter().any(|room| room.name == name("dev")));
    assert!(rooms.iter().any(|room| room.name == name("tea")));
}

/// One user, who is made an operator, bans others.
fn ban(stage: &mut Stage, operator: u16, users: &[u64]) {
    let mut key = [0; 32];
    key[..2].copy_from_slice(&operator.to_be_bytes());
    stage.apply(vec![Entry::Operators(vec![PublicKey::new(key).fingerprint()])]);
    for (id, user) in (1..).zip(users) {
        let name = format!("user{user}").parse().ok();
        let act = Act { kind: ActKind::new("ban").unwrap(), name, ..Act::topic(None) };
        let ban = ProposedAct { from: ConnectionId(operator.into()), id, act, lasts: None };
        stage.apply(vec![Entry::Act(Box::new(ban))]);
    }
}

#[test]
fn an_established_room_gives_way_only_when_its_keys_are_banned() {
    let mut stage = Stage::of(2, Vec::new());
    stage.apply((1..=6).map(|n| enter(n, &format!("user{n}"), n as u16)).collect());
    for (number, room) in ["tea", "dev"].into_iter().enumerate() {
        let (one, two) = (2 * number as u64 + 1, 2 * number as u64 + 2);
        stage.joins(one, room);
        stage.joins(two, room);
        stage.apply(vec![say(one, 1, room), say(two, 1, room)]);
        stage.now += DAY + 1;
        stage.apply(vec![say(one, 2, room), part(one, room), part(two, room)]);
    }
    assert_eq!(stage.joins(5, "new"), ["5 not in new: Full"]);
    assert_eq!(stage.joins(5, "new"), ["5 not in new: Full"], "what was not made does not count");
    // When an operator bans one of the two keys that spoke in a room, the room is no longer established.
    ban(&mut stage, 6, &[2]);
    assert_eq!(stage.joins(5, "new"), ["tea gone", "5 in new of 1 after 0"]);
    assert_eq!(stage.joins(5, "newer"), ["5 not in newer: Full"]);
}

/// Somebody speaks with many keys in a room before the people do, so that the room goes with them when they are banned.
#[test]
fn a_room_in_which_banned_keys_spoke_first_is_still_that_of_the_people_who_came_back() {
    const STRANGERS: u64 = 20;
    let (people, operator) = (STRANGERS + 1..=STRANGERS + 6, STRANGERS + 7);
    let mut stage = Stage::of(3, Vec::new());
    stage.apply((1..=operator + 4).map(|n| enter(n, &format!("user{n}"), n as u16)).collect());
    let says = |stage: &mut Stage, from, room: &str| {
        stage.joins(from, room);
        stage.number += 1;
        stage.apply(vec![say(from, stage.number, room), part(from, room)]);
    };
    (1..=STRANGERS).chain(people.clone()).for_each(|from| says(&mut stage, from, "tea"));
    stage.now += 2 * DAY;
    people.for_each(|from| says(&mut stage, from, "tea"));
    for (from, junk) in [(operator + 1, "junk1"), (operator + 3, "junk2")] {
        says(&mut stage, from, junk);
        says(&mut stage, from + 1, junk);
    }
    ban(&mut stage, operator as u16, &(1..=STRANGERS).collect::<Vec<_>>());
    assert_eq!(stage.joins(operator + 1, "new")[0], "junk1 gone");
    assert_eq!(stage.joins(operator + 1, "newer")[0], "junk2 gone");
    let full = format!("{} not in newest: Full", operator + 1);
    assert_eq!(stage.joins(operator + 1, "newest"), [full], "the room of the people stays");
}

#[test]
fn two_keys_that_come_back_to_every_room_hold_no_more_rooms_than_one_key_may_be_in() {
    let most = MAX_ROOMS_OF_A_KEY + 5;
    let mut stage = Stage::of(most, Vec::new());
    stage.expire(30 * DAY);
    stage.apply((1..=3).map(|n| enter(n, &format!("user{n}"), n as u16)).collect());
    let visit = |stage: &mut Stage, keys: &[u64], room: &str| {
        for &from in keys {
            assert!(stage.joins(from, room)[0].starts_with(&format!("{from} in")));
            stage.number += 1;
            stage.apply(vec![say(from, stage.number, room), part(from, room)]);
        }
    };
    for keys in [&[1, 2][..], &[1]] {
        for n in 0..most {
            stage.now += HOUR;
            stage.expire(30 * DAY);
            visit(&mut stage, keys, &format!("junk{n:02}"));
        }
    }
    for n in 0..5 {
        let made = stage.joins(3, &format!("new{n}"));
        assert_eq!(made, [format!("junk{n:02} gone"), format!("3 in new{n} of 1 after 0")]);
    }
    stage.now += 2 * HOUR;
    stage.expire(30 * DAY);
    assert_eq!(stage.joins(3, "another"), ["3 not in another: Full"], "the others are held");
}

#[test]
fn a_room_with_messages_that_are_not_stored_yet_does_not_give_way() {
    let mut stage = Stage::of(1, Vec::new());
    stage.apply(vec![enter(1, "anna", 1), enter(2, "bobby", 2)]);
    let (tea, dev) = (stage.join(1, "tea"), stage.join(2, "dev"));
    let told = stage.apply(vec![tea, say(1, 1, "tea"), part(1, "tea"), dev]);
    assert_eq!(told[3], "2 not in dev: Full");
    assert_eq!(stage.joins(2, "dev"), ["tea gone", "2 in dev of 1 after 0"]);
}

/// However many keys make a room and leave, the memory for them is bounded; keys that come later have to wait.
#[test]
fn the_number_of_keys_whose_rooms_are_counted_is_bounded() {
    let mut stage = Stage::of(100, Vec::new());
    let makes = |key: u64| {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&key.to_be_bytes());
        let mut entry = enter(key, "anna", 0);
        let Entry::Join(join) = &mut entry else { unreachable!("it is one") };
        (join.newcomer.key, join.keep) = (PublicKey::new(bytes), false);
        let id = ConnectionId(key);
        let log = LogId::new([1; 16]);
        [entry, Entry::JoinRoom { from: id, room: name("quiet"), log }, Entry::Leave(id)]
    };
    let count = MAX_MAKERS as u64;
    for first in (0..count).step_by(4096) {
        stage.apply((first..first + 4096).flat_map(makes).collect());
    }
    assert_eq!(stage.apply(makes(count).to_vec()), [format!("{count} not in quiet: TooSoon")]);
    let again = stage.apply(makes(7).to_vec());
    assert_eq!(again[0], "7 in quiet of 1 after 0", "whoever is counted already is let in");
    stage.now += HOUR;
    stage.expire(0);
    assert_eq!(stage.apply(makes(count).to_vec())[0], format!("{count} in quiet of 1 after 0"));
}
