//! Coming and going: names, second clients and lost links.
//!
//! A client that comes back (same key, same run) takes over from its old connection at once. Another
//! client of the same key that would get the name of one that is here waits until that one has given a
//! sign of life (then it gets the next number) or has not (then its link was lost, and the name is free).

use std::sync::Arc;
use std::time::Duration;

use hobnob_protocol::PROTOCOL_VERSION;
use hobnob_protocol::chain::Position;
use hobnob_protocol::message::{RefusedCode, ServerMessage, Welcome};
use hobnob_protocol::name::Seq;
use tokio::time::Instant;

use super::{Ending, Entry, Join, Lobby, Outlet, Seat, Start, wall_clock};
use crate::decide::roster::{ConnectionId, NoNameLeft};

/// How long a client may take to show that it is still there when another one of its user comes.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// A sign of life asked for is good for this long: a hundred clients of one user do not ask a hundred
/// times.
const PROOF_LIFETIME: Duration = Duration::from_secs(5);

/// Newcomers that wait for a sign of life; past it the next gets a number at once.
const MAX_HELD: usize = 1024;

/// A newcomer that waits for a sign of life of `rival`.
pub(super) struct Held {
    join: Join,
    rival: ConnectionId,
    pub(super) until: Instant,
    /// Decided: the newcomer is let in now.
    ready: bool,
}

impl Lobby {
    pub(super) fn join(&mut self, join: Join) {
        let now = Instant::now();
        let (key, run) = (join.newcomer.key, join.newcomer.run);
        if let Some(old) = self.roster.by_run(key, run) {
            self.take_over(old);
            return self.admit(join);
        }
        // A run that waits for a sign of life and comes again waits once.
        self.held.retain(|held| (held.join.newcomer.key, held.join.newcomer.run) != (key, run));
        match self.roster.rival(&join.newcomer.wish, &key) {
            Some(rival) if !self.is_proven(rival, now) && self.held.len() < MAX_HELD => {
                if let Some(seat) = self.seats.get(&rival) {
                    seat.outlet.probe();
                }
                self.held.push(Held { join, rival, until: now + PROBE_TIMEOUT, ready: false });
            }
            _ => self.admit(join),
        }
    }

    /// A connection has given the sign of life it was asked for.
    pub(super) fn alive(&mut self, id: ConnectionId) {
        if let Some(seat) = self.seats.get_mut(&id) {
            seat.proven = Some(Instant::now());
        }
        self.decide(id);
    }

    /// Lets in those whose rival has not given a sign of life in time, and those that are decided.
    pub(super) fn settle_held(&mut self, now: Instant) {
        let late: Vec<ConnectionId> =
            self.held.iter().filter(|held| !held.ready && now >= held.until).map(|held| held.rival).collect();
        for rival in late {
            self.take_over(rival);
            // Also when it was gone already, so that nobody waits for nobody.
            self.decide(rival);
        }
        for held in self.held.extract_if(.., |held| held.ready).collect::<Vec<_>>() {
            self.admit(held.join);
        }
    }

    /// Nobody is let in any more.
    pub(super) fn refuse_held(&mut self) {
        for held in self.held.drain(..) {
            refuse(&*held.join.outlet, RefusedCode::Closing);
        }
    }

    pub(super) fn leave(&mut self, id: ConnectionId) {
        self.held.retain(|held| held.join.id != id);
        self.vacate(id);
    }

    /// Tells a newcomer's name to the roster; it enters when that is stored.
    fn admit(&mut self, join: Join) {
        let Join { id, outlet, newcomer, observed, start, last_id } = join;
        if let Some(last_id) = last_id {
            self.outboxes.note((newcomer.key, newcomer.run), last_id);
        }
        let is_new = match self.roster.admit(id, newcomer, wall_clock()) {
            Ok(is_new) => is_new,
            Err(NoNameLeft) => return refuse(&*outlet, RefusedCode::NoNameLeft),
        };
        if let Some(member) = self.roster.member(id) {
            self.pending.freed.retain(|freed| *freed != *member.name);
        }
        let entry = Some(Box::new(Entry { observed, start }));
        self.seats.insert(id, Seat { outlet, presence_from: 0, proven: None, entry });
        if is_new {
            self.pending.joining.push(id);
        } else {
            self.enter(id);
        }
    }

    /// The newcomer is in: it is told so, and the others are told of it.
    pub(super) fn enter(&mut self, id: ConnectionId) {
        let Some(seat) = self.seats.get_mut(&id) else { return };
        let Some(entry) = seat.entry.take() else { return };
        let Some(member) = self.roster.enter(id) else { return };
        let name = Arc::clone(&member.name);
        self.presence.joined((*name).clone());
        seat.presence_from = self.presence.mark();
        let outlet = Arc::clone(&seat.outlet);
        let (start, missed, resumed) = self.start(entry.start);
        let welcome = Welcome {
            protocol: PROTOCOL_VERSION,
            name: (*name).clone(),
            log: self.log.contents().log,
            head: self.head,
            start,
            missed,
            resumed,
            observed: entry.observed,
        };
        outlet.let_in(welcome);
        self.metrics.joins.inc();
        self.metrics.clients.set(self.roster.len() as i64);
    }

    /// The place before the first message a newcomer is sent, what it missed, whether it continues.
    fn start(&self, start: Start) -> (Position, u64, bool) {
        match start {
            Start::At { position, missed } => (position, missed, true),
            Start::Newest { backlog, resumed } => {
                let oldest = self.log.first().0.saturating_sub(1);
                let seq = Seq(self.head.seq.0.saturating_sub(backlog).max(oldest).min(self.head.seq.0));
                (self.recent().position(seq).unwrap_or(self.head), 0, resumed)
            }
        }
    }

    /// A connection gives its place to a new one of the same client.
    fn take_over(&mut self, old: ConnectionId) {
        if let Some(seat) = self.vacate(old) {
            refuse(&*seat.outlet, RefusedCode::TakenOver);
        }
    }

    fn vacate(&mut self, id: ConnectionId) -> Option<Seat> {
        let seat = self.seats.remove(&id)?;
        if let Some(member) = self.roster.remove(id, wall_clock())
            && member.entered
        {
            self.presence.left((*member.name).clone());
        }
        self.decide(id);
        self.metrics.clients.set(self.roster.len() as i64);
        Some(seat)
    }

    /// Those that waited for this connection wait no more.
    fn decide(&mut self, rival: ConnectionId) {
        for held in self.held.iter_mut().filter(|held| held.rival == rival) {
            held.ready = true;
        }
    }

    fn is_proven(&self, id: ConnectionId, now: Instant) -> bool {
        let proven = self.seats.get(&id).and_then(|seat| seat.proven);
        proven.is_some_and(|proven| now.saturating_duration_since(proven) < PROOF_LIFETIME)
    }
}

fn refuse(outlet: &dyn Outlet, code: RefusedCode) {
    outlet.end(Ending::now(ServerMessage::Refused { code }));
}
