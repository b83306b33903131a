//! The bytes of every kind of entry and of the machine that a server keeps, and the hash of what follows from these
//! entries, as they are in the streams and data directories of today. A change that makes this test fail makes builds
//! that do not fit together: `ENTRIES_VERSION` has to count up, unless no build with the old form was released.

use std::collections::BTreeSet;
use std::sync::Arc;

use hobnob_order::{Ordered, Payload, Place, ServerId};
use hobnob_protocol::away::AwayText;
use hobnob_protocol::chain::{ChainHash, LobbyMessage, LogId, Position, Seq};
use hobnob_protocol::content::{Act, ActKind, ActTarget, Content, ShortText};
use hobnob_protocol::ids::RunId;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::room::RoomName;
use hobnob_protocol::text::Text;

use super::*;

/// One batch on each line.
const BATCHES: &str = include_str!("golden/batches.jsonl");

/// The machine after the second batch, and after the last one.
const MACHINES: &str = include_str!("golden/machines.jsonl");

const ONE: ServerId = ServerId(0xffff_ffff);
const OTHER: ServerId = ServerId(7);
const START: u64 = 1_800_000_000_000;

fn key(byte: u8) -> PublicKey {
    PublicKey::new([byte; 32])
}

fn log() -> LogId {
    LogId::new([9; 16])
}

fn of_one(connection: u32) -> ConnectionId {
    ConnectionId::of(ONE, connection)
}

fn room() -> Option<RoomName> {
    Some("dev".parse().unwrap())
}

fn join(connection: u32, name: &str, evict: Option<ConnectionId>, address: &str) -> Entry {
    let newcomer = Newcomer {
        wish: name.parse().unwrap(),
        key: key(connection as u8),
        run: RunId::new([connection as u8; 8]),
        candidates: Vec::new(),
    };
    let address = Some(address.parse().unwrap());
    Entry::Join(Box::new(Join { id: of_one(connection), newcomer, evict, keep: true, address }))
}

fn say(connection: u32, id: u64, room: Option<RoomName>, content: Content) -> Entry {
    Entry::Say { from: of_one(connection), id, room, content }
}

fn text(text: &str) -> Content {
    Text::new(text).unwrap().into()
}

fn topic(text: &str) -> Act {
    Act::topic(Some(ShortText::new(text).unwrap()))
}

/// Returns an act of the operator on a user, or on a range of addresses.
fn act(id: u64, kind: &str, whom: Option<&str>, target: Option<&str>, lasts: Option<u64>) -> Entry {
    let act = Act {
        kind: ActKind::new(kind).unwrap(),
        name: whom.map(|whom| whom.parse().unwrap()),
        target: target.map(|target| ActTarget::new(target).unwrap()),
        until: None,
        text: Some(ShortText::new("why").unwrap()),
    };
    Entry::Act(Box::new(ProposedAct { from: of_one(1), id, act, lasts }))
}

fn kept() -> LobbyMessage {
    LobbyMessage {
        seq: Seq(1),
        at: START,
        name: "anna".parse().unwrap(),
        key: key(2),
        run: RunId::new([2; 8]),
        id: 1,
        content: text("kept"),
        hash: ChainHash::new([8; 32]),
    }
}

fn first() -> Vec<Entry> {
    vec![
        Entry::Operators(vec![key(1).fingerprint()]),
        Entry::Serves(vec!["chat.example:43210".parse().unwrap()]),
        join(1, "boss", None, "192.0.2.1"),
        join(2, "ÄNNA", Some(ConnectionId(3)), "2001:db8::1"),
        join(3, "carl", None, "198.51.100.3"),
        join(4, "dora", None, "192.0.2.4"),
        join(5, "emil", None, "192.0.2.5"),
    ]
}

fn second() -> Vec<Entry> {
    let (carl, room_log) = (of_one(3), LogId::new([4; 16]));
    vec![
        say(2, 1, None, text("\u{1}words\n")),
        Entry::JoinRoom { from: of_one(2), room: room().unwrap(), log: room_log },
        Entry::JoinRoom { from: carl, room: room().unwrap(), log: room_log },
        say(2, 2, room(), text("in a room")),
        say(2, 3, room(), topic("of the room").into()),
        Entry::Part { from: carl, room: room().unwrap() },
        Entry::Away { from: of_one(2), away: Some(AwayText::new("lunch").unwrap()) },
        act(1, "ban", Some("carl"), None, Some(60)),
        act(2, "ban", None, Some("203.0.113.0/24"), None),
        act(3, "mute", Some("emil"), None, Some(3600)),
        act(4, "op", Some("dora"), None, None),
        act(5, "slow", None, Some("5"), None),
        act(6, "topic", None, None, None),
        act(7, "lock", None, None, None),
        Entry::Leave(of_one(5)),
    ]
}

fn third(rules: Rules) -> Vec<Entry> {
    let name = "frida".parse().unwrap();
    vec![
        Entry::Away { from: of_one(2), away: None },
        Entry::Kept(Box::new(kept())),
        Entry::KeptName(NameBinding { name, key: key(6), seen: START, spoke: true, since: 4 }),
        Entry::KeptRules(Box::new(rules)),
        Entry::Expire { now: START, before: 2, unspoken_before: 3, rooms_before: 4 },
        Entry::Gone { server: ONE, last: 2 },
    ]
}

/// Feeds the batches to a machine. Gives the batches and the machine as bytes after each.
fn fed() -> (Vec<Proposals>, Vec<Vec<u8>>) {
    let mut machine = Machine::shared(Position::start(&log()));
    let (mut batches, mut saved) = (Vec::new(), Vec::new());
    for number in 1..=3 {
        let (server, own_number, entries) = match number {
            1 => (ONE, 1, first()),
            2 => (ONE, 2, second()),
            _ => (OTHER, 1, third(machine.rules().clone())),
        };
        let batch = Proposals { server, number: own_number, vouch: machine.reached(), entries };
        batches.push(batch.clone());
        let mut effects = Vec::new();
        let ordered = Ordered { place: Place(number), at: START + number, batch: Arc::new(batch) };
        machine.apply(&ordered, &mut effects);
        machine.commit();
        for effect in effects {
            if let Effect::Joined { id, .. } = effect {
                machine.roster_mut().enter(id);
            }
        }
        saved.push(machine.save().unwrap());
    }
    (batches, saved)
}

fn lines(written: &[impl AsRef<[u8]>]) -> String {
    written.iter().map(|line| format!("{}\n", str::from_utf8(line.as_ref()).unwrap())).collect()
}

/// Returns the number of a kind of entry among all kinds. A new kind does not compile until it stands here, and then is missed
/// in the batches.
fn kind(entry: &Entry) -> usize {
    match entry {
        Entry::Say { .. } => 0,
        Entry::Act(_) => 1,
        Entry::Operators(_) => 2,
        Entry::JoinRoom { .. } => 3,
        Entry::Part { .. } => 4,
        Entry::Join(_) => 5,
        Entry::Leave(_) => 6,
        Entry::Away { .. } => 7,
        Entry::Expire { .. } => 8,
        Entry::Kept(_) => 9,
        Entry::KeptName(_) => 10,
        Entry::KeptRules(_) => 11,
        Entry::Serves(_) => 12,
        Entry::Gone { .. } => 13,
    }
}

const KINDS: usize = 14;

#[test]
fn entries_are_written_and_read_as_in_the_streams_of_today() {
    assert_eq!(ENTRIES_VERSION, 1, "the files of the next version are other files");
    let (batches, _) = fed();
    assert_eq!(lines(&batches.iter().map(Payload::to_bytes).collect::<Vec<_>>()), BATCHES);
    let read: Vec<Proposals> = BATCHES.lines().map(|line| Payload::from_bytes(line.as_bytes())).collect();
    assert_eq!(read, batches);
    let kinds: BTreeSet<usize> = read.iter().flat_map(|batch| &batch.entries).map(kind).collect();
    assert!(kinds.into_iter().eq(0..KINDS), "a kind is missing in the batches");
}

#[test]
fn the_kept_machine_is_written_and_read_as_in_the_data_directories_of_today() {
    let (_, saved) = fed();
    assert_eq!(lines(&saved[1..]), MACHINES);
    for line in MACHINES.lines() {
        let machine = Saved::read(line.as_bytes()).unwrap().into_machine();
        assert_eq!(str::from_utf8(&machine.save().unwrap()).unwrap(), line);
    }
}
