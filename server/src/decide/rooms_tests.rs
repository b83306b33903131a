//! Rooms as the machine decides them: who may make a room, who is in it, what is said there, and when it goes.

mod limits;

use std::sync::Arc;

use hobnob_order::{Ordered, Place, ServerId};
use hobnob_protocol::chain::{LobbyMessage, LogId, Position, Seq};
use hobnob_protocol::content::{Act, ActKind, Content, ShortText};
use hobnob_protocol::ids::RunId;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::NotAcceptedCode;
use hobnob_protocol::room::RoomName;
use hobnob_protocol::text::Text;

use super::{
    ConnectionId, Effect, Entry, Join, KeptRoom, Machine, Newcomer, OpenedRoom, Posts, Proposals, RoomId,
    Rooms, Standing,
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
