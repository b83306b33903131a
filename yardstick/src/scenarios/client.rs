//! The client program on a terminal: how soon it is in the lobby, what ten thousand lines cost it.

use std::io::Read;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use memchr::memmem::Finder;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use tempfile::TempDir;

use super::World;
use crate::crowd::Crowd;
use crate::process;
use crate::report::{Figure, Goal};
use crate::subject::{Kind, Subject};

/// Lines that are shown.
const LINES: u32 = 10_000;

/// What the client says when it is in.
const WELCOME: &[u8] = b"you are in the lobby";

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Start, memory and CPU.
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
        Terminal::start(world, &subject, &data)?.wait_for(WELCOME)?;
        let mut crowd = Crowd::new(&subject)?;
        crowd.join(world.keys.make(1)?)?;
        let began = Instant::now();
        let mut terminal = Terminal::start(world, &subject, &data)?;
        terminal.wait_for(WELCOME)?;
        start.ours.push(began.elapsed().as_secs_f64() * 1e3);

        let pid = terminal.child.process_id().context("it runs")?;
        before.ours.push(process::resident(pid)? as f64 / (1 << 20) as f64);
        let used = process::cpu(pid)?;
        crowd.speak(1, 100)?;
        while crowd.said() < u64::from(lines) {
            crowd.turn(Duration::from_millis(10))?;
        }
        crowd.hush();
        // What is said last is shown last.
        crowd.drain(crowd.said())?;
        terminal.wait_for(format!("000000 {:010}", crowd.said() - 1).as_bytes())?;
        memory.ours.push(process::resident(pid)? as f64 / (1 << 20) as f64);
        cpu.ours.push((process::cpu(pid)? - used).as_secs_f64());
    }
    Ok(vec![start, before, memory, cpu])
}

/// A pseudo-terminal with the client on it; it is killed with it.
struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    output: Receiver<Vec<u8>>,
    seen: Vec<u8>,
    _master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    fn start(world: &World, subject: &Subject, data: &TempDir) -> anyhow::Result<Self> {
        let size = PtySize { rows: 40, cols: 200, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size)?;
        let mut command = CommandBuilder::new(world.programs.path("hobnob"));
        command.args(["--name", "anna", "--server", &subject.addr.to_string(), "--listen", "127.0.0.1:0"]);
        command.arg("--data-dir");
        command.arg(data.path());
        command.env("TERM", "xterm-256color");
        let child = pair.slave.spawn_command(command)?;
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader()?;
        let (output_tx, output) = channel();
        thread::spawn(move || {
            let mut bytes = [0; 64 * 1024];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                if output_tx.send(bytes[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Ok(Self { child, output, seen: Vec::new(), _master: pair.master })
    }

    /// Waits until `wanted` was drawn.
    fn wait_for(&mut self, wanted: &[u8]) -> anyhow::Result<()> {
        let finder = Finder::new(wanted);
        loop {
            if let Some(at) = finder.find(&self.seen) {
                self.seen.drain(..at);
                return Ok(());
            }
            self.seen.drain(..self.seen.len().saturating_sub(wanted.len()));
            match self.output.recv_timeout(PATIENCE) {
                Ok(bytes) => self.seen.extend(bytes),
                Err(RecvTimeoutError::Timeout) => bail!("the client does not show what it should"),
                Err(RecvTimeoutError::Disconnected) => bail!("the client ended"),
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ended = self.child.kill().and_then(|()| self.child.wait().map(drop));
    }
}
