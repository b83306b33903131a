//! What a lobby of very many users takes on each of its servers: bytes in the order, time to apply them, memory, and
//! how long the lobby stands still when its machine is saved. Only the machine is measured, without sockets; it is fed
//! with what a hundred servers publish. Times are those of the CPU, so that they are of use on a busy machine, too. The
//! figures are printed. docs/MEASURING.md has the figures for a million users, whom `HOBNOB_SIM_USERS=1000000` plays
//! and who take half a GiB.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use hobnob_order::{Ordered, Payload, Place, ServerId};
use hobnob_protocol::chain::{LogId, Position};
use hobnob_protocol::ids::RunId;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::text::Text;
use hobnob_server::decide::{ConnectionId, Effect, Entry, Join, Machine, Newcomer, Proposals};

use crate::proposer::BEGINNING;

/// How many servers publish, in turn.
const SERVERS: u64 = 100;

/// How many users join in one batch. A server that has thousands of clients gathers as many while a batch is on its
/// way.
const JOINS_OF_A_BATCH: u64 = 100;

/// Batches that are measured before the machine is saved, to compare.
const BATCHES_BEFORE: u64 = 100;

/// The machine, and what it was fed.
struct Fed {
    machine: Machine,
    place: u64,
    bytes: usize,
    effects: Vec<Effect>,
    /// How long each batch took to be read and applied.
    took: Vec<Duration>,
}

impl Fed {
    fn new() -> Self {
        let start = Position::start(&LogId::new([9; 16]));
        Self { machine: Machine::shared(start), place: 0, bytes: 0, effects: Vec::new(), took: Vec::new() }
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
        let began = ran();
        let batch = Arc::new(Proposals::from_bytes(&bytes));
        let ordered = Ordered { place: Place(self.place), at: BEGINNING + self.place, batch };
        self.machine.apply(&ordered, &mut self.effects);
        self.machine.commit();
        let counted = self.effects.drain(..).filter(counts).count();
        self.took.push(ran() - began);
        counted
    }

    /// Returns how long each batch took since the last call, the shortest first.
    fn took(&mut self) -> Vec<Duration> {
        let mut took = std::mem::take(&mut self.took);
        took.sort_unstable();
        took
    }

    /// Applies the look for names to free, which servers propose once an hour.
    fn expire(&mut self, (server, number): (u64, u64), now: u64) {
        let expire = Entry::Expire { now, before: 0, unspoken_before: 0, rooms_before: 0 };
        self.apply(server, number, vec![expire], |_| true);
    }
}

/// Returns another number for each number, in no order, as keys and names come (the last steps of SplitMix64).
fn mixed(number: u64) -> u64 {
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}

fn join(server: u64, client: u64) -> Entry {
    let random = mixed(server << 32 | client);
    let mut key = [0; 32];
    key[..8].copy_from_slice(&random.to_be_bytes());
    let newcomer = Newcomer {
        wish: format!("u{:011x}", random >> 20).parse().unwrap(),
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

/// Returns how long this thread has run on a CPU.
fn ran() -> Duration {
    // The system counts it when another thread might get its turn.
    thread::yield_now();
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(stat.split_whitespace().next().unwrap().parse().unwrap())
}

fn micros(took: &[Duration], each: usize) -> f64 {
    took.iter().sum::<Duration>().as_secs_f64() * 1e6 / each as f64
}

fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}

/// Returns the median, the one that one of a hundred exceeds, and the longest, in milliseconds.
fn spread(took: &[Duration]) -> String {
    let at = |part: f64| millis(took[((took.len() - 1) as f64 * part) as usize]);
    format!("{:.2}, {:.2} and {:.2} ms", at(0.5), at(0.99), at(1.0))
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
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
    fed.expire((SERVERS + 1, 1), BEGINNING);
    fed.took();
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
    let (took, grown) = (fed.took(), resident().saturating_sub(before));
    eprintln!(
        "{joined} users on {SERVERS} servers: a join is {} bytes in the order and {:.1} us on each server; a user takes \
         {} bytes of each server's memory, {:.0} MiB in all",
        fed.bytes / joined,
        micros(&took, joined),
        grown / joined as u64,
        mebibytes(grown)
    );
    for of_a_batch in [1, 100] {
        let (bytes, texts) = (fed.bytes, 2000);
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
            micros(&fed.took(), said)
        );
    }
    let bytes = fed.bytes;
    fed.apply(1, number + 1, Vec::new(), |_| true);
    eprintln!("a sign of life: {} bytes", fed.bytes - bytes);
    fed.took();
    fed.expire((1, number + 2), BEGINNING + 3600 * 1000);
    eprintln!(
        "the look for names to free, once an hour: {:.1} ms",
        fed.took().iter().copied().map(millis).sum::<f64>()
    );
    save_meanwhile(&mut fed, each, number + 3);
}

/// The machine is saved by another thread while users come and go.
fn save_meanwhile(fed: &mut Fed, each: u64, mut number: u64) {
    let mut come_and_go = |fed: &mut Fed, round: u64| {
        number += 1;
        let server = 1 + number % SERVERS;
        let gone = (0..JOINS_OF_A_BATCH / 2).map(|n| (round * JOINS_OF_A_BATCH / 2 + n) % each);
        let gone = gone.map(|client| Entry::Leave(ConnectionId::of(ServerId(server), client as u32)));
        let come = (0..JOINS_OF_A_BATCH / 2).map(|n| join(server, each + number * JOINS_OF_A_BATCH + n));
        fed.apply(server, number, gone.chain(come).collect(), |effect| {
            matches!(effect, Effect::Joined { .. })
        })
    };
    (0..BATCHES_BEFORE).for_each(|round| assert_eq!(come_and_go(fed, round), JOINS_OF_A_BATCH as usize / 2));
    let usually = fed.took();
    let expected = fed.machine.save().unwrap();

    let (before, began) = (resident(), ran());
    let snapshot = fed.machine.snapshot().unwrap();
    let took = ran() - began;
    let saving = thread::spawn(move || {
        let saved = snapshot.to_bytes();
        drop(snapshot);
        (saved, ran())
    });
    let mut rounds = BATCHES_BEFORE;
    while rounds < 2 * BATCHES_BEFORE || !saving.is_finished() {
        assert_eq!(come_and_go(fed, rounds), JOINS_OF_A_BATCH as usize / 2);
        rounds += 1;
    }
    let grown = resident().saturating_sub(before);
    let (saved, saving_took) = saving.join().unwrap();
    assert!(saved == expected, "what came meanwhile is not in it");
    eprintln!(
        "all of the machine, as it is noted and told to servers that come new: {:.0} MiB in {:.1} s in another thread; to begin \
         that takes {:.3} ms; a batch of {JOINS_OF_A_BATCH} who come and go takes {} (half of them, 99 of 100, all), and \
         meanwhile {} ({} batches); {:.0} MiB more in memory meanwhile, with the bytes themselves",
        mebibytes(saved.len() as u64),
        saving_took.as_secs_f64(),
        millis(took),
        spread(&usually),
        spread(&fed.took()),
        rounds - BATCHES_BEFORE,
        mebibytes(grown),
    );
}

#[test]
fn many_users_on_many_servers_share_one_lobby() {
    let users = std::env::var("HOBNOB_SIM_USERS").map_or(20_000, |users| users.parse().unwrap());
    feed(users);
}
