//! What becomes of the machine besides deciding: it is saved to the disk from time to time, and told to new servers that
//! ask for it. The lobby only takes a snapshot, which costs nothing whatever the number of users; other threads make the
//! bytes, and the lobby goes on meanwhile. Knows nothing of what is in a machine, nor of the file.
//!
//! Bounds: one snapshot is being saved at a time, and one is told at a time, to however many servers. What a snapshot
//! takes besides the machine is what has changed since, at most all of the machine. The bytes for new servers are kept
//! whole until nobody has asked for them for [`TOLD_FOR`]; those for the disk never are in memory whole.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{oneshot, watch};
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::Lobby;
use crate::decide::{Machine, Snapshot};
use crate::neighbour::{Answer, MachinePart};

/// How often the machine is saved to the disk. After a crash, batches of this time have to be read again.
const KEEP_EVERY: Duration = Duration::from_secs(60);

/// Saving the machine takes at most one part in this many of a core's time, and of the disk's.
const KEEP_SHARE: u32 = 100;

/// A new server is told a machine that is at most this old. What has happened since then it reads in the order.
const TOLD_AFRESH: Duration = Duration::from_secs(60);

/// The machine that is told is forgotten when no server has asked for a part of it for this long.
const TOLD_FOR: Duration = Duration::from_secs(60);

/// Saves a machine to the disk, and blocks until that is done.
pub(crate) type KeepMachine = Arc<dyn Fn(&Snapshot) + Send + Sync>;

/// Saves the machine and tells it.
pub(super) struct Keeper {
    keep: KeepMachine,
    /// When it is to be saved next.
    due: Instant,
    /// While it is being saved: will tell how long that took.
    keeping: Option<oneshot::Receiver<Duration>>,
    told: Option<Told>,
}

/// A machine that is told to new servers.
struct Told {
    place: u64,
    began: Instant,
    /// When a part of it was last asked for.
    asked: Instant,
    /// All of its bytes, once they are made.
    bytes: watch::Receiver<Option<Bytes>>,
}

impl Told {
    fn begin(snapshot: Snapshot, now: Instant) -> Self {
        let (made, bytes) = watch::channel(None);
        let place = snapshot.place().0;
        // Whoever asked may be gone by then.
        spawn_blocking(move || made.send(Some(snapshot.to_bytes().into())));
        Self { place, began: now, asked: now, bytes }
    }
}

impl Keeper {
    pub(super) fn new(keep: KeepMachine, now: Instant) -> Self {
        Self { keep, due: now + KEEP_EVERY, keeping: None, told: None }
    }

    /// Returns when saving is due, or `None` while the machine is being saved.
    pub(super) fn due(&self) -> Option<Instant> {
        self.keeping.is_none().then_some(self.due)
    }

    /// Begins to save the machine if that is due.
    fn keep(&mut self, machine: &Machine, now: Instant) {
        forget(self.told.take_if(|told| now >= told.asked + TOLD_FOR));
        match self.keeping.as_mut().map(oneshot::Receiver::try_recv) {
            Some(Err(TryRecvError::Empty)) => return,
            Some(Ok(took)) => self.due = self.due.max(now + took * KEEP_SHARE),
            Some(Err(TryRecvError::Closed)) | None => {}
        }
        self.keeping = None;
        if now >= self.due {
            self.due = now + KEEP_EVERY;
            self.begin(machine);
        }
    }

    fn begin(&mut self, machine: &Machine) {
        let Some(snapshot) = machine.snapshot() else { return };
        let (keep, (done, keeping)) = (Arc::clone(&self.keep), oneshot::channel());
        self.keeping = Some(keeping);
        spawn_blocking(move || {
            let began = Instant::now();
            keep(&snapshot);
            // At its end the lobby may be gone.
            let _nobody_waits = done.send(began.elapsed());
        });
    }

    /// Waits until the machine is saved that is being saved.
    async fn kept(&mut self) {
        if let Some(keeping) = self.keeping.take() {
            let _failed = keeping.await;
        }
    }

    /// A new server asks for a part of the machine. All parts that it asks for have to be of the same machine.
    fn tell(&mut self, machine: &Machine, place: Option<u64>, part: u32, answer: oneshot::Sender<Bytes>) {
        let now = Instant::now();
        let is_fresh = |told: &Told| now < told.began + TOLD_AFRESH;
        if place.is_none() && !self.told.as_ref().is_some_and(is_fresh) {
            forget(self.told.take());
            self.told = machine.snapshot().map(|snapshot| Told::begin(snapshot, now));
        }
        let told = self.told.as_mut().filter(|told| place.is_none_or(|place| place == told.place));
        let Some(told) = told else {
            let _nobody_waits = answer.send(Answer::Gone.to_bytes());
            return;
        };
        told.asked = now;
        let (place, mut bytes) = (told.place, told.bytes.clone());
        tokio::spawn(async move {
            let made = bytes.wait_for(Option::is_some).await;
            let part = made.ok().and_then(|bytes| MachinePart::cut(place, bytes.as_ref()?, part));
            let part = part.map_or_else(|| Answer::Gone.to_bytes(), |part| part.to_bytes());
            let _nobody_waits = answer.send(part);
        });
    }
}

/// Frees the bytes in another thread, since they are many.
fn forget(told: Option<Told>) {
    if let Some(told) = told {
        spawn_blocking(move || drop(told));
    }
}

impl Lobby {
    /// Saves the machine to the disk from time to time. By now everything that it has decided is stored.
    pub(super) fn keep_machine(&mut self, now: Instant) {
        if let Some(servers) = self.servers.as_mut().filter(|_| self.storing.is_none()) {
            servers.keeper.keep(&self.machine, now);
        }
    }

    /// Saves the machine at the end, and waits until that is done.
    pub(super) async fn keep_machine_at_end(&mut self) {
        let Some(servers) = &mut self.servers else { return };
        servers.keeper.kept().await;
        servers.keeper.begin(&self.machine);
        servers.keeper.kept().await;
    }

    /// A new server asks for the machine.
    pub(super) fn tell_machine(&mut self, place: Option<u64>, part: u32, answer: oneshot::Sender<Bytes>) {
        if let Some(servers) = &mut self.servers {
            servers.keeper.tell(&self.machine, place, part, answer);
        }
    }
}

#[cfg(test)]
mod tests;
