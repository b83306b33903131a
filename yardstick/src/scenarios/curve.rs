//! The cost as the lobby grows: ten texts a second into 10 to 10,000 clients.

use std::io::{self, Write};

use super::{World, faults};
use crate::load::{self, Pace};
use crate::report::{Figure, Goal, median};
use crate::subject::Kind;

/// How many texts are said in a second, whatever the size of the lobby.
const RATE: f64 = 10.0;

/// How many columns the longest bar of the plot has.
const WIDTH: f64 = 50.0;

/// One round for each size, because only the shape of the curve matters.
pub(super) fn curve(world: &mut World) -> anyhow::Result<Vec<Figure>> {
    let sizes: &[usize] = if world.smoke { &[5, 10] } else { &[10, 30, 100, 300, 1000, 3000, 10_000] };
    let mut figures = Vec::new();
    let mut plotted = Vec::new();
    for &clients in sizes {
        let figure = |name: &str, unit| {
            Figure::new("curve", format!("{RATE}/s into {clients}: {name}"), unit, Goal::Shown)
        };
        let (mut cpu, mut p99) = (figure("CPU per 1,000 deliveries", "ms"), figure("p99", "ms"));
        let (mut core, mut memory) = (figure("of one core", "%"), figure("memory of one client", "KiB"));
        let mut costs = Vec::new();
        for kind in Kind::BOTH {
            let (subject, mut crowd) = world.gather(kind, clients)?;
            let pace = Pace::Steady { rate: RATE, senders: 10.min(clients) };
            let cost = load::measure(&subject, &mut crowd, pace, world.stretch, clients)?;
            let resident = subject.resident()? as f64 / 1024.0 / clients as f64;
            super::note(&mut cpu, kind, cost.server_ms());
            super::note(&mut p99, kind, cost.latency_ms(0.99));
            super::note(&mut core, kind, cost.server.as_secs_f64() / cost.took.as_secs_f64() * 100.0);
            super::note(&mut memory, kind, resident);
            if kind == Kind::Hobnob {
                costs.push(cost);
            }
        }
        plotted.push((
            clients,
            median(&cpu.ours).unwrap_or_default(),
            median(&cpu.limit).unwrap_or_default(),
        ));
        figures.extend([cpu, core, p99, memory, faults("curve", &format!("into {clients}"), &costs)]);
    }
    plot(&plotted)?;
    Ok(figures)
}

fn plot(points: &[(usize, f64, f64)]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let longest = points.iter().map(|&(_, ours, limit)| ours.max(limit)).fold(f64::MIN_POSITIVE, f64::max);
    let bar = |value: f64| "#".repeat((value / longest * WIDTH).round() as usize);
    writeln!(out, "server CPU per 1,000 deliveries, in ms")?;
    for &(clients, ours, limit) in points {
        writeln!(out, "{clients:>6} hobnob {:<50} {ours:.2}", bar(ours))?;
        writeln!(out, "       limit  {:<50} {limit:.2}", bar(limit))?;
    }
    Ok(())
}
