//! Servers that start while the order has a new leader, which tells less of it than its predecessor had acknowledged, or
//! after the order has lost its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hobnob_order::{
    Follower, Later, MemoryStream, OrderedStream, Place, PublishError, ServerId, StreamIdentity,
};
use hobnob_protocol::chain::Position;

use super::*;
use crate::log::MemoryLog;

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
