//! Rooms as the machine decides them: who may make a room, who is in it, what is said there, and when it goes.

use std::sync::Arc;

use hobnob_order::{Ordered, Place, ServerId};
use hobnob_protocol::MAX_ROOMS_OF_A_KEY;
use hobnob_protocol::chain::{LobbyMessage, LogId, Position, Seq};
use hobnob_protocol::content::{Act, ActKind, Content, ShortText};
use hobnob_protocol::ids::RunId;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::{NotAcceptedCode, NotJoinedCode};
use hobnob_protocol::room::RoomName;
use hobnob_protocol::text::Text;

use super::rooms::MAX_MAKERS;
use super::{
    ConnectionId, Effect, Entry, Join, KeptRoom, Machine, Newcomer, OpenedRoom, Posts, Proposals,
    ProposedAct, RoomId, Rooms, Standing,
};

const HOUR: u64 = 3600 * 1000;
const DAY: u64 = 24 * HOUR;
/// A time that is later than the earliest time a clock is believed.
const BEGINNING: u64 = 1_795_000_000_000;

struct Stage {
    machine: Machine,
    number: u64,
    now: u64,
    rooms_made: u8,
}

impl Stage {
    fn of(max: usize, opened: Vec<OpenedRoom>) -> Self {
        let start = Position::start(&LogId::new([9; 16]));
        let machine = Machine::new(start, 0, [], Posts::default()).with_rooms(Rooms::new(max, opened));
        Self { machine, number: 0, now: BEGINNING, rooms_made: 0 }
    }

    /// Makes a lobby with three users, each connected once.
    fn new() -> Self {
        let mut stage = Self::of(100, Vec::new());
        stage.apply(vec![enter(1, "anna", 1), enter(2, "bobby", 2), enter(3, "carol", 3)]);
        stage
    }

    fn stage(&mut self, entries: Vec<Entry>) -> Vec<Effect> {
        self.number += 1;
        let batch = Arc::new(Proposals { server: ServerId(0), number: self.number, vouch: None, entries });
        let mut out = Vec::new();
        self.machine.apply(&Ordered { place: Place(self.number), at: self.now, batch }, &mut out);
        out
    }

    fn apply(&mut self, entries: Vec<Entry>) -> Vec<String> {
        let effects = self.stage(entries);
        self.machine.commit();
        effects.iter().filter_map(short).collect()
    }

    fn join(&mut self, from: u64, room: &str) -> Entry {
        self.rooms_made += 1;
        Entry::JoinRoom { from: ConnectionId(from), room: name(room), log: LogId::new([self.rooms_made; 16]) }
    }

    fn joins(&mut self, from: u64, room: &str) -> Vec<String> {
        let join = self.join(from, room);
        self.apply(vec![join])
    }

    fn expire(&mut self, idle: u64) -> Vec<String> {
        let (now, rooms_before) = (self.now, self.now.saturating_sub(idle));
        self.apply(vec![Entry::Expire { now, before: 0, unspoken_before: 0, rooms_before }])
    }
}

fn name(text: &str) -> RoomName {
    text.parse().unwrap()
}

fn enter(id: u64, name: &str, key: u16) -> Entry {
    let mut bytes = [0; 32];
    bytes[..2].copy_from_slice(&key.to_be_bytes());
    let newcomer = Newcomer {
        wish: name.parse().unwrap(),
        key: PublicKey::new(bytes),
        run: RunId::new([id as u8; 8]),
        candidates: Vec::new(),
    };
    Entry::Join(Box::new(Join { id: ConnectionId(id), newcomer, evict: None, keep: true, address: None }))
}

fn say(from: u64, id: u64, room: &str) -> Entry {
    act(from, id, Some(room), Text::new("word").unwrap().into())
}

fn act(from: u64, id: u64, room: Option<&str>, content: Content) -> Entry {
    Entry::Say { from: ConnectionId(from), id, room: room.map(name), content }
}

fn part(from: u64, room: &str) -> Entry {
    Entry::Part { from: ConnectionId(from), room: name(room) }
}

fn topic(text: &str) -> Content {
    Act::topic(ShortText::new(text).ok()).into()
}

fn short(effect: &Effect) -> Option<String> {
    Some(match effect {
        Effect::Said { from, room: Some(room), message } => {
            format!("{} said {} as {} of {}", from.0, message.id, message.seq, room.name)
        }
        Effect::Said { from, room: None, message } => {
            format!("{} said {} as {}", from.0, message.id, message.seq)
        }
        Effect::Accepted { to, id, seq, .. } => format!("{} accepted {id} as {seq}", to.0),
        Effect::Refused { to, id, code } => format!("{} refused {id}: {code:?}", to.0),
        Effect::InRoom { id, view, is_new, .. } => {
            let again = if *is_new { "" } else { " again" };
            format!("{} in {} of {} after {}{again}", id.0, view.id.name, view.users, view.head.seq)
        }
        Effect::NotInRoom { id, room, code } => format!("{} not in {room}: {code:?}", id.0),
        Effect::LeftRoom { id, room, .. } => format!("{} left {}", id.0, room.name),
        Effect::RoomSeen(room) => format!("{} seen", room.id.name),
        Effect::RoomGone(room) => format!("{} gone", room.name),
        _ => return None,
    })
}

#[test]
fn a_room_has_numbers_of_its_own_and_is_for_those_who_are_in_it() {
    let mut stage = Stage::new();
    assert_eq!(stage.joins(1, "dev"), ["1 in dev of 1 after 0"]);
    let join = stage.join(2, "DEV");
    let told = stage.apply(vec![
        act(1, 1, None, Text::new("to all").unwrap().into()),
        say(1, 2, "dev"),
        join,
        say(2, 1, "Dev"),
        say(3, 1, "dev"),
        say(3, 2, "ops"),
    ]);
    let expected = [
        "1 said 1 as 1",
        "1 said 2 as 1 of dev",
        "2 in dev of 2 after 1",
        "2 said 1 as 2 of dev",
        "3 refused 1: NotInRoom",
        "3 refused 2: NotInRoom",
    ];
    assert_eq!(told, expected, "names are compared folded, and shown as whoever made the room wrote them");
    assert_eq!(
        stage.apply(vec![say(1, 2, "dev"), say(1, 5, "dev"), say(1, 4, "dev")]),
        ["1 accepted 2 as 1", "1 said 5 as 3 of dev", "1 refused 4: Id"]
    );
    assert_eq!(stage.joins(2, "dev"), ["2 in dev of 2 after 3 again"]);
    assert_eq!(
        stage.apply(vec![part(2, "dev"), part(2, "dev"), say(2, 9, "dev")]),
        ["2 left dev", "2 refused 9: NotInRoom"]
    );
    assert_eq!(stage.apply(vec![Entry::Leave(ConnectionId(1))]), ["1 left dev"]);
}

#[test]
fn each_room_has_a_hash_chain_of_its_own() {
    let mut stage = Stage::new();
    let (dev, ops) = (stage.join(1, "dev"), stage.join(1, "ops"));
    let effects = stage.stage(vec![dev, ops, say(1, 1, "dev"), say(1, 2, "ops"), say(1, 3, "dev")]);
    let mut positions = [1_u8, 2].map(|log| Position::start(&LogId::new([log; 16])));
    let said = effects.iter().filter_map(|effect| match effect {
        Effect::Said { room: Some(room), message, .. } => Some((room.log, message)),
        _ => None,
    });
    for (log, message) in said {
        positions[usize::from(log.as_bytes()[0]) - 1].advance(message).unwrap();
    }
    assert_eq!(positions.map(|position| position.seq), [Seq(2), Seq(1)]);
}

#[test]
fn members_of_a_room_set_its_topic_and_all_other_acts_are_for_operators() {
    let mut stage = Stage::new();
    stage.joins(1, "dev");
    let kick = Act { kind: ActKind::new("kick").unwrap(), ..Act::topic(None) };
    let told = stage.apply(vec![
        act(1, 1, Some("dev"), topic("the release")),
        act(1, 2, None, topic("mine")),
        act(1, 3, Some("dev"), kick.into()),
        act(2, 1, Some("dev"), topic("not in it")),
    ]);
    let expected =
        ["1 said 1 as 1 of dev", "1 refused 2: NotOperator", "1 refused 3: BadAct", "2 refused 1: NotInRoom"];
    assert_eq!(told, expected);
    let topic_now = |stage: &mut Stage| stage.machine.rooms_mut().list()[0].topic.clone();
    assert_eq!(topic_now(&mut stage), ShortText::new("the release").ok());
    stage.apply(vec![act(1, 4, Some("dev"), topic(""))]);
    assert_eq!(topic_now(&mut stage), None);
}

#[test]
fn an_empty_room_goes_at_once_if_nothing_was_said_and_otherwise_after_a_long_time() {
    let mut stage = Stage::new();
    stage.expire(30 * DAY);
    stage.joins(1, "quiet");
    stage.joins(1, "loud");
    stage.apply(vec![say(1, 1, "loud")]);
    stage.apply(vec![part(1, "quiet"), part(1, "loud")]);
    assert_eq!(stage.machine.rooms().len(), 1, "the quiet one is gone at once");
    stage.now += 29 * DAY;
    assert_eq!(stage.expire(30 * DAY), [""; 0]);
    // A short visit keeps the room for another thirty days.
    stage.joins(2, "loud");
    assert_eq!(stage.apply(vec![part(2, "loud")]), ["2 left loud", "loud seen"]);
    stage.now += 29 * DAY;
    assert_eq!(stage.expire(30 * DAY), [""; 0]);
    stage.now += 2 * DAY;
    assert_eq!(stage.expire(30 * DAY), ["loud gone"]);
    assert_eq!(stage.joins(2, "loud"), ["2 in loud of 1 after 0"], "another one of that name");
}

#[test]
fn a_room_with_members_stays_and_its_date_is_stored_each_day() {
    let mut stage = Stage::new();
    stage.expire(30 * DAY);
    stage.joins(1, "dev");
    stage.apply(vec![say(1, 1, "dev")]);
    for _ in 0..40 {
        stage.now += DAY;
        assert_eq!(stage.expire(30 * DAY), ["dev seen"]);
        assert_eq!(stage.expire(30 * DAY), [""; 0]);
    }
}

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
    let operator = PublicKey::new({
        let mut bytes = [0; 32];
        bytes[..2].copy_from_slice(&6_u16.to_be_bytes());
        bytes
    });
    let ban = Act { kind: ActKind::new("ban").unwrap(), name: "user2".parse().ok(), ..Act::topic(None) };
    let ban = ProposedAct { from: ConnectionId(6), id: 1, act: ban, lasts: None };
    stage.apply(vec![Entry::Operators(vec![operator.fingerprint()]), Entry::Act(Box::new(ban))]);
    assert_eq!(stage.joins(5, "new"), ["tea gone", "5 in new of 1 after 0"]);
    assert_eq!(stage.joins(5, "newer"), ["5 not in newer: Full"]);
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

#[test]
fn withdrawn_texts_of_rooms_lose_their_numbers_and_withdrawn_topics_do_not_count() {
    let mut stage = Stage::new();
    let (dev, new) = (stage.join(1, "dev"), stage.join(1, "new"));
    stage.apply(vec![dev, act(1, 1, Some("dev"), topic("before"))]);
    let effects = stage.stage(vec![
        say(1, 2, "dev"),
        act(1, 3, Some("dev"), topic("after")),
        new,
        say(1, 4, "new"),
        part(1, "new"),
    ]);
    let of = |wanted: &RoomId| -> Vec<LobbyMessage> {
        let said = effects.iter().filter_map(|effect| match effect {
            Effect::Said { room: Some(room), message, .. } if room == wanted => Some(message.clone()),
            _ => None,
        });
        said.collect()
    };
    let ids =
        [("dev", 1), ("new", 2)].map(|(room, log)| RoomId { name: name(room), log: LogId::new([log; 16]) });
    let staged = ids.map(|id| (of(&id), id));
    assert_eq!(staged.each_ref().map(|(messages, _)| messages.len()), [2, 1]);
    stage
        .machine
        .withdraw(&[], |room| staged.iter().find(|(_, id)| id == room).map(|(messages, _)| &messages[..]));
    let rooms = stage.machine.rooms_mut().list();
    assert_eq!(rooms.len(), 1, "the new one is empty, and nothing was said there");
    assert_eq!(rooms[0].topic, ShortText::new("before").ok());
    assert_eq!(
        stage.apply(vec![say(1, 3, "dev"), say(1, 2, "dev")]),
        ["1 said 3 as 2 of dev".to_owned(), format!("1 refused 2: {:?}", NotAcceptedCode::Id)]
    );
}

#[test]
fn the_log_of_a_room_that_is_opened_again_goes_on() {
    let log = LogId::new([7; 16]);
    let mut posts = Posts::of_a_room();
    posts.note((PublicKey::new([0; 32]), RunId::new([1; 8])), 5, Seq(1));
    let head = Position { seq: Seq(1), ..Position::start(&log) };
    let kept = KeptRoom {
        id: RoomId { name: name("dev"), log },
        topic: ShortText::new("kept").ok(),
        seen: BEGINNING,
    };
    let mut stage = Stage::of(100, vec![OpenedRoom { kept, head, posts, standing: Standing::default() }]);
    stage.apply(vec![enter(1, "anna", 0)]);
    assert_eq!(stage.machine.rooms_mut().list()[0].topic, ShortText::new("kept").ok());
    assert_eq!(stage.joins(1, "dev"), ["1 in dev of 1 after 1"]);
    assert_eq!(
        stage.apply(vec![say(1, 5, "dev"), say(1, 6, "dev")]),
        ["1 accepted 5 as 1", "1 said 6 as 2 of dev"]
    );
}
