//! A log that stores, fails or dies as a test wants, and only when it may.

use std::task::{Context, Poll, Waker};

use tokio::sync::watch;

use super::*;
use crate::decide::Posts;
use crate::log::{AppendedHere, Batch, Later, LogError, OpenedRoom, Stretch};

/// What becomes of the batches that a [`MoodyLog`] is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Stores,
    /// Nothing is stored, and the error says so.
    Refuses,
    /// Nothing is stored, and the error does not say so.
    Dies,
    /// The batch is stored, and the answer is an error that does not say so.
    StoresAndDies,
}

/// A log with changing moods, which stores a batch only when it has a permit.
pub(super) struct MoodyLog {
    pub(super) inner: Arc<MemoryLog>,
    /// What the log held when it was opened.
    pub(super) contents: Contents,
    pub(super) mood: Arc<Mutex<Mood>>,
    /// One permit for each batch that may be stored.
    pub(super) leave: Arc<Semaphore>,
    /// How many batches were stored in the lobby's thread, and how long each takes there.
    pub(super) here: AtomicU64,
    pub(super) takes: Mutex<Duration>,
}

impl MoodyLog {
    pub(super) fn is(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }
}

impl LobbyLog for MoodyLog {
    fn contents(&self) -> &Contents {
        &self.contents
    }
    fn append(&self, batch: Batch) -> Later<'static, ()> {
        let (inner, mood, leave) = (Arc::clone(&self.inner), Arc::clone(&self.mood), Arc::clone(&self.leave));
        Box::pin(async move {
            leave.acquire().await.unwrap().forget();
            let mood = *mood.lock().unwrap();
            match mood {
                Mood::Stores => inner.append(batch).await,
                Mood::Refuses => Err(LogError::Write("disk full".to_owned())),
                Mood::Dies => Err(LogError::Closed),
                Mood::StoresAndDies => {
                    inner.append(batch).await?;
                    Err(LogError::Closed)
                }
            }
        })
    }
    fn append_here(&self, batch: Batch) -> AppendedHere {
        std::thread::sleep(*self.takes.lock().unwrap()); // The disk takes this long; nothing waits for it to pass.
        self.here.fetch_add(1, Ordering::SeqCst);
        match self.inner.append(batch).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(stored) => AppendedHere::Done(stored),
            Poll::Pending => panic!("it is stored at once"),
        }
    }
    fn read(&self, after: Seq, limit: usize, max_bytes: usize) -> Later<'_, Stretch> {
        self.inner.read(after, limit, max_bytes)
    }
    fn rooms(&self) -> Vec<OpenedRoom> {
        self.inner.rooms()
    }

    fn read_room(&self, room: LogId, after: Seq, limit: usize, max_bytes: usize) -> Later<'_, Stretch> {
        self.inner.read_room(room, after, limit, max_bytes)
    }

    fn posts(&self) -> Posts {
        self.inner.posts()
    }
    fn subscribe(&self) -> watch::Receiver<Position> {
        self.inner.subscribe()
    }
    fn first(&self) -> Seq {
        self.inner.first()
    }
}
