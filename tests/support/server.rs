//! A running `hobnob-server` on a port of its own, that can be killed, frozen and started again where it
//! was.

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

/// A lobby server; its data directory outlives its process.
pub(crate) struct Server {
    process: Option<Process>,
    home: Home,
    args: Vec<String>,
    address: String,
    fingerprint: String,
}

impl Server {
    /// Starts one with these arguments besides `--listen` and `--data-dir`. It listens on a fixed
    /// port below the system's own range: on one of those, another scene's socket may sit by the
    /// time it is started again.
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

    /// Starts another one with the same key and arguments.
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

    /// Starts it again on the same address, with the data it has; it must not be running.
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
        assert_eq!(address, self.address, "it listens elsewhere: {line}");
        self.fingerprint = fingerprint;
        self.process = Some(process);
    }

    /// Gives it an empty data directory for its next start.
    pub(crate) fn forget_everything(&mut self) {
        assert!(self.process.is_none(), "the server still runs");
        self.home = Home::new();
    }

    /// Takes its log away and leaves it its key: the lobby is the same, and its names belong to nobody.
    pub(crate) fn forget_names(&mut self) {
        assert!(self.process.is_none(), "the server still runs");
        for entry in std::fs::read_dir(self.home.path().join("lobby/server")).unwrap().flatten() {
            if entry.file_name().to_string_lossy().starts_with("lobby.") {
                std::fs::remove_file(entry.path()).unwrap();
            }
        }
    }

    /// `ADDR:PORT` to join it at.
    #[must_use]
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Its key's fingerprint, as its first line tells it.
    #[must_use]
    pub(crate) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Its data directory.
    #[must_use]
    pub(crate) fn data_dir(&self) -> String {
        self.home.path().join("lobby").display().to_string()
    }

    /// Its process id.
    #[must_use]
    pub(crate) fn pid(&self) -> i32 {
        self.running().pid().as_raw()
    }

    /// A client that will join it, in a home of its own.
    pub(crate) fn client(&self, name: &str) -> Launch {
        Launch::hobnob().server(&self.address).name(name)
    }

    /// A `--json` client in its lobby, in a home of its own.
    #[track_caller]
    #[must_use]
    pub(crate) fn join(&self, name: &str) -> Client {
        self.client(name).join()
    }

    /// Kills it without a warning.
    #[track_caller]
    pub(crate) fn kill(&mut self) {
        self.process.take().expect("the server runs").kill_hard();
    }

    /// Asks it to end with `signal` and waits until it has; how it ended.
    #[track_caller]
    #[must_use]
    pub(crate) fn stop(&mut self, signal: Signal, deadline: Duration) -> Output {
        let process = self.process.take().expect("the server runs");
        process.signal(signal);
        Output::of(process, deadline, false)
    }

    /// Stops it where it stands; when this returns it does nothing any more.
    #[track_caller]
    pub(crate) fn freeze(&self) {
        self.running().signal(Signal::SIGSTOP);
        let stopped = waitpid(self.running().pid(), Some(WaitPidFlag::WUNTRACED));
        assert!(matches!(stopped, Ok(WaitStatus::Stopped(..))), "{stopped:?}");
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        self.running().signal(Signal::SIGCONT);
    }

    /// Waits until it has written a line with this in it.
    #[track_caller]
    pub(crate) fn wait_log(&self, part: &str) {
        let found =
            |seen: &super::process::Seen| seen.stderr.iter().any(|line| line.contains(part)).then_some(());
        self.running().wait_for(part, DEADLINE, found);
    }

    /// All it wrote, for a failure's text.
    #[must_use]
    pub(crate) fn story(&self) -> String {
        self.running().story()
    }

    fn running(&self) -> &Process {
        self.process.as_ref().expect("the server runs")
    }
}

/// The first line a server writes.
#[track_caller]
#[must_use]
pub(crate) fn first_line(process: &Process) -> String {
    process.wait_for("the server's first line", DEADLINE, |seen| seen.stdout.first().cloned())
}

/// Address and fingerprint out of a server's first line.
#[track_caller]
#[must_use]
pub(crate) fn read_first_line(line: &str) -> (String, String) {
    let rest = line.strip_prefix("hobnob-server listening on ");
    let parts = rest.and_then(|rest| rest.split_once(", key "));
    let Some((address, fingerprint)) = parts else { panic!("not a server's first line: {line:?}") };
    assert!(fingerprint.starts_with("SHA256:"), "no fingerprint: {line:?}");
    (address.to_owned(), fingerprint.to_owned())
}
