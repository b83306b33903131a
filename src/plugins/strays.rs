//! Processes that a run left behind. If they have a session of their own, or if their parent has ended, neither their
//! process group nor their parent shows where they come from. Everything that a run starts inherits a mark in its
//! environment, and all processes with this mark are killed. Only Linux shows the environment of other processes; on
//! other systems only the process group of a run is ended.

use std::ffi::OsStr;

/// The environment variable that marks what a run started. Each run has another value.
pub(crate) const MARK: &str = "HOBNOB_RUN";

/// How often the search is repeated. A process that forks while others are being killed is found in the next round.
#[cfg(target_os = "linux")]
const ROUNDS: usize = 100;

/// Kills every process that carries this mark. A process that has cleared its environment is not found.
#[cfg(target_os = "linux")]
pub(super) fn kill(mark: &OsStr) {
    let wanted = [MARK.as_bytes(), b"=", mark.as_encoded_bytes()].concat();
    for _ in 0..ROUNDS {
        // Dead processes have no environment, so they are not found again.
        if !all_processes().any(|pid| kill_if_marked(pid, &wanted)) {
            return;
        }
    }
}

/// Returns the ids of all processes that can be seen from here.
#[cfg(target_os = "linux")]
fn all_processes() -> impl Iterator<Item = rustix::process::Pid> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| rustix::process::Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))
}

/// Kills the process if it carries the mark. Returns whether it did and was killed.
#[cfg(target_os = "linux")]
fn kill_if_marked(pid: rustix::process::Pid, wanted: &[u8]) -> bool {
    use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
    // The descriptor is opened before the environment is read. If another process gets the same id in the meantime, the
    // signal does not go to it.
    let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { return false };
    let Ok(environment) = std::fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero())) else {
        return false;
    };
    let is_marked = environment.split(|&byte| byte == 0).any(|variable| variable == wanted);
    is_marked && pidfd_send_signal(process, Signal::KILL).is_ok()
}

/// Does nothing, because this system does not show the environment of other processes.
#[cfg(not(target_os = "linux"))]
pub(super) fn kill(_mark: &OsStr) {}
