//! How many messages are kept: the others are no longer shown, and are removed from the file.

use super::*;

#[tokio::test]
async fn a_smaller_history_takes_effect_when_the_log_is_opened() {
    let folder = folder();
    log_of(folder.path(), 5000).await;
    let log =
        SqliteLog::open(folder.path(), SqliteOptions { history: 10, ..SqliteOptions::default() }).unwrap();
    assert_eq!(log.first(), Seq(4991));
    drop(log);
    // Messages that were no longer shown are gone: a larger history does not bring them back.
    let log = open(folder.path());
    assert!(log.first() > Seq(4000), "{}", log.first());
    assert_eq!(shown(&log).await.first(), Some(&log.first().0));
    assert_eq!(verify(folder.path()).unwrap().head.seq, Seq(5000));
}

#[tokio::test]
async fn messages_that_are_not_shown_are_removed_from_the_file() {
    let folder = folder();
    let log =
        SqliteLog::open(folder.path(), SqliteOptions { history: 1, ..SqliteOptions::default() }).unwrap();
    let mut author = Author::of(&log);
    for _ in 0..50 {
        log.append(batch(author.say_many(100))).await.unwrap();
        let report = verify(folder.path()).unwrap();
        assert!(report.messages < 1200, "{report}");
    }
    drop(log);
    let report = verify(folder.path()).unwrap();
    assert_eq!((report.first, report.messages), (Seq(5000), 1));
}

#[tokio::test]
async fn old_messages_that_cannot_be_removed_do_not_stop_new_ones() {
    let folder = folder();
    log_of(folder.path(), 3000).await;
    let mut writer = writer_keeping(folder.path(), 1);
    let head = *writer.told().head.borrow();
    writer.connection().pragma_update(None, "query_only", true).unwrap();
    assert!(!writer.remove_surplus(1000));
    writer.connection().pragma_update(None, "query_only", false).unwrap();
    assert!(commit(&mut writer, vec![batch(Author { head }.say_many(1))])[0].is_ok());
    assert!(writer.remove_surplus(1000));
    assert_eq!(verify(folder.path()).unwrap().first, Seq(1001));
}

#[tokio::test]
async fn posts_are_known_after_a_restart_whether_their_texts_are_kept_or_not() {
    let folder = folder();
    let log =
        SqliteLog::open(folder.path(), SqliteOptions { history: 10, ..SqliteOptions::default() }).unwrap();
    let mut author = Author::of(&log);
    for _ in 0..5 {
        log.append(batch(author.say_many(700))).await.unwrap();
    }
    drop(log);
    let log =
        SqliteLog::open(folder.path(), SqliteOptions { history: 10, ..SqliteOptions::default() }).unwrap();
    assert_eq!(log.first(), Seq(3491));
    for id in [1, 700, 1001, 3490, 3491, 3500] {
        assert_eq!(log.find(ANNA, RUN, id).await.unwrap(), Some(Seq(id)), "{id}");
    }
    assert_eq!(log.last_id(ANNA, RUN).await.unwrap(), Some(3500));
    let head = author.head;
    let again = author.say_as(ANNA, RUN, 7, "again");
    assert!(matches!(log.append(batch(vec![again])).await, Err(LogError::Write(_))));
    author.head = head;
    log.append(batch(author.say_many(1))).await.unwrap();
}
