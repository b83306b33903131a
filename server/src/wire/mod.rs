//! TLS on a stream, without a task of its own: bytes go in and out whenever somebody polls. Owns the
//! socket, and when it is read and written; knows nothing of messages.
//!
//! Whoever polls gives the waker that is woken when the socket is ready again. The stream must not
//! buffer what is written to it.

mod tls;

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hobnob_protocol::codec::LineBuffer;
use hobnob_protocol::name::PublicKey;
use hobnob_protocol::transport::{self, TransportError};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use self::tls::Tls;

/// Bytes that are read at once: a full TLS record and what belongs to it.
const READ_BYTES: usize = 17 * 1024;

/// Sends on a socket without asking first whether it takes anything.
pub(crate) type SendNow<S> = fn(&S, &[u8]) -> io::Result<usize>;

/// One client's encrypted stream.
pub(crate) struct Wire<S> {
    stream: S,
    /// Where the stream is a socket: the way past the runtime's own notes on it. They lie in memory of their
    /// own, which for a thousand clients is a thousand waits for it with each text.
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

    /// What it is an encryption of.
    pub(crate) fn stream(&self) -> &S {
        &self.stream
    }

    /// Whether messages may be put in.
    pub(crate) fn is_open(&self) -> bool {
        !self.tls.state().is_handshaking() && self.finish == Finish::Open
    }

    /// Since when the socket has taken nothing, if something waits for it.
    pub(crate) fn blocked_since(&self) -> Option<Instant> {
        self.blocked_since
    }

    /// Who is at the other end, after the handshake.
    pub(crate) fn peer(&self, alpn: &[u8]) -> Result<PublicKey, TransportError> {
        transport::authenticated_peer(self.tls.state(), alpn)
    }

    /// Which protocol the two ends have agreed on, after the handshake.
    pub(crate) fn alpn(&self) -> Option<&[u8]> {
        self.tls.state().alpn_protocol()
    }

    /// The same over another form of the stream, which is sent on in the usual way.
    pub(crate) fn map_stream<T>(self, form: impl FnOnce(S) -> T) -> Wire<T> {
        let Self { stream, tls, blocked_since, finish, .. } = self;
        Wire { stream: form(stream), send_now: None, tls, blocked_since, finish }
    }

    /// The stream without its encryption. Everything put in has been written, and nothing was read past what came
    /// out.
    pub(crate) fn into_stream(self) -> S {
        self.stream
    }

    /// Encrypts `lines`, as few records as they fit in. To be followed by a flush. The caller bounds what it puts in:
    /// more is put only when all before is written.
    pub(crate) fn put(&mut self, lines: &[Bytes]) -> io::Result<()> {
        self.tls.seal(lines)
    }

    /// Writes what was put in until all is written or the socket takes no more.
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

    /// Writes what the socket takes at once. What it does not take is left to whoever can wait for it.
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

    /// Reads once, and appends what comes out of it to `lines`. `false` at the end of the stream.
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
            // The other side is told why, if the socket takes it.
            let _alert = self.poll_flush(cx);
            return Poll::Ready(Err(err));
        }
        Poll::Ready(Ok(!is_end && !self.tls.peer_has_closed()))
    }

    /// Writes what is left, says goodbye, and waits for the other side to close: if this side closed
    /// while bytes come in, the last words would be lost on the way.
    pub(crate) fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.finish == Finish::Open {
            // Without a goodbye the other side sees the end of the stream.
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
