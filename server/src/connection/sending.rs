//! What goes out to a client, in which order: what waits for it, what follows its cursors, and the messages that the
//! lobby brings. This file encrypts and writes as long as the socket takes it; it reads nothing from the client.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use hobnob_protocol::codec;
use tokio::io::{AsyncRead, AsyncWrite};

use super::recent::{Gathered, Recent};
use super::{FEED_BYTES, Inner, LogRead, Over, Stage, encode};
use crate::lobby::Chunk;

/// What [`Inner::feed`] has found to send: something, which is encrypted now; nothing; or what first has to be read
/// from the log.
enum Fed {
    Something,
    Nothing,
    Read(LogRead),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Inner<S> {
    /// Writes until nothing waits or the socket takes no more. Called with `recent` only by the connection's own task,
    /// which then also catches up and answers.
    pub(super) fn pump(
        &mut self,
        cx: &mut Context<'_>,
        recent: Option<&Mutex<Recent>>,
    ) -> Result<Option<LogRead>, Over> {
        loop {
            match self.wire.poll_flush(cx) {
                Poll::Pending => return Ok(None),
                Poll::Ready(flushed) => flushed.map_err(Over::Failed)?,
            }
            if !self.wire.is_open() {
                return Ok(None);
            }
            match self.feed(recent).map_err(Over::Failed)? {
                Fed::Something => {}
                Fed::Read(read) => return Ok(Some(read)),
                Fed::Nothing if recent.is_none() => return Ok(None),
                Fed::Nothing => match &mut self.ending {
                    None => return Ok(None),
                    Some(ending) => match ending.last.take() {
                        Some(last) => self.wire.put(&[codec::encode(&last)]).map_err(Over::Failed)?,
                        None => return Err(Over::Ended),
                    },
                },
            }
        }
    }

    /// Encrypts the next part of what waits. The caller makes sure that everything before it has been written.
    fn feed(&mut self, recent: Option<&Mutex<Recent>>) -> io::Result<Fed> {
        let mut out = Vec::new();
        let mut read = None;
        // Until the client is welcomed, it is told nothing else: what others do meanwhile waits.
        if self.stage != Stage::Asking {
            self.outgoing.take_control(FEED_BYTES, &mut out);
        }
        if let Some(recent) = recent {
            let hurried = self.ending.as_ref().is_some_and(|ending| !ending.after_all);
            if self.stage == Stage::In && !hurried {
                read = self.catch_up(recent, &mut out);
                let history = self.outgoing.take_answer(&mut out);
                if let Some(history) = history.filter(|_| read.is_none() || !self.answered) {
                    read = Some(history);
                }
            }
        }
        if !out.is_empty() {
            self.wire.put(&out)?;
            return Ok(Fed::Something);
        }
        Ok(match read {
            Some(read) => {
                self.answered = matches!(read, LogRead::History { .. });
                Fed::Read(read)
            }
            None => Fed::Nothing,
        })
    }

    /// Moves what follows a cursor to `out`, or says which part of the log has to be read. The lobby and the rooms take
    /// turns, so that a client that is always behind in the lobby still gets what is said in its rooms.
    fn catch_up(&mut self, recent: &Mutex<Recent>, out: &mut Vec<Bytes>) -> Option<LogRead> {
        if let Some(rooms) = self.rooms.as_mut().filter(|rooms| self.caught_up || rooms.is_turn()) {
            let before = out.len();
            let read = rooms.catch_up(out);
            if read.is_some() || out.len() > before {
                return read;
            }
        }
        if self.caught_up {
            return None;
        }
        if let Some(rooms) = &mut self.rooms {
            rooms.lobby_is_served();
        }
        if let Some((lines, reached)) = self.loaded.take() {
            out.push(lines);
            self.cursor = reached;
            return None;
        }
        let recent = recent.lock().unwrap_or_else(PoisonError::into_inner);
        match recent.gather(self.cursor, FEED_BYTES, out) {
            Gathered::UpTo(reached) => {
                self.cursor = reached;
                self.caught_up = reached == recent.head();
            }
            Gathered::CaughtUp => self.caught_up = true,
            Gathered::TooOld => return Some(LogRead::Behind { room: None, after: self.cursor }),
        }
        None
    }

    /// Polls on behalf of the connection's task. The waker is taken out and put back, not cloned, because this happens
    /// for every delivery.
    fn with_waker<T>(&mut self, poll: impl FnOnce(&mut Self, &mut Context<'_>) -> T) -> T {
        let waker = std::mem::replace(&mut self.waker, Waker::noop().clone());
        let polled = poll(self, &mut Context::from_waker(&waker));
        self.waker = waker;
        polled
    }

    /// Writes control lines from outside the connection's task. The task is woken for the rest.
    pub(super) fn write_through(&mut self) {
        if self.wire.blocked_since().is_some() {
            return;
        }
        let pumped = self.with_waker(|inner, cx| inner.pump(cx, None));
        if let Err(over) = pumped {
            self.fail(over);
        }
    }

    /// Takes a chunk of messages straight from the lobby; true when the chunk is encrypted, to be sent next.
    pub(super) fn said(&mut self, chunk: &Chunk) -> bool {
        if let Some(room) = chunk.room() {
            return self.said_in_room(room, chunk);
        }
        if !self.caught_up || self.cursor >= chunk.last() {
            return false;
        }
        if self.wire.blocked_since().is_some() || self.cursor.next() < chunk.first() {
            self.caught_up = false;
            self.waker.wake_by_ref();
            return false;
        }
        self.cursor = chunk.last();
        self.seal_chunk(chunk);
        true
    }

    pub(super) fn seal_chunk(&mut self, chunk: &Chunk) {
        if let Err(err) = self.wire.put(std::slice::from_ref(encode::chunk_line(chunk))) {
            self.fail(Over::Failed(err));
        }
    }

    /// Writes what is sealed, as far as the socket takes it.
    pub(super) fn send(&mut self) {
        if self.wire.blocked_since().is_some() {
            return;
        }
        if let Poll::Ready(Err(err)) = self.with_waker(|inner, cx| inner.wire.poll_flush(cx)) {
            self.fail(Over::Failed(err));
        }
    }
}
