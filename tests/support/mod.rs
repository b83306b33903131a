//! What every end-to-end test needs: a home that is isolated from the machine, the two programs as processes that die
//! with their owner, and readers that keep everything a program wrote. This module knows the programs only from
//! outside: their options, pipes, files and exit codes. Nothing here sleeps to wait for something. Every wait has the
//! limit [`DEADLINE`], and a wait that exceeds it prints everything that was seen.

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

/// How long a test waits for anything before it fails. This is far longer than anything takes, so that a busy machine
/// does not fail a test; a test that succeeds never waits so long.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// A limit for things that take a long time by design, such as noticing a silent peer.
pub(crate) const LONG_DEADLINE: Duration = Duration::from_secs(60);

/// Returns a port on which nobody listens, for programs whose port must be known before they start. The port is below
/// the range from which the system picks ports, so that no other test is given it meanwhile.
#[must_use]
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test runs that began one after another look at ports far from each other, because a server that is started again
    // has to get its port.
    let start = u16::try_from(std::process::id().wrapping_mul(7919) % 12_000).unwrap();
    loop {
        let port = 20_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        if TcpListener::bind(("0.0.0.0", port)).is_ok() {
            return port;
        }
    }
}
