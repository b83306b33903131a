//! One lobby on one, two and three servers, over one node of NATS and over three, compared with a single server that
//! has as many clients as each of those servers. And how long a thousand clients are away when their server dies.

use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::{World, faults};
use crate::crowd::Crowd;
use crate::load::{self, Cost, Measured, Pace};
use crate::nodes::{self, Nodes};
use crate::report::{Figure, Goal};
use crate::subject::{Kind, Programs, Subject};

/// The shapes that are measured: how many servers a lobby has, and how many nodes keep its stream.
const SHAPES: [(usize, usize); 6] = [(1, 1), (1, 3), (2, 1), (2, 3), (3, 1), (3, 3)];

/// The shapes in a smoke test, which only shows that everything works.
const SHAPES_OF_A_SMOKE: [(usize, usize); 2] = [(1, 1), (3, 3)];

/// How many clients there are in all when the order is measured, and not the fan-out.
const FEW: usize = 12;

/// How many texts all senders of a full load together have under way.
const UNDER_WAY: usize = 12_000;

/// How many clients are on the server that dies.
const BEREAVED: usize = 1000;

/// Texts a second of a steady load.
const RATE: f64 = 20.0;

/// Several servers and the nodes that they share.
struct Cluster {
    servers: Vec<Subject>,
    nodes: Nodes,
}

impl Cluster {
    fn start(programs: &Programs, nats: &Path, nodes: usize, servers: usize) -> anyhow::Result<Self> {
        let nodes = Nodes::start(nats, nodes, programs.dir())?;
        let mut started: Vec<Subject> = Vec::new();
        for index in 0..servers {
            let server = Subject::start_clustered(programs, nodes.urls(), started.first());
            started.push(server.with_context(|| format!("server {index} of {servers}"))?);
        }
        Ok(Self { servers: started, nodes })
    }

    fn crowd(&self, servers: &[Subject]) -> anyhow::Result<Crowd> {
        Crowd::over(Kind::Hobnob, servers.iter().map(|server| server.addr).collect())
    }
}

impl Measured for Cluster {
    /// The CPU of the servers, then that of the nodes.
    fn cpus(&self) -> anyhow::Result<Vec<Duration>> {
        let mut cpus: Vec<Duration> = self.servers.iter().map(Subject::cpu).collect::<Result<_, _>>()?;
        cpus.extend(self.nodes.cpu()?);
        Ok(cpus)
    }
}

/// The four loads, always measured in this order: the first two with few clients, the others with all clients.
struct Loads<T> {
    quiet: T,
    order: T,
    steady: T,
    full: T,
}

pub(super) fn cluster(world: &mut World) -> anyhow::Result<Vec<Figure>> {
    let Some(nats) = nodes::program() else {
        ensure!(std::env::var_os("CI").is_none(), "nats-server is needed here: .ci/run installs it");
        writeln!(io::stderr(), "cluster is skipped: no nats-server in target/tools/bin or in the path")?;
        return Ok(Vec::new());
    };
    let clients = world.clients(world.clients);
    let shapes: &[(usize, usize)] = if world.smoke { &SHAPES_OF_A_SMOKE } else { &SHAPES };
    let mut rows: Vec<Rows> =
        shapes.iter().map(|&(servers, nodes)| Rows::new(servers, nodes, clients)).collect();
    for _ in 0..world.rounds {
        // Shapes with the same number of servers are measured together, and compared with the same single server.
        for rows in rows.chunk_by_mut(|one, other| one.servers == other.servers) {
            let servers = rows[0].servers;
            let alone = loads(world, clients / servers, FEW / servers, &mut |world| {
                let subject = Subject::start(Kind::Hobnob, &world.programs)?;
                let crowd = Crowd::new(&subject)?;
                Ok((subject, crowd))
            })?;
            for rows in rows {
                let shared = loads(world, clients, FEW, &mut |world| {
                    let cluster = Cluster::start(&world.programs, &nats, rows.nodes, servers)?;
                    let crowd = cluster.crowd(&cluster.servers)?;
                    Ok((cluster, crowd))
                })?;
                rows.note(&shared, &alone);
            }
        }
    }
    let mut figures: Vec<Figure> = rows.into_iter().flat_map(Rows::figures).collect();
    figures.extend(deaths(world, &nats)?);
    Ok(figures)
}

/// Starts a new server or cluster, whatever is measured, and returns it with an empty crowd.
type Start<'a, T> = &'a mut dyn FnMut(&World) -> anyhow::Result<(T, Crowd)>;

fn loads<T: Measured>(
    world: &mut World,
    clients: usize,
    few: usize,
    start: Start<'_, T>,
) -> anyhow::Result<Loads<Cost>> {
    let senders = |clients: usize| clients.min(10);
    let steady = |clients| Pace::Steady { rate: RATE, senders: senders(clients) };
    let window = |under_way: usize, senders: usize| u32::try_from(under_way / senders).unwrap_or(u32::MAX);
    let (subject, mut crowd) = start(world)?;
    join(world, &mut crowd, few)?;
    let quiet = load::measure(&subject, &mut crowd, steady(few), world.stretch, few)?;
    let pace = Pace::Full { senders: few, window: window(UNDER_WAY, few) };
    let order = load::measure(&subject, &mut crowd, pace, world.stretch, few)?;
    drop((subject, crowd));
    let (subject, mut crowd) = start(world)?;
    join(world, &mut crowd, clients)?;
    let steady = load::measure(&subject, &mut crowd, steady(clients), world.stretch, clients)?;
    let senders = clients.min(30);
    let pace = Pace::Full { senders, window: window(600, senders) };
    let full = load::measure(&subject, &mut crowd, pace, world.stretch, clients)?;
    Ok(Loads { quiet, order, steady, full })
}

fn join(world: &mut World, crowd: &mut Crowd, clients: usize) -> anyhow::Result<()> {
    crowd.join(world.keys.make(clients)?)?;
    crowd.drain_presence()
}

/// The figures of this many servers on this many nodes; the figures of a single server are in the place of the limit.
struct Rows {
    servers: usize,
    nodes: usize,
    name: String,
    quiet_p50: Figure,
    quiet_p99: Figure,
    order: Figure,
    p50: Figure,
    p99: Figure,
    rate: Figure,
    steady: Cpu,
    full: Cpu,
    costs: Vec<Cost>,
}

/// CPU for 1,000 deliveries: the mean of the servers, the server that used most, and all nodes together.
struct Cpu {
    servers: Figure,
    dearest: Figure,
    nodes: Figure,
}

impl Cpu {
    fn new(name: &str) -> Self {
        let figure = |what, goal| Figure::new("cluster", format!("{name}: {what}"), "ms", goal);
        Self {
            servers: figure("server CPU per 1,000", Goal::Times(1.15)),
            dearest: figure("the same, dearest server", Goal::Shown),
            nodes: figure("NATS CPU per 1,000", Goal::Shown),
        }
    }

    fn note(&mut self, servers: usize, shared: &Cost, alone: &Cost) {
        let per_thousand = |cpu: Duration, parts: usize| {
            cpu.as_secs_f64() * 1e6 * parts as f64 / shared.tally.deliveries.max(1) as f64
        };
        let (of_servers, of_nodes) = shared.each.split_at(servers);
        self.servers.ours.push(per_thousand(of_servers.iter().sum(), 1));
        self.servers.limit.push(alone.server_ms());
        // Each server has the same number of clients, so each has an equal part of the deliveries.
        self.dearest.ours.push(per_thousand(of_servers.iter().max().copied().unwrap_or_default(), servers));
        self.nodes.ours.push(per_thousand(of_nodes.iter().sum(), 1));
    }

    fn figures(self) -> [Figure; 3] {
        [self.servers, self.dearest, self.nodes]
    }
}

impl Rows {
    fn new(servers: usize, nodes: usize, clients: usize) -> Self {
        let name = format!("{servers} on R{nodes}");
        let (quiet, order) = (format!("{RATE}/s into {FEW}"), format!("full into {FEW}"));
        let (steady, full) = (format!("{RATE}/s into {clients}"), format!("full into {clients}"));
        let figure = |load: &str, what, unit, goal| {
            Figure::new("cluster", format!("{name}, {load}: {what}"), unit, goal)
        };
        let (p50, p99) =
            if nodes == 3 { (Goal::AtMost(2.0), Goal::AtMost(10.0)) } else { (Goal::Shown, Goal::Shown) };
        Self {
            quiet_p50: figure(&quiet, "p50", "ms", p50),
            quiet_p99: figure(&quiet, "p99", "ms", p99),
            order: figure(&order, "texts a second", "1/s", Goal::AtLeast(100_000.0)),
            p50: figure(&steady, "p50", "ms", Goal::Shown),
            p99: figure(&steady, "p99", "ms", Goal::Shown),
            rate: figure(&full, "texts a second", "1/s", Goal::Shown),
            steady: Cpu::new(&format!("{name}, {steady}")),
            full: Cpu::new(&format!("{name}, {full}")),
            costs: Vec::new(),
            name,
            servers,
            nodes,
        }
    }

    fn note(&mut self, shared: &Loads<Cost>, alone: &Loads<Cost>) {
        let both = |figure: &mut Figure, value: &dyn Fn(&Loads<Cost>) -> f64| {
            figure.ours.push(value(shared));
            figure.limit.push(value(alone));
        };
        both(&mut self.quiet_p50, &|loads| loads.quiet.latency_ms(0.5));
        both(&mut self.quiet_p99, &|loads| loads.quiet.latency_ms(0.99));
        both(&mut self.order, &|loads| loads.order.rate());
        both(&mut self.p50, &|loads| loads.steady.latency_ms(0.5));
        both(&mut self.p99, &|loads| loads.steady.latency_ms(0.99));
        both(&mut self.rate, &|loads| loads.full.rate());
        self.steady.note(self.servers, &shared.steady, &alone.steady);
        self.full.note(self.servers, &shared.full, &alone.full);
        self.costs.extend([&shared.quiet, &shared.order, &shared.steady, &shared.full].map(Clone::clone));
    }

    fn figures(self) -> Vec<Figure> {
        let faults = faults("cluster", &self.name, &self.costs);
        let mut figures = vec![self.quiet_p50, self.quiet_p99, self.order, self.p50, self.p99];
        figures.extend(self.steady.figures());
        figures.push(self.rate);
        figures.extend(self.full.figures());
        figures.push(faults);
        figures
    }
}

/// One of three servers dies, and all its clients go on at the others.
fn deaths(world: &mut World, nats: &Path) -> anyhow::Result<Vec<Figure>> {
    let clients = world.clients(BEREAVED);
    let mut figures = Vec::new();
    let nodes: &[usize] = if world.smoke { &[3] } else { &[1, 3] };
    for &nodes in nodes {
        let name = format!("3 on R{nodes}, one dies: the last of {clients} is back");
        let mut back = Figure::new("cluster", name, "s", Goal::AtMost(3.0));
        for _ in 0..world.rounds {
            back.ours.push(death(world, nats, nodes, clients)?.as_secs_f64());
        }
        figures.push(back);
    }
    Ok(figures)
}

fn death(world: &mut World, nats: &Path, nodes: usize, clients: usize) -> anyhow::Result<Duration> {
    let mut cluster = Cluster::start(&world.programs, nats, nodes, 3)?;
    let mut crowd = cluster.crowd(&cluster.servers[..1])?;
    join(world, &mut crowd, clients)?;
    crowd.roam(cluster.servers[1..].iter().map(|server| server.addr).collect());
    let died = Instant::now();
    cluster.servers[0].kill()?;
    crowd.all_back()?;
    let took = died.elapsed();
    crowd.tally.begin();
    crowd.say(0)?;
    crowd.drain(clients as u64)?;
    let heard = crowd.tally.deliveries;
    ensure!(heard == clients as u64, "{heard} of {clients} hear what is said after it");
    Ok(took)
}
