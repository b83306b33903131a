//! The queue of orders to the thread that writes the history. The thread sleeps while messages gather, instead of being
//! woken for each of them. This file owns when waiting orders are handed to the thread, and the limit on how many may
//! wait. It writes nothing.

use std::collections::VecDeque;
use std::sync::mpsc::SyncSender;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hobnob_protocol::key::PublicKey;

use super::entry::{Entry, Mark, Reader, Talk};
use super::room_marks::{RoomNote, RoomReader};

/// How many orders may wait. The messages that were missed before a start all fit in.
const MOST_WAITING: usize = 16_384;

/// How many bytes of text may wait. Without this limit, messages of the greatest length would fill the memory.
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// How many orders are written in one transaction. So many messages and their words take a quarter of a MiB while they
/// are written. With fewer orders, the cost of each transaction itself would be noticeable.
const MOST_TOGETHER: usize = 256;

/// How long a message of a lobby or room may wait for others, so that they are written together. A transaction for each
/// message would cost more than showing the message. If the process ends within this time, the message is still in the
/// log of its server. A private message is not stored anywhere else, so it is written at once.
const GATHERING: Duration = Duration::from_millis(100);

/// Something that the writing thread is to do.
pub(super) enum Order {
    /// Store a message, unless it is stored already.
    Keep(Entry),
    /// Set a mark: with `anew` in any case, and otherwise only if it is further on than the stored mark.
    Mark { server: PublicKey, name: String, reader: Reader, mark: Mark, anew: bool },
    /// Note how far a user has come in a room, or that the user has left it.
    Room { name: String, reader: RoomReader, note: RoomNote },
    /// Remove all private messages that were exchanged with a key.
    Forget { own_name: String, other: PublicKey },
    /// Answer when everything before this is written.
    Flush(SyncSender<()>),
}

impl Order {
    fn is_urgent(&self) -> bool {
        match self {
            Self::Keep(entry) => matches!(*entry.talk, Talk::Private { .. }),
            _ => true,
        }
    }

    /// Returns how many bytes of text the order holds.
    fn bytes(&self) -> usize {
        match self {
            Self::Keep(entry) => entry.text.as_str().len(),
            _ => 0,
        }
    }
}

/// The error for an order that is refused because the queue is full.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

/// The orders that wait, and their counts.
#[derive(Default)]
struct Waiting {
    orders: VecDeque<Order>,
    /// How many bytes of text these orders hold.
    bytes: usize,
    /// How many of these orders must not wait for others.
    urgent: usize,
    /// Whether the queue is closed, so that no more orders come.
    is_closed: bool,
}

impl Waiting {
    /// Whether the waiting orders have to be written now.
    fn is_due(&self) -> bool {
        self.urgent > 0 || self.orders.len() >= MOST_TOGETHER || self.is_closed
    }
}

/// The queue between the callers and the writing thread.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    /// Wakes the thread for the first order, and when the waiting orders have to be written.
    wake: Condvar,
}

impl Queue {
    /// Puts an order into the queue, without waiting.
    ///
    /// # Errors
    /// Fails if the queue is full.
    pub(super) fn put(&self, order: Order) -> Result<(), Full> {
        let mut waiting = self.lock();
        let bytes = waiting.bytes + order.bytes();
        if waiting.orders.len() >= MOST_WAITING || bytes > MOST_BYTES {
            return Err(Full);
        }
        let (was_empty, was_due) = (waiting.orders.is_empty(), waiting.is_due());
        waiting.bytes = bytes;
        waiting.urgent += usize::from(order.is_urgent());
        waiting.orders.push_back(order);
        if was_empty || (waiting.is_due() && !was_due) {
            self.wake.notify_one();
        }
        Ok(())
    }

    /// Waits for orders, and then for a moment for further ones. Returns the oldest orders, at most [`MOST_TOGETHER`].
    /// The result is empty when the queue is closed and empty.
    pub(super) fn take(&self) -> Vec<Order> {
        let waiting = self.lock();
        let is_idle = |waiting: &mut Waiting| waiting.orders.is_empty() && !waiting.is_closed;
        let waiting = self.wake.wait_while(waiting, is_idle).unwrap_or_else(PoisonError::into_inner);
        let gathered = self.wake.wait_timeout_while(waiting, GATHERING, |waiting| !waiting.is_due());
        let (mut waiting, _) = gathered.unwrap_or_else(PoisonError::into_inner);
        let count = waiting.orders.len().min(MOST_TOGETHER);
        let taken: Vec<Order> = waiting.orders.drain(..count).collect();
        waiting.bytes -= taken.iter().map(Order::bytes).sum::<usize>();
        waiting.urgent -= taken.iter().filter(|order| order.is_urgent()).count();
        if waiting.orders.is_empty() {
            // The memory that a burst took is given back.
            waiting.orders = VecDeque::new();
        }
        taken
    }

    /// Closes the queue: no more orders come, and those that wait are still taken.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.wake.notify_one();
    }

    /// Locks the state. If a thread panicked while it held the lock, the state is still complete and is used all the
    /// same.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::sync_channel;

    use hobnob_protocol::chain::LogId;
    use hobnob_protocol::ids::PairToken;
    use hobnob_protocol::text::Text;

    use super::super::entry::Side;
    use super::*;

    const KEY: PublicKey = PublicKey::new([1; 32]);

    fn message(talk: Talk, number: u64, text: &str) -> Order {
        let (from, text) = ("bobby".parse().unwrap(), Text::new(text).unwrap());
        Order::Keep(Entry { talk: Arc::new(talk), side: Side::Own, number, at: 0, from, key: KEY, text })
    }

    fn public(number: u64) -> Order {
        message(Talk::Log { server: KEY, log: LogId::new([2; 16]), room: None }, number, "hello")
    }

    fn private(number: u64) -> Order {
        let (own_name, name) = ("anna".parse().unwrap(), "bobby".parse().unwrap());
        let session = PairToken::new([3; 16]);
        message(Talk::Private { own: KEY, own_name, other: KEY, name, session }, number, "psst")
    }

    fn numbers(orders: &[Order]) -> Vec<u64> {
        let number = |order: &Order| match order {
            Order::Keep(entry) => Some(entry.number),
            _ => None,
        };
        orders.iter().filter_map(number).collect()
    }

    #[test]
    fn an_urgent_order_is_taken_at_once_together_with_those_before_it() {
        let queue = Queue::default();
        queue.put(public(1)).unwrap();
        queue.put(private(2)).unwrap();
        queue.put(public(3)).unwrap();
        assert_eq!(numbers(&queue.take()), [1, 2, 3]);
        assert_eq!(queue.lock().urgent, 0);
        let (done, _answer) = sync_channel(1);
        queue.put(Order::Flush(done)).unwrap();
        assert!(matches!(queue.take()[..], [Order::Flush(_)]));
    }

    #[test]
    fn lobby_messages_are_taken_after_a_moment_without_further_ones() {
        let queue = Queue::default();
        queue.put(public(1)).unwrap();
        queue.put(public(2)).unwrap();
        assert!(!queue.lock().is_due());
        assert_eq!(numbers(&queue.take()), [1, 2]);
        assert_eq!(queue.lock().bytes, 0);
    }

    #[test]
    fn many_orders_are_taken_in_several_parts() {
        let queue = Queue::default();
        let count = MOST_TOGETHER as u64 + 1;
        (1..=count).for_each(|number| queue.put(public(number)).unwrap());
        assert_eq!(numbers(&queue.take()), (1..count).collect::<Vec<_>>());
        assert_eq!(numbers(&queue.take()), [count]);
    }

    #[test]
    fn a_full_queue_refuses_orders_until_there_is_room() {
        let queue = Queue::default();
        (0..MOST_WAITING as u64).for_each(|number| queue.put(public(number)).unwrap());
        assert_eq!(queue.put(public(0)), Err(Full));
        queue.take();
        assert_eq!(queue.put(public(0)), Ok(()));
    }

    #[test]
    fn the_bytes_of_text_in_the_queue_are_limited() {
        let queue = Queue::default();
        let long = "x".repeat(16 * 1024);
        let talk = || Talk::Log { server: KEY, log: LogId::new([2; 16]), room: None };
        let fits = (1..).take_while(|&number| queue.put(message(talk(), number, &long)).is_ok()).count();
        assert_eq!(fits, MOST_BYTES / long.len());
    }

    #[test]
    fn a_closed_queue_returns_the_waiting_orders_and_then_none() {
        let queue = Queue::default();
        queue.put(public(1)).unwrap();
        queue.close();
        assert_eq!(numbers(&queue.take()), [1]);
        assert!(queue.take().is_empty());
    }
}
