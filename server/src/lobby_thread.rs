//! The thread in which a server's lobby runs. There it may wait for the disk without anybody else waiting, so a text
//! that is alone is ordered, stored and told without one thread having to wake another. This file knows nothing of what
//! the lobby does.

use std::io;
use std::thread;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::unconstrained;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::lobby::{Lobby, LobbyFault};

/// A lobby that runs. Dropped, it ends at the next thing it waits for.
pub(crate) struct LobbyThread {
    ended: oneshot::Receiver<Option<Result<(), LobbyFault>>>,
    _abandoned: DropGuard,
}

impl LobbyThread {
    /// Lets `lobby` run until `stop`. The tasks and timers that the lobby starts belong to the runtime in which this is
    /// called.
    ///
    /// # Errors
    /// Fails when the system gives no thread.
    pub(crate) fn start(lobby: Lobby, stop: CancellationToken) -> io::Result<Self> {
        let (tell, ended) = oneshot::channel();
        let abandoned = CancellationToken::new();
        let until = abandoned.clone();
        let runtime = Handle::current();
        let run = move || {
            let lobby = lobby.on_its_own_thread();
            let result = runtime.block_on(unconstrained(async move {
                tokio::select! {
                    // This is looked at first, so that a lobby that was abandoned asks nothing more of the runtime,
                    // which may have ended.
                    biased;
                    () = until.cancelled() => None,
                    result = lobby.run(stop) => Some(result),
                }
            }));
            let _nobody_waits = tell.send(result);
        };
        thread::Builder::new().name("lobby".to_owned()).spawn(run)?;
        Ok(Self { ended, _abandoned: abandoned.drop_guard() })
    }

    /// Waits until the lobby has ended. Nothing is lost when the wait is cancelled.
    ///
    /// # Errors
    /// Fails with the reason why the lobby ended by itself.
    pub(crate) async fn ended(&mut self) -> Result<(), String> {
        match (&mut self.ended).await {
            Ok(Some(result)) => result.map_err(|fault| fault.to_string()),
            Ok(None) | Err(_) => Err("a panic ended it".to_owned()),
        }
    }
}
