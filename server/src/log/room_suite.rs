//! What every implementation does with the logs of rooms, and what only files can do: being opened again, upgraded,
//! pruned by size, and checked whole.

mod standings;

use std::path::Path;
use std::sync::Arc;

use hobnob_protocol::chain::{LobbyMessage, LogId, Position, Seq};
use hobnob_protocol::content::{Act, ShortText};
use rusqlite::Connection;

use super::suite::author::{ANNA, Author, RUN, batch, binding, shown};
use super::{Batch, KeptRoom, LobbyLog, LogError, MemoryLog, RoomBatch, RoomId, SqliteLog, SqliteOptions};
use crate::log::check::verify;

/// A room, and an author who says something there.
struct Room {
    kept: KeptRoom,
    author: Author,
}

impl Room {
    fn new(name: &str, log: u8) -> Self {
        let log = LogId::new([log; 16]);
        let kept = KeptRoom { id: RoomId { name: name.parse().unwrap(), log }, topic: None, seen: 5 };
        Self { kept, author: Author { head: Position::start(&log) } }
    }

    fn log(&self) -> LogId {
        self.kept.id.log
    }

    fn batch(&self, messages: Vec<LobbyMessage>) -> Batch {
        let room = RoomBatch { kept: self.kept.clone(), messages: Arc::new(messages) };
        Batch { rooms: vec![room], ..Batch::default() }
    }

    fn say_many(&mut self, count: usize) -> Batch {
        let messages = self.author.say_many(count);
        self.batch(messages)
    }
}

async fn numbers(log: &dyn LobbyLog, room: &Room) -> Vec<u64> {
    let stretch = log.read_room(room.log(), Seq(0), usize::MAX, usize::MAX).await.unwrap();
    stretch.messages.iter().map(|message| message.seq.0).collect()
}

fn options(history: u64) -> SqliteOptions {
    SqliteOptions { history, ..SqliteOptions::default() }
}

fn open(folder: &Path) -> SqliteLog {
    SqliteLog::open(folder, options(100_000)).unwrap()
}

/// Checks with the log of one implementation that each room has a log of its own.
async fn each_room_has_a_log_of_its_own(log: &dyn LobbyLog) {
    let (mut dev, mut ops) = (Room::new("dev", 1), Room::new("ops", 2));
    let mut lobby = Author::of(log);
    log.append(batch(lobby.say_many(3))).await.unwrap();
    let together = Batch {
        messages: lobby.say_many(1).into(),
        names: vec![binding("anna", ANNA, 1)],
        rooms: [dev.say_many(2), ops.say_many(1)].into_iter().flat_map(|batch| batch.rooms).collect(),
        ..Batch::default()
    };
    log.append(together).await.unwrap();
    log.append(dev.say_many(40)).await.unwrap();
    assert_eq!(shown(log).await, [1, 2, 3, 4]);
    assert_eq!(numbers(log, &ops).await, [1]);
    // Ten messages of each log are kept.
    assert_eq!(numbers(log, &dev).await, (33..=42).collect::<Vec<_>>());
    let part = log.read_room(dev.log(), Seq(35), 2, usize::MAX).await.unwrap();
    assert_eq!((part.after.seq, part.messages.len()), (Seq(35), 2));
    let past = log.read_room(dev.log(), Seq(99), 2, usize::MAX).await.unwrap();
    assert_eq!((past.after, past.messages.len()), (dev.author.head, 0));

    // Messages that do not follow are refused, together with the rest of their batch.
    let mut other = Room::new("dev", 1);
    let refused = Batch { messages: lobby.say_many(1).into(), ..other.say_many(1) };
    assert!(log.append(refused).await.is_err());
    assert_eq!(shown(log).await.len(), 4);

    // The date of a room in which nothing was said is not stored.
    let silent = Room::new("silent", 3);
    log.append(silent.batch(Vec::new())).await.unwrap();
    assert!(matches!(log.read_room(silent.log(), Seq(0), 1, 1).await, Err(LogError::Read(_))));

    log.append(Batch { gone_rooms: vec![ops.log(), silent.log()], ..Batch::default() }).await.unwrap();
    assert!(matches!(log.read_room(ops.log(), Seq(0), 1, 1).await, Err(LogError::Read(_))));
    // The room's name is free at once.
    let mut again = Room::new("OPS", 4);
    log.append(again.say_many(2)).await.unwrap();
    assert_eq!(numbers(log, &again).await, [1, 2]);
    assert_eq!(numbers(log, &dev).await.len(), 10);
}

#[tokio::test]
async fn each_room_has_a_log_of_its_own_in_memory() {
    each_room_has_a_log_of_its_own(&MemoryLog::new(10)).await;
}

#[tokio::test]
async fn each_room_has_a_log_of_its_own_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let log = SqliteLog::open(folder.path(), options(10)).unwrap();
    each_room_has_a_log_of_its_own(&log).await;
    drop(log);
    let report = verify(folder.path()).unwrap();
    assert_eq!(report.rooms, 2);
}

#[tokio::test]
async fn a_room_is_found_again_with_its_topic_its_date_and_its_posts() {
    let folder = tempfile::tempdir().unwrap();
    let mut dev = Room::new("dev", 1);
    let log = open(folder.path());
    log.append(dev.say_many(3)).await.unwrap();
    let mut act = dev.author.say("in the place of an act");
    act.content = Act::topic(Some(ShortText::new("the release").unwrap())).into();
    let before =
        Position { seq: Seq(3), hash: log.read_room(dev.log(), Seq(3), 1, 1).await.unwrap().after.hash };
    act.hash = hobnob_protocol::chain::link(&before.hash, &act);
    dev.author.head.hash = act.hash;
    dev.kept.topic = ShortText::new("the release").ok();
    log.append(dev.batch(vec![act.clone()])).await.unwrap();
    dev.kept.seen = 77;
    log.append(dev.batch(Vec::new())).await.unwrap();
    drop(log);

    let log = open(folder.path());
    let rooms = log.rooms();
    assert_eq!(rooms.len(), 1);
    assert_eq!((&rooms[0].kept, rooms[0].head), (&dev.kept, dev.author.head));
    assert_eq!(rooms[0].posts.find((ANNA, RUN), 4), Some(Seq(4)));
    let last = log.read_room(dev.log(), Seq(3), 9, usize::MAX).await.unwrap();
    assert_eq!(last.messages, [act]);
    log.append(dev.say_many(1)).await.unwrap();
    assert_eq!(numbers(&log, &dev).await, [1, 2, 3, 4, 5]);
    drop(log);
    let report = verify(folder.path()).unwrap();
    assert_eq!((report.rooms, report.room_messages, report.messages), (1, 5, 0));
    assert!(report.to_string().ends_with("1 room, 5 in all"), "{report}");
}

#[tokio::test]
async fn a_room_keeps_as_many_messages_as_the_lobby_does_and_their_posts() {
    let folder = tempfile::tempdir().unwrap();
    let mut dev = Room::new("dev", 1);
    let log = SqliteLog::open(folder.path(), options(100)).unwrap();
    for _ in 0..6 {
        log.append(dev.say_many(1000)).await.unwrap();
    }
    assert_eq!(numbers(&log, &dev).await, (5901..=6000).collect::<Vec<_>>());
    drop(log);
    let log = SqliteLog::open(folder.path(), options(100)).unwrap();
    let posts = &log.rooms()[0].posts;
    assert_eq!(posts.find((ANNA, RUN), 3000), Some(Seq(3000)), "it is gone, and remembered");
    assert_eq!(posts.find((ANNA, RUN), 1000), None);
    drop(log);
    let rows: i64 = count(folder.path(), "SELECT count(*) FROM log");
    assert!(rows < 40, "{rows}");
    verify(folder.path()).unwrap();
}

fn count(folder: &Path, sql: &str) -> i64 {
    let conn = Connection::open(folder.join("lobby.sqlite")).unwrap();
    conn.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn the_largest_room_loses_messages_when_rooms_fill_the_file_and_the_lobby_keeps_half() {
    let folder = tempfile::tempdir().unwrap();
    let bound = 2 * 1024 * 1024;
    let small = SqliteOptions { history: 100_000, max_bytes: bound };
    let log = SqliteLog::open(folder.path(), small.clone()).unwrap();
    let long = "x".repeat(8000);
    let mut lobby = Author::of(&log);
    let said: Vec<LobbyMessage> = (0..100).map(|_| lobby.say(&long)).collect();
    log.append(batch(said)).await.unwrap();
    let mut rooms: Vec<Room> = (0..20_u8).map(|n| Room::new(&format!("room{n}"), n + 1)).collect();
    for _ in 0..10 {
        for (n, room) in rooms.iter_mut().enumerate() {
            // The first room has the most messages.
            let count = if n == 0 { 10 } else { 1 };
            let messages = (0..count).map(|_| room.author.say(&long)).collect();
            log.append(room.batch(messages)).await.unwrap();
        }
    }
    drop(log);
    // One more append, so that everything that had to be removed is removed.
    let log = SqliteLog::open(folder.path(), small).unwrap();
    log.append(rooms[1].say_many(1)).await.unwrap();
    assert_eq!(shown(&log).await.len(), 100, "the lobby has less than half");
    let kept = counts(&log, &rooms).await;
    assert!(kept[0] < 30, "{kept:?}: it had a hundred");
    assert!(kept[1..].iter().all(|kept| *kept >= 4), "{kept:?}");
    drop(log);
    let bytes = count(folder.path(), "SELECT sum(length(records)) FROM log").unsigned_abs();
    assert!(bytes <= bound + 100_000, "{bytes}");
    verify(folder.path()).unwrap();
}

async fn counts(log: &dyn LobbyLog, rooms: &[Room]) -> Vec<usize> {
    let mut kept = Vec::new();
    for room in rooms {
        kept.push(numbers(log, room).await.len());
    }
    kept
}

#[tokio::test]
async fn a_removed_room_leaves_nothing_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (mut dev, mut ops) = (Room::new("dev", 1), Room::new("ops", 2));
    let log = open(folder.path());
    for _ in 0..20 {
        let long = (0..20).map(|_| dev.author.say(&"x".repeat(16_000))).collect();
        log.append(dev.batch(long)).await.unwrap();
    }
    log.append(ops.say_many(1)).await.unwrap();
    log.append(Batch { gone_rooms: vec![dev.log()], ..Batch::default() }).await.unwrap();
    drop(log);
    // Messages that were not removed before the end are removed by the next writer, some after each batch.
    let log = open(folder.path());
    let mut lobby = Author::of(&log);
    for _ in 0..10 {
        log.append(batch(lobby.say_many(1))).await.unwrap();
    }
    drop(log);
    assert_eq!(count(folder.path(), "SELECT count(*) FROM rooms"), 1);
    assert_eq!(count(folder.path(), "SELECT count(*) FROM log WHERE last >= 1 << 40"), 1);
    // Then the number of the removed log is given to another room.
    let log = open(folder.path());
    let mut new = Room::new("dev", 3);
    log.append(new.say_many(1)).await.unwrap();
    drop(log);
    assert_eq!(count(folder.path(), "SELECT max(number) FROM rooms"), 2);
    assert_eq!(verify(folder.path()).unwrap().rooms, 2);
}

/// Checks with the log of one implementation that a room takes the place of one that has its name in the store.
async fn a_new_room_takes_the_place_of_one_that_had_its_name(log: &dyn LobbyLog) {
    let (mut old, mut ops, mut new) = (Room::new("dev", 1), Room::new("ops", 2), Room::new("DEV", 3));
    log.append(old.say_many(2)).await.unwrap();
    log.append(ops.say_many(1)).await.unwrap();
    log.append(new.say_many(3)).await.unwrap();
    assert_eq!(numbers(log, &new).await, [1, 2, 3]);
    assert!(matches!(log.read_room(old.log(), Seq(0), 1, 1).await, Err(LogError::Read(_))));
    log.append(new.say_many(1)).await.unwrap();
    assert_eq!(counts(log, &[new, ops]).await, [4, 1]);
}

#[tokio::test]
async fn a_new_room_takes_the_place_of_one_that_had_its_name_in_memory_and_in_sqlite() {
    a_new_room_takes_the_place_of_one_that_had_its_name(&MemoryLog::new(10)).await;
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    a_new_room_takes_the_place_of_one_that_had_its_name(&log).await;
    drop(log);
    assert_eq!(verify(folder.path()).unwrap().rooms, 2);
    assert_eq!(open(folder.path()).rooms().len(), 2);
}

#[tokio::test]
async fn damage_in_the_log_of_a_room_is_found_and_the_error_names_the_room() {
    for (sql, wanted) in [
        ("UPDATE log SET records = x'00' WHERE last >= 1 << 40", "in the room dev"),
        ("DELETE FROM log WHERE last >= 1 << 40", "in the room dev"),
        ("UPDATE rooms SET head_seq = 9", "in the room dev"),
        ("UPDATE rooms SET base_seq = 1", "in the room dev"),
        ("UPDATE rooms SET folded = 'ops'", "filed under another name"),
        ("UPDATE rooms SET topic = ''", "a room is damaged"),
        ("UPDATE rooms SET log = x'00'", "a room is damaged"),
        ("UPDATE rooms SET number = 0", "a room is damaged"),
        ("DELETE FROM rooms", "belongs to no log"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let log = open(folder.path());
        log.append(Room::new("dev", 1).say_many(3)).await.unwrap();
        drop(log);
        Connection::open(folder.path().join("lobby.sqlite")).unwrap().execute_batch(sql).unwrap();
        for err in [SqliteLog::open(folder.path(), options(10)).map(drop), verify(folder.path()).map(drop)] {
            let text = err.expect_err(sql).to_string();
            assert!(text.contains(wanted) && text.contains("backup"), "{sql}: {text}");
        }
    }
}

#[tokio::test]
async fn a_log_of_the_third_format_gets_a_table_of_rooms_and_is_otherwise_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    let mut lobby = Author::of(&log);
    log.append(Batch { names: vec![binding("anna", ANNA, 1)], ..batch(lobby.say_many(300)) }).await.unwrap();
    drop(log);
    let conn = Connection::open(folder.path().join("lobby.sqlite")).unwrap();
    conn.execute_batch(
        "DROP TABLE rooms; DROP TABLE rules; ALTER TABLE meta DROP COLUMN in_rooms;
         ALTER TABLE names DROP COLUMN since; PRAGMA user_version = 3",
    )
    .unwrap();
    drop(conn);
    assert!(verify(folder.path()).unwrap_err().to_string().contains("older hobnob"));
    for round in 1..=2 {
        let log = open(folder.path());
        assert_eq!(log.contents().names, [binding("anna", ANNA, 1)]);
        assert_eq!(shown(&log).await.len(), 300);
        assert_eq!(log.rooms().len(), round - 1);
        log.append(Room::new(&format!("room{round}"), round as u8).say_many(1)).await.unwrap();
    }
    assert_eq!(verify(folder.path()).unwrap().rooms, 2);
}

#[tokio::test]
async fn messages_of_rooms_that_are_lost_with_the_wal_are_noticed() {
    for left_of_wal in [0.0, 0.5, 0.9] {
        let (running, left) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let log = open(running.path());
        let mut dev = Room::new("dev", 1);
        for _ in 0..5 {
            log.append(dev.say_many(3)).await.unwrap();
        }
        for file in ["lobby.sqlite", "lobby.sqlite-wal", "lobby.head"] {
            std::fs::copy(running.path().join(file), left.path().join(file)).unwrap();
        }
        verify(left.path()).unwrap();
        let wal = left.path().join("lobby.sqlite-wal");
        let bytes = std::fs::read(&wal).unwrap();
        std::fs::write(&wal, &bytes[..(bytes.len() as f64 * left_of_wal) as usize]).unwrap();
        for err in [verify(left.path()).map(drop), SqliteLog::open(left.path(), options(10)).map(drop)] {
            let text = err.unwrap_err().to_string();
            assert!(text.contains("messages of rooms were acknowledged and are missing"), "{text}");
            assert!(text.contains("lobby.head") && text.contains("backup"), "{text}");
        }
    }
}

#[tokio::test]
async fn batches_that_wait_together_are_stored_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    let mut lobby = Author::of(&log);
    let mut rooms: Vec<Room> = (1..=5_u8).map(|n| Room::new("same", n)).collect();
    let mut waiting = Vec::new();
    for room in &mut rooms {
        waiting.push(log.append(batch(lobby.say_many(2))));
        waiting.push(log.append(room.say_many(2)));
        waiting.push(log.append(Batch { gone_rooms: vec![room.log()], ..Batch::default() }));
    }
    for stored in waiting {
        stored.await.unwrap();
    }
    assert_eq!(shown(&log).await.len(), 10);
    assert!(log.read_room(rooms[4].log(), Seq(0), 1, 1).await.is_err());
    drop(log);
    assert_eq!(verify(folder.path()).unwrap().rooms, 0);
}
