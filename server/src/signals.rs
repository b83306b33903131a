//! The signals that end a server in order. This file owns which signals these are, and the rule that a SIGHUP that was
//! ignored when the server was started (`nohup`) stays ignored. If there is a file of operators, SIGHUP makes the
//! server read it again and does not end it. A limit on the size of files ends no program of the server.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The number of SIGHUP, which is the same everywhere.
const SIGHUP: u32 = 1;

/// The signals that end the server. They count from the moment at which this value was made.
pub(crate) struct Ending {
    terminate: Signal,
    interrupt: Signal,
    hangup: Option<Signal>,
}

impl Ending {
    /// Takes the signals. SIGHUP is among them if `hangup_ends` is true and it was not ignored.
    ///
    /// # Errors
    /// Fails when the system does not let the signals be taken.
    pub(crate) fn taken(hangup_ends: bool) -> io::Result<Self> {
        // Taking a signal would end its being ignored, so that is checked before.
        let hangup = (hangup_ends && may_take_hangup()).then(|| signal(SignalKind::hangup())).transpose()?;
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup,
        })
    }

    /// Waits for the first of these signals.
    pub(crate) async fn wait(mut self) {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        let name = tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            _ = hangup => "SIGHUP",
        };
        tracing::info!("shutting down on {name}");
    }
}

/// SIGHUP, where it does not end the server. It is taken even if it was ignored when the server was started: that was
/// meant for a signal that ends programs.
pub(crate) struct Hangups(Signal);

impl Hangups {
    /// Takes the signal from now on, so that it no longer ends the server.
    ///
    /// # Errors
    /// Fails when the system does not let the signal be taken.
    pub(crate) fn taken() -> io::Result<Self> {
        signal(SignalKind::hangup()).map(Self)
    }

    /// Waits for the next SIGHUP; false if there will be none.
    pub(crate) async fn next(&mut self) -> bool {
        self.0.recv().await.is_some()
    }
}

/// A write that would make a file larger than `ulimit -f` allows fails from now on, as it does on a full disk. Otherwise
/// the system would end the program in the middle of it.
///
/// # Errors
/// Fails when the system does not let the signal be taken.
pub(crate) fn outgrown_files_are_errors() -> io::Result<()> {
    // The signal stays taken until the process ends.
    signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw())).map(drop)
}

/// Whether SIGHUP is not being ignored. If the system does not tell, SIGHUP is not taken, because once taken it could
/// no longer be ignored.
fn may_take_hangup() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores(&status, SIGHUP) == Some(false))
}

/// Whether the process with this `/proc/PID/status` ignores `signal`; `None` if the text does not say.
fn ignores(status: &str, signal: u32) -> Option<bool> {
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    let ignored = u64::from_str_radix(ignored.trim(), 16).ok()?;
    Some(ignored >> (signal - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_grows_too_large_does_not_end_the_program() {
        outgrown_files_are_errors().unwrap();
        let signal = rustix::process::Signal::XFSZ;
        rustix::process::kill_process(rustix::process::getpid(), signal).unwrap();
    }

    #[test]
    fn ignored_signals_are_read_from_the_status_text_of_the_system() {
        let status =
            |ignored: &str| format!("Name:\thobnob-server\nSigBlk:\t0000000000000001\nSigIgn:\t{ignored}\n");
        assert_eq!(ignores(&status("0000000000001001"), SIGHUP), Some(true));
        assert_eq!(ignores(&status("0000000000001000"), SIGHUP), Some(false));
        assert_eq!(ignores(&status("none"), SIGHUP), None);
        assert_eq!(ignores("Name:\thobnob-server\n", SIGHUP), None);
    }
}
