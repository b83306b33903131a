//! The writer of one connection: the socket's writing half and the bytes that wait for it. It is the one
//! place from which a session's connection is written to. Owns the order of bytes and whether they are
//! under way; knows nothing of what they mean, of numbers, of time, or of who writes when
//! ([`super::outgoing`] decides that).

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncWrite, AsyncWriteExt, WriteHalf};

use super::reach::Duplex;

/// What is put together for one write, in bytes: several TLS records, so that a burst of texts costs
/// a handful of system calls.
pub(super) const ENOUGH_TO_WRITE: usize = 64 * 1024;

/// Writes one connection's bytes.
pub(super) struct Writer {
    half: WriteHalf<Box<dyn Duplex>>,
    out: BytesMut,
    /// Written bytes may still be on this side of the socket.
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

    /// Where what is to be written is appended.
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

    /// Whether more than texts may be appended: also while as many of those wait as may, or a stream of
    /// them would hold back acknowledgements. A side that asks and does not read is not answered for ever.
    pub(super) fn has_room(&self) -> bool {
        self.out.len() < 4 * ENOUGH_TO_WRITE
    }

    /// Grows whenever something begins to wait and whenever something was written: while it stays, and the
    /// writer is not idle, nothing moves.
    pub(super) fn moves(&self) -> u64 {
        self.moves
    }

    /// Writes what waits; ready when nothing does any more. What was written is gone from here, so it may
    /// be given up at any time.
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

    /// Writes what waits, and closes this half.
    pub(super) async fn finish(mut self) -> io::Result<()> {
        self.half.write_all(&self.out).await?;
        self.half.shutdown().await
    }

    /// Closes this half, so that the other side sees an end and not a break.
    pub(super) async fn shut_down(mut self) -> io::Result<()> {
        self.half.shutdown().await
    }
}
