//! How a text is recognised that is sent again: what every log says of the posts that it holds. This file knows nothing
//! of what is shown.

use hobnob_protocol::chain::Seq;
use hobnob_protocol::ids::RunId;

use super::Engine;
use super::author::{ANNA, Author, BOB, RUN, batch, shown};
use crate::log::{LogError, POSTS_REMEMBERED, Remembers};

pub(super) async fn posts_are_found_by_author_run_and_number<E: Engine>() {
    let engine = E::new(1000);
    let log = engine.log();
    let mut author = Author::of(log);
    let other_run = RunId::new([4; 8]);
    let messages = vec![
        author.say_as(ANNA, RUN, 2, "a"),
        author.say_as(BOB, RUN, 9, "b"),
        author.say_as(ANNA, other_run, 5, "c"),
        author.say_as(ANNA, RUN, 256, "d"),
    ];
    log.append(batch(messages)).await.unwrap();
    assert_eq!(log.last_id(ANNA, RUN).await.unwrap(), Some(256));
    assert_eq!(log.last_id(ANNA, other_run).await.unwrap(), Some(5));
    assert_eq!(log.last_id(BOB, other_run).await.unwrap(), None);
    assert_eq!(log.find(ANNA, RUN, 2).await.unwrap(), Some(Seq(1)));
    assert_eq!(log.find(ANNA, RUN, 256).await.unwrap(), Some(Seq(4)));
    assert_eq!(log.find(BOB, RUN, 2).await.unwrap(), None);
}

pub(super) async fn posts_are_found_after_their_texts_are_gone<E: Engine>() {
    let engine = E::new(1);
    let log = engine.log();
    let mut author = Author::of(log);
    for _ in 0..3 {
        log.append(batch(author.say_many(1500))).await.unwrap();
    }
    assert_eq!(log.find(ANNA, RUN, 7).await.unwrap(), Some(Seq(7)));
    assert_eq!(log.last_id(ANNA, RUN).await.unwrap(), Some(4500));
}

pub(super) async fn posts_beyond_the_limit_are_forgotten_after_some_appends<E: Engine>() {
    let engine = E::new(1);
    let log = engine.log();
    let mut author = Author::of(log);
    let messages = author.say_many(POSTS_REMEMBERED as usize + 5000);
    for some in messages.chunks(5000) {
        log.append(batch(some.to_vec())).await.unwrap();
    }
    // Posts are forgotten in the course of the next appends.
    for _ in 0..10 {
        log.append(batch(author.say_many(1000))).await.unwrap();
    }
    assert_eq!(log.find(ANNA, RUN, 1).await.unwrap(), None);
    let kept = author.head.seq.0 - POSTS_REMEMBERED + 1;
    assert_eq!(log.find(ANNA, RUN, kept).await.unwrap(), Some(Seq(kept)));
}

pub(super) async fn a_post_is_not_stored_twice<E: Engine>() {
    let engine = E::new(1000);
    let log = engine.log();
    let mut author = Author::of(log);
    log.append(batch(vec![author.say_as(ANNA, RUN, 1, "once")])).await.unwrap();

    let head = author.head;
    let again = author.say_as(ANNA, RUN, 1, "twice");
    assert!(matches!(log.append(batch(vec![again])).await, Err(LogError::Write(_))));
    author.head = head;
    let two = vec![author.say_as(ANNA, RUN, 2, "once"), author.say_as(ANNA, RUN, 2, "twice")];
    assert!(matches!(log.append(batch(two)).await, Err(LogError::Write(_))));
    assert_eq!(shown(log).await, [1]);
    assert_eq!(log.last_id(ANNA, RUN).await.unwrap(), Some(1));
}
