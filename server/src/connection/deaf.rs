//! A client that takes nothing. It has left the lobby and given its place back, and is told why should
//! it read again: somebody who had suspended it wants to know. Owns how long that is waited for, and for
//! how many at once.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use hobnob_protocol::codec;
use hobnob_protocol::message::{RefusedCode, ServerMessage};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::{Connection, LINGER};
use crate::lobby::{Ending, LobbyHandle};

/// How long it is waited for one to read again.
const READS_WITHIN: Duration = Duration::from_secs(120);

/// Clients waited for at once; others are closed without a word. Each costs its socket and what was
/// being written to it.
pub(crate) const MAX_DEAF: usize = 64;

/// A client that takes nothing, no longer in the lobby.
pub(crate) struct Deaf<S> {
    connection: Arc<Connection<S>>,
    lobby: LobbyHandle,
    _place: OwnedSemaphorePermit,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Deaf<S> {
    /// `None` when as many are waited for as may be.
    pub(super) fn new(
        connection: Arc<Connection<S>>,
        lobby: LobbyHandle,
        places: Arc<Semaphore>,
    ) -> Option<Self> {
        let place = places.try_acquire_owned().ok()?;
        Some(Self { connection, lobby, _place: place })
    }

    /// Its stream, for options that have to do with waiting.
    pub(crate) fn with_stream(&self, set: impl FnOnce(&S)) {
        set(self.connection.lock().wire.stream());
    }

    /// Waits until it reads again and tells it why it is closed; ends when the lobby does.
    pub(crate) async fn told(self) {
        let last = codec::encode(&ServerMessage::Refused { code: RefusedCode::NotReading });
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
