//! One lobby on three servers over three nodes of NATS, while one after another of them is killed, frozen or stopped.
//! The clients go on at other servers, and the ledger must add up as with one server. On a machine without nats-server
//! these tests are skipped with a note, except in CI.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use nix::sys::signal::Signal;
use serde_json::json;

use crate::chance::{Chance, Span};
use crate::crashes::verified;
use crate::ledger::{Speaker, adds_up, sees};
use crate::node::{self, Nodes};
use crate::support::client::Client;
use crate::support::launch::Launch;
use crate::support::server::Server;

/// How long a server may take to end.
const ENDS_WITHIN: Duration = Duration::from_secs(6);

/// The clients that say a text at every [`TICK`].
const TICKING: [&str; 3] = ["greta", "hugo", "ines"];

/// The pause between two texts of these clients, from which the test sees how long a fault silences them.
const TICK: Duration = Duration::from_millis(200);

/// The longest freeze. It is longer than the silence after which the others take a server for gone.
const ICE: Duration = Duration::from_secs(10);

struct Cluster {
    nodes: Nodes,
    servers: Vec<Server>,
}

impl Cluster {
    /// Returns `None` if this machine has no nats-server.
    fn start(nodes: usize, servers: usize) -> Option<Self> {
        let nodes = node::start(nodes, false)?;
        let args = ["--rate", "100000", "--nats", nodes.joined(), "--lobby", "faults"];
        let first = Server::start(&args);
        let mut all = vec![first];
        for _ in 1..servers {
            let next = all[0].beside();
            all.push(next);
        }
        Some(Self { nodes, servers: all })
    }

    /// Starts a client that knows all servers.
    fn join(&self, name: &str) -> Client {
        let all: Vec<&str> = self.servers.iter().map(Server::address).collect();
        Launch::hobnob().server(&all.join(",")).name(name).join()
    }

    /// Breaks something for a while and mends it. Returns what it was.
    fn fault(&mut self, chance: &mut Chance) -> &'static str {
        let server = chance.below(self.servers.len() as u64) as usize;
        let node = chance.below(self.nodes.nodes.len() as u64) as usize;
        match chance.below(7) {
            0 => {
                self.servers[server].kill();
                chance.moment(Duration::from_secs(2));
                self.servers[server].restart();
                "a server killed"
            }
            1 => {
                self.servers[server].freeze();
                chance.moment(ICE);
                self.servers[server].thaw();
                "a server frozen"
            }
            2 => {
                let _how = self.servers[server].stop(Signal::SIGTERM, ENDS_WITHIN);
                chance.moment(Duration::from_secs(2));
                self.servers[server].restart();
                "a server stopped"
            }
            3 => {
                self.nodes.nodes[node].kill();
                chance.moment(Duration::from_secs(4));
                self.nodes.nodes[node].start_again();
                "a node killed"
            }
            4 => {
                self.nodes.nodes[node].freeze(true);
                chance.moment(Duration::from_secs(4));
                self.nodes.nodes[node].freeze(false);
                "a node frozen"
            }
            5 => {
                let two = self.kill_all_but(node);
                chance.moment(Duration::from_secs(3));
                two.into_iter().for_each(|node| self.nodes.nodes[node].start_again());
                "two nodes killed"
            }
            _ => {
                // What only this node has stored was never acknowledged, and has to be given up when it comes back.
                let two = self.kill_all_but(node);
                chance.moment(Duration::from_secs(3));
                self.nodes.nodes[node].kill();
                two.into_iter().for_each(|node| self.nodes.nodes[node].start_again());
                chance.moment(Duration::from_secs(8));
                self.nodes.nodes[node].start_again();
                "all nodes killed"
            }
        }
    }

    /// Kills the two other nodes of three, and returns them.
    fn kill_all_but(&mut self, node: usize) -> [usize; 2] {
        let two = [(node + 1) % 3, (node + 2) % 3];
        two.into_iter().for_each(|node| self.nodes.nodes[node].kill());
        two
    }
}

#[test]
fn every_text_is_stored_once_and_in_one_order_whichever_servers_and_nodes_die() {
    let Some(mut cluster) = Cluster::start(3, 3) else { return };
    let mut chance = Chance::new("servers and nodes");
    let span = Span::rounds(12);
    let observers = ["dora", "emil", "fred"].map(|name| cluster.join(name));
    let mut speakers: Vec<Speaker> =
        ["anna", "bobby", "carmen"].map(|name| Speaker::new(name, cluster.join(name))).into();
    let mut faults = Vec::new();
    let ticks = TICKING.map(|name| Ticking::begin(Speaker::new(name, cluster.join(name))));
    while span.goes_on(faults.len()) {
        speakers.iter_mut().for_each(|speaker| speaker.type_many(1 + chance.below(25)));
        let began = Timestamp::now();
        faults.push((cluster.fault(&mut chance), began));
        speakers.iter_mut().for_each(|speaker| speaker.type_many(chance.below(5)));
        if chance.below(3) > 0 {
            let up = speakers[0].client.mark();
            speakers[0].type_one();
            let last = speakers[0].typed.last().unwrap();
            speakers[0].client.wait_after(up, json!({"event": "sent", "text": last}));
        }
    }
    speakers.extend(ticks.map(Ticking::end));
    speakers.iter_mut().for_each(Speaker::type_one);
    for speaker in &speakers {
        speaker.settle();
        observers.iter().for_each(|observer| sees(observer, speaker.typed.last().unwrap()));
    }
    let messages = adds_up(&speakers, &observers, &[]);
    for speaker in &speakers {
        speaker.client.has_no(json!({"event": "unsent"}));
    }
    for server in &mut cluster.servers {
        let ended = server.stop(Signal::SIGTERM, ENDS_WITHIN);
        assert_eq!(verified(server), messages, "after {faults:?}\n{}", ended.stderr.join("\n"));
    }
    eprintln!("{} faults, {messages} messages, {} observers, nothing lost", faults.len(), observers.len());
    tell_silences(&faults, &observers[0]);
}

/// A client that says something again and again, so that the test sees for how long nothing can be said.
struct Ticking {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Speaker>,
}

impl Ticking {
    fn begin(mut speaker: Speaker) -> Self {
        let is_over = Arc::<AtomicBool>::default();
        let over = Arc::clone(&is_over);
        let thread = std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                speaker.type_one();
                std::thread::sleep(TICK); // this is how often a text is said; nothing is waited for
            }
            speaker
        });
        Self { is_over, thread }
    }

    fn end(self) -> Speaker {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// Prints for how long each kind of fault silenced the clients: the longest time between two texts of one client in the
/// lobby's log, from the fault until the next fault.
fn tell_silences(faults: &[(&'static str, Timestamp)], observer: &Client) {
    let said = TICKING.map(|name| {
        let heard = observer.all(json!({"event": "message", "from": name}));
        heard.iter().map(|event| event["at"].as_str().unwrap().parse().unwrap()).collect::<Vec<Timestamp>>()
    });
    let mut silences: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (index, (fault, began)) in faults.iter().enumerate() {
        let ends = faults.get(index + 1).map(|(_, next)| *next);
        let gaps = said
            .iter()
            .flat_map(|times| times.windows(2))
            .filter(|pair| pair[1] >= *began && ends.is_none_or(|ends| pair[0] < ends));
        let longest = gaps.map(|pair| pair[0].duration_until(pair[1]).as_secs_f64()).fold(0.0, f64::max);
        silences.entry(fault).or_default().push(longest);
    }
    for (fault, mut seconds) in silences {
        seconds.sort_by(f64::total_cmp);
        let (middle, longest) = (seconds[seconds.len() / 2], seconds[seconds.len() - 1]);
        eprintln!(
            "{fault:<18} {:>3} times, silent for {middle:.1} s, {longest:.1} s at the most",
            seconds.len()
        );
    }
}

#[test]
fn clients_of_a_killed_server_rejoin_at_another_with_their_names() {
    let Some(mut cluster) = Cluster::start(1, 2) else { return };
    let clients = ["anna", "bobby", "carmen", "dora"].map(|name| cluster.join(name));
    for client in &clients {
        client.say(&format!("{} is here", client.name()));
    }
    let marks: Vec<usize> = clients.iter().map(Client::mark).collect();
    cluster.servers[1].kill();
    for (client, mark) in clients.iter().zip(&marks) {
        let welcome = client.welcome();
        if welcome["server"] == json!(cluster.servers[1].address()) {
            client.wait_after(*mark, json!({"event": "link", "session": 0, "state": "up"}));
        }
        let name = client.name();
        let text = format!("{name} is there");
        client.say(&text);
        clients.iter().filter(|other| other.name() != name).for_each(|other| sees(other, &text));
    }
    let mut users = clients[0].users();
    users.sort();
    assert_eq!(users, ["anna", "bobby", "carmen", "dora"]);
    clients.iter().for_each(|client| client.has_no(json!({"event": "left"})));
}
