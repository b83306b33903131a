//! What it costs to let clients in, and to have them.

use std::time::{Duration, Instant};

use super::{World, note};
use crate::crowd::Crowd;
use crate::report::{Figure, Goal};
use crate::subject::{Kind, Subject};

/// Measures the memory of clients that say nothing.
pub(super) fn idle(world: &mut World) -> anyhow::Result<Vec<Figure>> {
    let count = world.clients(5000);
    let mut figure =
        Figure::new("idle", format!("memory of each of {count} clients"), "KiB", Goal::AtMost(12.0));
    for _ in 0..world.rounds {
        for kind in Kind::BOTH {
            let subject = Subject::start(kind, &world.programs)?;
            let mut crowd = Crowd::new(&subject)?;
            let before = subject.resident()?;
            crowd.join(world.keys.make(count)?)?;
            crowd.drain_presence()?;
            listen(&mut crowd, Duration::from_millis(500))?;
            note(
                &mut figure,
                kind,
                subject.resident()?.saturating_sub(before) as f64 / 1024.0 / count as f64,
            );
        }
    }
    Ok(vec![figure])
}

/// Measures the CPU of a connection, and joins a second, into an empty lobby and into a full one.
pub(super) fn joins(world: &mut World) -> anyhow::Result<Vec<Figure>> {
    let (few, many) = (world.clients(1000), world.clients(2000));
    let mut cpu = Figure::new("joins", "server CPU of one connection", "ms", Goal::AtMost(0.55));
    let mut rate = Figure::new("joins", format!("joins, empty to {few}"), "1/s", Goal::AtLeast(500.0));
    let mut later = Figure::new("joins", format!("joins, {few} to {many}"), "1/s", Goal::Shown);
    let mut told = Figure::new("joins", "server CPU of one join, with presence", "ms", Goal::Shown);
    for _ in 0..world.rounds {
        for kind in Kind::BOTH {
            note(&mut cpu, kind, one_after_another(world, kind)?);
            let subject = Subject::start(kind, &world.programs)?;
            let mut crowd = Crowd::new(&subject)?;
            let keys = world.keys.make(many)?;
            let before = subject.cpu()?;
            note(&mut rate, kind, pace(&mut crowd, &keys[..few])?);
            note(&mut told, kind, (subject.cpu()? - before).as_secs_f64() * 1e3 / few as f64);
            note(&mut later, kind, pace(&mut crowd, &keys[few..])?);
        }
    }
    Ok(vec![cpu, told, rate, later])
}

/// Makes clients join a nearly empty lobby, so that presence costs nothing. Returns the milliseconds of CPU for each
/// client.
fn one_after_another(world: &mut World, kind: Kind) -> anyhow::Result<f64> {
    let (batches, size) = if world.smoke { (2, 5) } else { (20, 20) };
    let subject = Subject::start(kind, &world.programs)?;
    let keys = world.keys.make(batches * size)?;
    let before = subject.cpu()?;
    for batch in keys.chunks(size) {
        // The crowd is dropped at once, so that the next clients find nobody.
        Crowd::new(&subject)?.join(batch)?;
    }
    Ok((subject.cpu()? - before).as_secs_f64() * 1e3 / (batches * size) as f64)
}

fn pace(crowd: &mut Crowd, keys: &[std::sync::Arc<rustls::ClientConfig>]) -> anyhow::Result<f64> {
    let began = Instant::now();
    crowd.join(keys)?;
    crowd.drain_presence()?;
    Ok(keys.len() as f64 / began.elapsed().as_secs_f64())
}

/// Hears what comes, for a while.
fn listen(crowd: &mut Crowd, time: Duration) -> anyhow::Result<()> {
    let began = Instant::now();
    while began.elapsed() < time {
        crowd.turn(Duration::from_millis(50))?;
    }
    Ok(())
}
