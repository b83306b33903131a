//! What a delivery costs the server, and how long it takes.

use super::{World, faults, note};
use crate::load::{self, Cost, Pace};
use crate::report::{Figure, Goal};
use crate::subject::Kind;

/// The goals for a lobby of one size.
struct Goals {
    cpu: Goal,
    p50: Goal,
    p99: Goal,
}

/// Measures deliveries at a steady rate.
pub(super) fn steady(world: &mut World) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (rate, clients) in [(20.0, 1000), (50.0, 100)] {
        let clients = world.clients(clients);
        let told = if clients == 1000 { Goal::Times(1.25) } else { Goal::Shown };
        let goals = Goals { cpu: Goal::Times(1.3), p50: told, p99: told };
        let pace = Pace::Steady { rate, senders: 10 };
        figures.extend(both(world, "steady", &format!("{rate}/s into {clients}"), clients, pace, &goals)?);
    }
    Ok(figures)
}

/// Measures deliveries at full speed: ten senders say texts, each with twenty texts under way.
pub(super) fn full(world: &mut World) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (clients, most) in [(1000, 2.5), (100, 3.0), (10, 4.0)] {
        let count = world.clients(clients);
        let p99 = if clients == 10 { Goal::Times(2.5) } else { Goal::Shown };
        let goals = Goals { cpu: Goal::Times(most), p50: Goal::Shown, p99 };
        let pace = Pace::Full { senders: 10, window: 20 };
        figures.extend(both(world, "full", &format!("into {count}"), count, pace, &goals)?);
    }
    Ok(figures)
}

fn both(
    world: &mut World,
    scenario: &'static str,
    what: &str,
    clients: usize,
    pace: Pace,
    goals: &Goals,
) -> anyhow::Result<Vec<Figure>> {
    let figure = |name: &str, unit, goal| Figure::new(scenario, format!("{what}: {name}"), unit, goal);
    let mut cpu = figure("server CPU per 1,000 deliveries", "ms", goals.cpu);
    let mut p50 = figure("p50 end to end", "ms", goals.p50);
    let mut p99 = figure("p99 end to end", "ms", goals.p99);
    let mut rate = figure("texts a second", "1/s", Goal::Shown);
    let mut busy = figure("the crowd's one core is busy", "%", Goal::Shown);
    let mut ours: Vec<Cost> = Vec::new();
    for _ in 0..world.rounds {
        for kind in Kind::ALL {
            let (subject, mut crowd) = world.gather(kind, clients)?;
            let cost = load::measure(&subject, &mut crowd, pace, world.stretch, clients)?;
            note(&mut cpu, kind, cost.server_ms());
            note(&mut p50, kind, cost.latency_ms(0.5));
            note(&mut p99, kind, cost.latency_ms(0.99));
            note(&mut rate, kind, cost.rate());
            note(&mut busy, kind, cost.crowd_share() * 100.0);
            if kind == Kind::Hobnob {
                ours.push(cost);
            }
        }
    }
    Ok(vec![cpu, p50, p99, rate, busy, faults(scenario, what, &ours)])
}
