//! The signals that end a server in order. Owns which ones, and that one which whoever started the server
//! had ignored (`nohup`) stays ignored. Where there is a file of operators, SIGHUP has it read again instead.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGHUP's number, the same everywhere.
const SIGHUP: u32 = 1;

/// The signals that end the server, from the moment this was made.
pub(crate) struct Ending {
    terminate: Signal,
    interrupt: Signal,
    hangup: Option<Signal>,
}

impl Ending {
    /// Takes the signals, SIGHUP among them where it is to end the server.
    ///
    /// # Errors
    /// When the system does not let them be taken.
    pub(crate) fn taken(hangup_ends: bool) -> io::Result<Self> {
        // Taking a signal undoes that it was ignored, so it is looked at before.
        let hangup = (hangup_ends && may_take_hangup()).then(|| signal(SignalKind::hangup())).transpose()?;
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup,
        })
    }

    /// Waits for the first of them.
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

/// SIGHUP, where it does not end the server. It is taken although whoever started the server had ignored it: that was
/// for a signal that ends programs.
pub(crate) struct Hangups(Signal);

impl Hangups {
    /// Takes the signal.
    ///
    /// # Errors
    /// When the system does not let it be taken.
    pub(crate) fn taken() -> io::Result<Self> {
        signal(SignalKind::hangup()).map(Self)
    }

    /// Waits for the next one; false when there will be none.
    pub(crate) async fn next(&mut self) -> bool {
        self.0.recv().await.is_some()
    }
}

/// Whether SIGHUP is not ignored already. Where the system does not tell, it is left as it is: taken, it
/// could no longer be ignored.
fn may_take_hangup() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores(&status, SIGHUP) == Some(false))
}

/// Whether a process whose `/proc/PID/status` this is ignores `signal`.
fn ignores(status: &str, signal: u32) -> Option<bool> {
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    let ignored = u64::from_str_radix(ignored.trim(), 16).ok()?;
    Some(ignored >> (signal - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_is_read_from_the_system_s_words() {
        let status =
            |ignored: &str| format!("Name:\thobnob-server\nSigBlk:\t0000000000000001\nSigIgn:\t{ignored}\n");
        assert_eq!(ignores(&status("0000000000001001"), SIGHUP), Some(true));
        assert_eq!(ignores(&status("0000000000001000"), SIGHUP), Some(false));
        assert_eq!(ignores(&status("none"), SIGHUP), None);
        assert_eq!(ignores("Name:\thobnob-server\n", SIGHUP), None);
    }
}
