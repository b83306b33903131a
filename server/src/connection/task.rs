//! The life of one connection: first the handshake and the hello, which have to come within a time limit, then messages
//! until the connection ends. This file owns the timers and the rate limit; everything that is told to the client goes
//! through [`Connection`]. The hello is in `hello`, what each message leads to is in `messages`, and how a command gets to
//! the lobby is in `asking`.

mod asking;
mod hello;
mod messages;

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::vec;

use hobnob_protocol::message::{RefusedCode, RoomCursor, ServerMessage};
use hobnob_protocol::text::Text;
use hobnob_protocol::{HANDSHAKE_TIMEOUT, LOBBY_DEAD_AFTER, LOBBY_PING_AFTER};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, Sleep, sleep, timeout};

use self::hello::{Arrived, arrive, read_hello};
use super::arrival::{self, Arrival, Begin};
use super::evicted::Evicted;
use super::pace::{Pace, Paces};
use super::turns::Turns;
use super::{Connection, Event, LINGER, LogRead, Over, Recent, RecentOfRooms};
use crate::admission::banned_ranges::BannedRanges;
use crate::decide::{ConnectionId, RoomView};
use crate::lobby::{Admitted, ConnectionNumbers, Ending, LobbyCommand, LobbyHandle};
use crate::log::LobbyLog;
use crate::metrics::Metrics;
use crate::relay::{Relay, RelayClient};
use crate::wire::SendNow;

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) tls: Arc<ServerConfig>,
    pub(crate) lobby: LobbyHandle,
    pub(crate) log: Arc<dyn LobbyLog>,
    pub(crate) recent: Arc<Mutex<Recent>>,
    pub(crate) recent_of_rooms: Arc<RecentOfRooms>,
    pub(crate) metrics: Arc<Metrics>,
    /// The turns in which connections read from the log.
    pub(crate) turns: Turns,
    /// How fast clients are read.
    pub(crate) paces: Paces,
    /// The addresses that are banned.
    pub(crate) banned: Arc<BannedRanges>,
    /// The text of the administrator that every newcomer is told.
    pub(crate) motd: Mutex<Option<Text>>,
    /// The number of the next connection.
    pub(crate) ids: ConnectionNumbers,
    /// Places for clients that were evicted for not reading and wait until they can be told so.
    pub(crate) evicted: Arc<Semaphore>,
    /// The relay, for clients that came to be relayed.
    pub(crate) relay: Relay,
}

impl Shared {
    pub(super) fn connection<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        send_now: Option<SendNow<S>>,
    ) -> Result<Connection<S>, rustls::Error> {
        let (recent, metrics) = (Arc::clone(&self.recent), Arc::clone(&self.metrics));
        Connection::new(stream, send_now, Arc::clone(&self.tls), recent, metrics)
    }
}

/// A connection that does not end with [`serve`].
pub(crate) enum Elsewhere<S> {
    /// The client takes nothing any more, and is to be told that it was evicted.
    Evicted(Evicted<S>),
    /// The client came to be relayed.
    Relay(Box<RelayClient>),
}

/// Serves one client until it is gone, or until its connection goes on elsewhere. `send_now` is a direct way to send if
/// the stream is a socket.
pub(crate) async fn serve<S>(
    stream: S,
    send_now: Option<SendNow<S>>,
    remote: SocketAddr,
    shared: Arc<Shared>,
) -> Option<Elsewhere<S>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = match shared.connection(stream, send_now) {
        Ok(connection) => Arc::new(connection),
        Err(err) => {
            tracing::error!(%err, "TLS cannot be set up");
            return None;
        }
    };
    // The future is boxed, so that a connection does not keep memory for its arrival all its life.
    let arrived = Box::pin(timeout(HANDSHAKE_TIMEOUT, arrive(&connection, remote, &shared))).await;
    match arrived {
        Ok(Ok(Arrived::InLobby(stay, arrival, pace))) => {
            if let Hearing::TookNothing = live(&connection, &shared, stay, (arrival, pace)).await {
                let (lobby, places) = (shared.lobby.clone(), Arc::clone(&shared.evicted));
                return Evicted::new(connection, lobby, places).map(Elsewhere::Evicted);
            }
        }
        // The lobby was not told of this connection, so nobody else holds it.
        Ok(Ok(Arrived::ForRelay)) => {
            return Arc::into_inner(connection).map(|it| Elsewhere::Relay(Box::new(it.into_relay_client())));
        }
        Ok(Err(reason)) => tracing::debug!(?reason, "did not join"),
        Err(_elapsed) => tracing::debug!("did not join in time"),
    }
    let _too_slow = timeout(LINGER, poll_fn(|cx| connection.poll_finish(cx))).await;
    None
}

/// Tells one client that it is not let in.
pub(crate) async fn turn_away<S>(stream: S, shared: Arc<Shared>, code: RefusedCode)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Ok(connection) = shared.connection(stream, None) else { return };
    let told = async {
        if poll_fn(|cx| connection.poll_handshake(cx)).await.is_err() || connection.is_for_relay() {
            return;
        }
        let Ok(_hello) = read_hello(&connection, None).await else { return };
        last_words(&connection, ServerMessage::refused(code)).await;
    };
    let _too_slow = timeout(HANDSHAKE_TIMEOUT, told).await;
    if connection.is_for_relay() {
        return shared.relay.turn_away(connection.into_relay_client()).await;
    }
    let _too_slow = timeout(LINGER, poll_fn(|cx| connection.poll_finish(cx))).await;
}

/// A client's presence in the lobby. It ends when this value is dropped, however the connection's task ends.
struct Stay {
    id: ConnectionId,
    /// A reserved place in the lobby's queue, so that leaving never has to wait.
    leave: Option<mpsc::OwnedPermit<LobbyCommand>>,
}

impl Drop for Stay {
    fn drop(&mut self) {
        if let Some(permit) = self.leave.take() {
            permit.send(LobbyCommand::Leave(self.id));
        }
    }
}

/// Writes what waits and then `last`. The caller closes the connection.
async fn last_words<S: AsyncRead + AsyncWrite + Unpin>(connection: &Connection<S>, last: ServerMessage) {
    connection.finish_with(Ending::now(last));
    let write = poll_fn(|cx| connection.poll_event(cx, false));
    let _too_slow = timeout(LINGER, write).await;
}

/// What a connection's task has to do after an event. Deciding and doing are separate, so that an idle connection does
/// not keep memory for every step of the doing.
pub(super) enum Next {
    GoOn,
    Stop,
    /// The client takes nothing and is evicted.
    Evict,
    /// This command is put to the lobby.
    Ask(LobbyCommand),
    /// This part of the log is read.
    Read(LogRead),
    /// The client is told that it is in the lobby.
    Welcome(Box<Admitted>),
    /// The client is told that it is in a room.
    InRoom(Box<(RoomView, Begin)>),
    /// The client is told this reason and is closed.
    Bad(String),
}

/// Whether a client took what it was sent until it ended.
enum Hearing {
    Heard,
    TookNothing,
}

/// Serves a client that asked to join, until it is gone.
async fn live<S>(
    connection: &Connection<S>,
    shared: &Shared,
    stay: Stay,
    (arrival, pace): (Box<Arrival>, Pace),
) -> Hearing
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let mut life = Life {
        connection,
        shared,
        id: stay.id,
        arrival: Some(arrival),
        rooms_of_hello: Vec::new().into_iter(),
        ready_at: pace.ready_at(Instant::now()),
        pace,
        throttled: false,
        pinged: None,
    };
    let mut timer = std::pin::pin!(sleep(LOBBY_PING_AFTER));
    let mut hearing = Hearing::Heard;
    loop {
        let taking = life.may_take(timer.as_mut());
        let next = match taking.then(|| life.join_again()).flatten() {
            Some(next) => next,
            None => life.next(timer.as_mut(), taking).await,
        };
        match next {
            Next::GoOn => {}
            Next::Stop => break,
            Next::Evict => {
                tracing::debug!("takes nothing");
                hearing = Hearing::TookNothing;
                break;
            }
            Next::Ask(command) => {
                if let Some(command) = life.ask(command) {
                    Box::pin(life.wait_to_ask(command)).await;
                }
            }
            Next::Welcome(admitted) => Box::pin(life.welcome(&admitted)).await,
            Next::InRoom(room) => Box::pin(life.in_room(&room.0, &room.1)).await,
            Next::Read(read) => {
                if let Next::Stop = Box::pin(life.read(read)).await {
                    break;
                }
            }
            Next::Bad(reason) => {
                Box::pin(life.bad(reason)).await;
                break;
            }
        }
    }
    drop(stay);
    hearing
}

pub(super) struct Life<'a, S> {
    pub(super) connection: &'a Connection<S>,
    pub(super) shared: &'a Shared,
    id: ConnectionId,
    /// What is remembered of the hello until the client is welcomed.
    arrival: Option<Box<Arrival>>,
    /// The rooms that the hello named and that the client is not back in yet.
    rooms_of_hello: vec::IntoIter<RoomCursor>,
    pace: Pace,
    /// When the client may be read again; `None` if it may be read now.
    ready_at: Option<Instant>,
    /// Whether the client has used up its rate. Then nothing is read from it until the timer fires.
    throttled: bool,
    /// When the client was asked for a sign of life; `None` if something came since.
    pinged: Option<Instant>,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Life<'_, S> {
    /// Waits until there is something to do.
    async fn next(&mut self, mut timer: Pin<&mut Sleep>, taking: bool) -> Next {
        // The event is boxed and handled outside of the select, so that an idle connection keeps no memory for an
        // event.
        let event = tokio::select! {
            event = poll_fn(|cx| self.connection.poll_event(cx, taking)) => Some(Box::new(event)),
            () = &mut timer => None,
        };
        match event {
            Some(event) => self.event(*event),
            None => self.tick(timer),
        }
    }

    /// Whether something may be read from the client. If not, the timer is set to the time when it may.
    fn may_take(&mut self, timer: Pin<&mut Sleep>) -> bool {
        if self.throttled {
            return false;
        }
        // The line that was read last has paid for this time, so nothing is asked again when it has come.
        if let Some(ready) = self.ready_at.take().filter(|ready| *ready > Instant::now()) {
            self.throttled = true;
            timer.reset(ready);
        }
        !self.throttled
    }

    /// The timer has fired. A throttled client may be read again, and a silent client is asked for a sign of life.
    fn tick(&mut self, timer: Pin<&mut Sleep>) -> Next {
        let now = Instant::now();
        if self.connection.is_stuck() {
            return Next::Evict;
        }
        if std::mem::take(&mut self.throttled) {
            self.connection.excuse_silence();
            timer.reset(now + LOBBY_PING_AFTER);
            return Next::GoOn;
        }
        let heard = self.connection.heard();
        if now >= heard + LOBBY_DEAD_AFTER {
            tracing::debug!("gave no sign of life");
            return Next::Stop;
        }
        self.pinged = self.pinged.filter(|&pinged| pinged > heard);
        if now < heard + LOBBY_PING_AFTER {
            timer.reset(heard + LOBBY_PING_AFTER);
        } else {
            if self.pinged.is_none() {
                self.connection.ping();
                self.pinged = Some(now);
            }
            timer.reset((heard + LOBBY_DEAD_AFTER).min(now + LOBBY_PING_AFTER));
        }
        Next::GoOn
    }

    fn event(&mut self, event: Event) -> Next {
        match event {
            Event::Line { message, bytes } => self.message(message, bytes),
            Event::Alive => Next::Ask(LobbyCommand::Alive(self.id)),
            Event::Read(read) => Next::Read(read),
            Event::Admitted(admitted) => Next::Welcome(admitted),
            Event::InRoom(room) => Next::InRoom(room),
            Event::Bad(reason) => Next::Bad(reason),
            Event::Over(Over::Closed | Over::Ended) => Next::Stop,
            Event::Over(Over::Overflow) => Next::Evict,
            Event::Over(over) => {
                tracing::debug!(reason = %over, "the connection is lost");
                Next::Stop
            }
        }
    }

    /// Finds out from which position the client reads on, and tells the client that it is in the lobby.
    async fn welcome(&mut self, admitted: &Admitted) {
        // A client is let in only once.
        let Some(arrival) = self.arrival.take() else { return };
        let mut welcome = arrival.welcome(&*self.shared.log, &self.shared.recent, admitted).await;
        welcome.motd = self.shared.motd.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if welcome.operator {
            self.shared.banned.is_an_operators(welcome.observed);
        }
        self.connection.welcome(welcome);
        self.rooms_of_hello = arrival.rooms.into_iter();
    }

    /// Finds out from which position the client reads on in a room, and tells the client that it is in the room.
    async fn in_room(&mut self, view: &RoomView, begin: &Begin) {
        let recent = self.shared.recent_of_rooms.of(view.id.log);
        // A client that is in the room already reads on from its cursor.
        let begin = match self.connection.sent_up_to(&view.id) {
            Some(cursor) => Begin::new(None, Some(cursor), 0),
            None => *begin,
        };
        let joined = arrival::in_room(&*self.shared.log, recent.as_deref(), view, &begin, None).await;
        self.connection.joined(joined, recent);
    }

    async fn bad(&self, reason: String) {
        tracing::debug!(?reason, "sent what cannot be read");
        last_words(self.connection, ServerMessage::Bad { reason }).await;
    }
}
