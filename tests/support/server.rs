//! A running `hobnob-server` on a port of its own. It can be killed, frozen, and started again at the same address.

use std::os::unix::fs::DirBuilderExt;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};

use super::client::Client;
use super::home::Home;
use super::launch::Launch;
use super::output::Output;
use super::process::Process;
use super::{DEADLINE, free_port};

/// A lobby server. Its data directory outlives its process.
pub(crate) struct Server {
    process: Option<Process>,
    home: Home,
    args: Vec<String>,
    address: String,
    fingerprint: String,
}

impl Server {
    /// Starts a server with these arguments in addition to `--listen` and `--data-dir`. It listens on a fixed port
    /// below the system's own range, because on a port in that range the socket of another test may be found when the
    /// server is started again.
    #[track_caller]
    #[must_use]
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut server = Self {
            process: None,
            home: Home::new(),
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            address: format!("127.0.0.1:{}", free_port()),
            fingerprint: String::new(),
        };
        server.restart();
        server
    }

    /// Starts another server with the same key and arguments.
    #[allow(dead_code, reason = "the scenes have one server each, the faults have several")]
    #[track_caller]
    #[must_use]
    pub(crate) fn beside(&self) -> Self {
        let home = Home::new();
        let (key, folder) = ("lobby/server/server.key", home.path().join("lobby/server"));
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).unwrap();
        std::fs::copy(self.home.path().join(key), home.path().join(key)).unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let mut server =
            Self { process: None, home, args: self.args.clone(), address, fingerprint: String::new() };
        server.restart();
        server
    }

    /// Starts the server again at the same address, with the data it has; it must not be running.
    #[track_caller]
    pub(crate) fn restart(&mut self) {
        assert!(self.process.is_none(), "the server runs already");
        let data = self.data_dir();
        let process = Launch::server_program()
            .home(&self.home)
            .args(["--listen", &self.address, "--data-dir", &data])
            .args(self.args.iter().map(String::as_str))
            .spawn();
        let line = first_line(&process);
        let (address, fingerprint) = read_first_line(&line);
        assert_eq!(address, self.address, "the restarted server listens at another address: {line}");
        self.fingerprint = fingerprint;
        self.process = Some(process);
    }

    /// Gives the server an empty data directory for its next start.
    pub(crate) fn forget_everything(&mut self) {
        assert!(self.process.is_none(), "the server still runs");
        self.home = Home::new();
    }

    /// Removes the server's log and keeps its key, so the lobby is the same and its names belong to nobody.
    pub(crate) fn forget_names(&mut self) {
        assert!(self.process.is_none(), "the server still runs");
        for entry in std::fs::read_dir(self.home.path().join("lobby/server")).unwrap().flatten() {
            if entry.file_name().to_string_lossy().starts_with("lobby.") {
                std::fs::remove_file(entry.path()).unwrap();
            }
        }
    }

    /// Returns the address `ADDR:PORT` at which the server listens.
    #[must_use]
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Returns the fingerprint of the server's key, as its first line tells it.
    #[must_use]
    pub(crate) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Returns the server's data directory.
    #[must_use]
    pub(crate) fn data_dir(&self) -> String {
        self.home.path().join("lobby").display().to_string()
    }

    /// Returns the id of the server's process.
    #[must_use]
    pub(crate) fn pid(&self) -> i32 {
        self.running().pid().as_raw()
    }

    /// Describes a client that will join this server, in a home of its own.
    pub(crate) fn client(&self, name: &str) -> Launch {
        Launch::hobnob().server(&self.address).name(name)
    }

    /// Starts a `--json` client in this server's lobby, in a home of its own.
    #[track_caller]
    #[must_use]
    pub(crate) fn join(&self, name: &str) -> Client {
        self.client(name).join()
    }

    /// Kills the server without a warning.
    #[track_caller]
    pub(crate) fn kill(&mut self) {
        self.process.take().expect("the server runs").kill_hard();
    }

    /// Asks the server to end with `signal`, and waits until it has ended. Returns how it ended.
    #[track_caller]
    #[must_use]
    pub(crate) fn stop(&mut self, signal: Signal, deadline: Duration) -> Output {
        let process = self.process.take().expect("the server runs");
        process.signal(signal);
        Output::of(process, deadline, false)
    }

    /// Stops the process; when this returns, the server does nothing any more.
    #[track_caller]
    pub(crate) fn freeze(&self) {
        self.running().signal(Signal::SIGSTOP);
        let stopped = waitpid(self.running().pid(), Some(WaitPidFlag::WUNTRACED));
        assert!(matches!(stopped, Ok(WaitStatus::Stopped(..))), "{stopped:?}");
    }

    /// Lets the process go on.
    pub(crate) fn thaw(&self) {
        self.running().signal(Signal::SIGCONT);
    }

    /// Waits until the server has written a line that contains `part`.
    #[track_caller]
    pub(crate) fn wait_log(&self, part: &str) {
        let found =
            |seen: &super::process::Seen| seen.stderr.iter().any(|line| line.contains(part)).then_some(());
        self.running().wait_for(part, DEADLINE, found);
    }

    /// Returns everything that the server wrote, for the message of a failed test.
    #[must_use]
    pub(crate) fn story(&self) -> String {
        self.running().story()
    }

    fn running(&self) -> &Process {
        self.process.as_ref().expect("the server runs")
    }
}

/// Returns the first line that a server writes.
#[track_caller]
#[must_use]
pub(crate) fn first_line(process: &Process) -> String {
    process.wait_for("the server's first line", DEADLINE, |seen| seen.stdout.first().cloned())
}

/// Returns the address and the fingerprint in a server's first line.
#[track_caller]
#[must_use]
pub(crate) fn read_first_line(line: &str) -> (String, String) {
    let rest = line.strip_prefix("hobnob-server listening on ");
    let parts = rest.and_then(|rest| rest.split_once(", key "));
    let Some((address, fingerprint)) = parts else { panic!("not a server's first line: {line:?}") };
    assert!(fingerprint.starts_with("SHA256:"), "no fingerprint: {line:?}");
    (address.to_owned(), fingerprint.to_owned())
}
