//! Drives the machine that decides with entries that are made up by chance: several keys and runs, texts sent twice and
//! out of order, names that collide, acts of operators, and batches that come twice. Two machines that are fed the same
//! order must come to the same effects, also when one of them begins anew from what was stored. The effects must add
//! up: each text has at most one number, no name is held by two users, and only users who are in the lobby or room
//! speak there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hobnob_order::{Ordered, Place, ServerId};
use hobnob_protocol::away::AwayText;
use hobnob_protocol::chain::{LobbyMessage, LogId, Position};
use hobnob_protocol::content::{Act, ActKind, ActTarget, ShortText};
use hobnob_protocol::ids::RunId;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;
use hobnob_protocol::text::Text;
use hobnob_server::decide::{
    ConnectionId, Effect, Entry, Join, Machine, NameBinding, Newcomer, Party, Posts, Proposals, ProposedAct,
    RoomId, RoomView, Rooms,
};
use hobnob_server::log::{Batch, LobbyLog, MemoryLog, RoomBatch};

use crate::chance::Chance;

/// How many seeds are always played; below, how many batches each of them has.
const SEEDS: u64 = 3000;
const BATCHES: u64 = 30;

/// When each story begins, in milliseconds since 1970-01-01 UTC. It is a time that a clock can show.
pub(crate) const BEGINNING: u64 = 1_795_000_000_000;

/// There are only a few keys, runs and names, so that the choices collide.
const KEYS: u64 = 4;
const RUNS: u64 = 3;
const NAMES: [&str; 4] = ["anna", "ANNA", "anna_2", "bobby"];
const ROOMS: [&str; 4] = ["dev", "DEV", "ops", "quiet"];

/// A server that proposes entries by chance.
pub(crate) struct Proposer {
    chance: Chance,
    server: ServerId,
    number: u64,
    now: u64,
    next_connection: u64,
    next_log: u64,
}

impl Proposer {
    /// Makes a server with this number, at the beginning of its life.
    pub(crate) fn of(server: ServerId, seed: u64) -> Self {
        Self { chance: Chance::of(seed), server, number: 0, now: BEGINNING, next_connection: 0, next_log: 0 }
    }

    /// Returns the server's next batch, always under a new number.
    pub(crate) fn next_batch(&mut self) -> Arc<Proposals> {
        let entries = (0..1 + self.chance.below(8)).map(|_| self.entry()).collect();
        self.with(entries)
    }

    /// Returns the server's next batch with these entries.
    pub(crate) fn with(&mut self, entries: Vec<Entry>) -> Arc<Proposals> {
        self.number += 1;
        Arc::new(Proposals { server: self.server, number: self.number, vouch: None, entries })
    }

    fn batch(&mut self) -> Arc<Proposals> {
        // Now and then the batch has the number of the one before, as if it came a second time.
        if self.number == 0 || self.chance.below(8) != 0 {
            self.number += 1;
        }
        let entries = (0..1 + self.chance.below(8)).map(|_| self.entry()).collect();
        Arc::new(Proposals { server: self.server, number: self.number, vouch: None, entries })
    }

    fn ordered(&mut self, place: u64) -> Ordered<Proposals> {
        let batch = self.batch();
        // The clock may go back.
        self.now = (self.now + self.chance.below(2000)).saturating_sub(500);
        Ordered { place: Place(place), at: self.now, batch }
    }

    /// Returns one of the latest connections, which may be gone already.
    fn connection(&mut self) -> ConnectionId {
        let back = self.chance.below(8);
        self.id(self.next_connection.saturating_sub(back))
    }

    fn id(&self, number: u64) -> ConnectionId {
        ConnectionId::of(self.server, number as u32)
    }

    fn entry(&mut self) -> Entry {
        let from = self.connection();
        match self.chance.below(12) {
            0..5 => {
                let id = self.chance.below(12);
                let room = (self.chance.below(2) == 0).then(|| self.room());
                let content = match (&room, self.chance.below(6)) {
                    (Some(_), 0) => Act::topic(ShortText::new(format!("topic {id}")).ok()).into(),
                    _ => Text::new(format!("text {id}")).unwrap().into(),
                };
                Entry::Say { from, id, room, content }
            }
            5 => self.join(),
            6 => Entry::Part { from, room: self.room() },
            7 => {
                self.next_log += 1;
                let mut log = [0; 16];
                log[..8].copy_from_slice(&self.next_log.to_be_bytes());
                log[8..].copy_from_slice(&self.server.0.to_be_bytes());
                Entry::JoinRoom { from, room: self.room(), log: LogId::new(log) }
            }
            8 => match self.chance.below(3) {
                0 => Entry::Away { from, away: Some(AwayText::new("lunch").unwrap()) },
                1 => Entry::Away { from, away: None },
                _ => Entry::Expire {
                    now: self.now.saturating_sub(self.chance.below(20_000)),
                    before: self.now.saturating_sub(self.chance.below(20_000)),
                    unspoken_before: self.now.saturating_sub(self.chance.below(20_000)),
                    rooms_before: self.now.saturating_sub(self.chance.below(20_000)),
                },
            },
            9 => Entry::Leave(from),
            10 => {
                let second = self.chance.below(KEYS) as u8;
                let listed = [0, second].map(|key| PublicKey::new([key; 32]).fingerprint());
                Entry::Operators(listed.to_vec())
            }
            _ => self.act(from),
        }
    }

    /// Makes an act of an operator, or of a user who is none.
    fn act(&mut self, from: ConnectionId) -> Entry {
        const KINDS: [&str; 11] =
            ["kick", "ban", "unban", "mute", "unmute", "slow", "lock", "unlock", "op", "deop", "topic"];
        let kind = KINDS[self.chance.below(KINDS.len() as u64) as usize];
        let target = match kind {
            "slow" => Some(self.chance.below(4).to_string()),
            "ban" | "unban" if self.chance.below(3) == 0 => Some(format!("192.0.2.{}", self.chance.below(3))),
            _ => None,
        };
        let name = NAMES[self.chance.below(NAMES.len() as u64) as usize].parse().ok();
        let name = name.filter(|_| target.is_none());
        let (kind, target) =
            (ActKind::new(kind).unwrap(), target.and_then(|target| ActTarget::new(target).ok()));
        let act = Act { kind, name, target, until: None, text: None };
        // Acts hold for a short time, so that many of them end within the story.
        let lasts = (self.chance.below(4) != 0).then(|| self.chance.below(4));
        Entry::Act(Box::new(ProposedAct { from, id: self.chance.below(12), act, lasts }))
    }

    fn room(&mut self) -> RoomName {
        ROOMS[self.chance.below(ROOMS.len() as u64) as usize].parse().unwrap()
    }

    pub(crate) fn join(&mut self) -> Entry {
        self.next_connection += 1;
        let newcomer = Newcomer {
            wish: NAMES[self.chance.below(NAMES.len() as u64) as usize].parse().unwrap(),
            key: PublicKey::new([self.chance.below(KEYS) as u8; 32]),
            run: RunId::new([self.chance.below(RUNS) as u8; 8]),
            candidates: Vec::new(),
        };
        let evict = (self.chance.below(3) == 0).then(|| self.connection());
        let keep = self.chance.below(4) != 0;
        let address = format!("192.0.2.{}", self.chance.below(3)).parse().ok();
        Entry::Join(Box::new(Join { id: self.id(self.next_connection), newcomer, evict, keep, address }))
    }
}

/// All effects so far, and the check whether they add up.
#[derive(Default)]
pub(crate) struct Book {
    texts: BTreeSet<(Party, u64)>,
    last: BTreeMap<Party, u64>,
    here: BTreeMap<ConnectionId, UserName>,
    names: BTreeMap<UserName, NameBinding>,
    head: Option<Position>,
    last_at: u64,
    over: BTreeSet<ServerId>,
    rooms: BTreeMap<LogId, RoomPage>,
}

/// The effects in one room.
struct RoomPage {
    id: RoomId,
    head: Position,
    members: BTreeSet<ConnectionId>,
    texts: BTreeSet<(Party, u64)>,
    last: BTreeMap<Party, u64>,
}

impl RoomPage {
    fn new(id: &RoomId) -> Self {
        let (members, texts, last) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
        Self { id: id.clone(), head: Position::start(&id.log), members, texts, last }
    }
}

impl Book {
    pub(crate) fn beginning(start: Position) -> Self {
        Self { head: Some(start), ..Self::default() }
    }

    pub(crate) fn note(&mut self, effect: &Effect) {
        match effect {
            Effect::Said { from, room: None, message } => self.said(*from, message),
            Effect::Said { from, room: Some(room), message } => self.said_in(*from, room, message),
            Effect::Accepted { room: None, seq, .. } => {
                assert!(self.head.is_some_and(|head| *seq <= head.seq));
            }
            Effect::Accepted { room: Some(room), seq, .. } => assert!(*seq <= self.rooms[&room.log].head.seq),
            Effect::InRoom { id, name, view, is_new } => {
                assert_eq!(self.here.get(id), Some(&**name), "a user in a room is not in the lobby");
                let other = |page: &&RoomPage| page.id.name == view.id.name && page.id.log != view.id.log;
                assert!(self.rooms.values().find(other).is_none(), "there are two rooms with one name");
                let page = self.rooms.entry(view.id.log).or_insert_with(|| RoomPage::new(&view.id));
                assert_eq!(page.members.insert(*id), *is_new);
                assert_eq!((page.head, page.members.len()), (view.head, view.users as usize));
            }
            Effect::LeftRoom { id, name, room } => {
                assert_eq!(
                    self.here.get(id),
                    Some(&**name),
                    "a user left a room after he had left the lobby"
                );
                let page = self.rooms.get_mut(&room.log).expect("it was joined");
                assert!(page.members.remove(id));
                if page.members.is_empty() && page.head.seq.0 == 0 {
                    self.rooms.remove(&room.log);
                }
            }
            Effect::RoomSeen(kept) => assert!(self.rooms[&kept.id.log].head.seq.0 > 0),
            Effect::RoomGone(room) => {
                assert!(self.rooms.remove(&room.log).expect("it was there").members.is_empty());
            }
            Effect::Joined { id, name, head, .. } => {
                assert_eq!(self.head, Some(*head));
                assert!(!self.here.values().any(|other| *other == **name), "{name} is here twice");
                assert_eq!(self.here.insert(*id, (**name).clone()), None);
            }
            Effect::Left { id, name } => {
                assert_eq!(self.here.remove(id).as_ref(), Some(&**name));
                assert!(
                    self.rooms.values().all(|page| !page.members.contains(id)),
                    "a user who left the lobby is still in a room"
                );
            }
            Effect::TakenOver { id } => assert!(self.here.contains_key(id)),
            Effect::Bound { binding, is_new } => {
                let before = self.names.insert(binding.name.clone(), binding.clone());
                assert_eq!(before.is_none(), *is_new);
                assert!(
                    before.as_ref().is_none_or(|before| before.seen <= binding.seen),
                    "the date of a name went back"
                );
                assert!(
                    before.is_none_or(|before| before.key == binding.key),
                    "a name that is bound got another key"
                );
            }
            Effect::Freed(name) => {
                assert!(self.names.remove(name).is_some());
                assert!(!self.here.values().any(|other| other == name), "{name} is in use");
            }
            Effect::ActKnown { seq, .. } => assert!(self.head.is_some_and(|head| *seq <= head.seq)),
            Effect::SentOut { id, .. } => {
                assert!(self.here.contains_key(id), "a user who is sent out is not in the lobby")
            }
            Effect::NotAdmitted { id, .. } => {
                assert!(!self.here.contains_key(id), "a user who is not let in is in the lobby")
            }
            Effect::Ended(server) => assert!(self.over.insert(*server), "a life ended twice"),
            Effect::Contradicted(place) => panic!("contradicted at {place:?}"),
            Effect::Refused { .. }
            | Effect::NoNameLeft { .. }
            | Effect::NotInRoom { .. }
            | Effect::NotSaid { .. }
            | Effect::Rules(_) => {}
        }
    }

    fn head_of(&self, room: &RoomId) -> Position {
        self.rooms.get(&room.log).map_or(Position::start(&room.log), |page| page.head)
    }

    fn said_in(&mut self, from: ConnectionId, room: &RoomId, message: &LobbyMessage) {
        assert_eq!(
            self.here.get(&from),
            Some(&message.name),
            "the author is not in the lobby under this name"
        );
        let page = self.rooms.get_mut(&room.log).expect("it was joined");
        assert!(page.members.contains(&from), "the author is not in the room");
        let party = (message.key, message.run);
        assert!(page.texts.insert((party, message.id)), "a text has two numbers");
        assert!(
            page.last.insert(party, message.id).is_none_or(|last| last < message.id),
            "the texts of an author are out of order"
        );
        page.head.advance(message).expect("the chain holds");
    }

    fn said(&mut self, from: ConnectionId, message: &LobbyMessage) {
        assert!(!self.over.contains(&from.server()), "an entry of a life that is over was decided");
        assert_eq!(
            self.here.get(&from),
            Some(&message.name),
            "the author is not in the lobby under this name"
        );
        let party = (message.key, message.run);
        assert!(self.texts.insert((party, message.id)), "a text has two numbers");
        assert!(
            self.last.insert(party, message.id).is_none_or(|last| last < message.id),
            "the texts of an author are out of order"
        );
        assert!(message.at >= self.last_at, "the time of the messages goes back");
        self.last_at = message.at;
        self.head.as_mut().expect("it begins somewhere").advance(message).expect("the chain holds");
    }
}

fn messages(effects: &[Effect]) -> Vec<LobbyMessage> {
    messages_of(effects, None)
}

/// Returns the messages of a room, or of the lobby.
fn messages_of(effects: &[Effect], of: Option<&RoomId>) -> Vec<LobbyMessage> {
    let message = |effect: &Effect| match effect {
        Effect::Said { room, message, .. } if room.as_ref() == of => Some(message.clone()),
        _ => None,
    };
    effects.iter().filter_map(message).collect()
}

/// Returns the messages of each room, by its log.
fn messages_of_rooms(effects: &[Effect]) -> BTreeMap<LogId, (RoomId, Vec<LobbyMessage>)> {
    let rooms = effects.iter().filter_map(|effect| match effect {
        Effect::Said { room: Some(room), .. } => Some(room),
        _ => None,
    });
    rooms.map(|room| (room.log, (room.clone(), messages_of(effects, Some(room))))).collect()
}

/// Takes back the messages of these effects.
fn withdraw(machine: &mut Machine, effects: &[Effect]) {
    let rooms = messages_of_rooms(effects);
    let of_room = |room: &RoomId| rooms.get(&room.log).map(|(_, messages)| &messages[..]);
    machine.withdraw(&messages(effects), of_room);
}

fn apply(machine: &mut Machine, ordered: &Ordered<Proposals>) -> Vec<Effect> {
    let mut effects = Vec::new();
    machine.apply(ordered, &mut effects);
    effects
}

/// Returns the time of the last message in these effects, in the lobby or in a room.
fn last_time(effects: &[Effect]) -> Option<u64> {
    effects.iter().rev().find_map(|effect| match effect {
        Effect::Said { message, .. } => Some(message.at),
        _ => None,
    })
}

/// Returns the limit of rooms. In every second story it is so low that rooms give way to others.
pub(crate) fn rooms_there_may_be(seed: u64) -> usize {
    if seed.is_multiple_of(2) { 2 } else { 1000 }
}

/// Makes a machine that has only read what was stored and has applied no entry.
fn anew(log: &MemoryLog, last_at: u64, rooms: usize) -> Machine {
    let head = *log.subscribe().borrow();
    let machine = Machine::new(head, last_at, log.names(), log.posts()).with_rules(log.rules());
    machine.with_rooms(Rooms::new(rooms, log.rooms()))
}

fn play(seed: u64) {
    let mut chance = Chance::of(seed);
    let mut proposer = Proposer { chance: chance.fork(), ..Proposer::of(ServerId(0), seed) };
    let start = Position::start(&LogId::new([7; 16]));
    let rooms = || Rooms::new(rooms_there_may_be(seed), []);
    let [mut one, mut other] =
        [(); 2].map(|()| Machine::new(start, 0, [], Posts::default()).with_rooms(rooms()));
    let mut book = Book::beginning(start);
    for place in 1..=BATCHES {
        let ordered = proposer.ordered(place);
        let effects = apply(&mut one, &ordered);
        if chance.below(6) == 0 {
            // The server could not store the batch, so both machines take it back. Its texts may come again and then
            // count as new.
            withdraw(&mut one, &effects);
            assert_eq!(one.head(), one.stored());
            assert_eq!(apply(&mut other, &ordered), effects, "{ordered:?}");
            withdraw(&mut other, &effects);
            let kept = effects.iter().filter(|effect| {
                !matches!(effect, Effect::Said { .. } | Effect::Accepted { .. } | Effect::ActKnown { .. })
            });
            for effect in kept {
                match effect {
                    // The messages before the join were taken back.
                    Effect::Joined { id, name, is_new, .. } => {
                        let (name, head, is_new) = (Arc::clone(name), one.stored(), *is_new);
                        book.note(&Effect::Joined { id: *id, name, head, is_new });
                    }
                    Effect::InRoom { id, name, view, is_new } => {
                        let head = book.head_of(&view.id);
                        let view = RoomView { head, ..view.clone() };
                        book.note(&Effect::InRoom { id: *id, name: Arc::clone(name), view, is_new: *is_new });
                    }
                    // The date of the room is stored with its messages, and these were not stored.
                    Effect::RoomSeen(kept) if book.head_of(&kept.id).seq.0 == 0 => {}
                    effect => book.note(effect),
                }
            }
            continue;
        }
        assert_eq!(apply(&mut other, &ordered), effects, "{ordered:?}");
        effects.iter().for_each(|effect| book.note(effect));
        one.commit();
        other.commit();
        assert_eq!((one.head(), other.head()), (one.stored(), one.stored()));
        assert_eq!(Some(one.head()), book.head);
    }
}

#[test]
fn the_same_order_leads_to_the_same_consistent_effects_on_every_server() {
    for seed in 0..SEEDS {
        let played = std::panic::catch_unwind(|| play(seed));
        assert!(played.is_ok(), "failed with seed {seed}");
    }
}

/// Returns what a server stores of these effects.
fn stored(machine: &Machine, effects: &[Effect]) -> Batch {
    let rooms = messages_of_rooms(effects).into_values();
    let said = |(id, messages): (RoomId, Vec<LobbyMessage>)| RoomBatch {
        kept: machine.rooms().kept(&id),
        messages: Arc::new(messages),
    };
    let rooms: Vec<RoomBatch> = rooms.map(said).collect();
    let mut batch = Batch { messages: Arc::new(messages(effects)), rooms, ..Batch::default() };
    for effect in effects {
        match effect {
            Effect::Bound { binding, .. } => {
                batch.freed.retain(|name| *name != binding.name);
                batch.names.push(binding.clone());
            }
            Effect::Freed(name) => {
                batch.names.retain(|binding| binding.name != *name);
                batch.freed.push(name.clone());
            }
            Effect::RoomSeen(kept) if batch.rooms.iter().all(|room| room.kept.id != kept.id) => {
                batch.rooms.push(RoomBatch { kept: kept.clone(), messages: Arc::default() });
            }
            Effect::Rules(rules) => batch.rules = Some(Arc::clone(rules)),
            Effect::RoomGone(room) => {
                batch.rooms.retain(|other| other.kept.id != *room);
                batch.gone_rooms.push(room.log);
            }
            _ => {}
        }
    }
    batch
}

#[tokio::test]
async fn a_restarted_server_comes_to_the_same_effects_as_one_that_went_on() {
    for seed in 0..300 {
        let mut chance = Chance::of(seed);
        let mut proposer = Proposer { chance: chance.fork(), ..Proposer::of(ServerId(0), seed) };
        let log = MemoryLog::new(1000);
        let rooms = rooms_there_may_be(seed);
        let mut went_on = anew(&log, 0, rooms);
        let mut last_at = 0;
        for place in 1..=BATCHES {
            let ordered = proposer.ordered(place);
            let effects = apply(&mut went_on, &ordered);
            went_on.commit();
            log.append(stored(&went_on, &effects)).await.unwrap();
            last_at = last_time(&effects).unwrap_or(last_at);
        }
        // All connections end with the server that begins anew. When nobody is connected, the two machines are alike.
        proposer.number += 1;
        let entries = (0..=proposer.next_connection).map(|id| Entry::Leave(ConnectionId(id))).collect();
        let batch =
            Arc::new(Proposals { server: ServerId(0), number: proposer.number, vouch: None, entries });
        let ordered = Ordered { place: Place(BATCHES + 1), at: proposer.now, batch };
        let effects = apply(&mut went_on, &ordered);
        log.append(stored(&went_on, &effects)).await.unwrap();
        let mut began_anew = anew(&log, last_at, rooms);
        // The time of the order does not go back, as in a stream, and a server first says what time it is, which ends
        // old claims to names. The makers of rooms are forgotten after an hour.
        proposer.now += 2 * 3600 * 1000;
        proposer.number += 1;
        let entries =
            vec![Entry::Expire { now: proposer.now, before: 0, unspoken_before: 0, rooms_before: 0 }];
        let batch =
            Arc::new(Proposals { server: ServerId(0), number: proposer.number, vouch: None, entries });
        let ordered = Ordered { place: Place(BATCHES + 2), at: proposer.now, batch };
        assert_eq!(apply(&mut began_anew, &ordered), apply(&mut went_on, &ordered), "seed {seed}");
        for place in 1..=BATCHES {
            let mut ordered = proposer.ordered(BATCHES + 2 + place);
            ordered.at = proposer.now + place * 2000;
            assert_eq!(apply(&mut began_anew, &ordered), apply(&mut went_on, &ordered), "seed {seed}");
            began_anew.commit();
            went_on.commit();
        }
    }
}
