//! A network of its own for scenes that use hobnob's well-known port: several test runs, and whatever
//! runs on this machine, do not meet there.

use std::process::Command;

use super::DEADLINE;
use super::process::Process;

/// A network namespace with a loopback interface and nothing else; gone when dropped.
pub(crate) struct Namespace {
    holder: Process,
}

impl Namespace {
    /// A new one; none, with the reason printed, where this machine does not allow it.
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

    /// What stands before a command that is to run in it.
    #[must_use]
    pub(crate) fn prefix(&self) -> Vec<String> {
        let pid = self.holder.pid().to_string();
        ["nsenter", "-t", &pid, "-n", "--"].map(str::to_owned).to_vec()
    }
}
