//! The signals that make the program end in good order. This file knows nothing of what has to be done at the end.

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::app::event::Signal;

/// The file in which Linux says which signals this process ignores. Other systems have no such file, and all signals
/// are watched.
const STATUS: &str = "/proc/self/status";

/// Watches the signals that end the program. This must be called before the editor reads, because the editor relies on
/// the handlers that it finds when it begins. A signal that was ignored when the program started stays ignored, because
/// whoever started the program wanted it so, as `nohup` does.
///
/// # Errors
/// Fails if the system does not allow the signals to be caught.
pub fn watch() -> Result<mpsc::Receiver<Signal>> {
    let status = std::fs::read_to_string(STATUS).unwrap_or_default();
    // Once taken, this signal no longer ends the program: a write that would make a file larger than `ulimit -f` allows
    // fails, as it does on a full disk.
    signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))
        .map(drop)
        .context("signals cannot be caught")?;
    let (tx, rx) = mpsc::channel(4);
    for (kind, name) in [
        (SignalKind::interrupt(), Signal::Interrupt),
        (SignalKind::terminate(), Signal::Terminate),
        (SignalKind::hangup(), Signal::HangUp),
    ] {
        if is_ignored(&status, kind.as_raw_value()) {
            continue;
        }
        let mut stream = signal(kind).context("signals cannot be caught")?;
        let tx = tx.clone();
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                if tx.send(name).await.is_err() {
                    return;
                }
            }
        });
    }
    Ok(rx)
}

/// Whether a process with this status ignores the signal. `SigIgn` has one bit for each signal, beginning with signal
/// 1.
fn is_ignored(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    (1..=64).contains(&signal) && mask >> (signal - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_grows_too_large_does_not_end_the_program() {
        let _signals = watch().unwrap();
        let signal = rustix::process::Signal::XFSZ;
        rustix::process::kill_process(rustix::process::getpid(), signal).unwrap();
    }

    #[test]
    fn ignored_signals_are_read_from_the_status_file() {
        let status = "SigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000004002\n";
        assert!(is_ignored(status, 1) && is_ignored(status, 13));
        assert!(!is_ignored(status, 2) && !is_ignored(status, 15));
        assert!(!is_ignored("", 1) && !is_ignored("SigIgn: x", 1) && !is_ignored(status, 0));
    }
}
