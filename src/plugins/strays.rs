//! Processes that a run left behind: those that went into a session of their own, or whose parent has ended, so that
//! neither their process group nor their family shows where they come from. All that a run starts inherits a mark in
//! its environment, and whoever has it is killed. Linux alone shows the environments of processes; elsewhere only the
//! process group of a run is ended.

use std::ffi::OsStr;

/// The variable that marks what a run started; its value is another one for each run.
pub(crate) const MARK: &str = "HOBNOB_RUN";

/// Looks for more while those found before were being killed: one that forks meanwhile is found in the next round.
#[cfg(target_os = "linux")]
const ROUNDS: usize = 100;

/// Kills every process that carries this mark. One that cleared its environment is not found.
#[cfg(target_os = "linux")]
pub(super) fn kill(mark: &OsStr) {
    let wanted = [MARK.as_bytes(), b"=", mark.as_encoded_bytes()].concat();
    for _ in 0..ROUNDS {
        // One that is dead already has no environment.
        if !all_processes().any(|pid| kill_if_marked(pid, &wanted)) {
            return;
        }
    }
}

/// Every process of this machine that has a number here.
#[cfg(target_os = "linux")]
fn all_processes() -> impl Iterator<Item = rustix::process::Pid> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| rustix::process::Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))
}

/// Whether it was marked, and is killed now.
#[cfg(target_os = "linux")]
fn kill_if_marked(pid: rustix::process::Pid, wanted: &[u8]) -> bool {
    use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
    // Held from before the look, so that the signal cannot go to another process that got the number since.
    let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { return false };
    let Ok(environment) = std::fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero())) else {
        return false;
    };
    let is_marked = environment.split(|&byte| byte == 0).any(|variable| variable == wanted);
    is_marked && pidfd_send_signal(process, Signal::KILL).is_ok()
}

/// Nothing shows there where a process comes from.
#[cfg(not(target_os = "linux"))]
pub(super) fn kill(_mark: &OsStr) {}
