//! Servers that start while the order has a new leader, which tells less of it than its predecessor had acknowledged,
//! after the order has lost its end, or with a log that is ahead of the machine that was saved.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use hobnob_order::{
    Follower, Later, MemoryStream, OrderedStream, Place, PublishError, ServerId, StreamIdentity,
};
use hobnob_protocol::chain::Position;
use hobnob_protocol::content::Content;
use hobnob_protocol::ids::RunId;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;
use hobnob_protocol::text::Text;
use tokio::sync::watch;

use super::*;
use crate::decide::{ConnectionId, Entry, Join, NameBinding, Newcomer, Posts};
use crate::log::check::verify;
use crate::log::{self, Batch, Contents, MemoryLog, OpenedRoom, SqliteLog, SqliteOptions, Stretch};

/// An order that hides its newest batch from those who ask where it ends, so many times.
struct Elected {
    inner: Arc<MemoryStream<Proposals>>,
    hidden: AtomicUsize,
}

impl OrderedStream<Proposals> for Elected {
    fn identity(&self) -> StreamIdentity {
        self.inner.identity()
    }

    fn publish(&self, batch: Arc<Proposals>) -> Later<'static, Result<Place, PublishError>> {
        self.inner.publish(batch)
    }

    fn follow(&self, after: Place) -> Box<dyn Follower<Proposals>> {
        self.inner.follow(after)
    }

    fn bounds(&self) -> Later<'_, Option<(Place, Place)>> {
        Box::pin(async {
            let (begins, ends) = self.inner.bounds().await?;
            let hides =
                self.hidden.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            Some((begins, if hides.is_ok() { Place(ends.0 - 1) } else { ends }))
        })
    }

    fn forget(&self, up_to: Place) -> Later<'_, ()> {
        self.inner.forget(up_to)
    }
}

fn beat(number: u64) -> Arc<Proposals> {
    Arc::new(Proposals { server: ServerId(5), number, vouch: None, entries: Vec::new() })
}

/// Returns a server of a lobby whose order has three signs of life, all of which it has read; the order hides the
/// newest.
async fn starts(hidden: usize) -> Result<CaughtUp, CannotCatchUp> {
    let inner = Arc::new(MemoryStream::new(StreamIdentity([7; 16])));
    for number in 1..=3 {
        inner.publish(beat(number)).await.unwrap();
    }
    let log: Arc<dyn LobbyLog> = Arc::new(MemoryLog::new(100));
    let start = Position::start(&log.contents().log);
    let all: Arc<dyn OrderedStream<Proposals>> =
        Arc::new(Elected { inner: Arc::clone(&inner), hidden: AtomicUsize::new(0) });
    let read = catch_up(&all, Machine::shared(start), &log).await?;
    assert_eq!(read.batches, 3);
    let elected: Arc<dyn OrderedStream<Proposals>> =
        Arc::new(Elected { inner, hidden: AtomicUsize::new(hidden) });
    catch_up(&elected, read.machine, &log).await
}

#[tokio::test(start_paused = true)]
async fn a_server_asks_again_when_the_order_does_not_know_its_newest_batch_yet() {
    assert_eq!(starts(5).await.unwrap().batches, 0);
}

#[tokio::test(start_paused = true)]
async fn an_order_that_keeps_ending_earlier_counts_as_gone_back() {
    let refused = starts(usize::MAX).await.err();
    let expected = CannotCatchUp::WentBack { reached: Place(3), ends: Place(2) };
    assert_eq!(refused.map(|err| err.to_string()), Some(expected.to_string()));
}

#[tokio::test(start_paused = true)]
async fn an_order_that_lost_its_end_and_has_gone_on_is_noticed_at_the_place_that_was_read() {
    let inner = Arc::new(MemoryStream::new(StreamIdentity([7; 16])));
    let stream: Arc<dyn OrderedStream<Proposals>> = Arc::clone(&inner) as _;
    let log: Arc<dyn LobbyLog> = Arc::new(MemoryLog::new(100));
    for number in 1..=3 {
        inner.set_time(number);
        inner.publish(beat(number)).await.unwrap();
    }
    let start = Position::start(&log.contents().log);
    let read = catch_up(&stream, Machine::shared(start), &log).await.unwrap();
    assert_eq!(catch_up(&stream, read.machine.clone(), &log).await.unwrap().batches, 0);
    inner.go_back(Place(2));
    inner.set_time(4);
    for number in 3..=5 {
        inner.publish(beat(number)).await.unwrap();
    }
    let refused = catch_up(&stream, read.machine.clone(), &log).await.err();
    assert_eq!(refused.map(|err| err.to_string()), Some(CannotCatchUp::Changed(Place(3)).to_string()));
    // What was read is no longer kept, so it is not compared.
    inner.forget(Place(3)).await;
    assert_eq!(catch_up(&stream, read.machine, &log).await.unwrap().batches, 2);
}

/// An order in which a room gets many texts and ends, and then its name is made again.
struct Remade {
    stream: Arc<MemoryStream<Proposals>>,
    number: u64,
}

const SERVER: ServerId = ServerId(5);

impl Remade {
    const TEXTS: u64 = 4300;

    async fn publish(&mut self, entries: Vec<Entry>) {
        self.number += 1;
        let batch = Proposals { server: SERVER, number: self.number, vouch: None, entries };
        self.stream.publish(Arc::new(batch)).await.unwrap();
    }

    async fn make(&mut self, log: u8) {
        let (from, room, log) = (ConnectionId::of(SERVER, 1), dev(), LogId::new([log; 16]));
        self.publish(vec![Entry::JoinRoom { from, room, log }]).await;
    }

    async fn say(&mut self, ids: std::ops::Range<u64>) {
        let from = ConnectionId::of(SERVER, 1);
        let content: Content = Text::new("word").unwrap().into();
        let say = |id| Entry::Say { from, id, room: Some(dev()), content: content.clone() };
        self.publish(ids.map(say).collect()).await;
    }

    /// Makes the order up to the texts in the first room.
    async fn begin() -> Self {
        let stream = Arc::new(MemoryStream::new(StreamIdentity([7; 16])));
        let mut remade = Self { stream, number: 0 };
        let newcomer = Newcomer {
            wish: "anna".parse().unwrap(),
            key: PublicKey::new([1; 32]),
            run: RunId::new([1; 8]),
            candidates: Vec::new(),
        };
        let (id, evict, keep, address) = (ConnectionId::of(SERVER, 1), None, true, None);
        remade.publish(vec![Entry::Join(Box::new(Join { id, newcomer, evict, keep, address }))]).await;
        remade.make(1).await;
        for first in (1..=Self::TEXTS).step_by(100) {
            remade.say(first..first + 100).await;
        }
        remade
    }

    /// The first room ends, and perhaps another one gets its name.
    async fn go_on(&mut self, again: bool) {
        let from = ConnectionId::of(SERVER, 1);
        let end = Entry::Expire { now: 10, before: 0, unspoken_before: 0, rooms_before: 10 };
        self.publish(vec![Entry::Part { from, room: dev() }, end]).await;
        if again {
            self.make(2).await;
            self.say(9001..9002).await;
        }
    }

    /// Reads the order from where this machine stands, over the log in `folder`, and gives the machine.
    async fn read(&self, folder: &tempfile::TempDir, machine: Machine) -> Result<Machine, CannotCatchUp> {
        let log = SqliteLog::open(folder.path(), SqliteOptions::default()).unwrap();
        let stream: Arc<dyn OrderedStream<Proposals>> = Arc::clone(&self.stream) as _;
        let log: Arc<dyn LobbyLog> = Arc::new(log);
        catch_up(&stream, machine, &log).await.map(|read| read.machine)
    }
}

fn dev() -> RoomName {
    "dev".parse().unwrap()
}

/// Returns the heads of the rooms in the file, and how many messages of rooms it was ever given.
fn rooms_in(folder: &tempfile::TempDir) -> (Vec<u64>, u64) {
    verify(folder.path()).unwrap();
    let rooms = SqliteLog::open(folder.path(), SqliteOptions::default()).unwrap().rooms();
    let conn = rusqlite::Connection::open(folder.path().join("lobby.sqlite")).unwrap();
    let stored: i64 = conn.query_row("SELECT in_rooms FROM meta", [], |row| row.get(0)).unwrap();
    (rooms.iter().map(|room| room.head.seq.0).collect(), stored.unsigned_abs())
}

#[tokio::test(start_paused = true)]
async fn what_was_said_in_a_room_that_has_ended_is_not_stored_again_whether_its_name_was_made_again_or_not() {
    for again in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let mut remade = Remade::begin().await;
        let log = SqliteLog::open(folder.path(), SqliteOptions::default()).unwrap();
        let start = Machine::shared(Position::start(&log.contents().log));
        drop(log);
        let machine = remade.read(&folder, start.clone()).await.unwrap();
        assert_eq!(rooms_in(&folder), (vec![Remade::TEXTS], Remade::TEXTS));
        remade.go_on(again).await;
        let newest = remade.read(&folder, machine.clone()).await.unwrap();
        let expected = (if again { vec![1] } else { vec![] }, Remade::TEXTS + u64::from(again));
        assert_eq!(rooms_in(&folder), expected);
        // The file is ahead of the machine that was saved, or nothing was saved at all.
        for older in [machine, start] {
            let read = remade.read(&folder, older).await.unwrap();
            assert_eq!(read.reached(), newest.reached());
            assert_eq!(rooms_in(&folder), expected, "again: {again}");
        }
    }
}

/// A log that notes which names were stored as freed, by batch.
struct NotesFreed {
    inner: MemoryLog,
    freed: Mutex<Vec<Vec<UserName>>>,
}

impl LobbyLog for NotesFreed {
    fn contents(&self) -> &Contents {
        self.inner.contents()
    }
    fn rooms(&self) -> Vec<OpenedRoom> {
        self.inner.rooms()
    }
    fn read_room(&self, room: LogId, after: Seq, limit: usize, max_bytes: usize) -> log::Later<'_, Stretch> {
        self.inner.read_room(room, after, limit, max_bytes)
    }
    fn append(&self, batch: Batch) -> log::Later<'static, ()> {
        if !batch.freed.is_empty() {
            self.freed.lock().unwrap().push(batch.freed.clone());
        }
        self.inner.append(batch)
    }
    fn read(&self, after: Seq, limit: usize, max_bytes: usize) -> log::Later<'_, Stretch> {
        self.inner.read(after, limit, max_bytes)
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

#[tokio::test(start_paused = true)]
async fn more_names_than_are_stored_at_once_are_all_freed_once_while_catching_up() {
    let inner = Arc::new(MemoryStream::new(StreamIdentity([7; 16])));
    let stream: Arc<dyn OrderedStream<Proposals>> = Arc::clone(&inner) as _;
    let publish = async |number, entries| {
        let batch = Proposals { server: SERVER, number, vouch: None, entries };
        inner.publish(Arc::new(batch)).await.unwrap();
    };
    let name = |n: u64| format!("n{n:04}").parse::<UserName>().unwrap();
    let kept = |n: u64, seen| {
        let key = PublicKey::new([1; 32]);
        Entry::KeptName(NameBinding { name: name(n), key, seen, spoke: true, since: 0 })
    };
    let notes = Arc::new(NotesFreed { inner: MemoryLog::new(100), freed: Mutex::default() });
    let log: Arc<dyn LobbyLog> = Arc::clone(&notes) as _;
    publish(1, (0..2500).map(|n| kept(n, n)).collect()).await;
    let start = Machine::shared(Position::start(&log.contents().log));
    let machine = catch_up(&stream, start, &log).await.unwrap().machine;
    assert_eq!(notes.inner.names().len(), 2500);
    // Of the names that become free, one belongs to somebody again by the end.
    publish(2, vec![Entry::Expire { now: 0, before: 2400, unspoken_before: 0, rooms_before: 0 }]).await;
    publish(3, vec![kept(7, 9000)]).await;
    let machine = catch_up(&stream, machine, &log).await.unwrap().machine;
    let freed = std::mem::take(&mut *notes.freed.lock().unwrap());
    assert_eq!(freed.iter().map(Vec::len).collect::<Vec<_>>(), [1000, 1000, 399]);
    assert!(freed.into_iter().flatten().eq((0..2400).filter(|n| *n != 7).map(name)));
    let mut left: Vec<UserName> = notes.inner.names().into_iter().map(|binding| binding.name).collect();
    left.sort();
    assert!(left.into_iter().eq([7].into_iter().chain(2400..2500).map(name)));
    // The lobby goes on, and what is stored is not stored again.
    publish(4, vec![kept(1, 9001)]).await;
    catch_up(&stream, machine, &log).await.unwrap();
    assert_eq!((notes.inner.names().len(), notes.freed.lock().unwrap().len()), (102, 0));
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_log_is_told_with_its_cause_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let remade = Remade::begin().await;
    let log = SqliteLog::open(folder.path(), SqliteOptions::default()).unwrap();
    let start = Machine::shared(Position::start(&log.contents().log));
    let stream: Arc<dyn OrderedStream<Proposals>> = Arc::clone(&remade.stream) as _;
    let moved = folder.path().join("moved");
    std::fs::rename(folder.path().join("lobby.sqlite"), &moved).unwrap();
    let log: Arc<dyn LobbyLog> = Arc::new(log);
    let said = catch_up(&stream, start, &log).await.err().unwrap().to_string();
    assert!(said.contains("lobby.sqlite") && said.contains(BEGIN_AGAIN), "{said}");
}
