//! What rooms cost: the same clients hear the same number of texts a second, once in rooms of ten, and once all
//! together in the lobby.

use super::{World, faults};
use crate::load::{self, Cost, Pace};
use crate::report::{Figure, Goal};
use crate::subject::Kind;

/// How many clients are in one room.
const OF_A_ROOM: usize = 10;

/// Texts a second in each room, and in the lobby: every client hears the same number in both.
const RATE: f64 = 1.0;

/// How many clients speak in the lobby.
const SPEAKERS: usize = 10;

pub(super) fn rooms(world: &mut World) -> anyhow::Result<Vec<Figure>> {
    let clients = world.clients(10_000).next_multiple_of(OF_A_ROOM);
    let rooms = clients / OF_A_ROOM;
    let in_rooms = format!("{rooms} rooms of {OF_A_ROOM}");
    let in_lobby = format!("one lobby of {clients}");
    let mut figures = Vec::new();
    let mut costs = Vec::new();
    for (what, is_apart) in [(&in_rooms, true), (&in_lobby, false)] {
        let (subject, mut crowd) = world.gather(Kind::Hobnob, clients)?;
        if is_apart {
            crowd.enter(|index| format!("r{}", index % rooms).parse().expect("it is a name"))?;
        }
        let (rate, senders, hearers) = match is_apart {
            // The clients speak in turn, so that each text is said in another room.
            true => (RATE * rooms as f64, clients, OF_A_ROOM),
            false => (RATE, SPEAKERS, clients),
        };
        let cost =
            load::measure(&subject, &mut crowd, Pace::Steady { rate, senders }, world.stretch, hearers)?;
        let memory = subject.resident()? as f64 / 1024.0 / clients as f64;
        figures.extend(shown(what, &cost, memory));
        costs.push(cost);
    }
    figures.push(faults("rooms", "in rooms and in the lobby", &costs));
    Ok(figures)
}

fn shown(what: &str, cost: &Cost, memory: f64) -> [Figure; 5] {
    let figure = |name: &str, unit: &'static str, value: f64| {
        let mut figure = Figure::new("rooms", format!("{RATE}/s in {what}: {name}"), unit, Goal::Shown);
        figure.ours.push(value);
        figure
    };
    let core = cost.server.as_secs_f64() / cost.took.as_secs_f64() * 100.0;
    [
        figure("server CPU per 1,000 deliveries", "ms", cost.server_ms()),
        figure("of one core", "%", core),
        figure("p50", "ms", cost.latency_ms(0.5)),
        figure("p99", "ms", cost.latency_ms(0.99)),
        figure("memory of one client", "KiB", memory),
    ]
}
