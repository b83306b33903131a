//! One suite of behaviours that every implementation of a log must have. An implementation gives a new log and the
//! bindings that are in it. The behaviours of one subject have a file of their own: `kept`, `refused`, `sent_again`; the
//! others are here. What only a file can do is tested beside its implementation.

pub(super) mod author;
mod kept;
mod refused;
mod sent_again;

use std::future;

use hobnob_protocol::chain::{LogId, Position, Seq};
use tokio::sync::watch;

use self::author::{ANNA, Author, BOB, RUN, batch, binding, name};
use self::kept::{
    a_log_that_keeps_one_message_shows_the_newest, only_as_many_of_the_newest_messages_as_are_kept_are_shown,
    the_first_shown_message_follows_from_the_position_before_it,
};
use self::refused::{
    a_batch_is_stored_whole_or_not_at_all, messages_that_do_not_follow_from_the_head_are_refused,
};
use self::sent_again::{
    a_post_is_not_stored_twice, posts_are_found_after_their_texts_are_gone,
    posts_are_found_by_author_run_and_number, posts_beyond_the_limit_are_forgotten_after_some_appends,
};
use super::posts::Posts;
use super::{
    AppendedHere, Batch, Contents, Later, LobbyLog, MemoryLog, NameBinding, OpenedRoom, Remembers, SqliteLog,
    SqliteOptions, Stretch, sqlite,
};

/// What the suite needs of an implementation.
trait Engine {
    fn new(history: u64) -> Self;
    fn log(&self) -> &dyn LobbyLog;
    fn names(&self) -> Vec<NameBinding>;
}

impl Engine for MemoryLog {
    fn new(history: u64) -> Self {
        Self::new(history)
    }

    fn log(&self) -> &dyn LobbyLog {
        self
    }

    fn names(&self) -> Vec<NameBinding> {
        self.names()
    }
}

struct Stored {
    log: SqliteLog,
    folder: tempfile::TempDir,
}

impl Engine for Stored {
    fn new(history: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            log: SqliteLog::open(folder.path(), SqliteOptions { history, ..SqliteOptions::default() })
                .unwrap(),
            folder,
        }
    }

    fn log(&self) -> &dyn LobbyLog {
        &self.log
    }

    fn names(&self) -> Vec<NameBinding> {
        sqlite::stored_form::names(&sqlite::file::open_for_reading(self.folder.path()).unwrap()).unwrap()
    }
}

/// The same log, in which the caller stores in its own thread.
struct StoredHere(Stored);

impl Engine for StoredHere {
    fn new(history: u64) -> Self {
        Self(Stored::new(history))
    }

    fn log(&self) -> &dyn LobbyLog {
        self
    }

    fn names(&self) -> Vec<NameBinding> {
        self.0.names()
    }
}

impl LobbyLog for StoredHere {
    fn contents(&self) -> &Contents {
        self.0.log.contents()
    }

    fn rooms(&self) -> Vec<OpenedRoom> {
        self.0.log.rooms()
    }

    fn append(&self, batch: Batch) -> Later<'static, ()> {
        match self.0.log.append_here(batch) {
            AppendedHere::Done(stored) => Box::pin(future::ready(stored)),
            AppendedHere::NotTaken(batch) => self.0.log.append(batch),
        }
    }

    fn read(&self, after: Seq, limit: usize, max_bytes: usize) -> Later<'_, Stretch> {
        self.0.log.read(after, limit, max_bytes)
    }

    fn read_room(&self, room: LogId, after: Seq, limit: usize, max_bytes: usize) -> Later<'_, Stretch> {
        self.0.log.read_room(room, after, limit, max_bytes)
    }

    fn posts(&self) -> Posts {
        self.0.log.posts()
    }

    fn subscribe(&self) -> watch::Receiver<Position> {
        self.0.log.subscribe()
    }

    fn first(&self) -> Seq {
        self.0.log.first()
    }
}

macro_rules! for_every_engine {
    ($($behaviour:ident),* $(,)?) => {
        mod in_memory {
            $(#[tokio::test] async fn $behaviour() { super::$behaviour::<super::MemoryLog>().await; })*
        }
        mod in_sqlite_in_the_thread_of_the_asker {
            $(#[tokio::test] async fn $behaviour() { super::$behaviour::<super::StoredHere>().await; })*
        }
        mod in_sqlite {
            $(#[tokio::test] async fn $behaviour() { super::$behaviour::<super::Stored>().await; })*
        }
    };
}

for_every_engine![
    a_new_log_is_empty,
    appended_messages_are_read_in_order,
    a_read_begins_after_the_number_asked_for,
    a_read_stops_at_its_limits_but_gives_one_message,
    texts_and_numbers_of_every_kind_come_back_unchanged,
    only_as_many_of_the_newest_messages_as_are_kept_are_shown,
    a_log_that_keeps_one_message_shows_the_newest,
    the_first_shown_message_follows_from_the_position_before_it,
    posts_are_found_by_author_run_and_number,
    posts_are_found_after_their_texts_are_gone,
    posts_beyond_the_limit_are_forgotten_after_some_appends,
    a_post_is_not_stored_twice,
    bindings_are_made_changed_and_freed,
    every_subscriber_is_told_of_each_new_head,
    a_batch_is_stored_whole_or_not_at_all,
    messages_that_do_not_follow_from_the_head_are_refused,
];

async fn a_new_log_is_empty<E: Engine>() {
    let engine = E::new(10);
    let log = engine.log();
    let start = Position::start(&log.contents().log);
    assert_eq!(log.contents().head, start);
    assert_eq!(log.first(), Seq(1));
    let stretch = log.read(Seq(0), 10, 1000).await.unwrap();
    assert_eq!((stretch.after, stretch.messages.len()), (start, 0));
    log.append(Batch::default()).await.unwrap();
    assert_eq!(*log.subscribe().borrow(), start);
}

async fn appended_messages_are_read_in_order<E: Engine>() {
    let engine = E::new(1000);
    let log = engine.log();
    let mut author = Author::of(log);
    let mut all = Vec::new();
    for size in [1, 2, 3, 30] {
        let messages = author.say_many(size);
        all.extend(messages.clone());
        log.append(batch(messages)).await.unwrap();
    }
    let stretch = log.read(Seq(0), usize::MAX, usize::MAX).await.unwrap();
    assert_eq!(stretch.after, log.contents().head);
    assert_eq!(stretch.messages, all);
    let mut position = stretch.after;
    stretch.messages.iter().for_each(|message| position.advance(message).unwrap());
}

async fn a_read_begins_after_the_number_asked_for<E: Engine>() {
    let engine = E::new(1000);
    let log = engine.log();
    let mut author = Author::of(log);
    let messages = author.say_many(5);
    log.append(batch(messages.clone())).await.unwrap();

    let stretch = log.read(Seq(3), 10, 1000).await.unwrap();
    assert_eq!(stretch.after, Position { seq: Seq(3), hash: messages[2].hash });
    assert_eq!(stretch.messages, messages[3..]);
    for at_or_past_the_head in [5, 6, u64::MAX] {
        let stretch = log.read(Seq(at_or_past_the_head), 10, 1000).await.unwrap();
        assert_eq!((stretch.after, stretch.messages.len()), (author.head, 0));
    }
}

async fn a_read_stops_at_its_limits_but_gives_one_message<E: Engine>() {
    let engine = E::new(1000);
    let log = engine.log();
    let mut author = Author::of(log);
    let messages = ["12345", "12345", "12345", "12345"].map(|text| author.say(text));
    log.append(batch(messages.to_vec())).await.unwrap();

    for (limit, max_bytes, expected) in
        [(0, 1000, 0), (1, 1000, 1), (3, 1000, 3), (9, 0, 1), (9, 9, 1), (9, 10, 2), (9, 19, 3), (9, 20, 4)]
    {
        let stretch = log.read(Seq(0), limit, max_bytes).await.unwrap();
        assert_eq!(stretch.messages.len(), expected, "limit {limit}, max_bytes {max_bytes}");
    }
}

async fn texts_and_numbers_of_every_kind_come_back_unchanged<E: Engine>() {
    let engine = E::new(1000);
    let log = engine.log();
    let mut author = Author::of(log);
    let longest = "\u{1}".repeat(hobnob_protocol::MAX_TEXT_BYTES);
    let mut messages = Vec::new();
    for (id, text) in
        [(0, "a\0b"), (u64::MAX, "'; DROP TABLE log; --"), (1 << 63, "\u{202e}李\n雷"), (7, &longest)]
    {
        messages.push(author.say_as(ANNA, RUN, id, text));
    }
    log.append(batch(messages.clone())).await.unwrap();
    assert_eq!(log.read(Seq(0), 10, usize::MAX).await.unwrap().messages, messages);
    assert_eq!(log.last_id(ANNA, RUN).await.unwrap(), Some(u64::MAX));
    assert_eq!(log.find(ANNA, RUN, 1 << 63).await.unwrap(), Some(Seq(3)));
}

async fn bindings_are_made_changed_and_freed<E: Engine>() {
    let engine = E::new(1000);
    let log = engine.log();
    let names = |names: Vec<NameBinding>| Batch { names, ..Batch::default() };
    log.append(names(vec![binding("Anna", ANNA, 1), binding("bob", BOB, u64::MAX)])).await.unwrap();
    let anna = NameBinding { spoke: true, ..binding("Anna", ANNA, 5) };
    log.append(names(vec![anna.clone()])).await.unwrap();
    let mut stored = engine.names();
    stored.sort_by_key(|binding| binding.name.clone());
    assert_eq!(stored, [anna, binding("bob", BOB, u64::MAX)]);
    assert_eq!(stored[0].name.as_str(), "Anna");

    // The name is freed and taken again in one batch: it belongs to the new owner.
    let handed_over = Batch {
        names: vec![binding("ANNA", BOB, 7)],
        freed: vec![name("anna"), name("bob")],
        ..Batch::default()
    };
    log.append(handed_over).await.unwrap();
    assert_eq!(engine.names(), [binding("anna", BOB, 7)]);
    assert_eq!(engine.names()[0].name.as_str(), "ANNA");
    log.append(Batch { freed: vec![name("anna"), name("nobody")], ..Batch::default() }).await.unwrap();
    assert_eq!(engine.names(), []);
}

async fn every_subscriber_is_told_of_each_new_head<E: Engine>() {
    let engine = E::new(1000);
    let log = engine.log();
    let mut author = Author::of(log);
    let mut heads = log.subscribe();
    for _ in 0..3 {
        log.append(batch(author.say_many(2))).await.unwrap();
        assert!(heads.has_changed().unwrap());
        assert_eq!(*heads.borrow_and_update(), author.head);
    }
    log.append(Batch { names: vec![binding("anna", ANNA, 1)], ..Batch::default() }).await.unwrap();
    assert!(!heads.has_changed().unwrap(), "a binding alone moves no head");
    assert_eq!(*log.subscribe().borrow(), author.head);
}
