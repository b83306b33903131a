//! What a lobby is made of, and how it is put together. This file knows nothing of what the lobby does afterwards.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hobnob_order::{OrderedStream, Place, ServerId};
use hobnob_protocol::candidate::Candidate;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::gather::Gathered;
use super::handle::LobbyHandle;
use super::housekeeping::Expiry;
use super::names_clock::NamesClock;
use super::outlet::Memory;
use super::presence::Presence;
use super::rooms::{self, OccupiedRooms, RoomMemory};
use super::said_again::MAX_COMPARISONS;
use super::servers::{ConnectionNumbers, Servers, Sharing};
use super::slow::LastTexts;
use super::unsaved::Unsaved;
use super::{Lobby, StoresHere, join};
use crate::admission::banned_ranges::BannedRanges;
use crate::decide::{Machine, Proposals, Rooms};
use crate::introductions::consent::Consents;
use crate::introductions::rendezvous::Rendezvous;
use crate::log::LobbyLog;
use crate::metrics::Metrics;
use crate::relay::kept_out::KeptOut;
use crate::tokens::Tokens;

/// How many commands may wait, besides the one for which each connection has reserved a place.
const QUEUE: usize = 1024;

pub(super) const MILLIS_PER_DAY: u64 = 24 * 3600 * 1000;

/// The time that the computer's clock shows, in milliseconds since 1970-01-01 UTC. It may be wrong.
pub(crate) type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// What the lobby is made of.
pub(crate) struct LobbyParts {
    pub(crate) stream: Arc<dyn OrderedStream<Proposals>>,
    /// The number of this server among those that publish to the stream.
    pub(crate) server: ServerId,
    /// What a lobby on several servers has besides; `None` for a single server, which keeps its order itself.
    pub(crate) sharing: Option<Sharing>,
    /// The number of the next connection.
    pub(crate) ids: ConnectionNumbers,
    /// The addresses at which clients reach this server, if they are to be told.
    pub(crate) advertised: Vec<Candidate>,
    /// Whether this server relays private sessions.
    pub(crate) relays: bool,
    pub(crate) log: Arc<dyn LobbyLog>,
    pub(crate) memory: Arc<dyn Memory>,
    pub(crate) room_memory: Arc<dyn RoomMemory>,
    pub(crate) metrics: Arc<Metrics>,
    /// How many rooms there may be.
    pub(crate) max_rooms: usize,
    /// Makes the tokens of private sessions.
    pub(crate) tokens: Tokens,
    /// The banned addresses, for the code that accepts connections.
    pub(crate) banned: Arc<BannedRanges>,
    /// Tells the relay which keys operators sent out.
    pub(crate) kept_out: Arc<KeptOut>,
    /// How many connections there may be at once; each of them reserves a place in the queue.
    pub(crate) max_clients: usize,
    /// After how many days the name of an absent user becomes free.
    pub(crate) name_ttl_days: u32,
    /// How many new names the clients of one network may have in an hour and keep.
    pub(crate) new_names_per_network: usize,
    /// The clock for the dates of names. Messages have their time from the stream.
    pub(crate) clock: Clock,
    /// The time of the newest message in the log.
    pub(crate) last_at: u64,
}

/// Makes a lobby and the handle to talk to it.
pub(crate) fn lobby(parts: LobbyParts) -> (LobbyHandle, Lobby) {
    let (handle, commands) = LobbyHandle::new(QUEUE + parts.max_clients);
    let contents = parts.log.contents();
    let now = Instant::now();
    let names = contents.names.iter().cloned();
    let newest = contents.names.iter().map(|binding| binding.seen).max();
    tell_of_clock((parts.clock)(), newest.unwrap_or_default().max(parts.last_at));
    let (machine, follower, servers) = match parts.sharing {
        None => {
            let rooms = Rooms::new(parts.max_rooms, parts.log.rooms());
            let machine = Machine::new(contents.head, parts.last_at, names, parts.log.posts());
            let machine = machine.with_rooms(rooms).with_rules(contents.rules.clone());
            (machine, parts.stream.follow(Place(0)), None)
        }
        Some(Sharing { machine, follower, neighbours, keep }) => {
            let servers = Servers::new(parts.server, &machine, neighbours, keep, handle.downgrade());
            (machine, follower, Some(servers))
        }
    };
    parts.banned.set(machine.rules().banned_ranges());
    parts.kept_out.ban(machine.rules().banned_keys());
    let occupied = OccupiedRooms::of(&machine, &*parts.room_memory);
    let reached = machine.reached().map_or(Place(0), |reached| reached.place);
    let lobby = Lobby {
        commands,
        follower,
        stream: parts.stream,
        server: parts.server,
        number: 0,
        applied: reached,
        forgotten: reached,
        servers,
        ids: parts.ids,
        advertised: parts.advertised,
        relays: parts.relays,
        memory: parts.memory,
        room_memory: parts.room_memory,
        metrics: parts.metrics,
        name_ttl: Duration::from_millis(u64::from(parts.name_ttl_days) * MILLIS_PER_DAY),
        clock: parts.clock,
        names_clock: NamesClock::new(newest, now),
        machine,
        seats: HashMap::new(),
        rendezvous: Rendezvous::default(),
        tokens: parts.tokens,
        consents: Consents::default(),
        new_names: join::new_names(parts.new_names_per_network),
        new_rooms: rooms::new_rooms(parts.new_names_per_network),
        gathered: Gathered::default(),
        unsaved: Unsaved::default(),
        comparisons: Arc::new(Semaphore::new(MAX_COMPARISONS)),
        open: None,
        storing: None,
        stores_here: StoresHere::Never,
        telling_took: Duration::ZERO,
        held: Vec::new(),
        presence: Presence::default(),
        occupied,
        banned: parts.banned,
        kept_out: parts.kept_out,
        unsaved_rules: None,
        stores_again: now,
        last_texts: LastTexts::default(),
        presence_due: now,
        housekeeping_due: now,
        expiry_due: now,
        expiry: Expiry::default(),
        log: parts.log,
    };
    (handle, lobby)
}

/// Warns the administrator if the clock does not fit the newest date in the log.
fn tell_of_clock(wall: u64, newest: u64) {
    let days = wall.abs_diff(newest) / MILLIS_PER_DAY;
    if newest > 0 && days > 0 {
        let side = if wall > newest { "after" } else { "before" };
        tracing::warn!(
            "the clock of this computer shows a time {days} days {side} the newest in the log; if it is wrong, set it \
             right: messages have its time, and no name is freed for the difference"
        );
    }
}

/// Returns the time in milliseconds since 1970-01-01 UTC.
pub(crate) fn wall_clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
