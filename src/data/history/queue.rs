//! The queue of jobs for the thread that writes the history. The thread sleeps while messages gather, instead of being
//! woken for each of them. This file owns when waiting jobs are handed to the thread, and the limit on how many may
//! wait. It writes nothing.

use std::collections::VecDeque;
use std::sync::mpsc::SyncSender;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hobnob_protocol::key::PublicKey;

use super::entry::{Entry, Mark, Reader, Talk};
use super::private_marks::ReadUntil;
use super::room_marks::{RoomNote, RoomReader};

/// How many jobs may wait. The messages that were missed before a start all fit in.
const MOST_WAITING: usize = 16_384;

/// How many bytes of text may wait. Without this limit, messages of the greatest length would fill the memory.
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// How many jobs are written in one transaction. So many messages and their words take a quarter of a MiB while they
/// are written. With fewer jobs, the cost of each transaction itself would be noticeable.
const MOST_TOGETHER: usize = 256;

/// How many bytes of text are written in one transaction, except for one text more.
const MOST_BYTES_TOGETHER: usize = 1024 * 1024;

/// How long a message of a lobby or room may wait for others, so that they are written together. A transaction for each
/// message would cost more than showing the message. If the process ends within this time, the message is still in the
/// log of its server. A private message is not stored anywhere else, so it is written at once.
const GATHERING: Duration = Duration::from_millis(100);

/// Something that the writing thread is to do.
pub(super) enum Job {
    /// Store a message, unless it is stored already.
    Keep(Entry),
    /// Set a mark: with `anew` in any case, and otherwise only if it is further on than the stored mark.
    Mark { server: PublicKey, name: String, reader: Reader, mark: Mark, anew: bool },
    /// Note how far a user has come in a room, or that the user has left it.
    Room { name: String, reader: RoomReader, note: RoomNote },
    /// Note what a person has read of private talk with a key.
    Talk { own_name: String, other: PublicKey, until: ReadUntil },
    /// Remove all private messages that were exchanged with a key.
    Forget { own_name: String, other: PublicKey },
    /// Answer when everything before this is written.
    Flush(SyncSender<()>),
}

impl Job {
    fn is_urgent(&self) -> bool {
        match self {
            Self::Keep(entry) => matches!(*entry.talk, Talk::Private { .. }),
            _ => true,
        }
    }

    /// Returns how many bytes of text the job holds.
    fn bytes(&self) -> usize {
        match self {
            Self::Keep(entry) => entry.text.as_str().len(),
            _ => 0,
        }
    }
}

/// The error for a job that is refused because the queue is full.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

/// The jobs that wait, and their counts.
#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    /// How many bytes of text these jobs hold.
    bytes: usize,
    /// How many of these jobs must not wait for others.
    urgent: usize,
    /// Whether the queue is closed, so that no more jobs come.
    is_closed: bool,
}

impl Waiting {
    /// Returns how many of the oldest jobs are written together.
    fn taken_together(&self) -> usize {
        let mut bytes = 0;
        let fits = |job: &&Job| {
            let fits = bytes < MOST_BYTES_TOGETHER;
            bytes += job.bytes();
            fits
        };
        self.jobs.iter().take(MOST_TOGETHER).take_while(fits).count()
    }

    /// Whether the waiting jobs have to be written now.
    fn is_due(&self) -> bool {
        self.urgent > 0 || self.jobs.len() >= MOST_TOGETHER || self.is_closed
    }
}

/// The queue between the callers and the writing thread.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    /// Wakes the thread for the first job, and when the waiting jobs have to be written.
    wake: Condvar,
}

impl Queue {
    /// Puts a job into the queue, without waiting.
    ///
    /// # Errors
    /// Fails if the queue is full.
    pub(super) fn put(&self, job: Job) -> Result<(), Full> {
        let mut waiting = self.lock();
        let bytes = waiting.bytes + job.bytes();
        if waiting.jobs.len() >= MOST_WAITING || bytes > MOST_BYTES {
            return Err(Full);
        }
        let (was_empty, was_due) = (waiting.jobs.is_empty(), waiting.is_due());
        waiting.bytes = bytes;
        waiting.urgent += usize::from(job.is_urgent());
        waiting.jobs.push_back(job);
        if was_empty || (waiting.is_due() && !was_due) {
            self.wake.notify_one();
        }
        Ok(())
    }

    /// Waits for jobs, and then for a moment for further ones. Returns the oldest jobs, at most [`MOST_TOGETHER`] and
    /// with about [`MOST_BYTES_TOGETHER`] bytes of text. The result is empty when the queue is closed and empty.
    pub(super) fn take(&self) -> Vec<Job> {
        let waiting = self.lock();
        let is_idle = |waiting: &mut Waiting| waiting.jobs.is_empty() && !waiting.is_closed;
        let waiting = self.wake.wait_while(waiting, is_idle).unwrap_or_else(PoisonError::into_inner);
        let gathered = self.wake.wait_timeout_while(waiting, GATHERING, |waiting| !waiting.is_due());
        let (mut waiting, _) = gathered.unwrap_or_else(PoisonError::into_inner);
        let count = waiting.taken_together();
        let taken: Vec<Job> = waiting.jobs.drain(..count).collect();
        waiting.bytes -= taken.iter().map(Job::bytes).sum::<usize>();
        waiting.urgent -= taken.iter().filter(|job| job.is_urgent()).count();
        if waiting.jobs.is_empty() {
            // The memory that a burst took is given back.
            waiting.jobs = VecDeque::new();
        }
        taken
    }

    /// Closes the queue: no more jobs come, and those that wait are still taken.
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

    fn message(talk: Talk, number: u64, text: &str) -> Job {
        let (from, text) = ("bobby".parse().unwrap(), Text::new(text).unwrap());
        Job::Keep(Entry { talk: Arc::new(talk), side: Side::Own, number, at: 0, from, key: KEY, text })
    }

    fn public(number: u64) -> Job {
        message(Talk::Log { server: KEY, log: LogId::new([2; 16]), room: None }, number, "hello")
    }

    fn private(number: u64) -> Job {
        let (own_name, name) = ("anna".parse().unwrap(), "bobby".parse().unwrap());
        let token = PairToken::new([3; 16]);
        message(Talk::Private { own: KEY, own_name, other: KEY, name, token }, number, "psst")
    }

    fn numbers(jobs: &[Job]) -> Vec<u64> {
        let number = |job: &Job| match job {
            Job::Keep(entry) => Some(entry.number),
            _ => None,
        };
        jobs.iter().filter_map(number).collect()
    }

    #[test]
    fn an_urgent_job_is_taken_at_once_together_with_those_before_it() {
        let queue = Queue::default();
        queue.put(public(1)).unwrap();
        queue.put(private(2)).unwrap();
        queue.put(public(3)).unwrap();
        assert_eq!(numbers(&queue.take()), [1, 2, 3]);
        assert_eq!(queue.lock().urgent, 0);
        let (done, _answer) = sync_channel(1);
        queue.put(Job::Flush(done)).unwrap();
        assert!(matches!(queue.take()[..], [Job::Flush(_)]));
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
    fn many_jobs_are_taken_in_several_parts() {
        let queue = Queue::default();
        let count = MOST_TOGETHER as u64 + 1;
        (1..=count).for_each(|number| queue.put(public(number)).unwrap());
        assert_eq!(numbers(&queue.take()), (1..count).collect::<Vec<_>>());
        assert_eq!(numbers(&queue.take()), [count]);
    }

    #[test]
    fn a_full_queue_refuses_jobs_until_there_is_room() {
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
    fn a_closed_queue_returns_the_waiting_jobs_and_then_none() {
        let queue = Queue::default();
        queue.put(public(1)).unwrap();
        queue.close();
        assert_eq!(numbers(&queue.take()), [1]);
        assert!(queue.take().is_empty());
    }
}
