//! What a process has used: CPU and memory, read from `/proc`. This file knows no process by name.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;

/// User and system time of all living threads of a process. The programs that are measured here end no thread
/// meanwhile.
pub(crate) fn cpu(pid: u32) -> anyhow::Result<Duration> {
    let mut nanos = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task")).context("the process is gone")? {
        let stat = fs::read_to_string(task?.path().join("schedstat"))?;
        let running = stat.split_whitespace().next().context("schedstat is empty")?;
        nanos += running.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanos))
}

/// How many bytes of a process are in memory.
pub(crate) fn resident(pid: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(PathBuf::from(format!("/proc/{pid}/status")))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024)
}

/// The CPU that this process has used.
pub(crate) fn own_cpu() -> anyhow::Result<Duration> {
    cpu(std::process::id())
}
