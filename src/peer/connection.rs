//! One connection of a session after the hello: its two halves, the bytes that wait to be written, and whether the
//! connection is still alive. This file owns the socket; it knows nothing of numbers, outboxes or redialling.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hobnob_protocol::codec::{CodecError, LineBuffer};
use hobnob_protocol::message::PeerMessage;
use hobnob_protocol::{PEER_DEAD_AFTER, PEER_PING_AFTER};
use tokio::io::{AsyncReadExt, ReadHalf};

use super::line::decode;
use super::outgoing::{Outgoing, WriterState};
use super::reach::{Duplex, Origin};
use super::writer::Writer;

/// How many bytes are read before they are looked at, if so many have arrived. These are several TLS records, so that a
/// burst of texts is handed on together.
const ENOUGH_TO_READ: usize = 64 * 1024;

/// How long it may take to send a goodbye, and then for the other side to close.
const FAREWELL_WITHIN: Duration = Duration::from_millis(500);

/// A connection on which both sides have said hello. If the other side is the chooser, it has also said `chosen`.
pub(super) struct Fresh {
    pub(super) stream: Box<dyn Duplex>,
    /// The bytes that were read after the hello.
    pub(super) lines: LineBuffer,
    /// The number of the last text that the other side has.
    pub(super) received: u64,
    /// The number of the last text that this side has, as its hello said.
    pub(super) told: u64,
    pub(super) key_exchange: String,
    pub(super) origin: Origin,
}

/// The state of a connection, found by a look at the clock.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Vital {
    /// The connection is fine.
    Fine,
    /// Nothing was heard, or nothing could be written, for [`PEER_DEAD_AFTER`].
    Dead,
}

/// The connection in use. Its writer is kept in [`Outgoing`], with the texts that leave by it.
pub(super) struct Connection {
    reader: ReadHalf<Box<dyn Duplex>>,
    outgoing: Arc<Outgoing>,
    lines: LineBuffer,
    pub(super) origin: Origin,
    pub(super) since: Duration,
    heard: Duration,
    signed: Duration,
    progressed: Duration,
    /// The value of [`Writer::moves`](super::writer::Writer::moves) at the last look.
    moves: u64,
}

impl Connection {
    /// Begins to use a connection at the awake time `now`. The connection that `outgoing` had before is over.
    pub(super) fn new(fresh: Fresh, outgoing: &Arc<Outgoing>, now: Duration) -> Self {
        let (reader, writer) = tokio::io::split(fresh.stream);
        outgoing.connect(Writer::new(writer));
        Self {
            reader,
            outgoing: Arc::clone(outgoing),
            lines: fresh.lines,
            origin: fresh.origin,
            since: now,
            heard: now,
            signed: now,
            progressed: now,
            moves: 0,
        }
    }

    /// Writes what waits, and waits until something was read. Returns the number of bytes, which is 0 if the other side
    /// has closed. Reads only if `reading` is true. Cancel-safe.
    pub(super) async fn turn(&mut self, reading: bool) -> io::Result<usize> {
        let Self { reader, lines, outgoing, .. } = self;
        poll_fn(|cx| {
            if let Poll::Ready(err) = outgoing.poll_write(cx) {
                return Poll::Ready(Err(err));
            }
            if reading { poll_arrived(reader, lines, cx) } else { Poll::Pending }
        })
        .await
    }

    /// Returns the next message that has arrived whole.
    pub(super) fn next_message(&mut self) -> Result<Option<PeerMessage>, CodecError> {
        let Some(line) = self.lines.next_line()? else { return Ok(None) };
        Ok(Some(decode(&line)?))
    }

    /// Appends a message to the bytes that wait to be written.
    pub(super) fn queue(&self, message: &PeerMessage) {
        self.outgoing.queue(message);
    }

    /// Notes that the other side was heard.
    pub(super) fn heard(&mut self, now: Duration) {
        self.heard = now;
    }

    /// Looks at the clock, and asks for a sign of life if there was none for a while. While this side does not read,
    /// because its app is behind, the silence of the other side does not count; instead this side sends signs of life
    /// unasked.
    pub(super) fn check(&mut self, now: Duration, reading: bool) -> Vital {
        let sign = if reading { PeerMessage::Ping } else { PeerMessage::Pong };
        if !reading {
            self.heard = now;
        }
        let WriterState { is_writing, moves, .. } = self.outgoing.state();
        if moves != self.moves {
            self.moves = moves;
            self.progressed = now;
        }
        if now.saturating_sub(self.heard) >= PEER_DEAD_AFTER
            || (is_writing && now.saturating_sub(self.progressed) >= PEER_DEAD_AFTER)
        {
            return Vital::Dead;
        }
        let quiet_since = if reading { self.heard.max(self.signed) } else { self.signed };
        if now.saturating_sub(quiet_since) >= PEER_PING_AFTER {
            self.signed = now;
            self.queue(&sign);
        }
        Vital::Fine
    }

    /// Retires this connection, because another one is used from now on. This connection is neither written to nor read
    /// any more. It stays open for a while, because the other side may not have heard yet that another connection was
    /// chosen, and would take the end of this one for a loss.
    pub(super) fn retire(&mut self) {
        self.outgoing.disconnect();
        // The bytes of the new connection are no business of this one.
        self.outgoing = Arc::default();
    }

    /// Closes this side's half, so that the other side sees a regular end of the connection.
    pub(super) async fn close(self) {
        if let Some(writer) = self.outgoing.disconnect() {
            let _unsent = tokio::time::timeout(FAREWELL_WITHIN, writer.shut_down()).await;
        }
    }

    /// Writes what waits and a goodbye, closes this side's half, and reads until the other side has closed too. Without
    /// the reading, an answer that arrives at a closed socket would reset the connection, and the goodbye would be
    /// lost.
    pub(super) async fn farewell(mut self) {
        self.queue(&PeerMessage::Goodbye);
        let Some(writer) = self.outgoing.disconnect() else { return };
        let parting = async {
            writer.finish().await?;
            let mut nothing = [0; 4096];
            while self.reader.read(&mut nothing).await? > 0 {}
            io::Result::Ok(())
        };
        match tokio::time::timeout(FAREWELL_WITHIN, parting).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the goodbye may be lost"),
            Err(_elapsed) => tracing::debug!("the other side did not close after the goodbye"),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.outgoing.disconnect();
    }
}

/// Reads what has arrived, up to about [`ENOUGH_TO_READ`] bytes. Returns the number of bytes, which is 0 at the end of
/// the stream. If the stream ends or fails after some bytes, the next read reports that.
fn poll_arrived(
    reader: &mut ReadHalf<Box<dyn Duplex>>,
    lines: &mut LineBuffer,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let mut arrived = 0;
    while arrived < ENOUGH_TO_READ {
        match poll_read_once(reader, lines, cx) {
            Poll::Ready(Ok(count)) if count > 0 => arrived += count,
            _ if arrived > 0 => break,
            ended => return ended,
        }
    }
    Poll::Ready(Ok(arrived))
}

fn poll_read_once(
    reader: &mut ReadHalf<Box<dyn Duplex>>,
    lines: &mut LineBuffer,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let reading = pin!(reader.read_buf(lines.spare()));
    reading.poll(cx)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> (Connection, tokio::io::DuplexStream) {
        let (near, far) = tokio::io::duplex(64);
        let (lines, origin) = (LineBuffer::new(1000), Origin::Accepted([127, 0, 0, 1].into()));
        let fresh = Fresh {
            stream: Box::new(near),
            lines,
            received: 0,
            told: 0,
            key_exchange: String::new(),
            origin,
        };
        (Connection::new(fresh, &Arc::default(), Duration::ZERO), far)
    }

    #[test]
    fn a_silent_connection_is_pinged_and_then_declared_dead() {
        let (mut connection, _far) = connection();
        let secs = Duration::from_secs;
        assert_eq!(connection.check(secs(4), true), Vital::Fine);
        assert!(!connection.outgoing.state().is_writing);
        assert_eq!(connection.check(secs(5), true), Vital::Fine);
        assert!(connection.outgoing.state().is_writing, "the connection asks for a sign of life");
        connection.heard(secs(6));
        assert_eq!(connection.check(secs(19), true), Vital::Fine);
        assert_eq!(connection.check(secs(21), true), Vital::Dead);
    }

    #[test]
    fn silence_while_this_side_does_not_read_does_not_end_the_connection() {
        let (mut connection, _far) = connection();
        for now in 0..100 {
            assert_eq!(connection.check(Duration::from_secs(now), false), Vital::Fine);
            let given = connection.outgoing.state().is_writing;
            assert_eq!(given, now > 0 && now % 5 == 0, "a sign of life every 5 s");
            // This has the effect of a write.
            let (_, writer) = tokio::io::split::<Box<dyn Duplex>>(Box::new(tokio::io::duplex(64).0));
            connection.outgoing.connect(Writer::new(writer));
        }
    }
}
