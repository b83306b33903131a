//! TLS on a stream, without a task of its own: bytes go in and out whenever a caller polls. This module owns the
//! socket, and when it is read and written; it knows nothing of messages.
//!
//! The caller that polls passes the waker that is woken when the socket is ready again. The stream must not buffer what
//! is written to it.

mod tls;

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hobnob_protocol::codec::LineBuffer;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::transport::{self, TransportError};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use self::tls::Tls;

/// How many bytes are read at once: a full TLS record with its header.
const READ_BYTES: usize = 17 * 1024;

/// Sends on a socket without first asking whether it takes anything.
pub(crate) type SendNow<S> = fn(&S, &[u8]) -> io::Result<usize>;

/// One client's encrypted stream.
pub(crate) struct Wire<S> {
    stream: S,
    /// A direct way to send, if the stream is a socket. It avoids the records that the runtime keeps on each socket.
    /// These lie in memory of their own, so for a thousand clients each text would wait a thousand times for that
    /// memory.
    send_now: Option<SendNow<S>>,
    tls: Tls,
    blocked_since: Option<Instant>,
    /// How far [`poll_finish`](Self::poll_finish) has come.
    finish: Finish,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Finish {
    Open,
    Notified,
    ShutDown,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(crate) fn new(
        stream: S,
        send_now: Option<SendNow<S>>,
        config: Arc<ServerConfig>,
    ) -> Result<Self, rustls::Error> {
        Ok(Self { stream, send_now, tls: Tls::new(config)?, blocked_since: None, finish: Finish::Open })
    }

    /// Returns the stream under the encryption.
    pub(crate) fn stream(&self) -> &S {
        &self.stream
    }

    /// Whether the handshake is done and messages may be put in.
    pub(crate) fn is_open(&self) -> bool {
        !self.tls.state().is_handshaking() && self.finish == Finish::Open
    }

    /// Returns since when the socket has taken nothing although something waits, or `None` if nothing waits for it.
    pub(crate) fn blocked_since(&self) -> Option<Instant> {
        self.blocked_since
    }

    /// Returns the key of the other side, after the handshake.
    ///
    /// # Errors
    /// Fails if the two sides did not agree on `alpn`.
    pub(crate) fn peer(&self, alpn: &[u8]) -> Result<PublicKey, TransportError> {
        transport::authenticated_peer(self.tls.state(), alpn)
    }

    /// Returns which protocol the two sides have agreed on, after the handshake.
    pub(crate) fn alpn(&self) -> Option<&[u8]> {
        self.tls.state().alpn_protocol()
    }

    /// Puts another type of stream in place of the stream. From then on bytes are sent through that stream, not through
    /// `send_now`.
    pub(crate) fn map_stream<T>(self, form: impl FnOnce(S) -> T) -> Wire<T> {
        let Self { stream, tls, blocked_since, finish, .. } = self;
        Wire { stream: form(stream), send_now: None, tls, blocked_since, finish }
    }

    /// Returns the stream without its encryption. The caller makes sure that everything put in has been written and
    /// that nothing was read beyond what was handed out.
    pub(crate) fn into_stream(self) -> S {
        self.stream
    }

    /// Encrypts `lines` in as few records as they fit in. A flush has to follow. The caller bounds what it puts in: it
    /// puts in more only when everything before has been written.
    pub(crate) fn put(&mut self, lines: &[Bytes]) -> io::Result<()> {
        self.tls.seal(lines)
    }

    /// Writes what was put in, until all of it is written or the socket takes no more.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.blocked_since.is_none() {
            self.flush_now()?;
        }
        while !self.tls.unwritten().is_empty() {
            match Pin::new(&mut self.stream).poll_write(cx, self.tls.unwritten()) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => {
                    self.tls.wrote(count);
                    self.blocked_since = None;
                }
                Poll::Ready(Err(err)) => return Poll::Ready(Err(err)),
                Poll::Pending => {
                    self.blocked_since.get_or_insert_with(Instant::now);
                    return Poll::Pending;
                }
            }
        }
        self.blocked_since = None;
        Poll::Ready(Ok(()))
    }

    /// Writes what the socket takes at once. The rest is left to the caller, which can wait.
    fn flush_now(&mut self) -> io::Result<()> {
        let Some(send) = self.send_now else { return Ok(()) };
        while !self.tls.unwritten().is_empty() {
            match send(&self.stream, self.tls.unwritten()) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.tls.wrote(count),
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => break,
                Err(err) => return Err(err),
            }
        }
        Ok(())
    }

    /// Reads once, and appends the decrypted bytes to `lines`. `false` at the end of the stream.
    pub(crate) fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        lines: &mut LineBuffer,
    ) -> Poll<io::Result<bool>> {
        let mut scratch = [const { MaybeUninit::uninit() }; READ_BYTES];
        let mut buffer = ReadBuf::uninit(&mut scratch);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
        let came = buffer.filled_mut();
        let is_end = came.is_empty();
        if let Err(err) = self.tls.open(came, |words| lines.extend(words)) {
            // The other side is told why, if the socket takes the alert.
            let _alert = self.poll_flush(cx);
            return Poll::Ready(Err(err));
        }
        Poll::Ready(Ok(!is_end && !self.tls.peer_has_closed()))
    }

    /// Writes what is left, says that nothing follows, and waits for the other side to close. If this side closed while
    /// bytes still come in, the last bytes it sent would be lost on the way.
    pub(crate) fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.finish == Finish::Open {
            // If that cannot be said, the other side sees the end of the stream.
            let _told = self.tls.say_goodbye();
            self.finish = Finish::Notified;
        }
        if self.finish == Finish::Notified {
            ready!(self.poll_flush(cx))?;
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            self.finish = Finish::ShutDown;
        }
        let mut scratch = [0_u8; 1024];
        loop {
            let mut buffer = ReadBuf::new(&mut scratch);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}
