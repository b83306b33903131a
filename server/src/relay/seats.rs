//! Which clients are at the relay: those who wait for the other side of a session, and those who are joined to it. A
//! plain table that is told who comes. Each client in it holds a [`Seat`], and leaves by dropping the seat. This file
//! knows tokens and keys, and no stream: what one side brings for the other is the caller's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hobnob_protocol::ids::PairToken;
use hobnob_protocol::key::PublicKey;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// How many sessions of one key may be relayed or wait for it at once. A client has at most 256 private sessions, and
/// nobody talks with so many people at once. When the limit is reached, the key is told `busy`, and its relayed
/// sessions go on.
pub(super) const MAX_OF_A_KEY: usize = 64;

/// One side of a session: the key that comes, and the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Side {
    pub(super) session: PairToken,
    pub(super) key: PublicKey,
}

/// What becomes of a client that comes.
pub(super) enum Taken<T> {
    /// It waits. What the other side brings will arrive here.
    Waits(Seat<T>, oneshot::Receiver<Guest<T>>),
    /// The other side waits already. What this side has is to be sent there.
    Meets(Seat<T>, oneshot::Sender<Guest<T>>),
    /// The key has as many seats as it may have.
    Busy,
}

/// What one side brings to the side that waits, together with its seat.
pub(super) struct Guest<T> {
    pub(super) seat: Seat<T>,
    pub(super) brings: T,
}

/// The seats of all clients that are at the relay.
pub(super) struct Seats<T> {
    /// Locked for a few lines, never across an await.
    table: Mutex<Table<T>>,
}

struct Table<T> {
    next_id: u64,
    taken: HashMap<Side, Entry<T>>,
    of_a_key: HashMap<PublicKey, usize>,
}

struct Entry<T> {
    id: u64,
    /// Where the other side sends what it brings; `None` after it has come.
    waits: Option<oneshot::Sender<Guest<T>>>,
    /// Tells the holder of the seat that the same side has come again.
    given_up: CancellationToken,
}

/// The seat of one side. Dropping it gives it back.
pub(super) struct Seat<T> {
    seats: Arc<Seats<T>>,
    side: Side,
    id: u64,
    /// Cancelled when this side has come again, on another connection.
    pub(super) given_up: CancellationToken,
}

impl<T> Default for Seats<T> {
    fn default() -> Self {
        let table = Table { next_id: 0, taken: HashMap::new(), of_a_key: HashMap::new() };
        Self { table: Mutex::new(table) }
    }
}

impl<T> Seats<T> {
    fn table(&self) -> MutexGuard<'_, Table<T>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `side` comes, for a session whose other side has the key `other`. A client that came for the same side before
    /// loses its seat.
    pub(super) fn take(self: &Arc<Self>, side: Side, other: PublicKey) -> Taken<T> {
        let mut table = self.table();
        let mine = table.of_a_key.get(&side.key).copied().unwrap_or(0);
        let earlier = table.taken.remove(&side);
        if let Some(earlier) = &earlier {
            earlier.given_up.cancel();
        } else if mine >= MAX_OF_A_KEY {
            return Taken::Busy;
        }
        *table.of_a_key.entry(side.key).or_default() += 1;
        table.next_id += 1;
        let (id, given_up) = (table.next_id, CancellationToken::new());
        let opposite = Side { key: other, ..side };
        let opposite = table.taken.get_mut(&opposite).and_then(|entry| entry.waits.take());
        let seat = Seat { seats: Arc::clone(self), side, id, given_up: given_up.clone() };
        match opposite.filter(|opposite| !opposite.is_closed()) {
            Some(opposite) => {
                table.taken.insert(side, Entry { id, waits: None, given_up });
                Taken::Meets(seat, opposite)
            }
            None => {
                let (bring, brought) = oneshot::channel();
                table.taken.insert(side, Entry { id, waits: Some(bring), given_up });
                Taken::Waits(seat, brought)
            }
        }
    }
}

impl<T> Drop for Seat<T> {
    fn drop(&mut self) {
        let mut table = self.seats.table();
        if table.taken.get(&self.side).is_some_and(|entry| entry.id == self.id) {
            table.taken.remove(&self.side);
        }
        match table.of_a_key.get_mut(&self.side.key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(table.of_a_key.remove(&self.side.key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> PublicKey {
        PublicKey::new([n; 32])
    }

    fn side(session: u8, n: u8) -> Side {
        Side { session: PairToken::new([session; 16]), key: key(n) }
    }

    fn seats() -> Arc<Seats<&'static str>> {
        Arc::default()
    }

    #[test]
    fn the_second_side_meets_the_first_and_hands_over_what_it_brings() {
        let seats = seats();
        let Taken::Waits(_first, mut brought) = seats.take(side(1, 1), key(2)) else { panic!() };
        let Taken::Meets(seat, bring) = seats.take(side(1, 2), key(1)) else { panic!() };
        assert!(bring.send(Guest { seat, brings: "a stream" }).is_ok());
        assert_eq!(brought.try_recv().unwrap().brings, "a stream");
    }

    #[test]
    fn a_third_key_and_another_session_meet_nobody() {
        let seats = seats();
        let _first = seats.take(side(1, 1), key(2));
        assert!(matches!(seats.take(side(1, 3), key(2)), Taken::Waits(..)), "nobody named it");
        assert!(matches!(seats.take(side(2, 2), key(1)), Taken::Waits(..)));
    }

    #[test]
    fn a_side_that_comes_again_takes_its_old_seat_and_can_be_met_there() {
        let seats = seats();
        let Taken::Waits(first, mut old) = seats.take(side(1, 1), key(2)) else { panic!() };
        let Taken::Waits(_second, mut new) = seats.take(side(1, 1), key(2)) else { panic!() };
        assert!(first.given_up.is_cancelled());
        drop(first);
        let Taken::Meets(seat, bring) = seats.take(side(1, 2), key(1)) else { panic!() };
        assert!(bring.send(Guest { seat, brings: "x" }).is_ok());
        assert!(old.try_recv().is_err() && new.try_recv().is_ok());
    }

    #[test]
    fn a_side_that_has_gone_is_not_met() {
        let seats = seats();
        let Taken::Waits(first, brought) = seats.take(side(1, 1), key(2)) else { panic!() };
        drop((first, brought));
        assert!(matches!(seats.take(side(1, 2), key(1)), Taken::Waits(..)));
    }

    #[test]
    fn the_seats_of_a_key_are_limited_and_given_back() {
        let seats = seats();
        let take = |n: usize| seats.take(side(u8::try_from(n).unwrap(), 1), key(2));
        let mut held: Vec<_> = (0..MAX_OF_A_KEY).map(take).collect();
        assert!(held.iter().all(|taken| matches!(taken, Taken::Waits(..))));
        assert!(matches!(take(100), Taken::Busy));
        assert!(
            matches!(take(3), Taken::Waits(..)),
            "a side that comes again takes over its own seat all the same"
        );
        assert!(matches!(seats.take(side(0, 2), key(1)), Taken::Meets(..)), "the other's key has its own");
        held.clear();
        assert!(matches!(take(100), Taken::Waits(..)));
        drop(held);
        assert!(seats.table().of_a_key.is_empty() && seats.table().taken.is_empty());
    }
}
