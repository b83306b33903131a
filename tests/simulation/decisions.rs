//! Drives the machine that decides with entries that are made up by chance: several keys and runs, texts sent twice and
//! out of order, names that collide, acts of operators, and batches that come twice. Two machines that are fed the same
//! order must come to the same effects, also when one of them begins anew from what was stored. The effects must add
//! up: each text has at most one number, no name is held by two users, and only users who are in the lobby or room
//! speak there.

use std::collections::BTreeMap;
use std::sync::Arc;

use hobnob_order::{Ordered, Place, ServerId};
use hobnob_protocol::chain::{LobbyMessage, LogId, Position};
use hobnob_server::decide::{
    ConnectionId, Effect, Entry, Machine, Posts, Proposals, RoomId, RoomView, Rooms,
};
use hobnob_server::log::{Batch, LobbyLog, MemoryLog, RoomBatch};

use crate::book::Book;
use crate::chance::Chance;
use crate::proposer::Proposer;

/// How many seeds are always played; below, how many batches each of them has.
const SEEDS: u64 = 3000;
const BATCHES: u64 = 30;

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

/// Returns the batch as it is decided again after its texts and acts were not stored.
fn without_words(ordered: &Ordered<Proposals>) -> Ordered<Proposals> {
    let mut batch = Proposals::clone(&ordered.batch);
    batch.entries.retain(|entry| !matches!(entry, Entry::Say { .. } | Entry::Act(_)));
    Ordered { batch: Arc::new(batch), ..*ordered }
}

fn play(seed: u64) {
    let mut chance = Chance::of(seed);
    let mut proposer = Proposer::by(ServerId(0), chance.fork());
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
            if ordered.batch.entries.iter().any(|entry| matches!(entry, Entry::Act(_))) {
                // An act may have decided what became of everything after it, so nothing of the batch is left.
                let again = without_words(&ordered);
                let effects = apply(&mut one, &again);
                assert_eq!(apply(&mut other, &again), effects, "{again:?}");
                effects.iter().for_each(|effect| book.note(effect));
                continue;
            }
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
        let mut proposer = Proposer::by(ServerId(0), chance.fork());
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
