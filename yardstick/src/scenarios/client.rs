//! The client program on a terminal: how soon it is in the lobby, and what ten thousand lines cost it.

use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::World;
use crate::crowd::Crowd;
use crate::report::{Figure, Goal};
use crate::subject::{Kind, Subject};
use crate::terminal::{Terminal, WELCOME};

/// How many lines are shown.
const LINES: u32 = 10_000;

/// Measures how long the start takes, and the memory and the CPU of the program.
pub(super) fn client(world: &mut World) -> anyhow::Result<Vec<Figure>> {
    let lines = if world.smoke { 200 } else { LINES };
    let figure = |name: String, unit, goal| Figure::new("client", name, unit, goal);
    let mut start = figure("exec to joined, key made already".to_owned(), "ms", Goal::AtMost(80.0));
    let mut memory = figure(format!("memory after {lines} lines"), "MiB", Goal::AtMost(10.0));
    let mut before = figure("memory before them".to_owned(), "MiB", Goal::Shown);
    let mut cpu = figure(format!("CPU to show {lines} lines"), "s", Goal::AtMost(0.4));
    for _ in 0..world.rounds {
        let subject = Subject::start(Kind::Hobnob, &world.programs)?;
        let data = TempDir::new()?;
        // The first run makes the key.
        Terminal::start(&world.programs, &subject, &data, &[])?.wait_for(WELCOME)?;
        let mut crowd = Crowd::new(&subject)?;
        crowd.join(world.keys.make(1)?)?;
        let began = Instant::now();
        let mut terminal = Terminal::start(&world.programs, &subject, &data, &[])?;
        terminal.wait_for(WELCOME)?;
        start.ours.push(began.elapsed().as_secs_f64() * 1e3);

        before.ours.push(terminal.resident()? as f64 / (1 << 20) as f64);
        let used = terminal.cpu()?;
        crowd.speak(1, 100)?;
        while crowd.said() < u64::from(lines) {
            crowd.turn(Duration::from_millis(10))?;
        }
        crowd.hush();
        // The text that was said last is shown last.
        crowd.drain(crowd.said())?;
        terminal.wait_for(format!("000000 {:010}", crowd.said() - 1).as_bytes())?;
        memory.ours.push(terminal.resident()? as f64 / (1 << 20) as f64);
        cpu.ours.push((terminal.cpu()? - used).as_secs_f64());
    }
    Ok(vec![start, before, memory, cpu])
}
