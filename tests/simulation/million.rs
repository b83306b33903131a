//! What a lobby of very many users takes on each of its servers: bytes in the order, time to apply them, and memory.
//! Only the machine is measured, without sockets; it is fed with what a hundred servers publish. The figures are
//! printed. docs/MEASURING.md has the figures for a million users, whom `HOBNOB_SIM_USERS=1000000` plays and who take a
//! GiB.

use std::sync::Arc;
use std::time::Instant;

use hobnob_order::{Ordered, Payload, Place, ServerId};
use hobnob_protocol::chain::{LogId, Position};
use hobnob_protocol::ids::RunId;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::text::Text;
use hobnob_server::decide::{ConnectionId, Effect, Entry, Join, Machine, Newcomer, Proposals};

use crate::proposer::BEGINNING;

/// How many servers publish, in turn.
const SERVERS: u64 = 100;

/// How many users join in one batch. A server that has thousands of clients gathers as many while a batch is on its way.
const JOINS_OF_A_BATCH: u64 = 100;

/// The machine, and what it was fed.
struct Fed {
    machine: Machine,
    place: u64,
    bytes: usize,
    effects: Vec<Effect>,
}

impl Fed {
    fn new() -> Self {
        let start = Position::start(&LogId::new([9; 16]));
        Self { machine: Machine::shared(start), place: 0, bytes: 0, effects: Vec::new() }
    }

    /// Applies one batch, as it is read from the order. Returns how many effects of the given kind it has.
    fn apply(
        &mut self,
        server: u64,
        number: u64,
        entries: Vec<Entry>,
        counts: impl Fn(&Effect) -> bool,
    ) -> usize {
        let vouch = self.machine.reached();
        let bytes = Proposals { server: ServerId(server), number, vouch, entries }.to_bytes();
        self.bytes += bytes.len();
        self.place += 1;
        let batch = Arc::new(Proposals::from_bytes(&bytes));
        let ordered = Ordered { place: Place(self.place), at: BEGINNING + self.place, batch };
        self.machine.apply(&ordered, &mut self.effects);
        self.machine.commit();
        self.effects.drain(..).filter(counts).count()
    }
}

fn join(server: u64, client: u64) -> Entry {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&(server << 32 | client).to_be_bytes());
    let newcomer = Newcomer {
        wish: format!("user_{server}_{client}").parse().unwrap(),
        key: PublicKey::new(key),
        run: RunId::new([1; 8]),
        candidates: Vec::new(),
    };
    let id = ConnectionId::of(ServerId(server), client as u32);
    Entry::Join(Box::new(Join { id, newcomer, evict: None, keep: true, address: None }))
}

fn say(server: u64, client: u64, id: u64) -> Entry {
    let content = Text::new("x".repeat(128)).unwrap().into();
    Entry::Say { from: ConnectionId::of(ServerId(server), client as u32), id, room: None, content }
}

/// Bytes of this process in memory.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

fn feed(users: u64) {
    let (mut fed, before) = (Fed::new(), resident());
    let (each, mut number) = (users / SERVERS, 0);
    let began = Instant::now();
    let mut joined = 0;
    for first in (0..each).step_by(JOINS_OF_A_BATCH as usize) {
        number += 1;
        for server in 1..=SERVERS {
            let some = first..(first + JOINS_OF_A_BATCH).min(each);
            let entries = some.map(|client| join(server, client)).collect();
            joined += fed.apply(server, number, entries, |effect| matches!(effect, Effect::Joined { .. }));
        }
    }
    assert_eq!(joined as u64, each * SERVERS);
    let (took, grown) = (began.elapsed(), resident().saturating_sub(before));
    eprintln!(
        "{joined} users on {SERVERS} servers: a join is {} bytes in the order and {:.1} us on each server; a user takes {} bytes \
         of each server's memory, {:.0} MiB in all",
        fed.bytes / joined,
        took.as_secs_f64() * 1e6 / joined as f64,
        grown / joined as u64,
        grown as f64 / f64::from(1 << 20)
    );
    for of_a_batch in [1, 100] {
        let (bytes, texts, began) = (fed.bytes, 2000, Instant::now());
        let mut said = 0;
        for _ in 0..texts / of_a_batch {
            number += 1;
            let server = 1 + number % SERVERS;
            let entries = (0..of_a_batch).map(|client| say(server, client % each, number)).collect();
            said += fed.apply(server, number, entries, |effect| matches!(effect, Effect::Said { .. }));
        }
        assert_eq!(said as u64, texts);
        eprintln!(
            "a text of 128 bytes, {of_a_batch} in a batch: {} bytes in the order, {:.1} us on each server",
            (fed.bytes - bytes) / said,
            began.elapsed().as_secs_f64() * 1e6 / said as f64
        );
    }
    let bytes = fed.bytes;
    fed.apply(1, number + 1, Vec::new(), |_| true);
    let began = Instant::now();
    let saved = fed.machine.save().map_or(0, |saved| saved.len());
    eprintln!(
        "a sign of life: {} bytes; all of the machine, as it is noted and told to servers that come new: {:.0} MiB in {:.1} s",
        fed.bytes - bytes,
        saved as f64 / f64::from(1 << 20),
        began.elapsed().as_secs_f64()
    );
}

#[test]
fn many_users_on_many_servers_share_one_lobby() {
    let users = std::env::var("HOBNOB_SIM_USERS").map_or(20_000, |users| users.parse().unwrap());
    feed(users);
}
