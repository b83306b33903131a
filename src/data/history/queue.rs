//! What waits to be written, and who is woken for it: the writing thread sleeps while messages gather, instead of being
//! woken for each. Owns the order of what is asked and the bound on how much of it may wait; writes nothing.

use std::collections::VecDeque;
use std::sync::mpsc::SyncSender;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hobnob_protocol::name::PublicKey;

use super::entry::{Entry, Mark, Reader, Talk};
use super::room_marks::{RoomNote, RoomReader};

/// Orders that may wait: the messages that are missed at a start fit in.
const MOST_WAITING: usize = 16_384;

/// Bytes of text that may wait; messages of the greatest length fill the memory otherwise.
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// Orders that are written together. So many messages and their words take a quarter of a MiB while they are written;
/// with fewer, what a transaction takes by itself is felt.
const MOST_TOGETHER: usize = 256;

/// How long a lobby message may wait for others to be written with it: a transaction for each costs more than
/// showing it. A message that is lost with the process within this time is still in the lobby's log. One of a private
/// session is not, and is written at once.
const GATHERING: Duration = Duration::from_millis(100);

/// What the writing thread is asked.
pub(super) enum Order {
    /// Keep a message.
    Keep(Entry),
    /// Note how far a user has come: `anew`, or further on than it stands.
    Mark { server: PublicKey, name: String, reader: Reader, mark: Mark, anew: bool },
    /// Note how far a user has come in a room, or that he has left it.
    Room { name: String, reader: RoomReader, note: RoomNote },
    /// Remove what was said in private with a key.
    Forget { own_name: String, other: PublicKey },
    /// Answer when all before it is written.
    Flush(SyncSender<()>),
}

impl Order {
    fn is_urgent(&self) -> bool {
        match self {
            Self::Keep(entry) => matches!(*entry.talk, Talk::Private { .. }),
            _ => true,
        }
    }

    /// Bytes of text in it.
    fn bytes(&self) -> usize {
        match self {
            Self::Keep(entry) => entry.text.as_str().len(),
            _ => 0,
        }
    }
}

/// Too much waits already.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

/// What waits.
#[derive(Default)]
struct Waiting {
    orders: VecDeque<Order>,
    /// Bytes of text among them.
    bytes: usize,
    /// How many of the orders are not to wait for others.
    urgent: usize,
    /// Nothing more comes.
    is_closed: bool,
}

impl Waiting {
    /// Whether what waits is to be written now.
    fn is_due(&self) -> bool {
        self.urgent > 0 || self.orders.len() >= MOST_TOGETHER || self.is_closed
    }
}

/// The queue between those who ask and the thread that writes.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    /// Wakes the thread: for the first order, and when what waits is due.
    wake: Condvar,
}

impl Queue {
    /// Hands an order over, without waiting.
    ///
    /// # Errors
    /// When as much waits as may.
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

    /// Waits for orders, and for a moment for what follows them. Gives the oldest, at most [`MOST_TOGETHER`] of them;
    /// none when the queue is closed and empty.
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
            // The room that a burst took is given back.
            waiting.orders = VecDeque::new();
        }
        taken
    }

    /// Nothing more comes; what waits is still taken.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.wake.notify_one();
    }

    /// A panic while it was held would have ended the thread; the state is whole between statements.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::sync_channel;

    use hobnob_protocol::name::{LogId, PairToken, Text};

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
    fn what_is_due_comes_at_once_and_in_order_with_what_waited_before_it() {
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
    fn messages_of_the_lobby_are_taken_when_nothing_more_follows() {
        let queue = Queue::default();
        queue.put(public(1)).unwrap();
        queue.put(public(2)).unwrap();
        assert!(!queue.lock().is_due());
        assert_eq!(numbers(&queue.take()), [1, 2]);
        assert_eq!(queue.lock().bytes, 0);
    }

    #[test]
    fn many_are_taken_in_parts() {
        let queue = Queue::default();
        let count = MOST_TOGETHER as u64 + 1;
        (1..=count).for_each(|number| queue.put(public(number)).unwrap());
        assert_eq!(numbers(&queue.take()), (1..count).collect::<Vec<_>>());
        assert_eq!(numbers(&queue.take()), [count]);
    }

    #[test]
    fn a_full_queue_takes_nothing_until_there_is_room() {
        let queue = Queue::default();
        (0..MOST_WAITING as u64).for_each(|number| queue.put(public(number)).unwrap());
        assert_eq!(queue.put(public(0)), Err(Full));
        queue.take();
        assert_eq!(queue.put(public(0)), Ok(()));
    }

    #[test]
    fn bytes_of_text_are_bounded_too() {
        let queue = Queue::default();
        let long = "x".repeat(16 * 1024);
        let talk = || Talk::Log { server: KEY, log: LogId::new([2; 16]), room: None };
        let fits = (1..).take_while(|&number| queue.put(message(talk(), number, &long)).is_ok()).count();
        assert_eq!(fits, MOST_BYTES / long.len());
    }

    #[test]
    fn a_closed_queue_gives_what_is_left_and_then_nothing() {
        let queue = Queue::default();
        queue.put(public(1)).unwrap();
        queue.close();
        assert_eq!(numbers(&queue.take()), [1]);
        assert!(queue.take().is_empty());
    }
}
