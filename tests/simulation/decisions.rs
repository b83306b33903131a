//! The machine that decides, driven directly with entries that chance made up: several keys and runs, texts sent
//! twice and out of order, names that collide, batches that come twice. Two machines that are fed the same order
//! must come to the same effects, also when one of them begins anew from what was stored, and the effects must add
//! up: each text has one number at most, no name is held by two, and nobody speaks who is not in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hobnob_order::{Ordered, Place, ServerId};
use hobnob_protocol::away::AwayText;
use hobnob_protocol::chain::{LobbyMessage, Position};
use hobnob_protocol::name::{LogId, PublicKey, RunId, Text, UserName};
use hobnob_server::decide::{
    ConnectionId, Effect, Entry, Join, Machine, NameBinding, Newcomer, Party, Posts, Proposals,
};
use hobnob_server::log::{Batch, LobbyLog, MemoryLog};

use crate::chance::Chance;

/// Seeds that are always played, and batches in each.
const SEEDS: u64 = 3000;
const BATCHES: u64 = 30;

/// When the story begins, in milliseconds since 1970-01-01 UTC: a time that a clock can show.
const BEGINNING: u64 = 1_795_000_000_000;

/// So few that their choices collide.
const KEYS: u64 = 4;
const RUNS: u64 = 3;
const NAMES: [&str; 4] = ["anna", "ANNA", "anna_2", "bobby"];

/// What a chance-made server proposes.
struct Proposer {
    chance: Chance,
    number: u64,
    now: u64,
    next_connection: u64,
}

impl Proposer {
    fn batch(&mut self) -> Arc<Proposals> {
        // Now and then the number of the one before: it comes a second time.
        if self.number == 0 || self.chance.below(8) != 0 {
            self.number += 1;
        }
        let entries = (0..1 + self.chance.below(8)).map(|_| self.entry()).collect();
        Arc::new(Proposals { server: ServerId(0), number: self.number, entries })
    }

    fn ordered(&mut self, place: u64) -> Ordered<Proposals> {
        let batch = self.batch();
        // The clock may go back.
        self.now = (self.now + self.chance.below(2000)).saturating_sub(500);
        Ordered { place: Place(place), at: self.now, batch }
    }

    /// One of the latest connections, which may be gone already.
    fn connection(&mut self) -> ConnectionId {
        ConnectionId(self.next_connection.saturating_sub(self.chance.below(8)))
    }

    fn entry(&mut self) -> Entry {
        let from = self.connection();
        match self.chance.below(10) {
            0..5 => {
                let id = self.chance.below(12);
                Entry::Say { from, id, room: None, content: Text::new(format!("text {id}")).unwrap().into() }
            }
            5..8 => self.join(),
            8 => match self.chance.below(3) {
                0 => Entry::Away { from, away: Some(AwayText::new("lunch").unwrap()) },
                1 => Entry::Away { from, away: None },
                _ => Entry::Expire {
                    now: self.now.saturating_sub(self.chance.below(20_000)),
                    before: self.now.saturating_sub(self.chance.below(20_000)),
                    unspoken_before: self.now.saturating_sub(self.chance.below(20_000)),
                },
            },
            _ => Entry::Leave(from),
        }
    }

    fn join(&mut self) -> Entry {
        self.next_connection += 1;
        let newcomer = Newcomer {
            wish: NAMES[self.chance.below(NAMES.len() as u64) as usize].parse().unwrap(),
            key: PublicKey::new([self.chance.below(KEYS) as u8; 32]),
            run: RunId::new([self.chance.below(RUNS) as u8; 8]),
            candidates: Vec::new(),
        };
        let evict = (self.chance.below(3) == 0).then(|| self.connection());
        let keep = self.chance.below(4) != 0;
        Entry::Join(Box::new(Join { id: ConnectionId(self.next_connection), newcomer, evict, keep }))
    }
}

/// What was told so far, and whether it adds up.
#[derive(Default)]
struct Book {
    texts: BTreeSet<(Party, u64)>,
    last: BTreeMap<Party, u64>,
    here: BTreeMap<ConnectionId, UserName>,
    names: BTreeMap<UserName, NameBinding>,
    head: Option<Position>,
    last_at: u64,
}

impl Book {
    fn note(&mut self, effect: &Effect) {
        match effect {
            Effect::Said { from, message } => self.said(*from, message),
            Effect::Accepted { seq, .. } => assert!(self.head.is_some_and(|head| *seq <= head.seq)),
            Effect::Joined { id, name, head, .. } => {
                assert_eq!(self.head, Some(*head));
                assert!(!self.here.values().any(|other| *other == **name), "{name} is here twice");
                assert_eq!(self.here.insert(*id, (**name).clone()), None);
            }
            Effect::Left { id, name } => assert_eq!(self.here.remove(id).as_ref(), Some(&**name)),
            Effect::TakenOver { id } => assert!(self.here.contains_key(id)),
            Effect::Bound { binding, is_new } => {
                let before = self.names.insert(binding.name.clone(), binding.clone());
                assert_eq!(before.is_none(), *is_new);
                assert!(before.as_ref().is_none_or(|before| before.seen <= binding.seen), "a date went back");
                assert!(before.is_none_or(|before| before.key == binding.key), "a name changed its key");
            }
            Effect::Freed(name) => {
                assert!(self.names.remove(name).is_some());
                assert!(!self.here.values().any(|other| other == name), "{name} is in use");
            }
            Effect::Refused { .. } | Effect::NoNameLeft { .. } => {}
        }
    }

    fn said(&mut self, from: ConnectionId, message: &LobbyMessage) {
        assert_eq!(self.here.get(&from), Some(&message.name), "who speaks is in, under this name");
        let party = (message.key, message.run);
        assert!(self.texts.insert((party, message.id)), "a text has two numbers");
        assert!(self.last.insert(party, message.id).is_none_or(|last| last < message.id), "out of order");
        assert!(message.at >= self.last_at, "time goes back");
        self.last_at = message.at;
        self.head.as_mut().expect("it begins somewhere").advance(message).expect("the chain holds");
    }
}

fn messages(effects: &[Effect]) -> Vec<LobbyMessage> {
    let message = |effect: &Effect| match effect {
        Effect::Said { message, .. } => Some(message.clone()),
        _ => None,
    };
    effects.iter().filter_map(message).collect()
}

fn apply(machine: &mut Machine, ordered: &Ordered<Proposals>) -> Vec<Effect> {
    let mut effects = Vec::new();
    machine.apply(ordered, &mut effects);
    effects
}

/// A machine that has only read what was stored, and applied no entry.
fn anew(log: &MemoryLog, last_at: u64) -> Machine {
    let head = *log.subscribe().borrow();
    Machine::new(head, last_at, log.names(), log.posts())
}

fn play(seed: u64) {
    let mut chance = Chance::of(seed);
    let mut proposer = Proposer { chance: chance.fork(), number: 0, now: BEGINNING, next_connection: 0 };
    let start = Position::start(&LogId::new([7; 16]));
    let [mut one, mut other] = [(); 2].map(|()| Machine::new(start, 0, [], Posts::default()));
    let mut book = Book { head: Some(start), ..Book::default() };
    for place in 1..=BATCHES {
        let ordered = proposer.ordered(place);
        let effects = apply(&mut one, &ordered);
        if chance.below(6) == 0 {
            // One of them could not store it, and is given it again under another number: its texts are as new.
            let said = messages(&effects);
            one.withdraw(&said);
            assert_eq!(one.head(), one.stored());
            assert_eq!(apply(&mut other, &ordered), effects, "{ordered:?}");
            other.withdraw(&said);
            let kept = effects
                .iter()
                .filter(|effect| !matches!(effect, Effect::Said { .. } | Effect::Accepted { .. }));
            for effect in kept {
                match effect {
                    // What it came after was taken back.
                    Effect::Joined { id, name, is_new, .. } => {
                        let (name, head, is_new) = (Arc::clone(name), one.stored(), *is_new);
                        book.note(&Effect::Joined { id: *id, name, head, is_new });
                    }
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
fn the_same_orders_lead_to_the_same_effects_and_those_add_up() {
    for seed in 0..SEEDS {
        let played = std::panic::catch_unwind(|| play(seed));
        assert!(played.is_ok(), "failed with seed {seed}");
    }
}

/// What a server stores of these effects.
fn stored(effects: &[Effect]) -> Batch {
    let mut batch = Batch { messages: Arc::new(messages(effects)), ..Batch::default() };
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
            _ => {}
        }
    }
    batch
}

#[tokio::test]
async fn a_server_that_begins_anew_comes_to_the_same_effects_as_one_that_went_on() {
    for seed in 0..300 {
        let mut chance = Chance::of(seed);
        let mut proposer = Proposer { chance: chance.fork(), number: 0, now: BEGINNING, next_connection: 0 };
        let log = MemoryLog::new(1000);
        let mut went_on = anew(&log, 0);
        let mut last_at = 0;
        for place in 1..=BATCHES {
            let ordered = proposer.ordered(place);
            let effects = apply(&mut went_on, &ordered);
            went_on.commit();
            log.append(stored(&effects)).await.unwrap();
            last_at = messages(&effects).last().map_or(last_at, |message| message.at);
        }
        // Everybody's connections end with the server that began anew; where nobody is in, both are alike.
        proposer.number += 1;
        let entries = (0..=proposer.next_connection).map(|id| Entry::Leave(ConnectionId(id))).collect();
        let batch = Arc::new(Proposals { server: ServerId(0), number: proposer.number, entries });
        let ordered = Ordered { place: Place(BATCHES + 1), at: proposer.now, batch };
        let effects = apply(&mut went_on, &ordered);
        log.append(stored(&effects)).await.unwrap();
        let mut began_anew = anew(&log, last_at);
        // As in a stream, whose clock does not go back; and a server says first which time it is for names.
        proposer.now += 1_000_000;
        proposer.number += 1;
        let entries = vec![Entry::Expire { now: proposer.now, before: 0, unspoken_before: 0 }];
        let batch = Arc::new(Proposals { server: ServerId(0), number: proposer.number, entries });
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
