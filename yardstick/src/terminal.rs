//! The client program on a pseudo-terminal: it is started, typed at, waited for, and examined from outside.

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use memchr::memmem::Finder;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use tempfile::TempDir;

use crate::process;
use crate::subject::{Programs, Subject};

/// What the client says when it is in the lobby.
pub(crate) const WELCOME: &[u8] = b"you are in the lobby";

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A pseudo-terminal with the client on it. Dropping it kills the client.
pub(crate) struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    seen: Vec<u8>,
    _master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    /// Starts the client of these programs in a lobby, with further options.
    pub(crate) fn start(
        programs: &Programs,
        subject: &Subject,
        data: &TempDir,
        options: &[&str],
    ) -> anyhow::Result<Self> {
        let size = PtySize { rows: 40, cols: 200, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size)?;
        let mut command = CommandBuilder::new(programs.path("hobnob"));
        command.args(["--name", "anna", "--server", &subject.addr.to_string(), "--listen", "127.0.0.1:0"]);
        command.arg("--data-dir");
        command.arg(data.path());
        command.args(options);
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
        let keys = pair.master.take_writer()?;
        Ok(Self { child, keys, output, seen: Vec::new(), _master: pair.master })
    }

    /// Waits until `wanted` was drawn.
    pub(crate) fn wait_for(&mut self, wanted: &[u8]) -> anyhow::Result<()> {
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

impl Terminal {
    /// The CPU that the client has used.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        process::cpu(self.pid()?)
    }

    /// How many bytes of the client are in memory.
    pub(crate) fn resident(&self) -> anyhow::Result<u64> {
        process::resident(self.pid()?)
    }

    fn pid(&self) -> anyhow::Result<u32> {
        self.child.process_id().context("it runs")
    }

    /// Types a line and Enter.
    pub(crate) fn enter(&mut self, line: &str) -> anyhow::Result<()> {
        Ok(self.keys.write_all(format!("{line}\r").as_bytes())?)
    }

    /// Waits until the client ends by itself.
    pub(crate) fn ended(mut self) -> anyhow::Result<()> {
        let ended = self.child.wait()?;
        anyhow::ensure!(ended.success(), "the client ended with {ended:?}");
        Ok(())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ended = self.child.kill().and_then(|()| self.child.wait().map(drop));
    }
}
