//! Coming and going as it is proposed: whether a newcomer has to wait, and for which client.
//!
//! A client that comes back (same key, same run) takes over from its old connection at once. Another client of the same
//! key that would get the name of a client that is here has to wait. If the client that is here gives a sign of life,
//! the newcomer gets the next number. If it does not, its link was lost, and the newcomer's entry evicts it. Only this
//! server knows its own clients' signs of life, so they are asked for here, before the order; what follows is decided
//! by the entry alone. In the same way each entry says whether a new name is kept, because only this server knows how
//! many new names a network had lately.

use std::time::Duration;

use hobnob_protocol::message::{Refused, RefusedCode, ServerMessage};
use tokio::time::Instant;

use super::servers::without_a_word;
use super::{Ending, Join, Lobby, Seat};
use crate::decide::{self, ConnectionId, Entry};
use crate::limits::allowance::{Allowance, Measure};
use crate::network::Network;

/// How long a client may take to show that it is still there when another client of its user comes.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a sign of life is valid, so that a hundred clients of one user do not ask for it a hundred times.
const PROOF_LIFETIME: Duration = Duration::from_secs(5);

/// How many newcomers may wait for a sign of life. When the limit is reached, the next newcomer gets a number at once.
const MAX_HELD: usize = 1024;

/// In this time one network may have as many new names as it may have clients.
const NEW_NAMES_PERIOD: Duration = Duration::from_secs(3600);

/// For how many networks the new names are counted: those that had one in the last hour. When the limit is reached, a
/// name is not kept for a client of a further network, as if that network had had too many; the name is kept when the
/// client comes again later.
const MAX_NETWORKS: usize = 64 * 1024;

/// Makes the count of new names, of which the clients of each network may have so many.
pub(super) fn new_names(max_per_network: usize) -> Allowance<Network> {
    let burst = u32::try_from(max_per_network).unwrap_or(u32::MAX).max(1);
    let every = NEW_NAMES_PERIOD / burst;
    Allowance::new(Measure { burst, every, buckets: MAX_NETWORKS, when_crowded: false })
}

/// A newcomer that waits for a sign of life of `rival`.
pub(super) struct Held {
    pub(super) join: Join,
    rival: ConnectionId,
    pub(super) until: Instant,
    /// Whether the rival has given it, or is gone.
    ready: bool,
}

impl Lobby {
    pub(super) fn join(&mut self, join: Join) {
        if join.id.server() != self.server {
            // This client came as the life of this server ended; in the next life it gets another number.
            return join.outlet.end(without_a_word());
        }
        if let Some(why) = self.is_kept_out(&join) {
            self.metrics.turned_away.inc();
            return join.outlet.end(Ending::now(ServerMessage::Refused(why)));
        }
        let now = Instant::now();
        let (key, run) = (join.newcomer.key, join.newcomer.run);
        // A run that waits for a sign of life and comes again waits only once.
        self.held.retain(|held| (held.join.newcomer.key, held.join.newcomer.run) != (key, run));
        match self.rival(&join) {
            Some(rival) if !self.is_proven(rival, now) && self.held.len() < MAX_HELD => {
                match self.seats.get(&rival) {
                    Some(seat) => seat.outlet.probe(),
                    None => self.ask_elsewhere(rival),
                }
                self.held.push(Held { join, rival, until: now + PROBE_TIMEOUT, ready: false });
            }
            _ => self.propose(join, None),
        }
    }

    /// Whether the rules keep a newcomer out as they are now and the clock shows it. Then nothing is proposed, which all
    /// servers would have to store and decide for nothing: whoever is banned may come as often as he likes. When a ban has
    /// ended by the clock alone, the order tells.
    fn is_kept_out(&self, join: &Join) -> Option<Refused> {
        let why = self.machine.keeps_out(&join.newcomer.key, join.network)?;
        let wall = (self.clock)();
        why.until.is_none_or(|until| wall < until).then_some(why)
    }

    /// Returns another client of the same key whose name the newcomer would get if that client were gone. It is here
    /// already, or comes with the batch that gathers.
    fn rival(&mut self, join: &Join) -> Option<ConnectionId> {
        let (wish, key, run) = (&join.newcomer.wish, join.newcomer.key, join.newcomer.run);
        if self.machine.roster().by_run(key, run).is_some() {
            return None;
        }
        let here = self.machine.roster_mut().rival(wish, &key);
        let rival = here.or_else(|| self.gathered.is_joining(&join.newcomer))?;
        let is_here = self.seats.get(&rival).map(|seat| !seat.gone);
        is_here.unwrap_or(rival.server() != self.server).then_some(rival)
    }

    /// Proposes newcomers whose rival has given no sign of life in time, and those that need not wait any more.
    pub(super) fn settle_held(&mut self, now: Instant) {
        let decided = |held: &mut Held| held.ready || now >= held.until;
        for held in self.held.extract_if(.., decided).collect::<Vec<_>>() {
            let evict = (!held.ready).then_some(held.rival);
            self.propose(held.join, evict);
        }
    }

    /// Turns away the newcomers that wait, because nobody is let in any more.
    pub(super) fn refuse_held(&mut self) {
        for held in self.held.drain(..) {
            held.join.outlet.end(Ending::now(ServerMessage::refused(RefusedCode::Closing)));
        }
    }

    pub(super) fn leave(&mut self, id: ConnectionId) {
        self.held.retain(|held| held.join.id != id);
        if let Some(seat) = self.seats.get_mut(&id).filter(|seat| !seat.gone) {
            seat.gone = true;
            self.gathered.push(Entry::Leave(id));
        }
        self.no_longer_asked(id);
    }

    /// Newcomers that waited for a sign of life of this connection need not wait any more.
    pub(super) fn no_longer_awaited(&mut self, rival: ConnectionId) {
        for held in self.held.iter_mut().filter(|held| held.rival == rival) {
            held.ready = true;
        }
    }

    fn propose(&mut self, join: Join, evict: Option<ConnectionId>) {
        let Join { id, outlet, newcomer, network } = join;
        let keep = self.new_names.take(network, Instant::now());
        let charged = keep.then_some(network);
        let address = Some(network.ip());
        let seat = Seat {
            outlet,
            entered: false,
            gone: false,
            in_doubt: false,
            presence_from: 0,
            proven: None,
            charged,
        };
        self.seats.insert(id, seat);
        self.gathered.push(Entry::Join(Box::new(decide::Join { id, newcomer, evict, keep, address })));
    }

    /// The newcomer was charged for a new name before it was known whether it would get one, and it got none. The
    /// charge is taken back.
    pub(super) fn give_back_new_name(&mut self, id: ConnectionId) {
        if let Some(network) = self.seats.get_mut(&id).and_then(|seat| seat.charged.take()) {
            self.new_names.give_back(&network);
        }
    }

    fn is_proven(&self, id: ConnectionId, now: Instant) -> bool {
        let proven = self.seats.get(&id).and_then(|seat| seat.proven);
        proven.is_some_and(|proven| now.saturating_duration_since(proven) < PROOF_LIFETIME)
    }
}
