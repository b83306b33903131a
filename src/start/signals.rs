//! The system's signals that end the program in good order. Knows nothing of what ending takes.

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::app::event::Signal;

/// Signals that end the program. Installed before the editor reads: it relies on the handlers that
/// stand when it begins.
///
/// # Errors
/// When the system lets no signal be caught.
pub fn watch() -> Result<mpsc::Receiver<Signal>> {
    let (tx, rx) = mpsc::channel(4);
    for (kind, name) in [
        (SignalKind::interrupt(), Signal::Interrupt),
        (SignalKind::terminate(), Signal::Terminate),
        (SignalKind::hangup(), Signal::HangUp),
    ] {
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
