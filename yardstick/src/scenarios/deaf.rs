//! One client that never reads: what the others notice of it, what it costs the server, and what it is told.

use std::time::{Duration, Instant};

use super::{World, faults};
use crate::load::{self, Cost, Pace};
use crate::report::{Figure, Goal};
use crate::subject::Kind;

/// Longer than the server and the system wait for a client that takes nothing.
const LONG: Duration = Duration::from_secs(60);

/// Talk at full speed among 100 clients, without and with a client that never reads.
pub(super) fn deaf(world: &mut World) -> anyhow::Result<Vec<Figure>> {
    let clients = world.clients(100);
    let figure = |name: &str, unit, goal| Figure::new("deaf", name, unit, goal);
    let mut p99 = figure("p99 of the others, against nobody deaf", "ms", Goal::Times(1.25));
    let mut cpu = figure("server CPU, against nobody deaf", "ms", Goal::Times(1.25));
    let mut growth = figure("memory the server grows by, against nobody deaf", "KiB", Goal::AtMost(1024.0));
    let mut costs: Vec<Cost> = Vec::new();
    let pace = Pace::Full { senders: 10, window: 20 };
    for _ in 0..world.rounds {
        let (subject, mut crowd) = world.gather(Kind::Hobnob, clients)?;
        // During the first stretch the server's own memory of recent texts fills up.
        load::measure(&subject, &mut crowd, pace, world.stretch, clients)?;
        let start = subject.resident()?;
        let without = load::measure(&subject, &mut crowd, pace, world.stretch, clients)?;
        let before = subject.resident()?;
        growth.limit.push(before.saturating_sub(start) as f64 / 1024.0);
        crowd.join(&world.keys.make(clients + 1)?[clients..])?;
        crowd.deafen_last();
        let with = load::measure(&subject, &mut crowd, pace, world.stretch, clients)?;
        growth.ours.push(subject.resident()?.saturating_sub(before) as f64 / 1024.0);
        p99.limit.push(without.latency_ms(0.99));
        p99.ours.push(with.latency_ms(0.99));
        cpu.limit.push(without.server_ms());
        cpu.ours.push(with.server_ms());
        costs.push(with);
    }
    let mut figures = vec![p99, cpu, growth, faults("deaf", "the others", &costs)];
    if !world.smoke {
        let mut told = figure("it is told why, should it read again (1: yes)", "", Goal::AtLeast(1.0));
        told.ours.push(f64::from(u8::from(last_word(world)?.contains("not_reading"))));
        figures.push(told);
    }
    Ok(figures)
}

/// Waits until the server has given up the deaf client, and lets it read again. Returns the last line that it finds.
fn last_word(world: &mut World) -> anyhow::Result<String> {
    let (_subject, mut crowd) = world.gather(Kind::Hobnob, 3)?;
    crowd.deafen_last();
    let began = Instant::now();
    crowd.speak(2, 20)?;
    while began.elapsed() < Duration::from_secs(2) {
        crowd.turn(Duration::from_millis(10))?;
    }
    crowd.hush();
    while began.elapsed() < LONG {
        crowd.turn(Duration::from_millis(100))?;
    }
    Ok(crowd.hear_out_last(Duration::from_secs(5)))
}
