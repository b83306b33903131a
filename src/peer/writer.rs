//! The writer of one connection: the writing half of the socket and the bytes that wait for it. This is the only place
//! that writes to a session's connection. It owns the order of the bytes and whether some are under way. It knows
//! nothing of what they mean, of numbers, of time, or of who writes when ([`super::outgoing`] decides that).

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncWrite, AsyncWriteExt, WriteHalf};

use super::reach::Duplex;

/// How many bytes are gathered for one write. These are several TLS records, so that a burst of texts costs only a
/// handful of system calls.
pub(super) const ENOUGH_TO_WRITE: usize = 64 * 1024;

/// Writes one connection's bytes.
pub(super) struct Writer {
    half: WriteHalf<Box<dyn Duplex>>,
    out: BytesMut,
    /// Whether written bytes may still be on this side of the socket.
    unflushed: bool,
    moves: u64,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("waiting", &self.out.len()).finish_non_exhaustive()
    }
}

impl Writer {
    pub(super) fn new(half: WriteHalf<Box<dyn Duplex>>) -> Self {
        Self { half, out: BytesMut::new(), unflushed: false, moves: 0 }
    }

    /// Returns the buffer to which the bytes to be written are appended.
    pub(super) fn out(&mut self) -> &mut BytesMut {
        if self.is_idle() {
            self.moves += 1;
        }
        &mut self.out
    }

    /// Whether nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.out.is_empty() && !self.unflushed
    }

    /// Whether messages other than texts may be appended. This is still true when the texts have filled their part,
    /// because a stream of texts would otherwise hold back the acknowledgements. But there is a limit, so that a peer
    /// that sends requests and does not read is not answered for ever.
    pub(super) fn has_room(&self) -> bool {
        self.out.len() < 4 * ENOUGH_TO_WRITE
    }

    /// A counter that grows when bytes begin to wait and when bytes were written. If it stays the same while the writer
    /// is not idle, the connection is stuck.
    pub(super) fn moves(&self) -> u64 {
        self.moves
    }

    /// Writes the bytes that wait; ready when none are left. Written bytes are removed from the buffer at once, so the
    /// call may be cancelled at any time.
    pub(super) fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.out.is_empty() {
            let count = ready!(Pin::new(&mut self.half).poll_write(cx, &self.out))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.out.advance(count);
            self.unflushed = true;
            self.moves += 1;
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.half).poll_flush(cx))?;
            self.unflushed = false;
            self.moves += 1;
        }
        Poll::Ready(Ok(()))
    }

    /// Writes the bytes that wait, and closes this half.
    pub(super) async fn finish(mut self) -> io::Result<()> {
        self.half.write_all(&self.out).await?;
        self.half.shutdown().await
    }

    /// Closes this half, so that the other side sees a regular end of the connection.
    pub(super) async fn shut_down(mut self) -> io::Result<()> {
        self.half.shutdown().await
    }
}
