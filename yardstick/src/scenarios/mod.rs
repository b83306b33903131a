//! What is measured. Each scenario is given the same world and returns its figures.

mod arrivals;
mod client;
mod cluster;
mod curve;
mod deaf;
mod fan_out;
mod history;
mod peer;
mod posts;
mod relay;
mod rooms;

use std::time::Duration;

use clap::ValueEnum;

use crate::crowd::{Crowd, Keys};
use crate::load::Cost;
use crate::report::{Figure, Goal};
use crate::subject::{Kind, Programs, Subject};

/// What every scenario is given.
pub(crate) struct World {
    pub(crate) programs: Programs,
    pub(crate) keys: Keys,
    /// How often everything is measured.
    pub(crate) rounds: usize,
    /// How long each stretch of speaking is.
    pub(crate) stretch: Duration,
    /// Whether only a small part of everything is measured, to see that it works.
    pub(crate) smoke: bool,
    /// How many clients the lobby on several servers has.
    pub(crate) clients: usize,
}

impl World {
    /// The number of clients to use: `count`, or fewer in a smoke test.
    fn clients(&self, count: usize) -> usize {
        if self.smoke { count.min(10 + count / 100) } else { count }
    }

    /// A server with `count` clients in its lobby.
    fn gather(&mut self, kind: Kind, count: usize) -> anyhow::Result<(Subject, Crowd)> {
        let subject = Subject::start(kind, &self.programs)?;
        let mut crowd = Crowd::new(&subject)?;
        crowd.join(self.keys.make(count)?)?;
        crowd.drain_presence()?;
        Ok((subject, crowd))
    }
}

/// The scenarios, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// 20 texts a second into 1,000 clients, 50 into 100.
    Steady,
    /// Ten senders at full speed into 10, 100 and 1,000 clients.
    Full,
    /// Memory of 5,000 clients that say nothing.
    Idle,
    /// CPU of a connection, joins a second.
    Joins,
    /// One client that never reads.
    Deaf,
    /// 100 senders that wait for each acknowledgement.
    Posts,
    /// 10 to 10,000 clients.
    Curve,
    /// 1,000 rooms of 10 beside one lobby of 10,000.
    Rooms,
    /// One lobby on one, two and three servers over NATS, against a server alone.
    Cluster,
    /// A private session against a bare TLS stream.
    Peer,
    /// Private sessions through the server against a bare copy of bytes.
    Relay,
    /// The client program on a terminal.
    Client,
    /// What keeping what it shows costs the client.
    History,
}

impl Scenario {
    /// Measures the scenario, and returns its figures.
    pub(crate) fn run(self, world: &mut World) -> anyhow::Result<Vec<Figure>> {
        match self {
            Self::Steady => fan_out::steady(world),
            Self::Full => fan_out::full(world),
            Self::Idle => arrivals::idle(world),
            Self::Joins => arrivals::joins(world),
            Self::Deaf => deaf::deaf(world),
            Self::Posts => posts::posts(world),
            Self::Curve => curve::curve(world),
            Self::Rooms => rooms::rooms(world),
            Self::Cluster => cluster::cluster(world),
            Self::Peer => peer::peer(world),
            Self::Relay => relay::relay(world),
            Self::Client => client::client(world),
            Self::History => history::history(world),
        }
    }
}

/// Puts a value where the values of this kind of server go.
fn note(figure: &mut Figure, kind: Kind, value: f64) {
    match kind {
        Kind::Hobnob => figure.ours.push(value),
        Kind::Limit => figure.limit.push(value),
        Kind::Storing => figure.storing.push(value),
    }
}

/// Deliveries that went wrong, of hobnob only: there must be none.
fn faults(scenario: &'static str, what: &str, costs: &[Cost]) -> Figure {
    let mut figure =
        Figure::new(scenario, format!("{what}: lost, twice or late"), "texts", Goal::AtMost(0.0));
    figure.ours = costs
        .iter()
        .map(|cost| {
            let (lost, twice, late) = cost.faults();
            (lost + twice + late) as f64
        })
        .collect();
    figure
}
