//! The lobby: the one task that does what was decided. Commands come through a bounded queue and become proposals. The
//! proposals are put in order, [`decide`](crate::decide) says what follows from each, and what follows is stored and
//! then told. This module decides nothing itself; it knows connections only as [`Outlet`]s, the order only as an
//! [`OrderedStream`], and the store only as a [`LobbyLog`].
//!
//! 1. `gather`: proposals wait while the batch before them is on its way.
//! 2. `batch`: they are published, read back in the order, applied, and stored as one row.
//! 3. `outcome`: when the batch is stored, everybody is told. When it is not stored, or that is unknown, its authors
//!    are told.
//!
//! If several servers are one lobby, `servers` gives signs of life and receives those of others, and `quiet` measures
//! their silence, and `keep_machine` saves the machine and tells it to new servers, in other threads. `join` finds out
//! whether a client that has a newcomer's name is still there. `questions` answers from what is stored and told
//! already. `pairing` asks whether a user wants a private session, and introduces two users who both want it, also if
//! the other one is at another server (`consent_elsewhere`, `pair_elsewhere`). `presence` gathers who came and went,
//! and `tell_presence` tells the others of it. `rooms` does all of that for rooms: their messages, their members, and
//! who came and went. `operators` does what operators decided, and answers what they ask. `housekeeping` proposes that
//! names and rooms which nobody uses any more are freed. `assembly` puts a lobby together.

mod ask_machine;
mod assembly;
mod batch;
mod catch_up;
mod catching;
mod chunk;
mod consent_elsewhere;
mod fan_out;
mod fault;
mod gather;
mod handle;
mod housekeeping;
mod join;
mod keep_machine;
mod names_clock;
mod operators;
mod outcome;
mod outlet;
mod pair_elsewhere;
mod pairing;
mod presence;
mod questions;
mod quiet;
mod rooms;
mod said_again;
mod servers;
mod slow;
mod tell_presence;
mod unsaved;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use hobnob_order::{Follower, OrderedStream, Place, ServerId};
use hobnob_protocol::candidate::Candidate;
use hobnob_protocol::key::Fingerprint;
use hobnob_protocol::message::ServerMessage;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use self::batch::{Open, RoomWords, Storing, next_step};
use self::fan_out::fan_out;
use self::gather::Gathered;
use self::housekeeping::Expiry;
use self::join::Held;
use self::names_clock::NamesClock;
use self::presence::Presence;
use self::rooms::OccupiedRooms;
use self::servers::{Servers, question};
use self::slow::LastTexts;
use self::unsaved::Unsaved;
use crate::admission::banned_ranges::BannedRanges;
use crate::decide::{ConnectionId, Entry, Machine, Proposals, Rules};
use crate::introductions::consent::Consents;
use crate::introductions::rendezvous::Rendezvous;
use crate::limits::allowance::Allowance;
use crate::log::LobbyLog;
use crate::metrics::Metrics;
use crate::network::Network;
use crate::relay::kept_out::KeptOut;
use crate::tokens::Tokens;

pub(crate) use self::ask_machine::ask_machine;
pub(crate) use self::assembly::{Clock, LobbyParts, lobby, wall_clock};
pub use self::catch_up::CannotCatchUp;
pub(crate) use self::catch_up::{BEGIN_AGAIN, CaughtUp, catch_up, read_up};
pub(crate) use self::chunk::Chunk;
pub(crate) use self::fault::LobbyFault;
pub(crate) use self::handle::{Join, LobbyCommand, LobbyHandle};
pub(crate) use self::outlet::{Admitted, Ending, Memory, Outlet};
pub(crate) use self::presence::{News, NewsLines};
pub(crate) use self::rooms::RoomMemory;
pub(crate) use self::servers::{ConnectionNumbers, Sharing, first_connection, new_server};

/// How many commands are taken at once.
const TAKEN_AT_ONCE: usize = 256;

/// To how many connections the lobby writes before other tasks get their turn.
const FAN_OUT_SLICE: usize = 256;

/// How long a disk may take for a batch for the lobby itself to wait for it. The log's thread waits for a slower disk.
const QUICK_DISK: Duration = Duration::from_millis(5);

/// A connection that asked to join. It is kept until everybody was told that it left.
struct Seat {
    outlet: Arc<dyn Outlet>,
    /// Whether the client was let in, so that the others see it.
    entered: bool,
    /// Whether the connection has ended; that is proposed and not yet decided.
    gone: bool,
    /// Whether a text of the connection may be stored or not. No later text of it is taken: if one got a number, the
    /// earlier one could get none when it is sent again.
    in_doubt: bool,
    /// Changes of presence before this one do not concern the client.
    presence_from: usize,
    /// When the client last answered a probe.
    proven: Option<Instant>,
    /// The network that was charged for the client's new name.
    charged: Option<Network>,
}

/// Whether the lobby's own thread commits a batch and waits for the disk. To hand each text to another thread and to be
/// woken again would cost more than the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StoresHere {
    /// Other tasks run in the lobby's thread, so the log's thread commits.
    Never,
    /// The lobby has a thread to itself, and the disk was quick with the batch before.
    Now,
    /// The lobby has a thread to itself, but the disk was slow: the log's thread commits, so that clients who ask the
    /// lobby something meanwhile are answered.
    NotNow,
}

impl StoresHere {
    /// Notes how long the commit of a batch took.
    fn after(&mut self, took: Duration) {
        *self = match self {
            Self::Never => Self::Never,
            Self::Now | Self::NotNow if took > QUICK_DISK => Self::NotNow,
            Self::Now | Self::NotNow => Self::Now,
        };
    }
}

/// The state of the task.
pub(crate) struct Lobby {
    commands: mpsc::Receiver<LobbyCommand>,
    stream: Arc<dyn OrderedStream<Proposals>>,
    follower: Box<dyn Follower<Proposals>>,
    server: ServerId,
    /// The number of this server's last batch.
    number: u64,
    /// The newest place that was applied, and the newest place up to which the order was dropped.
    applied: Place,
    forgotten: Place,
    servers: Option<Servers>,
    ids: ConnectionNumbers,
    advertised: Vec<Candidate>,
    relays: bool,
    log: Arc<dyn LobbyLog>,
    memory: Arc<dyn Memory>,
    room_memory: Arc<dyn RoomMemory>,
    metrics: Arc<Metrics>,
    name_ttl: Duration,
    clock: Clock,
    names_clock: NamesClock,
    machine: Machine,
    seats: HashMap<ConnectionId, Seat>,
    rendezvous: Rendezvous,
    tokens: Tokens,
    consents: Consents,
    new_names: Allowance<Network>,
    new_rooms: Allowance<Network>,
    gathered: Gathered,
    unsaved: Unsaved,
    /// Permits for texts that are compared with the log at the same time.
    comparisons: Arc<Semaphore>,
    /// The batch that was published and was not read back yet.
    open: Option<Open>,
    /// The batch that was applied and is being stored.
    storing: Option<Storing>,
    /// Whether batches are stored in the thread in which the lobby runs.
    stores_here: StoresHere,
    /// How long it took to tell everybody of the last batch.
    telling_took: Duration,
    held: Vec<Held>,
    presence: Presence,
    occupied: OccupiedRooms,
    banned: Arc<BannedRanges>,
    kept_out: Arc<KeptOut>,
    /// The rules of operators, if they have changed and are not stored yet.
    unsaved_rules: Option<Arc<Rules>>,
    /// Before this instant, changes without messages are not stored again, because the log has refused a batch.
    stores_again: Instant,
    last_texts: LastTexts,
    presence_due: Instant,
    housekeeping_due: Instant,
    expiry_due: Instant,
    expiry: Expiry,
}

impl Lobby {
    /// Runs until `shutdown`; then stores and sends what was accepted, and tells everybody.
    ///
    /// This has to be spawned unconstrained: the fan-out polls thousands of sockets and yields by itself.
    ///
    /// # Errors
    /// Fails when the lobby cannot go on; see [`LobbyFault`]. Then it ends early and tells its clients nothing.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) -> Result<(), LobbyFault> {
        let mut taken = Vec::with_capacity(TAKEN_AT_ONCE);
        // This is done before any client comes, because clients are noted with a date when they are seen.
        self.advertise();
        self.keep_house(Instant::now());
        self.start_batch();
        loop {
            let due = self.next_due();
            tokio::select! {
                () = shutdown.cancelled() => break,
                step = next_step(&mut self.storing, &mut self.open, &mut *self.follower) => self.step(step).await?,
                question = question(&mut self.servers) => self.answer(question),
                count = self.commands.recv_many(&mut taken, TAKEN_AT_ONCE), if self.takes_commands() => {
                    if count == 0 {
                        // No sender is left.
                        break;
                    }
                    taken.drain(..).for_each(|command| self.take(command));
                }
                () = sleep_until(due) => {}
            }
            self.settle().await;
            yield_now().await;
        }
        self.close().await
    }

    /// Returns the lobby for a thread in which nothing else runs, so that the lobby may wait for the disk there.
    pub(crate) fn on_its_own_thread(mut self) -> Self {
        self.stores_here = StoresHere::Now;
        self
    }

    /// Publishes the addresses at which clients reach this server.
    fn advertise(&mut self) {
        if !self.advertised.is_empty() {
            self.gathered.push(Entry::Serves(self.advertised.clone()));
        }
    }

    /// Proposes the operators of this server's own settings, with the first batch.
    pub(crate) fn operators_are(&mut self, listed: Vec<Fingerprint>) {
        self.gathered.push(Entry::Operators(listed));
    }

    /// Whether commands are taken from the queue now. While a quick disk stores a batch they stay there, as they do when
    /// the lobby's own thread stores it. Otherwise nearly every text would wake the lobby, which could only put it by.
    fn takes_commands(&self) -> bool {
        let stores_quickly = self.storing.is_some() && self.stores_here == StoresHere::Now;
        self.gathered.has_room() && (!stores_quickly || self.servers.is_some())
    }

    /// Takes the commands that wait already, as long as there is room for them.
    fn take_waiting(&mut self) {
        for _ in 0..self.commands.len() {
            if !self.gathered.has_room() {
                break;
            }
            let Ok(command) = self.commands.try_recv() else { break };
            self.take(command);
        }
    }

    fn take(&mut self, command: LobbyCommand) {
        match command {
            LobbyCommand::Join(join) => self.join(*join),
            LobbyCommand::Leave(id) => self.leave(id),
            LobbyCommand::Alive(id) => self.alive(id),
            LobbyCommand::Say { from, id, room, content } => {
                // The limit holds for the topic of a room, too, because whoever sets it says it to all who are in the
                // room.
                if self.is_in_doubt(from) || !self.is_slow_enough(from, id, room.as_ref()) {
                    return;
                }
                self.gathered.push(Entry::Say { from, id, room, content });
            }
            LobbyCommand::JoinRoom { from, room } => self.join_room(from, room),
            LobbyCommand::Act(act) if self.is_in_doubt(act.from) => {}
            LobbyCommand::Act(act) => self.gathered.push(Entry::Act(act)),
            LobbyCommand::Operators(listed) => self.gathered.push(Entry::Operators(listed)),
            LobbyCommand::Part { from, room } => self.gathered.push(Entry::Part { from, room }),
            LobbyCommand::Away { from, away } => self.gathered.push(Entry::Away { from, away }),
            question @ (LobbyCommand::Users { .. }
            | LobbyCommand::Rooms { .. }
            | LobbyCommand::Bans { .. }
            | LobbyCommand::Mutes { .. }
            | LobbyCommand::Ops { .. }
            | LobbyCommand::Whois { .. }) => self.ask(question),
            LobbyCommand::AskedElsewhere { ask, answer } => {
                self.asked_elsewhere(ask, answer.map(|answer| *answer))
            }
            LobbyCommand::Paired { elsewhere, answer } => {
                self.paired(*elsewhere, answer.map(|answer| *answer))
            }
            LobbyCommand::Pair { from, request, name, session, read } => {
                self.pair(from, request, name, session, read);
            }
            LobbyCommand::Consent { from, ask, answer } => self.consent(from, ask, answer),
        }
    }

    /// Does what is due after any event.
    async fn settle(&mut self) {
        let now = Instant::now();
        self.settle_held(now);
        self.settle_consents(now);
        if now >= self.housekeeping_due {
            self.keep_house(now);
        }
        self.go_on_expiring(now);
        self.start_batch();
        self.keep_machine(now);
        // If other servers read the order, too, this server must not drop it.
        if self.servers.is_none() && self.forgotten < self.applied {
            self.forgotten = self.applied;
            self.stream.forget(self.applied).await;
        }
        if self.has_changes() && now >= self.presence_due {
            self.tell_presence().await;
        }
    }

    fn next_due(&self) -> Instant {
        let presence = self.has_changes().then_some(self.presence_due);
        let held = self.held.iter().map(|held| held.until).min();
        let servers = self.servers.as_ref();
        let beat = servers.filter(|_| self.open.is_none()).map(Servers::beat_due);
        let keep = servers.filter(|_| self.storing.is_none()).and_then(|servers| servers.keeper.due());
        let again = (self.stores_without_messages() && self.storing.is_none()).then_some(self.stores_again);
        [presence, held, beat, keep, again, self.consents.next_due(), self.expiry.due()]
            .into_iter()
            .flatten()
            .fold(self.housekeeping_due, Instant::min)
    }

    /// A batch is stored: sends it to everybody, and what was said in rooms to their members. (It borrows `self`
    /// mutably because a future of the log's answer cannot be shared across an await.)
    async fn fan_out(&mut self, chunks: &[Arc<Chunk>], rooms: &[RoomWords]) {
        let started = Instant::now();
        let mut told = 0;
        for chunk in chunks {
            let entered = self.seats.values().filter(|seat| seat.entered);
            fan_out(chunk, entered.map(|seat| &seat.outlet), &mut told).await;
        }
        self.fan_out_rooms(rooms).await;
        self.telling_took = started.elapsed();
    }

    fn tell(&self, id: ConnectionId, fact: &ServerMessage) {
        if let Some(seat) = self.seats.get(&id) {
            seat.outlet.tell(fact);
        }
    }

    /// Stores and sends what was accepted, and tells everybody that the server is closing. The caller limits the time.
    async fn close(mut self) -> Result<(), LobbyFault> {
        self.commands.close();
        while let Ok(command) = self.commands.try_recv() {
            self.take(command);
        }
        self.refuse_held();
        self.unsaved.dates_are_due();
        self.start_batch();
        while self.storing.is_some() || self.open.is_some() {
            let step = next_step(&mut self.storing, &mut self.open, &mut *self.follower).await;
            self.step(step).await?;
            self.start_batch();
        }
        self.keep_machine_at_end().await;
        for seat in self.seats.values() {
            seat.outlet.end(Ending { last: Some(ServerMessage::Closing), after_all: true });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
