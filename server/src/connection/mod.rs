//! One client as the lobby and the client's own task share it: the socket, its encryption, and how far the client was
//! sent the log. This module owns the order in which things go out; it knows neither names nor who else is there.
//!
//! The lobby writes straight to the socket as long as the socket takes it. When the socket takes no more, the
//! connection is *behind*: its own task goes on when the socket is ready, and reads from its cursor in the memory of
//! recent messages or in the log. When nothing follows its cursor any more, the connection is *caught up* again. Both
//! happen under the connection's lock, and the lobby puts a batch into the memory before it visits the connections.
//! Therefore no message is missed and none is sent twice. A client that reads slowly costs its cursor, one chunk in
//! encryption and its bounded control queue.

mod arrival;
mod candidates;
mod encode;
mod evicted;
mod in_rooms;
mod outgoing;
mod reading;
mod recent;
mod rooms;
mod task;
mod turns;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use hobnob_protocol::chain::{LogId, Seq};
use hobnob_protocol::codec::{self, CodecError, LineBuffer};
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::{
    BanRow, ClientMessage, Introduction, NoAnswerCode, NotJoinedCode, OperatorRow, RoomSummary,
    ServerMessage, Welcome,
};
use hobnob_protocol::room::RoomName;
use hobnob_protocol::transport::TransportError;
use hobnob_protocol::{LOBBY_ALPN, MAX_HELLO_BYTES, MAX_LINE_BYTES, RELAY_ALPN};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use self::arrival::Begin;
use self::outgoing::{Outgoing, Overflow, PartedAnswer};
use self::recent::Gathered;
use self::rooms::{Asked, Rooms};
use crate::decide::roster::Present;
use crate::decide::{RoomId, RoomView};
use crate::lobby::{Admitted, Chunk, Ending, News, Outlet};
use crate::metrics::Metrics;
use crate::relay::RelayClient;
use crate::wire::{SendNow, Wire};

pub(crate) use self::evicted::{Evicted, MAX_EVICTED};
pub(crate) use self::recent::{Recent, RecentOfRooms};
pub(crate) use self::task::{Elsewhere, Shared, serve, turn_away};
pub(crate) use self::turns::Turns;

/// How many bytes are encrypted at once when a client is behind: four full TLS records.
const FEED_BYTES: usize = 64 * 1024;

/// A client whose socket takes nothing for this long is evicted. This is checked every fifteen seconds. The limit is
/// shorter than the time after which the system takes the link for dead; a client that is merely suspended keeps its
/// link.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a connection that is over may take until its last bytes are written and the client has closed it.
const LINGER: Duration = Duration::from_secs(1);

/// What the connection's task has to deal with next.
#[derive(Debug)]
enum Event {
    /// The client sent this message.
    Message(ClientMessage),
    /// Something came from the client after [`Outlet::probe`].
    Alive,
    /// The client sent something that is no message; this is the reason.
    Bad(String),
    /// This part of the log has to be read for the client.
    Read(LogRead),
    /// The lobby lets the client in.
    Admitted(Box<Admitted>),
    /// The lobby lets the client into a room.
    InRoom(Box<(RoomView, Begin)>),
    /// The connection is over.
    Over(Over),
}

/// Why a connection is over.
#[derive(Debug, thiserror::Error)]
enum Over {
    #[error("closed by the client")]
    Closed,
    #[error("ended by the server")]
    Ended,
    #[error("the client does not read its answers")]
    Overflow,
    #[error(transparent)]
    Failed(io::Error),
}

/// A part of the log that has to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
enum LogRead {
    /// What follows the cursor, in a room or in the lobby.
    Behind { room: Option<RoomId>, after: Seq },
    /// A part of the answer to `history`, about a room or about the lobby.
    History { request: u32, room: Option<LogId>, after: Seq, until: Seq },
}

/// How far the client has come in joining the lobby.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The server waits for the client's hello.
    Hello,
    /// The lobby decides, and the position from which the client reads on is looked up. Meanwhile nothing more is read
    /// from the client.
    Asking,
    /// The client is in the lobby.
    In,
}

/// One client's connection, as its own task and the lobby share it.
pub(crate) struct Connection<S> {
    /// Locked by the client's task and by the lobby, for short times and never across an await.
    inner: Mutex<Inner<S>>,
    recent: Arc<Mutex<Recent>>,
    metrics: Arc<Metrics>,
}

struct Inner<S> {
    wire: Wire<S>,
    lines: LineBuffer,
    outgoing: Outgoing,
    /// Wakes the connection's task.
    waker: Waker,
    stage: Stage,
    /// What the lobby decided, until the connection's task has dealt with it.
    admitted: Option<Box<Admitted>>,
    /// The client has been sent the log up to this number.
    cursor: Seq,
    /// Whether the lobby may write what follows the cursor.
    caught_up: bool,
    /// Lines that were read from the log and are not sent yet, and the number up to which they go.
    loaded: Option<(Bytes, Seq)>,
    /// The rooms that the client is in; `None` if it never joined one.
    rooms: Option<Box<Rooms>>,
    /// Whether the log was last read for an answer. Then the next read is for the cursor.
    answered: bool,
    ending: Option<Ending>,
    over: Option<Over>,
    /// Whether the lobby asked for a sign of life that has not come yet.
    probed: bool,
    /// Whether that sign of life has come and the lobby is not told yet.
    alive: bool,
    /// Whether the client has closed its side and sends nothing more.
    ended: bool,
    heard: Instant,
}

/// What [`Inner::feed`] has found to send: something, which is encrypted now; nothing; or what first has to be read
/// from the log.
enum Fed {
    Something,
    Nothing,
    Read(LogRead),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    fn new(
        stream: S,
        send_now: Option<SendNow<S>>,
        config: Arc<ServerConfig>,
        recent: Arc<Mutex<Recent>>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, rustls::Error> {
        let inner = Inner {
            wire: Wire::new(stream, send_now, config)?,
            lines: LineBuffer::new(MAX_HELLO_BYTES),
            outgoing: Outgoing::default(),
            waker: Waker::noop().clone(),
            stage: Stage::Hello,
            admitted: None,
            cursor: Seq(0),
            caught_up: false,
            loaded: None,
            rooms: None,
            answered: false,
            ending: None,
            over: None,
            probed: false,
            alive: false,
            ended: false,
            heard: Instant::now(),
        };
        Ok(Self { inner: Mutex::new(inner), recent, metrics })
    }

    /// Locks the connection although a panic may have poisoned the lock: the state is consistent between statements.
    fn lock(&self) -> MutexGuard<'_, Inner<S>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what can be written, and reads if `taking` is true, until the task has something to do.
    fn poll_event(&self, cx: &mut Context<'_>, taking: bool) -> Poll<Event> {
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
            match inner.next_message() {
                Ok(Some(message)) => return Poll::Ready(Event::Message(message)),
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

    fn poll_finish(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.lock().wire.poll_finish(cx)
    }

    fn peer(&self) -> Result<PublicKey, TransportError> {
        self.lock().wire.peer(LOBBY_ALPN)
    }

    /// Waits until both sides have agreed on keys and a protocol.
    fn poll_handshake(&self, cx: &mut Context<'_>) -> Poll<Result<(), Over>> {
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

    /// Whether the client came to be relayed, and not to join the lobby.
    fn is_for_relay(&self) -> bool {
        self.lock().wire.alpn() == Some(RELAY_ALPN)
    }

    /// Hands the connection to the relay. This is possible because only the client's task knows of the connection.
    fn into_relay_client(self) -> RelayClient
    where
        S: Send + 'static,
    {
        let inner = self.inner.into_inner().unwrap_or_else(PoisonError::into_inner);
        RelayClient::new(inner.wire, inner.lines)
    }

    /// The hello was taken. Until the lobby answers, nothing more is read.
    fn ask(&self) {
        let mut inner = self.lock();
        inner.stage = Stage::Asking;
        inner.lines.set_limit(MAX_LINE_BYTES);
    }

    /// From now on, only what waits already and then `ending` goes out. Open answers are dropped.
    fn finish_with(&self, ending: Ending) {
        let mut inner = self.lock();
        inner.outgoing.drop_answers();
        inner.ending.get_or_insert(ending);
        inner.waker.wake_by_ref();
    }

    /// Does the same, but drops also what waits. Only what is encrypted already goes out before `ending`.
    fn finish_with_only(&self, ending: Ending) {
        {
            let mut inner = self.lock();
            inner.outgoing = Outgoing::default();
            inner.loaded = None;
            if let Some(rooms) = &mut inner.rooms {
                rooms.drop_loaded();
            }
        }
        self.finish_with(ending);
    }

    /// Tells the client that it is in the lobby, before anything else that waits for it.
    fn welcome(&self, welcome: Welcome) {
        self.change(|inner| {
            inner.stage = Stage::In;
            inner.cursor = welcome.start.seq;
            inner.heard = Instant::now();
            inner.outgoing.push_first(codec::encode(&ServerMessage::Welcome(welcome)));
            Ok(())
        });
    }

    fn heard(&self) -> Instant {
        self.lock().heard
    }

    /// The silence up to now does not count: this server did not read from the client.
    fn excuse_silence(&self) {
        self.lock().heard = Instant::now();
    }

    fn is_stuck(&self) -> bool {
        self.lock().wire.blocked_since().is_some_and(|since| since.elapsed() >= WRITE_TIMEOUT)
    }

    fn ping(&self) {
        self.change(|inner| inner.outgoing.push_ping());
    }

    /// The client sent a `pong`. Returns whether it answers a ping.
    fn pong(&self) -> bool {
        self.lock().outgoing.pong()
    }

    fn introductions_read(&self) -> u64 {
        self.lock().outgoing.introductions_read()
    }

    fn answer(&self, answer: PartedAnswer) {
        let mut inner = self.lock();
        if let Err(
            PartedAnswer::Users { request, .. }
            | PartedAnswer::History { request, .. }
            | PartedAnswer::Rooms { request, .. }
            | PartedAnswer::Bans { request, .. }
            | PartedAnswer::Ops { request, .. },
        ) = inner.outgoing.push_answer(answer)
        {
            let busy = ServerMessage::NoAnswer { request, code: NoAnswerCode::Busy };
            inner.outgoing.push(codec::encode(&busy)).unwrap_or_else(|Overflow| inner.fail(Over::Overflow));
        }
        inner.waker.wake_by_ref();
    }

    /// Takes lines that follow the cursor and were read from the log of a room or of the lobby.
    fn supply(&self, room: Option<&RoomId>, lines: Bytes, reached: Seq) {
        let mut inner = self.lock();
        match (room, &mut inner.rooms) {
            (None, _) => inner.loaded = Some((lines, reached)),
            (Some(room), Some(rooms)) => rooms.supply(room, lines, reached),
            (Some(_), None) => {}
        }
    }

    /// Sends a part of the answer to `history`. The rest follows `reached`; `None` means that this is the last part.
    fn supply_history(&self, request: u32, line: Bytes, reached: Option<Seq>) {
        self.change(|inner| {
            inner.outgoing.history_went_on(request, reached);
            inner.outgoing.push(line)
        });
    }

    /// Changes the control queue, and writes it out if the socket takes it. Returns `None` when the queue is full.
    fn change<T>(&self, change: impl FnOnce(&mut Inner<S>) -> Result<T, Overflow>) -> Option<T> {
        let mut inner = self.lock();
        let changed = change(&mut inner);
        match changed {
            Ok(value) => {
                inner.write_through();
                Some(value)
            }
            Err(Overflow) => {
                inner.fail(Over::Overflow);
                None
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Inner<S> {
    /// Writes until nothing waits or the socket takes no more. Called with `recent` only by the connection's own task,
    /// which then also catches up and answers.
    fn pump(
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
    fn write_through(&mut self) {
        if self.wire.blocked_since().is_some() {
            return;
        }
        let pumped = self.with_waker(|inner, cx| inner.pump(cx, None));
        if let Err(over) = pumped {
            self.fail(over);
        }
    }

    /// Takes a chunk of messages straight from the lobby; true when the chunk is encrypted, to be sent next.
    fn said(&mut self, chunk: &Chunk) -> bool {
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

    fn seal_chunk(&mut self, chunk: &Chunk) {
        if let Err(err) = self.wire.put(std::slice::from_ref(encode::chunk_line(chunk))) {
            self.fail(Over::Failed(err));
        }
    }

    /// Writes what is sealed, as far as the socket takes it.
    fn send(&mut self) {
        if self.wire.blocked_since().is_some() {
            return;
        }
        if let Poll::Ready(Err(err)) = self.with_waker(|inner, cx| inner.wire.poll_flush(cx)) {
            self.fail(Over::Failed(err));
        }
    }

    /// Returns the next message. A line of blanks only counts as a message whose type is not known, so that it is
    /// ignored and still costs what a message costs.
    fn next_message(&mut self) -> Result<Option<ClientMessage>, CodecError> {
        match self.lines.next_line_or_blank()? {
            Some(line) if line.is_empty() => Ok(Some(ClientMessage::Unknown)),
            Some(line) => Ok(Some(ClientMessage::read(&line)?)),
            None => Ok(None),
        }
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Over>> {
        let Poll::Ready(filled) = self.wire.poll_fill(cx, &mut self.lines) else { return Poll::Pending };
        self.heard = Instant::now();
        self.alive |= std::mem::take(&mut self.probed);
        // What came together with the end of the stream is still read.
        self.ended = !filled.map_err(Over::Failed)?;
        Poll::Ready(Ok(()))
    }

    fn fail(&mut self, over: Over) {
        self.caught_up = false;
        self.over.get_or_insert(over);
        self.waker.wake_by_ref();
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Outlet for Connection<S> {
    fn let_in(&self, admitted: Admitted) {
        let mut inner = self.lock();
        inner.admitted = Some(Box::new(admitted));
        inner.waker.wake_by_ref();
    }

    fn said(&self, chunk: &Chunk) {
        if self.lock().said(chunk) {
            let messages = chunk.last().0 + 1 - chunk.first().0;
            self.metrics.written_through(messages, encode::chunk_line(chunk).len());
        }
    }

    fn send(&self) {
        self.lock().send();
    }

    fn tell(&self, fact: &ServerMessage) {
        let line = codec::encode(fact);
        self.change(|inner| inner.outgoing.push(line));
    }

    fn presence(&self, news: &News, from: usize) {
        let lines = encode::presence(news, from);
        if lines.is_empty() {
            return;
        }
        self.change(|inner| {
            inner.outgoing.push_presence(news.room(), &lines);
            Ok(())
        });
    }

    fn rooms(&self, request: u32, rooms: Arc<[RoomSummary]>) {
        self.answer(PartedAnswer::Rooms { request, rooms, next: 0 });
    }

    fn bans(&self, request: u32, bans: Vec<BanRow>) {
        self.answer(PartedAnswer::Bans { request, bans: bans.into() });
    }

    fn ops(&self, request: u32, ops: Vec<OperatorRow>) {
        self.answer(PartedAnswer::Ops { request, ops: ops.into() });
    }

    fn in_room(&self, view: RoomView) {
        let mut inner = self.lock();
        if let Some(rooms) = &mut inner.rooms {
            rooms.let_in(view);
        }
        inner.waker.wake_by_ref();
    }

    fn not_in_room(&self, room: &RoomName, code: NotJoinedCode) {
        self.change(|inner| {
            let asked = inner.rooms.as_mut().and_then(|rooms| rooms.take_asked(room));
            let Some(Asked { room, request, .. }) = asked else { return Ok(()) };
            inner.outgoing.push(codec::encode(&ServerMessage::NotJoined { request, room, code }))
        });
    }

    fn left_room(&self, room: &RoomId) {
        if let Some(rooms) = &mut self.lock().rooms {
            rooms.left(room);
        }
    }

    fn users(&self, request: u32, present: Present) {
        self.answer(PartedAnswer::Users { request, present, next: 0 });
    }

    fn introduce(&self, introduction: Introduction) -> Option<u64> {
        let line = codec::encode(&ServerMessage::Introduced(introduction));
        self.change(|inner| Ok(inner.outgoing.push_introduction(line))).flatten()
    }

    fn ask(&self, question: &ServerMessage) -> bool {
        let line = codec::encode(question);
        self.change(|inner| Ok(inner.outgoing.push_of_another(line))).unwrap_or_default()
    }

    fn probe(&self) {
        self.change(|inner| {
            if !inner.probed {
                inner.probed = true;
                inner.outgoing.push_probe();
            }
            Ok(())
        });
    }

    fn end(&self, ending: Ending) {
        self.finish_with(ending);
    }
}

#[cfg(test)]
mod tests;
