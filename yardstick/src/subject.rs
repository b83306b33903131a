//! What is measured: the real server or the limit. Each is a process of its own that lives as long as its [`Subject`].

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use hobnob_protocol::identity::Identity;
use tempfile::TempDir;

use crate::process;

/// The kind of server that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `hobnob-server`, with its store.
    Hobnob,
    /// The limit; see [`crate::limit`].
    Limit,
    /// The limit, which also writes and syncs what arrived before anybody hears it.
    Storing,
}

impl Kind {
    /// The kinds in the order in which they take turns.
    pub(crate) const BOTH: [Self; 2] = [Self::Hobnob, Self::Limit];

    /// The kinds where texts are said: only there storing costs something.
    pub(crate) const ALL: [Self; 3] = [Self::Hobnob, Self::Limit, Self::Storing];
}

/// The folder in which the programs are.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    dir: PathBuf,
}

impl Programs {
    /// The programs beside this one. They are built first, with the same profile, so that one command measures what the
    /// sources say.
    pub(crate) fn build() -> anyhow::Result<Self> {
        let own = std::env::current_exe().context("where am I?")?;
        let dir = own.parent().context("a program is in a folder")?.to_owned();
        let profile = if dir.ends_with("release") { "release" } else { "dev" };
        if let Some(cargo) = std::env::var_os("CARGO") {
            let status = Command::new(cargo)
                .args(["build", "--quiet", "--profile", profile, "--workspace", "--bins"])
                .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
                .status()
                .context("cannot run cargo")?;
            anyhow::ensure!(status.success(), "the programs to measure cannot be built");
        }
        Ok(Self { dir })
    }

    /// The path of one of the programs.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The folder of the programs. It is on a disk; the system's folder for temporary files may be in memory, where
    /// durability costs nothing.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }
}

/// A server that runs in a process of its own, with its data in a folder that is removed with it.
pub(crate) struct Subject {
    pub(crate) kind: Kind,
    pub(crate) addr: SocketAddr,
    child: Child,
    data: TempDir,
}

impl Subject {
    /// Starts a server, and waits until it listens.
    pub(crate) fn start(kind: Kind, programs: &Programs) -> anyhow::Result<Self> {
        let data = TempDir::with_prefix_in("yardstick-", &programs.dir)?;
        let command = match kind {
            Kind::Hobnob => Self::server(programs, &data),
            Kind::Limit | Kind::Storing => {
                let mut command = Command::new(programs.path("hobnob-yardstick"));
                command.arg("limit");
                if kind == Kind::Storing {
                    command.arg("--store").arg(data.path().join("texts"));
                }
                command
            }
        };
        Self::run(kind, command, data)
    }

    /// Starts a server that shares one lobby with others over the nodes at `urls`. `beside` is one of these servers,
    /// from which it gets its key.
    pub(crate) fn start_clustered(
        programs: &Programs,
        urls: &str,
        beside: Option<&Self>,
    ) -> anyhow::Result<Self> {
        let data = TempDir::with_prefix_in("yardstick-", &programs.dir)?;
        if let Some(other) = beside {
            hobnob_protocol::identity::create_private_dir(&data.path().join("server"))?;
            fs::copy(other.key_file(), key_file(&data))?;
        }
        let mut command = Self::server(programs, &data);
        command.args(["--nats", urls, "--lobby", "yardstick"]);
        Self::run(Kind::Hobnob, command, data)
    }

    fn server(programs: &Programs, data: &TempDir) -> Command {
        let mut command = Command::new(programs.path("hobnob-server"));
        command.args(["--listen", "127.0.0.1:0", "--rate", "1000000"]);
        command.args(["--max-clients", "20000", "--max-clients-per-ip", "20000"]);
        command.args(["--relay", "3G"]);
        command.arg("--data-dir").arg(data.path());
        command
    }

    /// Starts the limit of a relay, [`crate::bare_copy`].
    pub(crate) fn start_bare_copy(programs: &Programs) -> anyhow::Result<Self> {
        let mut command = Command::new(programs.path("hobnob-yardstick"));
        command.arg("bare-copy");
        Self::run(Kind::Limit, command, TempDir::with_prefix_in("yardstick-", &programs.dir)?)
    }

    fn run(kind: Kind, mut command: Command, data: TempDir) -> anyhow::Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start it")?;
        let stdout = child.stdout.take().context("it has a standard output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let addr = line.split([' ', ',']).find_map(|word| word.trim().parse().ok());
        let Some(addr) = addr else {
            let _ended = child.kill().and_then(|()| child.wait());
            bail!("it does not say where it listens: {line:?}");
        };
        Ok(Self { kind, addr, child, data })
    }

    /// The key of hobnob's server.
    pub(crate) fn identity(&self) -> anyhow::Result<Identity> {
        Ok(Identity::load(&self.key_file())?)
    }

    fn key_file(&self) -> PathBuf {
        key_file(&self.data)
    }

    /// Kills the server, as a crash does, and waits until it is gone.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// The CPU that the server has used so far.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        process::cpu(self.child.id())
    }

    /// How many bytes of the server are in memory.
    pub(crate) fn resident(&self) -> anyhow::Result<u64> {
        process::resident(self.child.id())
    }
}

fn key_file(data: &TempDir) -> PathBuf {
    data.path().join("server").join("server.key")
}

impl Drop for Subject {
    fn drop(&mut self) {
        // Its data is thrown away with it.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}
