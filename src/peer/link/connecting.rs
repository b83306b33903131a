//! How the link of a private session comes to a connection: when it dials, when it visits the relay, which of two
//! connections it uses, and what it makes of an attempt that failed. This file knows nothing of texts.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use hobnob_protocol::message::PeerMessage;

use super::{Ending, Link, RETIRED_FOR};
use crate::peer::connection::{Connection, Fresh};
use crate::peer::dial::{Attempt, DialError};
use crate::peer::event::{GoneReason, PeerEventKind, PeerFailure};
use crate::peer::greet::{GreetError, Role};
use crate::peer::meet::MeetError;
use crate::peer::reach::Origin;
use crate::peer::redial::{GaveUp, jitter};
use crate::peer::relaying::Visit;
use crate::peer::seal::SealError;
use crate::peer::two_connections::takes_over;
use crate::session::path::{Path, PathChoice};

impl Link {
    /// Dials if it is time to dial; ends the session if it is too late.
    pub(super) fn rebuild(&mut self) -> Option<Ending> {
        if let Some(why) = self.redial.gave_up(self.now) {
            return Some(self.over(why));
        }
        if self.now >= self.redial.next() {
            if self.redial.begin_round(self.now, jitter()) {
                self.waiting_events.push(PeerEventKind::WantsIntroduction);
                self.hand_over();
            }
            self.dialler.dial(&self.last_met);
        }
        if self.relaying.begin_visit(self.now) {
            self.dialler.visit_relay();
        }
        None
    }

    /// Looks for a direct path while the session is relayed, if it is time to.
    pub(super) fn search(&mut self) {
        let Some(are_old) = self.relaying.begin_search(self.now, jitter()) else { return };
        // A stranger is dialled only so many times, so newer addresses would be of no use.
        if are_old && self.dialler.was_told_addresses() && !self.dialler.is_strangers() {
            self.waiting_events.push(PeerEventKind::WantsIntroduction);
            self.hand_over();
        }
        self.dialler.dial(&self.last_met);
    }

    pub(super) fn over(&self, why: GaveUp) -> Ending {
        match why {
            _ if self.redial.is_opening() => Ending::Failed(self.failure()),
            GaveUp::Refused => Ending::Gone(GoneReason::ProcessEnded),
            GaveUp::TooLong => Ending::Gone(GoneReason::Silence),
        }
    }

    /// Returns why the session does not open: an answer of the other side, or else that no path was found, and which
    /// setting prevents it.
    pub(super) fn failure(&self) -> PeerFailure {
        let not_dialled = self.trouble == Some(PeerFailure::NotDialled);
        if let Some(trouble) = self.trouble.filter(|_| !not_dialled) {
            return trouble;
        }
        let waits_there = self.dialler.visits_relay();
        match (self.relaying.choice(), self.relaying.last()) {
            (PathChoice::Direct, _) if not_dialled => PeerFailure::NotDialled,
            (PathChoice::Direct, _) => PeerFailure::DirectOnly,
            (PathChoice::Relay, Some(Visit::Off)) => PeerFailure::RelayOnlyIsOff,
            (PathChoice::Relay, Some(Visit::Away)) => PeerFailure::RelayOnlyAway,
            (PathChoice::Relay, _) => PeerFailure::RelayOnlyNotMet,
            (PathChoice::Auto, last) if waits_there || last == Some(Visit::Alone) => PeerFailure::NotMet,
            (PathChoice::Auto, _) if not_dialled => PeerFailure::NotDialled,
            (PathChoice::Auto, Some(Visit::Off)) => PeerFailure::RelayIsOff,
            (PathChoice::Auto, _) => PeerFailure::Unreachable,
        }
    }

    /// Notes that a visit to the relay failed.
    pub(super) fn not_relayed(&mut self, error: &MeetError) -> Option<Ending> {
        tracing::debug!(link = %self.link, %error, "not relayed");
        if let MeetError::Greet(GreetError::Over) = error {
            return Some(if self.redial.is_opening() {
                Ending::Failed(PeerFailure::NotTaken)
            } else {
                Ending::LeftByThem
            });
        }
        let (visit, now) = (error.visit(), self.now);
        if visit == Visit::Away && (self.relaying.is_carried() || self.relaying.choice() == PathChoice::Relay)
        {
            self.redial.excuse(now);
        }
        self.relaying.visited(visit, now, jitter());
        self.relaying.is_abandoned().then_some(Ending::Gone(GoneReason::ProcessEnded))
    }

    /// Checks whether the peer on a relayed connection is a process other than the one that this session was with. No
    /// listener could have said so, because there was none. Both sides go to the relay only when they have no other
    /// connection, so nothing was acknowledged after their hellos.
    pub(super) fn meets_another(&mut self, fresh: Fresh) -> Result<Fresh, Ending> {
        if fresh.origin.path() != Path::Relay || self.connection.is_some() {
            return Ok(fresh);
        }
        let ending = if fresh.received < self.outgoing.acknowledged() {
            // The other process does not know texts that it was shown.
            Ending::Gone(GoneReason::ProcessEnded)
        } else if self.redial.is_opening() && self.outgoing.never_wrote(fresh.received) {
            // The other process knows texts that this process never said.
            Ending::LeftByUs
        } else {
            return Ok(fresh);
        };
        tracing::debug!(link = %self.link, "one of the two was started anew");
        // The connection is used for the goodbye, so that the other side hears that the session is over.
        self.connection = Some(Connection::new(fresh, &self.outgoing, self.now));
        Err(ending)
    }

    pub(super) fn dialled(&mut self, attempt: Attempt) -> Option<Ending> {
        let (target, error) = match attempt {
            Attempt::Made(fresh) => return self.adopt(*fresh),
            Attempt::Failed { target, error } => (target, error),
            Attempt::Answers(addr) => {
                self.proven = Some(addr);
                return None;
            }
            Attempt::Silent => return None,
            Attempt::NotRelayed(error) => return self.not_relayed(&error),
        };
        tracing::debug!(link = %self.link, %target, %error, "not reached");
        if self.connection.is_some() {
            // The dial only looked for a better path.
            return None;
        }
        let is_opening = self.redial.is_opening();
        let is_proven = self.proven == Some(target);
        match &error {
            DialError::Greet(GreetError::Over) if is_opening => {
                return Some(Ending::Failed(PeerFailure::NotTaken));
            }
            DialError::Greet(GreetError::Over) => return Some(Ending::LeftByThem),
            // An address that did not answer before may belong to another process of the same user, which does not know
            // the session.
            DialError::Greet(GreetError::NoSession) if is_proven => return Some(Ending::LeftByThem),
            DialError::Greet(GreetError::Protocol(version)) => {
                self.trouble = Some(PeerFailure::Protocol(*version));
            }
            DialError::Greet(GreetError::NoSession) => self.trouble = Some(PeerFailure::NotTaken),
            DialError::Seal(SealError::WrongKey(_)) => {
                self.trouble = self.trouble.or(Some(PeerFailure::WrongKey))
            }
            _ => {}
        }
        if is_opening {
            let all_refuse = self.dialler.rules_all_out() && !self.dialler.visits_relay();
            self.redial.note(all_refuse, self.now);
        } else if is_proven {
            self.redial.note(error.is_refusal(), self.now);
        }
        None
    }

    /// Takes a connection, and retires the one in use if there is one.
    pub(super) fn adopt(&mut self, fresh: Fresh) -> Option<Ending> {
        let now = self.now;
        let path = fresh.origin.path();
        let in_use =
            self.connection.as_ref().map(|held| (held.origin.path(), now.saturating_sub(held.since)));
        if !takes_over(self.role, path, in_use) {
            return None;
        }
        let fresh = match self.meets_another(fresh) {
            Ok(fresh) => fresh,
            Err(ending) => return Some(ending),
        };
        // Dials that are under way go on while the session is relayed.
        if path == Path::Direct {
            self.dialler.stop();
        }
        let delivered = match self.outgoing.resume(fresh.received) {
            Ok(delivered) => delivered,
            Err(error) => {
                tracing::warn!(link = %self.link, %error, "a hello that cannot be true");
                return None;
            }
        };
        self.deliver(delivered);
        match &self.connection {
            None => {
                self.redial.up();
                let key_exchange = fresh.key_exchange.clone();
                self.waiting_events.push(PeerEventKind::Up { key_exchange, path });
            }
            Some(held) if held.origin.path() != path => {
                self.waiting_events.push(PeerEventKind::Moved { path });
            }
            Some(_) => {}
        }
        match path {
            Path::Direct => self.relaying.direct(),
            Path::Relay => self.relaying.carried(now),
        }
        tracing::debug!(link = %self.link, origin = ?fresh.origin, "a connection carries it");
        self.remember(fresh.origin);
        self.inbox.begin(fresh.told);
        self.verifying.begin();
        // The old connection gives up its writer before the new connection puts its own in.
        if let Some(mut old) = self.connection.take() {
            old.retire();
            self.retired = (self.role == Role::Chooser).then_some((old, now + RETIRED_FOR));
        }
        let connection = self.connection.insert(Connection::new(fresh, &self.outgoing, now));
        if self.role == Role::Chooser {
            connection.queue(&PeerMessage::Chosen);
        }
        // Texts may have come together with the hello.
        self.read()
    }

    /// Notes where the other side is, for the time after the connection is lost. If the other side dialled, the address
    /// of its listener is probed, because a refusal means something only at an address that once answered.
    pub(super) fn remember(&mut self, origin: Origin) {
        match origin {
            Origin::Dialled(addr) => {
                self.last_met = vec![addr];
                self.proven = Some(addr);
            }
            // The address of the other side is not known, so a refusal at any address does not mean that its process
            // has ended.
            Origin::Relayed(_) => self.proven = None,
            Origin::Accepted(ip) => {
                let ports: BTreeSet<u16> = self.dialler.targets().iter().map(SocketAddr::port).collect();
                let addrs = ports.into_iter().map(|port| SocketAddr::new(ip, port));
                self.last_met = addrs.filter_map(|addr| self.dialler.allow(addr)).collect();
                self.proven = self.proven.filter(|addr| self.last_met.contains(addr));
                self.dialler.probe(self.last_met.iter().copied());
            }
        }
    }
}
