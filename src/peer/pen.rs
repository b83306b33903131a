//! The writing half of a connection and what waits to be written. Owns the order of bytes and whether
//! they are under way; knows nothing of what they mean, of numbers or of time.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, WriteHalf};

/// What is put together for one write, in bytes: several TLS records, so that a burst of texts costs
/// a handful of system calls.
pub(super) const ENOUGH_TO_WRITE: usize = 64 * 1024;

/// A stream of bytes in both directions: TLS over TCP, or a pipe in a test.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// Writes one connection's bytes.
pub(super) struct Pen {
    writer: WriteHalf<Box<dyn Duplex>>,
    out: BytesMut,
    /// Written bytes may still be on this side of the socket.
    unflushed: bool,
    moves: u64,
}

impl fmt::Debug for Pen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pen").field("waiting", &self.out.len()).finish_non_exhaustive()
    }
}

impl Pen {
    pub(super) fn new(writer: WriteHalf<Box<dyn Duplex>>) -> Self {
        Self { writer, out: BytesMut::new(), unflushed: false, moves: 0 }
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
    /// pen is not idle, nothing moves.
    pub(super) fn moves(&self) -> u64 {
        self.moves
    }

    /// Writes what waits; ready when nothing does any more. What was written is gone from here, so it may
    /// be given up at any time.
    pub(super) fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.out.is_empty() {
            let count = ready!(Pin::new(&mut self.writer).poll_write(cx, &self.out))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.out.advance(count);
            self.unflushed = true;
            self.moves += 1;
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.writer).poll_flush(cx))?;
            self.unflushed = false;
            self.moves += 1;
        }
        Poll::Ready(Ok(()))
    }

    /// Writes what waits, and closes this half.
    pub(super) async fn finish(mut self) -> io::Result<()> {
        self.writer.write_all(&self.out).await?;
        self.writer.shutdown().await
    }

    /// Closes this half, so that the other side sees an end and not a break.
    pub(super) async fn shut_down(mut self) -> io::Result<()> {
        self.writer.shutdown().await
    }
}
