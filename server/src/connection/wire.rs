//! TLS on a stream, without a task of its own: bytes go in and out whenever somebody polls. Owns the
//! socket and its encryption state; knows nothing of messages.
//!
//! Whoever polls gives the waker that is woken when the socket is ready again. The stream must not
//! buffer what is written to it.

use std::io::{self, BufRead, IoSlice, Read, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hobnob_protocol::LOBBY_ALPN;
use hobnob_protocol::codec::LineBuffer;
use hobnob_protocol::name::PublicKey;
use hobnob_protocol::transport::{self, TransportError};
use rustls::{ServerConfig, ServerConnection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// Sends on a socket without asking first whether it takes anything.
pub(crate) type SendNow<S> = fn(&S, &[u8]) -> io::Result<usize>;

/// One client's encrypted stream.
pub(super) struct Wire<S> {
    stream: S,
    /// Where the stream is a socket: the way past the runtime's own notes on it. They lie in memory of their
    /// own, which for a thousand clients is a thousand waits for it with each text.
    send_now: Option<SendNow<S>>,
    tls: ServerConnection,
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
    pub(super) fn new(
        stream: S,
        send_now: Option<SendNow<S>>,
        config: Arc<ServerConfig>,
    ) -> Result<Self, rustls::Error> {
        let mut tls = ServerConnection::new(config)?;
        // The caller bounds what it puts in: more is put only when all before is written.
        tls.set_buffer_limit(None);
        Ok(Self { stream, send_now, tls, blocked_since: None, finish: Finish::Open })
    }

    /// What it is an encryption of.
    pub(super) fn stream(&self) -> &S {
        &self.stream
    }

    /// Whether messages may be put in.
    pub(super) fn is_open(&self) -> bool {
        !self.tls.is_handshaking() && self.finish == Finish::Open
    }

    /// Since when the socket has taken nothing, if something waits for it.
    pub(super) fn blocked_since(&self) -> Option<Instant> {
        self.blocked_since
    }

    /// Who is at the other end, after the handshake.
    pub(super) fn peer(&self) -> Result<PublicKey, TransportError> {
        transport::authenticated_peer(&self.tls, LOBBY_ALPN)
    }

    /// Encrypts `lines`, as few records as they fit in. To be followed by a flush.
    pub(super) fn put(&mut self, lines: &[Bytes]) -> io::Result<()> {
        let mut writer = self.tls.writer();
        if let [line] = lines {
            return writer.write_all(line);
        }
        let mut slices: Vec<IoSlice<'_>> = lines.iter().map(|line| IoSlice::new(line)).collect();
        let mut rest = &mut slices[..];
        while !rest.is_empty() {
            match writer.write_vectored(rest)? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                written => IoSlice::advance_slices(&mut rest, written),
            }
        }
        Ok(())
    }

    /// Writes what was put in until all is written or the socket takes no more.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.blocked_since.is_none() {
            self.flush_now()?;
        }
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut Synchronous { stream: &mut self.stream, cx }) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(_) => self.blocked_since = None,
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => {
                    self.blocked_since.get_or_insert_with(Instant::now);
                    return Poll::Pending;
                }
                Err(err) => return Poll::Ready(Err(err)),
            }
        }
        self.blocked_since = None;
        Poll::Ready(Ok(()))
    }

    /// Writes what the socket takes at once. What it does not take is left to whoever can wait for it.
    fn flush_now(&mut self) -> io::Result<()> {
        let Some(send) = self.send_now else { return Ok(()) };
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut Unasked { stream: &self.stream, send }) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => break,
                Err(err) => return Err(err),
            }
        }
        Ok(())
    }

    /// Reads once, and appends what comes out of it to `lines`. `false` at the end of the stream.
    pub(super) fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        lines: &mut LineBuffer,
    ) -> Poll<io::Result<bool>> {
        let read = match self.tls.read_tls(&mut Synchronous { stream: &mut self.stream, cx }) {
            Err(err) if err.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            read => read?,
        };
        let state = match self.tls.process_new_packets() {
            Ok(state) => state,
            Err(err) => {
                // The other side is told why, if the socket takes it.
                let _alert = self.poll_flush(cx);
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, err)));
            }
        };
        let mut left = state.plaintext_bytes_to_read();
        let mut reader = self.tls.reader();
        while left > 0 {
            let chunk = reader.fill_buf()?;
            let len = chunk.len();
            lines.extend(chunk);
            reader.consume(len);
            left = left.saturating_sub(len.max(1));
        }
        Poll::Ready(Ok(read > 0 && !state.peer_has_closed()))
    }

    /// Writes what is left, says goodbye, and waits for the other side to close: if this side closed
    /// while bytes come in, the last words would be lost on the way.
    pub(super) fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.finish == Finish::Open {
            self.tls.send_close_notify();
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

/// An asynchronous stream as rustls wants it: "not now" is an error.
struct Synchronous<'a, 'b, S> {
    stream: &'a mut S,
    cx: &'a mut Context<'b>,
}

/// A socket as rustls wants it.
struct Unasked<'a, S> {
    stream: &'a S,
    send: SendNow<S>,
}

impl<S> Write for Unasked<'_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (self.send)(self.stream, bytes)
    }

    /// Several records go the usual way, all with one call.
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match slices {
            [record] => self.write(record),
            _ => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn or_would_block<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

impl<S: AsyncRead + Unpin> Read for Synchronous<'_, '_, S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(into);
        or_would_block(Pin::new(&mut *self.stream).poll_read(self.cx, &mut buffer))?;
        Ok(buffer.filled().len())
    }
}

impl<S: AsyncWrite + Unpin> Write for Synchronous<'_, '_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        or_would_block(Pin::new(&mut *self.stream).poll_write(self.cx, bytes))
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        // A single record, as nearly all are: the system has a shorter way for it.
        if let [record] = slices {
            return self.write(record);
        }
        or_would_block(Pin::new(&mut *self.stream).poll_write_vectored(self.cx, slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
