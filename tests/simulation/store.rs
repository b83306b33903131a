//! A simulated disk: what is stored on it outlives the server, storing takes time, and the disk may be full.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hobnob_protocol::chain::{LobbyMessage, LogId, Position, Seq};
use hobnob_server::decide::Posts;
use hobnob_server::log::{
    Batch, Contents, Later, LobbyLog, LogError, MemoryLog, OpenedRoom, RoomBatch, RoomId, Stretch,
};
use tokio::sync::watch;

use crate::chance::Chance;
use crate::network::pass;

/// The disk, and everything that was ever stored on it.
pub(crate) struct Disk {
    log: MemoryLog,
    /// All messages of the lobby, including those that the log no longer keeps.
    everything: Mutex<Vec<LobbyMessage>>,
    /// All messages of the rooms, including those that their logs no longer keep.
    in_rooms: Mutex<Vec<(RoomId, LobbyMessage)>>,
    chance: Mutex<Chance>,
    pub(crate) full: AtomicBool,
}

/// One server's view of the disk, from its start to its crash.
pub(crate) struct Opened {
    disk: Arc<Disk>,
    contents: Contents,
    /// Cleared by the crash, because a dead server stores nothing more.
    alive: Arc<AtomicBool>,
}

impl Disk {
    pub(crate) fn new(history: u64, chance: Chance) -> Self {
        Self {
            log: MemoryLog::new(history),
            everything: Mutex::default(),
            in_rooms: Mutex::default(),
            chance: Mutex::new(chance),
            full: AtomicBool::new(false),
        }
    }

    pub(crate) fn open(self: &Arc<Self>, alive: Arc<AtomicBool>) -> Opened {
        let head = *self.log.subscribe().borrow();
        let contents = Contents {
            log: self.log.contents().log,
            head,
            names: self.log.names(),
            ..self.log.contents().clone()
        };
        Opened { disk: Arc::clone(self), contents, alive }
    }

    /// Returns all messages that were ever stored in the lobby.
    pub(crate) fn everything(&self) -> Vec<LobbyMessage> {
        self.everything.lock().unwrap().clone()
    }

    /// Returns all messages that were ever stored in rooms.
    pub(crate) fn in_rooms(&self) -> Vec<(RoomId, LobbyMessage)> {
        self.in_rooms.lock().unwrap().clone()
    }

    fn pause(&self) -> Duration {
        let mut chance = self.chance.lock().unwrap();
        let most = if chance.below(5) == 0 { 400 } else { 5 };
        chance.span(Duration::from_millis(most))
    }
}

/// Waits for ever if the server is dead.
async fn unless_dead(alive: &AtomicBool) {
    if !alive.load(Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
}

impl LobbyLog for Opened {
    fn contents(&self) -> &Contents {
        &self.contents
    }

    fn append(&self, batch: Batch) -> Later<'static, ()> {
        let (disk, alive) = (Arc::clone(&self.disk), Arc::clone(&self.alive));
        Box::pin(async move {
            pass(disk.pause()).await;
            unless_dead(&alive).await;
            if disk.full.load(Ordering::SeqCst) {
                return Err(LogError::Write("the disk is full".to_owned()));
            }
            let (messages, rooms) = (batch.messages.clone(), batch.rooms.clone());
            let stored = disk.log.append(batch).await;
            if stored.is_ok() {
                disk.everything.lock().unwrap().extend(messages.iter().cloned());
                let of_room = |room: &RoomBatch| {
                    let id = room.kept.id.clone();
                    room.messages.iter().map(|message| (id.clone(), message.clone())).collect::<Vec<_>>()
                };
                disk.in_rooms.lock().unwrap().extend(rooms.iter().flat_map(of_room));
            }
            // A crash at this point falls between the commit and the acknowledgement.
            pass(disk.pause()).await;
            unless_dead(&alive).await;
            stored
        })
    }

    fn read(&self, after: Seq, limit: usize, max_bytes: usize) -> Later<'_, Stretch> {
        Box::pin(async move {
            pass(self.disk.pause()).await;
            self.disk.log.read(after, limit, max_bytes).await
        })
    }

    fn rooms(&self) -> Vec<OpenedRoom> {
        self.disk.log.rooms()
    }

    fn read_room(&self, room: LogId, after: Seq, limit: usize, max_bytes: usize) -> Later<'_, Stretch> {
        Box::pin(async move {
            pass(self.disk.pause()).await;
            self.disk.log.read_room(room, after, limit, max_bytes).await
        })
    }

    fn posts(&self) -> Posts {
        self.disk.log.posts()
    }

    fn subscribe(&self) -> watch::Receiver<Position> {
        self.disk.log.subscribe()
    }

    fn first(&self) -> Seq {
        self.disk.log.first()
    }
}
