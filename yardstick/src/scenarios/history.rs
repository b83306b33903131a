//! What it costs the client that it keeps what it shows: at the start of a run after a long absence, and for each
//! message.

use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::World;
use crate::crowd::Crowd;
use crate::report::{Figure, Goal};
use crate::subject::{Kind, Subject};
use crate::terminal::{Terminal, WELCOME};

/// How many messages were missed, as many as a client fetches; and how many lines are shown.
const MESSAGES: u32 = 10_000;

/// The line below the missed messages that are shown.
const MISSED: &[u8] = b" messages since ";

/// The prompt, which is drawn below them.
const PROMPT: &[u8] = b"lobby> ";

/// What a search says that finds nothing.
const NOT_FOUND: &[u8] = b"nothing that is kept here";

/// The start after an absence, and the CPU with the history compared with that without it.
pub(super) fn history(world: &mut World) -> anyhow::Result<Vec<Figure>> {
    let messages = if world.smoke { 200 } else { MESSAGES };
    let figure = |name: String, unit, goal| Figure::new("history", name, unit, goal);
    let mut start = figure(format!("exec to prompt, {messages} messages missed"), "ms", Goal::AtMost(500.0));
    let mut cpu =
        figure(format!("CPU to show {messages} lines, limit: --no-history"), "s", Goal::Times(1.25));
    for _ in 0..world.rounds {
        start.ours.push(start_after_absence(world, messages)?.as_secs_f64() * 1e3);
        cpu.ours.push(cpu_to_show(world, messages, &[])?.as_secs_f64());
        cpu.limit.push(cpu_to_show(world, messages, &["--no-history"])?.as_secs_f64());
    }
    Ok(vec![start, cpu])
}

/// The time from the start of the program to the prompt below the missed messages.
fn start_after_absence(world: &mut World, messages: u32) -> anyhow::Result<Duration> {
    let subject = Subject::start(Kind::Hobnob, &world.programs)?;
    let data = TempDir::new()?;
    // The first run leaves its read position.
    let mut terminal = Terminal::start(&world.programs, &subject, &data, &[])?;
    terminal.wait_for(PROMPT)?;
    terminal.enter("\\quit")?;
    terminal.ended()?;
    let mut crowd = Crowd::new(&subject)?;
    crowd.join(world.keys.make(1)?)?;
    say(&mut crowd, messages)?;
    let began = Instant::now();
    let mut terminal = Terminal::start(&world.programs, &subject, &data, &[])?;
    terminal.wait_for(last(&crowd).as_bytes())?;
    terminal.wait_for(MISSED)?;
    terminal.wait_for(PROMPT)?;
    Ok(began.elapsed())
}

/// The CPU that the client uses from the first message to the last one on the screen.
fn cpu_to_show(world: &mut World, messages: u32, options: &[&str]) -> anyhow::Result<Duration> {
    let subject = Subject::start(Kind::Hobnob, &world.programs)?;
    let data = TempDir::new()?;
    let mut crowd = Crowd::new(&subject)?;
    crowd.join(world.keys.make(1)?)?;
    let mut terminal = Terminal::start(&world.programs, &subject, &data, options)?;
    terminal.wait_for(WELCOME)?;
    terminal.wait_for(PROMPT)?;
    let before = terminal.cpu()?;
    say(&mut crowd, messages)?;
    terminal.wait_for(last(&crowd).as_bytes())?;
    // Shown messages may be written to the history a little later; a search waits for that.
    terminal.enter("\\search none-like-it")?;
    terminal.wait_for(NOT_FOUND)?;
    Ok(terminal.cpu()? - before)
}

/// Makes the crowd's one client say this many texts at full speed.
fn say(crowd: &mut Crowd, messages: u32) -> anyhow::Result<()> {
    crowd.speak(1, 100)?;
    while crowd.said() < u64::from(messages) {
        crowd.turn(Duration::from_millis(10))?;
    }
    crowd.hush();
    crowd.drain(crowd.said())
}

/// The beginning of the text that was said last.
fn last(crowd: &Crowd) -> String {
    format!("000000 {:010}", crowd.said() - 1)
}
