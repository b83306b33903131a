//! Several servers share an order that misbehaves: batches are stored twice, or late, or after a later batch, or after
//! the life of their server was declared over. Machines that follow this order come to the same effects and to the same
//! hash of everything they decided. This includes a machine that goes on from what another one has saved. What they
//! decided must add up.

use std::sync::Arc;

use hobnob_order::{Ordered, Place, ServerId};
use hobnob_protocol::chain::{LogId, Position};
use hobnob_server::decide::{Effect, Entry, Machine, Proposals, Rooms, Saved};

use crate::book::Book;
use crate::chance::Chance;
use crate::decisions::rooms_there_may_be;
use crate::proposer::{BEGINNING, Proposer};

/// How many seeds are always played; below, how many batches each has and how many servers there are at once.
const SEEDS: u64 = 600;
const BATCHES: u64 = 40;
const SERVERS: u64 = 3;

/// An order while it is being made.
struct Story {
    chance: Chance,
    servers: Vec<Proposer>,
    next_server: u64,
    order: Vec<Arc<Proposals>>,
    /// Batches that get their place later than other batches of their server.
    late: Vec<Arc<Proposals>>,
}

impl Story {
    fn new(seed: u64) -> Self {
        let servers = (1..=SERVERS).map(|n| Proposer::of(ServerId(n), seed ^ n)).collect();
        let chance = Chance::of(seed);
        Self { chance, servers, next_server: SERVERS + 1, order: Vec::new(), late: Vec::new() }
    }

    fn step(&mut self) {
        let index = self.chance.below(SERVERS) as usize;
        let batch = self.servers[index].next_batch();
        match self.chance.below(8) {
            0 => self.order.extend([Arc::clone(&batch), batch]),
            1 => self.late.push(batch),
            2 => {
                // A life is over. Late batches of it are still stored, and its server begins a new life.
                let last = if self.chance.below(3) == 0 { batch.number } else { batch.number + 1 };
                let gone = Entry::Gone { server: batch.server, last };
                self.late.push(Arc::clone(&batch));
                self.order.push(batch);
                let by = (index + 1) % self.servers.len();
                let told = self.servers[by].with(vec![gone]);
                self.order.push(told);
                let server = ServerId(self.next_server);
                self.next_server += 1;
                self.servers[index] = Proposer::of(server, self.chance.below(u64::MAX));
            }
            _ => self.order.push(batch),
        }
        if !self.late.is_empty() && self.chance.below(3) == 0 {
            let index = self.chance.below(self.late.len() as u64) as usize;
            self.order.push(self.late.swap_remove(index));
        }
    }
}

fn play(seed: u64) -> u64 {
    let mut story = Story::new(seed);
    (0..BATCHES).for_each(|_| story.step());
    let start = Position::start(&LogId::new([7; 16]));
    let rooms = rooms_there_may_be(seed);
    let [mut one, mut other] = [(); 2].map(|()| Machine::shared(start).with_rooms(Rooms::new(rooms, [])));
    let mut book = Book::beginning(start);
    let (mut said, mut vouched) = (0, None);
    for (batch, place) in story.order.iter().zip(1..) {
        // The clock of the order may go back.
        let at = BEGINNING + place * 100 - story.chance.below(300);
        // Each server vouches for what it had decided a while ago.
        let batch = Arc::new(Proposals { vouch: vouched, ..Proposals::clone(batch) });
        let ordered = Ordered { place: Place(place), at, batch };
        let (mut first, mut second) = (Vec::new(), Vec::new());
        one.apply(&ordered, &mut first);
        one.commit();
        other.apply(&ordered, &mut second);
        other.commit();
        assert_eq!(first, second, "seed {seed}, place {place}");
        assert_eq!(one.reached(), other.reached(), "seed {seed}, place {place}");
        first.iter().for_each(|effect| book.note(effect));
        said += first.iter().filter(|effect| matches!(effect, Effect::Said { .. })).count() as u64;
        if story.chance.below(6) == 0 {
            vouched = one.reached();
        }
        if story.chance.below(6) == 0 {
            // One machine ends, and a new one goes on from what the other machine has saved.
            let saved = one.save().expect("it shares an order and nothing is staged");
            other = Saved::read(&saved).unwrap().into_machine();
            assert_eq!(other.save(), Some(saved), "seed {seed}, place {place}");
        }
    }
    said
}

#[test]
fn servers_of_one_order_make_the_same_decisions_even_if_batches_are_lost() {
    let said: u64 = (0..SEEDS).map(play).sum();
    assert!(said > SEEDS, "hardly anything was said: {said}");
}

#[test]
fn a_server_with_a_different_decision_is_noticed() {
    let start = Position::start(&LogId::new([7; 16]));
    let (mut one, mut other) = (Machine::shared(start), Machine::shared(start));
    let ordered = |place, batch: Arc<Proposals>, vouch| {
        let batch = Arc::new(Proposals { vouch, ..Proposals::clone(&batch) });
        Ordered { place: Place(place), at: BEGINNING, batch }
    };
    // A user joins on one server and not on the other.
    let (mut proposer, mut idle) = (Proposer::of(ServerId(1), 1), Proposer::of(ServerId(1), 1));
    let join = vec![proposer.join()];
    one.apply(&ordered(1, proposer.with(join), None), &mut Vec::new());
    other.apply(&ordered(1, idle.with(Vec::new()), None), &mut Vec::new());
    let mut effects = Vec::new();
    other.apply(&ordered(2, idle.with(Vec::new()), one.reached()), &mut effects);
    assert_eq!(effects, [Effect::Contradicted(Place(1))]);
    effects.clear();
    one.apply(&ordered(2, proposer.with(Vec::new()), one.reached()), &mut effects);
    assert_eq!(effects, []);
}
