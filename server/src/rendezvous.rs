//! Introductions of two users to each other: which session token, and whose fork it is. A plain
//! struct that is told the time and given the tokens; it sends nothing and keeps no address.
//!
//! When two users fork each other at the same moment, the first request to arrive makes the session
//! and the second is answered with the same one. A request made *after* its author read of the other's
//! fork is not such a crossing but a new session; the numbers of introductions read tell the two apart.

use std::collections::HashMap;

use hobnob_protocol::INTRODUCTION_LIFETIME;
use hobnob_protocol::name::PairToken;
use tokio::time::Instant;

use crate::decide::{ConnectionId, Party};

/// Introductions remembered. Past it the expired go, and if none are, all: two forks that cross just
/// then make two sessions, of which the clients keep one.
const MAX_PENDING: usize = 16 * 1024;

/// Where a user was told of another's fork.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    /// On which connection.
    pub(crate) connection: ConnectionId,
    /// As which of the introductions sent there, counted from 1.
    pub(crate) number: u64,
}

#[derive(Debug)]
struct Pending {
    session: PairToken,
    forker: Party,
    told: Option<Told>,
    made: Instant,
}

/// What is to be told, and to whom.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Meeting {
    /// The session's token, for both.
    pub(crate) session: PairToken,
    /// Whether the request made the session.
    pub(crate) forked: bool,
    /// Whether the other side is to be told as well.
    pub(crate) tell_other: bool,
}

/// Recent introductions.
#[derive(Debug, Default)]
pub(crate) struct Rendezvous {
    pending: HashMap<(Party, Party), Pending>,
}

impl Rendezvous {
    /// `asker` wants a new session with `other`. `read` says up to which introduction the asker has read on its
    /// connection; `token` is the session's if a new one is made.
    pub(crate) fn fork(
        &mut self,
        asker: Party,
        other: Party,
        read: Told,
        token: PairToken,
        now: Instant,
    ) -> Meeting {
        let pair = ordered(asker, other);
        if let Some(pending) = self.pending.get(&pair).filter(|pending| pending.crosses(other, read, now)) {
            let told_here = pending.told.is_some_and(|told| told.connection == read.connection);
            return Meeting { session: pending.session, forked: false, tell_other: !told_here };
        }
        self.make_room(now);
        let session = token;
        self.pending.insert(pair, Pending { session, forker: asker, told: None, made: now });
        Meeting { session, forked: true, tell_other: true }
    }

    /// The side that did not ask was told.
    pub(crate) fn told(&mut self, asker: Party, other: Party, told: Told) {
        if let Some(pending) = self.pending.get_mut(&ordered(asker, other)) {
            pending.told = Some(told);
        }
    }

    fn make_room(&mut self, now: Instant) {
        if self.pending.len() < MAX_PENDING {
            return;
        }
        self.pending.retain(|_, pending| pending.is_fresh(now));
        if self.pending.len() >= MAX_PENDING {
            self.pending.clear();
        }
    }
}

impl Pending {
    fn is_fresh(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.made) <= INTRODUCTION_LIFETIME
    }

    /// Whether a fork of `forker` by somebody who has read up to `read` crosses this one.
    fn crosses(&self, forker: Party, read: Told, now: Instant) -> bool {
        let knew =
            self.told.is_some_and(|told| told.connection == read.connection && told.number <= read.number);
        self.forker == forker && self.is_fresh(now) && !knew
    }
}

fn ordered(one: Party, other: Party) -> (Party, Party) {
    if one <= other { (one, other) } else { (other, one) }
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::name::{PublicKey, RunId};

    use super::*;

    fn party(n: u8) -> Party {
        (PublicKey::new([n; 32]), RunId::new([n; 8]))
    }

    fn token() -> PairToken {
        PairToken::random()
    }

    fn at(connection: u64, number: u64) -> Told {
        Told { connection: ConnectionId(connection), number }
    }

    #[test]
    fn crossing_forks_share_one_session_and_the_first_is_the_forker() {
        let (mut rendezvous, now) = (Rendezvous::default(), Instant::now());
        let first = rendezvous.fork(party(1), party(2), at(1, 0), token(), now);
        rendezvous.told(party(1), party(2), at(2, 1));
        let second = rendezvous.fork(party(2), party(1), at(2, 0), token(), now);
        assert!(first.forked && first.tell_other);
        assert_eq!(second, Meeting { session: first.session, forked: false, tell_other: false });
    }

    #[test]
    fn a_fork_back_after_the_first_was_read_is_a_new_session() {
        let (mut rendezvous, now) = (Rendezvous::default(), Instant::now());
        let first = rendezvous.fork(party(1), party(2), at(1, 0), token(), now);
        rendezvous.told(party(1), party(2), at(2, 1));
        let second = rendezvous.fork(party(2), party(1), at(2, 1), token(), now);
        assert!(second.forked && second.session != first.session);
    }

    #[test]
    fn an_expired_fork_is_not_crossed_and_another_pair_not_concerned() {
        let (mut rendezvous, now) = (Rendezvous::default(), Instant::now());
        let first = rendezvous.fork(party(1), party(2), at(1, 0), token(), now);
        assert!(rendezvous.fork(party(3), party(1), at(3, 0), token(), now).forked);
        let later = now + INTRODUCTION_LIFETIME * 2;
        let second = rendezvous.fork(party(2), party(1), at(2, 0), token(), later);
        assert!(second.forked && second.session != first.session);
        assert!(
            rendezvous.fork(party(2), party(1), at(2, 0), token(), later).forked,
            "one's own is never reused"
        );
    }

    #[test]
    fn memory_is_bounded() {
        let (mut rendezvous, now) = (Rendezvous::default(), Instant::now());
        for n in 0..=MAX_PENDING as u64 {
            let other = (PublicKey::new([9; 32]), RunId::new(n.to_be_bytes()));
            rendezvous.fork(party(1), other, at(1, 0), token(), now);
        }
        assert!(rendezvous.pending.len() <= MAX_PENDING);
    }
}
