//! Introductions of two users to each other: how many are allowed, which token the session gets, and which of the two
//! forked. A plain struct that is told the time and given the tokens; it sends nothing and keeps no address.
//!
//! When two users fork each other at the same moment, the first request to arrive makes the session, and the second
//! request is answered with the same session. But a user who asks *after* he has read of the other's fork wants a new
//! session. The numbers of the introductions that he has read tell the two cases apart.

use std::collections::HashMap;
use std::time::Duration;

use hobnob_protocol::INTRODUCTION_LIFETIME;
use hobnob_protocol::ids::PairToken;
use hobnob_protocol::key::PublicKey;
use tokio::time::Instant;

use crate::decide::{ConnectionId, Party};
use crate::limits::allowance::{Allowance, Measure};

/// How many introductions are remembered. When the limit is reached, expired ones are forgotten; if there are none, all
/// are forgotten. Then two forks that cross at this moment make two sessions, of which the clients keep one.
const MAX_PENDING: usize = 16 * 1024;

/// How often one user may ask for introductions, whoever the others are. A client whose network was away rebuilds all
/// its sessions: it asks for each within a second, four times in the first ten seconds and every 15 s from then on.
/// This limit is enough for thirty sessions at first and for sixty later, and a client that is told `busy` asks again.
/// More keys are remembered than there are clients. When that limit is reached, a further key may ask: the users whom
/// it asks for are protected by the limits of their own queues.
const OF_ONE: Measure =
    Measure { burst: 128, every: Duration::from_millis(250), buckets: 64 * 1024, when_crowded: true };

/// How often one user may ask for introductions to one other user. Nobody types more forks of one person. Each of them
/// costs that person a line, and his client connection attempts to addresses that the asker chose.
const OF_A_PAIR: Measure =
    Measure { burst: 16, every: Duration::from_secs(5), buckets: 64 * 1024, when_crowded: true };

/// Where a user was told of another's fork.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    /// The connection on which he was told.
    pub(crate) connection: ConnectionId,
    /// The number of the introduction among those sent on that connection, counted from 1.
    pub(crate) number: u64,
}

#[derive(Debug)]
struct Pending {
    session: PairToken,
    forker: Party,
    told: Option<Told>,
    made: Instant,
}

/// What is to be told to the two users.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Meeting {
    /// The session's token, for both of them.
    pub(crate) session: PairToken,
    /// Whether this request made the session.
    pub(crate) forked: bool,
    /// Whether the other user has to be told as well.
    pub(crate) tell_other: bool,
}

/// The introductions of the last time.
#[derive(Debug)]
pub(crate) struct Rendezvous {
    pending: HashMap<(Party, Party), Pending>,
    of_one: Allowance<PublicKey>,
    /// Counted for the pair of asker and asked, so that neither user can use up what the other may ask.
    of_a_pair: Allowance<(PublicKey, PublicKey)>,
}

impl Default for Rendezvous {
    fn default() -> Self {
        let (of_one, of_a_pair) = (Allowance::new(OF_ONE), Allowance::new(OF_A_PAIR));
        Self { pending: HashMap::new(), of_one, of_a_pair }
    }
}

impl Rendezvous {
    /// Whether `asker` may be introduced to `other` now. If so, one of the allowed introductions is used up.
    pub(crate) fn may_ask(&mut self, asker: PublicKey, other: PublicKey, now: Instant) -> bool {
        self.of_a_pair.take((asker, other), now) && self.of_one.take(asker, now)
    }

    /// Whether `other` has forked `asker` and `asker` has not read of it: then both want the same session.
    pub(crate) fn has_crossing(&self, asker: Party, other: Party, read: Told, now: Instant) -> bool {
        self.pending.get(&ordered(asker, other)).is_some_and(|pending| pending.crosses(other, read, now))
    }

    /// `asker` wants a new session with `other`. `read` says up to which introduction the asker has read on its
    /// connection; `token` becomes the token of the session if a new one is made.
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

    /// Notes that the user who did not ask was told.
    pub(crate) fn told(&mut self, asker: Party, other: Party, told: Told) {
        if let Some(pending) = self.pending.get_mut(&ordered(asker, other)) {
            pending.told = Some(told);
        }
    }

    /// The user who did not ask could not be told, so the session that `asker` made is forgotten.
    pub(crate) fn withdraw(&mut self, asker: Party, other: Party) {
        self.pending.remove(&ordered(asker, other));
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

    /// Whether a fork of `forker` by a user who has read up to `read` crosses this one.
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
    use hobnob_protocol::ids::RunId;
    use hobnob_protocol::key::PublicKey;

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
    fn an_expired_fork_is_not_crossed_and_other_pairs_are_not_concerned() {
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
    fn a_fork_that_nobody_was_told_of_is_not_crossed() {
        let (mut rendezvous, now) = (Rendezvous::default(), Instant::now());
        let first = rendezvous.fork(party(1), party(2), at(1, 0), token(), now);
        rendezvous.withdraw(party(1), party(2));
        let second = rendezvous.fork(party(2), party(1), at(2, 0), token(), now);
        assert!(second.forked && second.session != first.session);
    }

    #[test]
    fn introductions_are_limited_for_a_pair_and_for_a_user_and_allowed_again_with_time() {
        let (mut rendezvous, now) = (Rendezvous::default(), Instant::now());
        let key = |n| PublicKey::new([n; 32]);
        let asked = |rendezvous: &mut Rendezvous, other, now| {
            (0..100).filter(|_| rendezvous.may_ask(key(0), key(other), now)).count() as u32
        };
        assert_eq!(asked(&mut rendezvous, 1, now), OF_A_PAIR.burst);
        let others: u32 = (2..=50).map(|other| asked(&mut rendezvous, other, now)).sum();
        assert_eq!(others, OF_ONE.burst - OF_A_PAIR.burst, "all others together");
        assert!(rendezvous.may_ask(key(1), key(0), now), "the other way round is another's");
        let later = now + OF_A_PAIR.every;
        assert_eq!(asked(&mut rendezvous, 1, later), 1);
    }

    #[test]
    fn the_number_of_remembered_introductions_is_bounded() {
        let (mut rendezvous, now) = (Rendezvous::default(), Instant::now());
        for n in 0..=MAX_PENDING as u64 {
            let other = (PublicKey::new([9; 32]), RunId::new(n.to_be_bytes()));
            rendezvous.fork(party(1), other, at(1, 0), token(), now);
        }
        assert!(rendezvous.pending.len() <= MAX_PENDING);
    }
}
