//! What the task of a connection waits for: the handshake, the next event, the end. While the task waits, it writes
//! what can be written and reads what may be read. What becomes of an event is decided in [`task`](super::task).

use std::io;
use std::task::{Context, Poll, ready};

use hobnob_protocol::codec::CodecError;
use hobnob_protocol::message::ClientMessage;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::{Connection, Event, Inner, Over, Stage};

/// After a line of more than this many bytes, other connections have their turn before this one is read on: to read
/// such a line can take as long as to serve a hundred texts.
const LONG_LINE: usize = 4 * 1024;

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Writes what can be written, and reads if `taking` is true, until the task has something to do.
    pub(super) fn poll_event(&self, cx: &mut Context<'_>, taking: bool) -> Poll<Event> {
        let mut inner = self.lock();
        inner.waker.clone_from(cx.waker());
        loop {
            if let Some(over) = inner.over.take() {
                return Poll::Ready(Event::Over(over));
            }
            match inner.pump(cx, Some(&self.recent)) {
                Ok(None) => {}
                Ok(Some(read)) => return Poll::Ready(Event::Read(read)),
                Err(over) => return Poll::Ready(Event::Over(over)),
            }
            if let Some(admitted) = inner.admitted.take_if(|_| taking) {
                return Poll::Ready(Event::Admitted(admitted));
            }
            if let Some(next) = inner.next_arrival(taking) {
                return Poll::Ready(Event::InRoom(next));
            }
            if !taking || inner.stage == Stage::Asking || inner.ending.is_some() {
                return Poll::Pending;
            }
            if std::mem::take(&mut inner.alive) {
                return Poll::Ready(Event::Alive);
            }
            if std::mem::take(&mut inner.gives_way) {
                inner.waker.wake_by_ref();
                return Poll::Pending;
            }
            match inner.lines.next_line_or_blank() {
                Ok(Some(line)) => {
                    inner.gives_way = line.len() > LONG_LINE;
                    // The lobby waits for this lock when it has something for the client, and a long line is much work.
                    drop(inner);
                    return Poll::Ready(read(&line));
                }
                Ok(None) if inner.ended => return Poll::Ready(Event::Over(Over::Closed)),
                Ok(None) => {}
                Err(err) => return Poll::Ready(Event::Bad(err.to_string())),
            }
            inner.lines.release();
            match inner.poll_fill(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(over)) => return Poll::Ready(Event::Over(over)),
            }
        }
    }

    pub(super) fn poll_finish(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.lock().wire.poll_finish(cx)
    }

    /// Waits until both sides have agreed on keys and a protocol.
    pub(super) fn poll_handshake(&self, cx: &mut Context<'_>) -> Poll<Result<(), Over>> {
        let mut inner = self.lock();
        inner.waker.clone_from(cx.waker());
        while !inner.wire.is_open() {
            inner.pump(cx, None)?;
            if inner.ended {
                return Poll::Ready(Err(Over::Closed));
            }
            ready!(inner.poll_fill(cx))?;
        }
        Poll::Ready(Ok(()))
    }
}

/// Reads the message in a line. A line of blanks only is an empty line here. It counts as a message whose type is not
/// known, so that it is ignored and still costs what a message costs.
fn read(line: &[u8]) -> Event {
    if line.is_empty() {
        return Event::Line { message: ClientMessage::Unknown, bytes: 0 };
    }
    match ClientMessage::read(line) {
        Ok(message) => Event::Line { message, bytes: line.len() },
        Err(err) => Event::Bad(CodecError::NotAMessage(err).to_string()),
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Inner<S> {
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Over>> {
        let Poll::Ready(filled) = self.wire.poll_fill(cx, &mut self.lines) else { return Poll::Pending };
        self.heard = Instant::now();
        self.alive |= std::mem::take(&mut self.probed);
        // What came together with the end of the stream is still read.
        self.ended = !filled.map_err(Over::Failed)?;
        Poll::Ready(Ok(()))
    }
}
