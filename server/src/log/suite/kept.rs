//! How many messages every log keeps, and which of them it shows when it keeps no more. This file knows nothing of posts.

use hobnob_protocol::chain::Seq;

use super::Engine;
use super::author::{Author, batch, shown};

pub(super) async fn only_as_many_of_the_newest_messages_as_are_kept_are_shown<E: Engine>() {
    let engine = E::new(3);
    let log = engine.log();
    let mut author = Author::of(log);
    for (count, expected) in
        [(2, vec![1, 2]), (2, vec![2, 3, 4]), (10, vec![12, 13, 14]), (1, vec![13, 14, 15])]
    {
        log.append(batch(author.say_many(count))).await.unwrap();
        assert_eq!(shown(log).await, expected);
        assert_eq!(log.first(), Seq(expected[0]));
    }
    // These are many more messages than are removed at once.
    log.append(batch(author.say_many(2500))).await.unwrap();
    log.append(batch(author.say_many(2500))).await.unwrap();
    assert_eq!(shown(log).await, [5013, 5014, 5015]);
    assert_eq!(log.first(), Seq(5013));
}

pub(super) async fn a_log_that_keeps_one_message_shows_the_newest<E: Engine>() {
    let engine = E::new(1);
    let log = engine.log();
    let mut author = Author::of(log);
    for seq in 1..=1200 {
        log.append(batch(author.say_many(1))).await.unwrap();
        assert_eq!(log.first(), Seq(seq));
    }
    assert_eq!(shown(log).await, [1200]);
}

pub(super) async fn the_first_shown_message_follows_from_the_position_before_it<E: Engine>() {
    let engine = E::new(2);
    let log = engine.log();
    let mut author = Author::of(log);
    for count in [1, 1, 1, 3000, 1] {
        let messages = author.say_many(count);
        log.append(batch(messages)).await.unwrap();
        let stretch = log.read(Seq(0), 10, 1000).await.unwrap();
        let mut position = stretch.after;
        stretch.messages.iter().for_each(|message| position.advance(message).unwrap());
        assert_eq!(position, author.head);
    }
}
