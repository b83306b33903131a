//! Which batches every log refuses, and that nothing of a refused batch is stored. This file knows nothing of what becomes
//! of a batch that is taken.

use hobnob_protocol::chain::{LogId, Position, Seq, genesis};
use hobnob_protocol::text::Text;

use super::Engine;
use super::author::{ANNA, Author, BOB, RUN, batch, binding, name, shown};
use crate::log::{Batch, LogError, Remembers};

pub(super) async fn a_batch_is_stored_whole_or_not_at_all<E: Engine>() {
    let engine = E::new(1000);
    let log = engine.log();
    let mut author = Author::of(log);
    log.append(Batch { names: vec![binding("anna", ANNA, 1)], ..Batch::default() }).await.unwrap();
    let head = author.head;
    let good = author.say("good");
    let mut bad = author.say("bad");
    bad.content = Text::new("edited").unwrap().into();
    let refused = Batch {
        messages: vec![good.clone(), bad].into(),
        names: vec![binding("bob", BOB, 1)],
        freed: vec![name("anna")],
        ..Batch::default()
    };
    assert!(log.append(refused).await.is_err());
    assert!(shown(log).await.is_empty());
    assert_eq!(log.last_id(ANNA, RUN).await.unwrap(), None);
    assert_eq!(*log.subscribe().borrow(), head);
    assert_eq!(engine.names(), [binding("anna", ANNA, 1)]);

    log.append(batch(vec![good])).await.unwrap();
    assert_eq!(shown(log).await, [1]);
}

pub(super) async fn messages_that_do_not_follow_from_the_head_are_refused<E: Engine>() {
    let engine = E::new(1000);
    let log = engine.log();
    let mut author = Author::of(log);
    let messages = author.say_many(3);
    log.append(batch(messages[..1].to_vec())).await.unwrap();

    let damaged_at = |result: Result<(), LogError>| match result {
        Err(LogError::Damaged { seq, .. }) => seq.0,
        other => panic!("{other:?}"),
    };
    assert_eq!(damaged_at(log.append(batch(messages[..1].to_vec())).await), 2, "stored already");
    assert_eq!(damaged_at(log.append(batch(messages[2..].to_vec())).await), 2, "leaves one out");
    assert_eq!(damaged_at(log.append(batch(vec![messages[1].clone(), messages[1].clone()])).await), 3);
    let mut elsewhere = Author { head: Position { seq: Seq(1), hash: genesis(&LogId::new([0; 16])) } };
    assert_eq!(damaged_at(log.append(batch(vec![elsewhere.say("of another log")])).await), 2);
    log.append(batch(messages[1..].to_vec())).await.unwrap();
    assert_eq!(shown(log).await, [1, 2, 3]);
}
