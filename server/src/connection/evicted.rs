//! Holds the connection of a client that was evicted for not reading. If the client reads again within 120 s, it is
//! told why it was closed, since its user may have suspended it and wants to know. At most 64 such connections are held
//! at once; further ones are closed without an explanation. An evicted client has already left the lobby and given its
//! slot back.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use hobnob_protocol::message::{RefusedCode, ServerMessage};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::{Connection, LINGER};
use crate::lobby::{Ending, LobbyHandle};

/// How long an evicted client may take until it reads again.
const READS_WITHIN: Duration = Duration::from_secs(120);

/// How many evicted clients are held at once. Each costs its socket and the bytes that were being written to it.
pub(crate) const MAX_EVICTED: usize = 64;

/// A client that was evicted for not reading; it is no longer in the lobby.
pub(crate) struct Evicted<S> {
    connection: Arc<Connection<S>>,
    lobby: LobbyHandle,
    _slot: OwnedSemaphorePermit,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Evicted<S> {
    /// Holds an evicted client; `None` when as many are held as may be, and then the connection is closed.
    pub(super) fn new(
        connection: Arc<Connection<S>>,
        lobby: LobbyHandle,
        slots: Arc<Semaphore>,
    ) -> Option<Self> {
        let slot = slots.try_acquire_owned().ok()?;
        Some(Self { connection, lobby, _slot: slot })
    }

    /// Hands out the stream, so that the time limits of the socket can be set.
    pub(crate) fn with_stream(&self, set: impl FnOnce(&S)) {
        set(self.connection.lock().wire.stream());
    }

    /// Waits until the client reads again and tells it why it is closed. Also ends when the lobby ends.
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
