//! Holds the socket of a client that was evicted for not reading, so that the client can be told why if it
//! resumes within 120 s: somebody who had suspended it wants to know. At most 64 are held at once; any others
//! are closed without a word. An evicted client has left the lobby and given its slot back already.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use hobnob_protocol::message::{RefusedCode, ServerMessage};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::{Connection, LINGER};
use crate::lobby::{Ending, LobbyHandle};

/// How long an evicted client may take to read again.
const READS_WITHIN: Duration = Duration::from_secs(120);

/// Evicted clients held at once; others are closed without a word. Each costs its socket and what was
/// being written to it.
pub(crate) const MAX_EVICTED: usize = 64;

/// A client that was evicted for not reading; it is no longer in the lobby.
pub(crate) struct Evicted<S> {
    connection: Arc<Connection<S>>,
    lobby: LobbyHandle,
    _slot: OwnedSemaphorePermit,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Evicted<S> {
    /// `None` when as many are held already as may be; the client is then closed.
    pub(super) fn new(
        connection: Arc<Connection<S>>,
        lobby: LobbyHandle,
        slots: Arc<Semaphore>,
    ) -> Option<Self> {
        let slot = slots.try_acquire_owned().ok()?;
        Some(Self { connection, lobby, _slot: slot })
    }

    /// Hands out its stream, so that the time limits of the socket can be set.
    pub(crate) fn with_stream(&self, set: impl FnOnce(&S)) {
        set(self.connection.lock().wire.stream());
    }

    /// Waits until it reads again and tells it why it is closed; ends when the lobby does.
    pub(crate) async fn told(self) {
        let last = ServerMessage::refused(RefusedCode::NotReading);
        self.connection.finish_with_only(Ending::now(last));
        let told = async {
            poll_fn(|cx| self.connection.poll_event(cx, false)).await;
            let _too_slow = timeout(LINGER, poll_fn(|cx| self.connection.poll_finish(cx))).await;
        };
        tokio::select! {
            _told = timeout(READS_WITHIN, told) => {}
            () = self.lobby.closed() => {}
        }
    }
}
