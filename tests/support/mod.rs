//! What every scene needs: a hermetic home, the two programs as processes that die with their owner,
//! and readers that keep all a program wrote. Knows the programs only from outside: their options,
//! pipes, files and exit codes. Nothing here sleeps to wait for something; whatever is awaited is
//! awaited under [`DEADLINE`], and a missed deadline prints all that was seen.

pub(crate) mod client;
pub(crate) mod home;
pub(crate) mod launch;
pub(crate) mod namespace;
pub(crate) mod output;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod ruled;
pub(crate) mod schema;
pub(crate) mod server;

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

/// How long a scene waits for anything before it fails. Far longer than anything takes, so that a busy
/// machine does not fail a scene; nothing waits it out when all is well.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// For what takes its time by design: a peer that is silent, not absent.
pub(crate) const LONG_DEADLINE: Duration = Duration::from_secs(60);

/// A port nobody listens on, for what must know its port before it starts. Taken below the range the
/// system picks from, so that no other scene is given it meanwhile.
#[must_use]
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test runs that began one after the other look far from each other: a server that is started again has to find its port.
    let start = u16::try_from(std::process::id().wrapping_mul(7919) % 12_000).unwrap();
    loop {
        let port = 20_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        if TcpListener::bind(("0.0.0.0", port)).is_ok() {
            return port;
        }
    }
}
