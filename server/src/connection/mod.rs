//! One client as the lobby and the client's own task share it: the socket, its encryption, and how far the client was
//! sent the log. This module knows neither names nor who else is there. The order in which things go out is in
//! `sending`, what the lobby hands over is in `outlet`, and what the client's own task waits for is in `polling`.
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
mod outlet;
mod pace;
mod polling;
mod reading;
mod recent;
mod rooms;
mod sending;
mod task;
mod turns;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use hobnob_protocol::chain::{LogId, Seq};
use hobnob_protocol::codec::{self, LineBuffer};
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::{ClientMessage, NoAnswerCode, ServerMessage, Welcome};
use hobnob_protocol::transport::TransportError;
use hobnob_protocol::{LOBBY_ALPN, MAX_HELLO_BYTES, MAX_LINE_BYTES, RELAY_ALPN};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use self::arrival::Begin;
use self::outgoing::{Outgoing, Overflow, PartedAnswer};
use self::rooms::Rooms;
use crate::decide::{RoomId, RoomView};
use crate::lobby::{Admitted, Ending};
use crate::metrics::Metrics;
use crate::relay::RelayClient;
use crate::wire::{SendNow, Wire};

pub(crate) use self::evicted::{Evicted, MAX_EVICTED};
pub(crate) use self::pace::Paces;
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
    /// Something came from the client after [`Outlet::probe`](crate::lobby::Outlet::probe).
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

    fn peer(&self) -> Result<PublicKey, TransportError> {
        self.lock().wire.peer(LOBBY_ALPN)
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
            | PartedAnswer::Mutes { request, .. }
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
    fn fail(&mut self, over: Over) {
        self.caught_up = false;
        self.over.get_or_insert(over);
        self.waker.wake_by_ref();
    }
}

#[cfg(test)]
mod tests;
