//! How batches are stored: together or one by one, on a full disk, and in the thread of whoever asks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;
use crate::log::AppendedHere;
use crate::log::sqlite::shared_writer::SharedWriter;
use crate::log::sqlite::stored_form;
use crate::log::suite::author::name;

#[test]
fn queued_batches_are_stored_together_and_each_is_answered() {
    let folder = folder();
    let mut writer = writer(folder.path());
    let mut author = Author { head: *writer.told().head.borrow() };
    let batches = (0..10).map(|_| batch(author.say_many(2))).collect();
    assert!(commit(&mut writer, batches).iter().all(Result::is_ok));
    assert_eq!(*writer.told().head.borrow(), author.head);
}

#[test]
fn a_batch_that_cannot_be_stored_does_not_take_others_with_it() {
    let folder = folder();
    let mut writer = writer(folder.path());
    let mut author = Author { head: *writer.told().head.borrow() };
    let first = batch(author.say_many(1));
    let mut elsewhere = Author { head: writer.told().head.borrow().to_owned() };
    let forged = batch(vec![elsewhere.say("forged")]);
    let second = batch(author.say_many(1));
    let names = Batch { names: vec![binding("anna", ANNA, 1)], ..Batch::default() };
    let answers = commit(&mut writer, vec![first, forged, names, second]);
    let stored: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(stored, [true, false, true, true], "{answers:?}");
    assert_eq!(verify(folder.path()).unwrap().messages, 2);
}

#[tokio::test]
async fn bindings_and_messages_of_many_at_once_are_all_stored() {
    let folder = folder();
    let log = Arc::new(open(folder.path()));
    let mut author = Author::of(&*log);
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..300_u64 {
        let log = Arc::clone(&log);
        let names = vec![binding(&format!("user{n}"), ANNA, n)];
        tasks.spawn(async move { log.append(Batch { names, ..Batch::default() }).await });
    }
    for _ in 0..30 {
        log.append(batch(author.say_many(3))).await.unwrap();
    }
    while let Some(stored) = tasks.join_next().await {
        stored.unwrap().unwrap();
    }
    drop(log);
    let log = open(folder.path());
    assert_eq!(log.contents().names.len(), 300);
    assert_eq!(log.contents().head, author.head);
}

#[test]
fn a_full_disk_stores_nothing_and_space_makes_it_go_on() {
    let folder = folder();
    let mut writer = writer(folder.path());
    let mut author = Author { head: *writer.told().head.borrow() };
    assert!(commit(&mut writer, vec![batch(author.say_many(10))])[0].is_ok());
    let pages: i64 = writer.connection().pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    writer.connection().pragma_update(None, "max_page_count", pages + 2).unwrap();

    let head = author.head;
    let much = Batch {
        messages: Arc::new((0..100).map(|_| author.say(&"x".repeat(10_000))).collect()),
        names: vec![binding("anna", ANNA, 1)],
        freed: vec![name("bob")],
        ..Batch::default()
    };
    // The batch fails together with others, and fails again alone; the ones that fit are still stored.
    let fits = Batch { names: vec![binding("bob", BOB, 1)], ..Batch::default() };
    let answers = commit(&mut writer, vec![much.clone(), fits]);
    assert!(matches!(&answers[0], Err(LogError::Write(text)) if text.contains("full")), "{answers:?}");
    assert!(answers[1].is_ok(), "{answers:?}");
    assert_eq!(*writer.told().head.borrow(), head);
    let reading = file::open_for_reading(folder.path()).unwrap();
    assert_eq!(stored_form::names(&reading).unwrap(), [binding("bob", BOB, 1)]);
    assert_eq!(verify(folder.path()).unwrap().head, head);

    writer.connection().pragma_update(None, "max_page_count", 1_000_000).unwrap();
    assert!(commit(&mut writer, vec![much])[0].is_ok());
    assert_eq!(verify(folder.path()).unwrap().head, author.head);
}

#[test]
fn a_store_that_may_not_be_written_refuses_and_can_go_on_later() {
    let folder = folder();
    let mut writer = writer(folder.path());
    let mut author = Author { head: *writer.told().head.borrow() };
    let messages = batch(author.say_many(1));
    writer.connection().pragma_update(None, "query_only", true).unwrap();
    let answer = commit(&mut writer, vec![messages.clone()]).remove(0);
    assert!(matches!(&answer, Err(LogError::Write(text)) if text.contains("lobby.sqlite")), "{answer:?}");
    writer.connection().pragma_update(None, "query_only", false).unwrap();
    assert!(commit(&mut writer, vec![messages])[0].is_ok());
}

#[tokio::test]
async fn a_log_that_is_dropped_stores_what_is_queued_even_if_nobody_waits_for_it() {
    let folder = folder();
    let log = open(folder.path());
    let mut author = Author::of(&log);
    let answer = log.append(batch(author.say_many(3)));
    drop(log);
    answer.await.unwrap();
    assert_eq!(verify(folder.path()).unwrap().head, author.head);
}

/// Stores a batch in this thread. The thread of the log may hold the writer for a moment when it begins, and after it has
/// answered; until then no batch is taken.
fn append_here(log: &SqliteLog, mut batch: Batch) -> Result<(), LogError> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match log.append_here(batch) {
            AppendedHere::Done(stored) => return stored,
            AppendedHere::NotTaken(again) => batch = again,
        }
        assert!(Instant::now() < deadline, "the thread of the log does not let go of the writer");
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn the_asker_stores_in_its_own_thread_when_no_batch_is_before_it() {
    let folder = folder();
    let log = open(folder.path());
    let mut author = Author::of(&log);
    let (first, second) = (batch(author.say_many(2)), batch(author.say_many(1)));
    append_here(&log, first).unwrap();
    assert_eq!(log.subscribe().borrow().seq, Seq(2), "it is stored when the call returns");
    log.append(second).await.unwrap();
    assert_eq!(shown(&log).await, [1, 2, 3]);
    // This message follows from the beginning of the log, and not from its head.
    let stray = Author::of(&log).say_many(1);
    let stored = append_here(&log, batch(stray));
    assert!(matches!(stored, Err(LogError::Damaged { .. })), "{stored:?}");
    drop(log);
    assert_eq!(shown(&open(folder.path())).await, [1, 2, 3]);
}

#[tokio::test]
async fn the_asker_does_not_store_when_a_batch_is_before_it_or_messages_have_to_be_removed() {
    let folder = folder();
    let opened = Opened::open(folder.path()).unwrap();
    let mut author = Author { head: opened.contents.head };
    let options = SqliteOptions { history: 10, ..SqliteOptions::default() };
    let shared = SharedWriter::new(Writer::new(opened, options));
    let queued = shared.queue();
    let messages = author.say_many(1);
    assert!(
        matches!(shared.append(batch(messages.clone())), AppendedHere::NotTaken(_)),
        "another is before it"
    );
    drop(queued);
    assert!(matches!(shared.append(batch(messages)), AppendedHere::Done(Ok(()))));
    // These messages are so many that removing them is worth a transaction once they are no longer shown.
    assert!(matches!(shared.append(batch(author.say_many(1100))), AppendedHere::Done(Ok(()))));
    let AppendedHere::NotTaken(given_back) = shared.append(batch(author.say_many(1))) else {
        panic!("something has to be removed first");
    };
    assert_eq!(given_back.messages.len(), 1, "the log's thread has something to remove");
}
