//! The lobby: the one task that owns who is here and in which order things were said. Commands come
//! through a bounded queue; what is said gathers while a batch is being stored, and goes out when the
//! batch that holds it is durable. Knows connections only as [`Outlet`]s and the store only as a log.
//!
//! A message's way: `Say` → pending batch → numbered and chained when the batch before is stored →
//! [`LobbyLog::append`] → memory of recent messages → every connection. A join's way: `Join` → a name
//! from the roster → the same batch, if the name is new and must be stored → `welcome`.

mod batch;
mod chunk;
mod join;
mod outlet;
mod presence;
mod questions;

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hobnob_protocol::away::AwayText;
use hobnob_protocol::chain::Position;
use hobnob_protocol::message::ServerMessage;
use hobnob_protocol::name::{PairToken, Text, UserName};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use self::batch::{InFlight, Lookup, Pending, next_lookup};
use self::join::Held;
use self::presence::Presence;
use crate::connection::Recent;
use crate::decide::roster::{ConnectionId, Newcomer, Roster};
use crate::log::LobbyLog;
use crate::metrics::Metrics;
use crate::outbox::Outboxes;
use crate::rendezvous::Rendezvous;

pub(crate) use self::chunk::Chunk;
pub(crate) use self::outlet::{Ending, Memory, Outlet};
pub(crate) use self::presence::{News, NewsLines};

/// Commands that may wait besides the one each connection has kept room for.
const QUEUE: usize = 1024;

/// Commands taken at once.
const TAKEN_AT_ONCE: usize = 256;

/// Connections written to before other tasks get their turn.
const FAN_OUT_SLICE: usize = 256;

/// Texts sent again whose numbers are being looked up; past it no command is taken.
const MAX_LOOKUPS: usize = 256;

/// At most this often presence is told.
const PRESENCE_INTERVAL: Duration = Duration::from_millis(50);

/// Telling presence takes at most one part in this many of the lobby's time.
const PRESENCE_SHARE: u32 = 10;

/// So many changes of presence are told before the next words, whenever that is.
const FEW_CHANGES: usize = 16;

/// How often it is looked for names to free, and for dates to store.
const HOUSEKEEPING: Duration = Duration::from_secs(60);
const EXPIRY_INTERVAL: Duration = Duration::from_secs(3600);

const MILLIS_PER_DAY: u64 = 24 * 3600 * 1000;

/// From where a newcomer reads on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// The newest messages, this many; `resumed` is false when a cursor was no good.
    Newest { backlog: u64, resumed: bool },
    /// After this place, which was held against the log.
    At { position: Position, missed: u64 },
}

/// Somebody wants in.
pub(crate) struct Join {
    pub(crate) id: ConnectionId,
    pub(crate) outlet: Arc<dyn Outlet>,
    pub(crate) newcomer: Newcomer,
    pub(crate) observed: IpAddr,
    pub(crate) start: Start,
    /// The last text of this run that the log holds.
    pub(crate) last_id: Option<u64>,
}

/// What a connection asks of the lobby.
pub(crate) enum LobbyCommand {
    Join(Box<Join>),
    Leave(ConnectionId),
    /// Something came after [`Outlet::probe`].
    Alive(ConnectionId),
    Say {
        from: ConnectionId,
        id: u64,
        text: Text,
    },
    Users {
        from: ConnectionId,
        request: u32,
    },
    Away {
        from: ConnectionId,
        away: Option<AwayText>,
    },
    Whois {
        from: ConnectionId,
        request: u32,
        name: UserName,
    },
    Pair {
        from: ConnectionId,
        request: u32,
        name: UserName,
        session: Option<PairToken>,
        /// Up to which introduction its author has read.
        read: u64,
    },
}

/// The lobby takes no more commands.
#[derive(Debug)]
pub(crate) struct Closed;

/// Talks to the lobby; cheap to clone.
#[derive(Clone)]
pub(crate) struct LobbyHandle {
    commands: mpsc::Sender<LobbyCommand>,
}

impl LobbyHandle {
    /// Waits for room in the lobby's queue.
    pub(crate) async fn send(&self, command: LobbyCommand) -> Result<(), Closed> {
        self.commands.send(command).await.map_err(|_| Closed)
    }

    /// The same without waiting; gives the command back where there is no room.
    pub(crate) fn try_send(&self, command: LobbyCommand) -> Result<(), TrySendError<LobbyCommand>> {
        self.commands.try_send(command)
    }

    /// Waits until the lobby takes no more commands.
    pub(crate) async fn closed(&self) {
        self.commands.closed().await;
    }

    /// Keeps room for one command to come.
    pub(crate) async fn reserve(&self) -> Result<mpsc::OwnedPermit<LobbyCommand>, Closed> {
        self.commands.clone().reserve_owned().await.map_err(|_| Closed)
    }
}

/// What the lobby is made of.
pub(crate) struct LobbyParts {
    pub(crate) log: Arc<dyn LobbyLog>,
    pub(crate) recent: Arc<Mutex<Recent>>,
    pub(crate) metrics: Arc<Metrics>,
    /// Connections there may be at once; each keeps room in the queue.
    pub(crate) max_clients: usize,
    /// Days after which the name of somebody unseen is free.
    pub(crate) name_ttl_days: u32,
    /// When the newest message in the log was taken.
    pub(crate) last_at: u64,
}

/// A connection that has a place in the roster.
struct Seat {
    outlet: Arc<dyn Outlet>,
    /// Changes of presence before this one do not concern it.
    presence_from: usize,
    /// When it last answered a probe.
    proven: Option<Instant>,
    /// What it needs to be let in, until it is; boxed, for then it takes no room any more.
    entry: Option<Box<Entry>>,
}

struct Entry {
    observed: IpAddr,
    start: Start,
}

/// The task's state.
pub(crate) struct Lobby {
    commands: mpsc::Receiver<LobbyCommand>,
    log: Arc<dyn LobbyLog>,
    recent: Arc<Mutex<Recent>>,
    metrics: Arc<Metrics>,
    name_ttl: Duration,
    roster: Roster,
    seats: HashMap<ConnectionId, Seat>,
    rendezvous: Rendezvous,
    outboxes: Outboxes,
    head: Position,
    last_at: u64,
    pending: Pending,
    in_flight: Option<InFlight>,
    /// How long it took to tell everybody of the last batch.
    telling_took: Duration,
    /// Texts sent again, while the log is asked for their numbers.
    lookups: VecDeque<Lookup>,
    held: Vec<Held>,
    presence: Presence,
    presence_due: Instant,
    housekeeping_due: Instant,
    expiry_due: Instant,
}

/// A lobby and the way to talk to it.
pub(crate) fn lobby(parts: LobbyParts) -> (LobbyHandle, Lobby) {
    let (sender, commands) = mpsc::channel(QUEUE + parts.max_clients);
    let contents = parts.log.contents();
    let now = Instant::now();
    let lobby = Lobby {
        commands,
        recent: parts.recent,
        metrics: parts.metrics,
        name_ttl: Duration::from_millis(u64::from(parts.name_ttl_days) * MILLIS_PER_DAY),
        roster: Roster::new(contents.names.iter().cloned()),
        seats: HashMap::new(),
        rendezvous: Rendezvous::default(),
        outboxes: Outboxes::default(),
        head: contents.head,
        last_at: parts.last_at,
        pending: Pending::default(),
        in_flight: None,
        telling_took: Duration::ZERO,
        lookups: VecDeque::new(),
        held: Vec::new(),
        presence: Presence::default(),
        presence_due: now,
        housekeeping_due: now,
        expiry_due: now,
        log: parts.log,
    };
    (LobbyHandle { commands: sender }, lobby)
}

impl Lobby {
    /// Runs until `shutdown`; then stores and sends what was accepted, and tells everybody.
    ///
    /// To be spawned unconstrained: the fan-out polls thousands of sockets and gives way by itself.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        let mut taken = Vec::with_capacity(TAKEN_AT_ONCE);
        loop {
            let due = self.next_due();
            tokio::select! {
                () = shutdown.cancelled() => break,
                result = InFlight::stored(&mut self.in_flight) => self.stored(result).await,
                found = next_lookup(&mut self.lookups) => self.looked_up(found),
                _count = self.commands.recv_many(&mut taken, TAKEN_AT_ONCE), if self.has_room() => {
                    taken.drain(..).for_each(|command| self.take(command));
                }
                () = sleep_until(due) => {}
            }
            self.settle().await;
            yield_now().await;
        }
        self.close().await;
    }

    /// Takes the commands that wait already, as many as there is room for.
    fn take_waiting(&mut self) {
        for _ in 0..self.commands.len() {
            if !self.has_room() {
                break;
            }
            let Ok(command) = self.commands.try_recv() else { break };
            self.take(command);
        }
    }

    fn has_room(&self) -> bool {
        self.pending.has_room() && self.lookups.len() < MAX_LOOKUPS
    }

    fn take(&mut self, command: LobbyCommand) {
        match command {
            LobbyCommand::Join(join) => self.join(*join),
            LobbyCommand::Leave(id) => self.leave(id),
            LobbyCommand::Alive(id) => self.alive(id),
            LobbyCommand::Say { from, id, text } => self.say(from, id, text),
            LobbyCommand::Users { from, request } => self.users(from, request),
            LobbyCommand::Away { from, away } => self.roster.set_away(from, away),
            LobbyCommand::Whois { from, request, name } => self.whois(from, request, name),
            LobbyCommand::Pair { from, request, name, session, read } => {
                self.pair(from, request, name, session, read);
            }
        }
    }

    /// What is due after anything happened.
    async fn settle(&mut self) {
        let now = Instant::now();
        self.settle_held(now);
        if now >= self.housekeeping_due {
            self.keep_house(now);
        }
        self.start_commit();
        if !self.presence.is_empty() && now >= self.presence_due {
            self.tell_presence().await;
        }
    }

    fn next_due(&self) -> Instant {
        let presence = (!self.presence.is_empty()).then_some(self.presence_due);
        let held = self.held.iter().map(|held| held.until).min();
        [presence, held].into_iter().flatten().fold(self.housekeeping_due, Instant::min)
    }

    fn keep_house(&mut self, now: Instant) {
        self.housekeeping_due = now + HOUSEKEEPING;
        self.pending.dates_due = true;
        if now >= self.expiry_due {
            self.expiry_due = now + EXPIRY_INTERVAL;
            let oldest = wall_clock().saturating_sub(self.name_ttl.as_millis() as u64);
            let freed = self.roster.expire(oldest);
            if !freed.is_empty() {
                tracing::info!(count = freed.len(), "names unseen for long are free again");
            }
            self.pending.freed.extend(freed);
        }
    }

    /// Who speaks is seen to come first, unless so many come that telling would hold up the words.
    async fn tell_few_changes(&mut self) {
        if !self.presence.is_empty() && self.presence.mark() <= FEW_CHANGES {
            self.tell_presence().await;
        }
    }

    async fn tell_presence(&mut self) {
        let started = Instant::now();
        let news = self.presence.take();
        for (index, seat) in self.seats.values_mut().enumerate() {
            let mark = std::mem::take(&mut seat.presence_from);
            if seat.entry.is_none() {
                seat.outlet.presence(&news, mark);
            }
            if index % FAN_OUT_SLICE == FAN_OUT_SLICE - 1 {
                yield_now().await;
            }
        }
        let took = started.elapsed();
        self.presence_due = Instant::now() + PRESENCE_INTERVAL.max(took * PRESENCE_SHARE);
    }

    /// A batch is stored: everybody hears it. (Borrowed for change, since an answer of the log that is waited
    /// for cannot be shared across an await.)
    async fn fan_out(&mut self, chunks: &[Arc<Chunk>]) {
        let started = Instant::now();
        for chunk in chunks {
            for (index, seat) in self.seats.values().enumerate() {
                seat.outlet.said(chunk);
                if index % FAN_OUT_SLICE == FAN_OUT_SLICE - 1 {
                    yield_now().await;
                }
            }
        }
        self.telling_took = started.elapsed();
    }

    fn tell(&self, id: ConnectionId, message: &ServerMessage) {
        if let Some(seat) = self.seats.get(&id) {
            seat.outlet.tell(message);
        }
    }

    /// Stores and sends what was accepted, says goodbye to everybody. The caller bounds the time.
    async fn close(mut self) {
        self.commands.close();
        while let Ok(command) = self.commands.try_recv() {
            self.take(command);
        }
        self.refuse_held();
        while !self.lookups.is_empty() {
            let found = next_lookup(&mut self.lookups).await;
            self.looked_up(found);
        }
        self.pending.dates_due = true;
        self.start_commit();
        while self.in_flight.is_some() {
            let result = InFlight::stored(&mut self.in_flight).await;
            self.stored(result).await;
            self.start_commit();
        }
        for seat in self.seats.values() {
            seat.outlet.end(Ending { last: Some(ServerMessage::Closing), after_all: true });
        }
    }

    fn recent(&self) -> std::sync::MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Milliseconds since 1970-01-01 UTC.
pub(crate) fn wall_clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

#[cfg(test)]
mod tests;
