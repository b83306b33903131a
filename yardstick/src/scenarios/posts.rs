//! Durable texts a second: senders wait for each acknowledgement before they say the next text.

use super::{World, faults, note};
use crate::load::{self, Pace};
use crate::report::{Figure, Goal};
use crate::subject::Kind;

/// Measures 100 senders, who also hear all texts.
pub(super) fn posts(world: &mut World) -> anyhow::Result<Vec<Figure>> {
    let senders = world.clients(100);
    let pace = Pace::Full { senders, window: 1 };
    let mut rate =
        Figure::new("posts", format!("{senders} senders, one text each"), "1/s", Goal::AtLeast(20_000.0));
    let mut p50 = Figure::new("posts", "p50 to the acknowledgement", "ms", Goal::Shown);
    let mut busy = Figure::new("posts", "the crowd's one core is busy", "%", Goal::Shown);
    let mut cpu = Figure::new("posts", "server CPU per 1,000 deliveries", "ms", Goal::Shown);
    let mut costs = Vec::new();
    for _ in 0..world.rounds {
        for kind in Kind::ALL {
            let (subject, mut crowd) = world.gather(kind, senders)?;
            let cost = load::measure(&subject, &mut crowd, pace, world.stretch, senders)?;
            note(&mut rate, kind, cost.rate());
            note(&mut p50, kind, cost.latency_ms(0.5));
            note(&mut busy, kind, cost.crowd_share() * 100.0);
            note(&mut cpu, kind, cost.server_ms());
            if kind == Kind::Hobnob {
                costs.push(cost);
            }
        }
    }
    Ok(vec![rate, p50, busy, cpu, faults("posts", "texts", &costs)])
}
