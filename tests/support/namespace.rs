//! A network of its own for tests that use hobnob's well-known port, so that they do not meet other test runs or
//! programs of this machine.

use std::process::Command;

use super::DEADLINE;
use super::process::Process;

/// A network namespace with a loopback interface and nothing else; it is removed when it is dropped.
pub(crate) struct Namespace {
    holder: Process,
}

impl Namespace {
    /// Makes a new namespace. Returns `None`, and prints the reason, if this machine does not allow it.
    #[must_use]
    pub(crate) fn new() -> Option<Self> {
        let possible = Command::new("unshare").args(["-n", "ip", "link", "set", "lo", "up"]).output();
        match possible {
            Ok(output) if output.status.success() => Some(Self::make()),
            Ok(output) => {
                eprintln!(
                    "skipped, no network namespace: {}",
                    String::from_utf8_lossy(&output.stderr).trim()
                );
                None
            }
            Err(err) => {
                eprintln!("skipped, no network namespace: unshare: {err}");
                None
            }
        }
    }

    fn make() -> Self {
        let mut command = Command::new("unshare");
        // `cat` keeps the namespace until its input ends.
        command.args(["-n", "sh", "-c", "ip link set lo up && echo ready && exec cat"]);
        let holder = Process::start("a network namespace", command, None);
        holder.wait_for("ready", DEADLINE, |seen| seen.stdout.first().map(|_| ()));
        Self { holder }
    }

    /// Returns the words that stand in front of a command that is to run in this namespace.
    #[must_use]
    pub(crate) fn prefix(&self) -> Vec<String> {
        let pid = self.holder.pid().to_string();
        ["nsenter", "-t", &pid, "-n", "--"].map(str::to_owned).to_vec()
    }
}
