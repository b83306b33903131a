//! An order in memory for tests, which misbehaves on demand in every way that was seen in a real order. Without a
//! planned mischief it behaves like any other order. Its clock stands still until a test moves it.

use std::collections::VecDeque;
use std::future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use crate::places::Places;
use crate::{Follower, Later, Ordered, OrderedStream, Place, PublishError, StreamError, StreamIdentity};

/// How the order misbehaves for one published batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mischief {
    /// The batch gets its place, but the publisher gets no answer.
    LoseAck,
    /// The batch gets two places.
    StoreTwice,
    /// The publisher gets no answer, and the batch gets its place only after the next batch has one.
    StoreLater,
    /// The batch gets neither a place nor an answer until [`MemoryStream::go_on`] is called.
    Stall,
    /// The batch gets no place, and never will.
    Refuse,
}

/// An order in memory. Clones are the same order, as several servers see it.
#[derive(Debug)]
pub struct MemoryStream<B> {
    shared: Arc<Mutex<Shared<B>>>,
}

impl<B> Clone for MemoryStream<B> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

#[derive(Debug)]
struct Shared<B> {
    identity: StreamIdentity,
    places: Places<B>,
    now: u64,
    /// What happens to each of the next batches; `None` for a batch that is treated normally.
    mischief: VecDeque<Option<Mischief>>,
    /// Batches that get their place only after the next batch.
    later: Vec<Arc<B>>,
    /// Batches that wait for [`MemoryStream::go_on`], each with the sender for its answer.
    stalled: Vec<(Arc<B>, oneshot::Sender<Place>)>,
    /// How often all followers were made to begin again.
    beginnings: u64,
}

impl<B> MemoryStream<B> {
    /// Makes an empty order.
    #[must_use]
    pub fn new(identity: StreamIdentity) -> Self {
        let shared = Shared {
            identity,
            places: Places::default(),
            now: 0,
            mischief: VecDeque::new(),
            later: Vec::new(),
            stalled: Vec::new(),
            beginnings: 0,
        };
        Self { shared: Arc::new(Mutex::new(shared)) }
    }

    /// Sets the time for all batches that are published from now on, in milliseconds since 1970-01-01 UTC.
    pub fn set_time(&self, now: u64) {
        self.lock().now = now;
    }

    /// Plans what happens to the next batch for which nothing was planned yet; `None` lets it be treated normally.
    pub fn plan(&self, mischief: Option<Mischief>) {
        self.lock().mischief.push_back(mischief);
    }

    /// Gives the stalled batches their places in the order in which they were published, and then does the same for the
    /// late batches.
    pub fn go_on(&self) {
        let mut shared = self.lock();
        for (batch, answer) in std::mem::take(&mut shared.stalled) {
            let place = shared.push(batch);
            let _nobody_waits = answer.send(place);
        }
        shared.push_late();
    }

    /// Makes all followers read again from the oldest batch on.
    pub fn begin_again(&self) {
        let mut shared = self.lock();
        shared.beginnings += 1;
        shared.places.wake();
    }

    /// Makes the order end at `place`, as if an older copy had been restored.
    pub fn go_back(&self, place: Place) {
        self.lock().places.go_back(place);
    }

    /// Replaces the order by an empty one with another identity.
    pub fn replace(&self, identity: StreamIdentity) {
        let mut shared = self.lock();
        shared.identity = identity;
        shared.places.wake();
        shared.places = Places::default();
    }

    fn lock(&self) -> MutexGuard<'_, Shared<B>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B> Shared<B> {
    fn push(&mut self, batch: Arc<B>) -> Place {
        self.places.push(batch, self.now)
    }

    fn push_late(&mut self) {
        for batch in std::mem::take(&mut self.later) {
            self.push(batch);
        }
    }
}

fn unknown() -> PublishError {
    PublishError::Unknown("no answer came".to_owned())
}

impl<B: Send + Sync + 'static> OrderedStream<B> for MemoryStream<B> {
    fn identity(&self) -> StreamIdentity {
        self.lock().identity
    }

    fn publish(&self, batch: Arc<B>) -> Later<'static, Result<Place, PublishError>> {
        let mut shared = self.lock();
        let published = match shared.mischief.pop_front().flatten() {
            None => Ok(shared.push(batch)),
            Some(Mischief::LoseAck) => {
                shared.push(batch);
                Err(unknown())
            }
            Some(Mischief::StoreTwice) => {
                shared.push(Arc::clone(&batch));
                Ok(shared.push(batch))
            }
            Some(Mischief::StoreLater) => {
                shared.later.push(batch);
                return Box::pin(future::ready(Err(unknown())));
            }
            Some(Mischief::Stall) => {
                let (answer, answered) = oneshot::channel();
                shared.stalled.push((batch, answer));
                return Box::pin(async move { answered.await.map_err(|_| unknown()) });
            }
            Some(Mischief::Refuse) => Err(PublishError::Refused("as planned".to_owned())),
        };
        shared.push_late();
        Box::pin(future::ready(published))
    }

    fn follow(&self, after: Place) -> Box<dyn Follower<B>> {
        let Shared { identity, beginnings, .. } = *self.lock();
        Box::new(Following { stream: self.clone(), identity, beginnings, read: after, reached: after })
    }

    fn bounds(&self) -> Later<'_, Option<(Place, Place)>> {
        Box::pin(future::ready(Some(self.lock().places.bounds())))
    }

    fn forget(&self, up_to: Place) -> Later<'_, ()> {
        self.lock().places.forget(up_to);
        Box::pin(future::ready(()))
    }
}

struct Following<B> {
    stream: MemoryStream<B>,
    identity: StreamIdentity,
    beginnings: u64,
    /// The place up to which the order was read. It goes back when the follower has to begin again.
    read: Place,
    /// The place up to which batches were handed on.
    reached: Place,
}

impl<B: Send + Sync> Follower<B> for Following<B> {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Ordered<B>, StreamError>> {
        let mut shared = self.stream.lock();
        if shared.identity != self.identity {
            return Poll::Ready(Err(StreamError::Replaced));
        }
        if shared.beginnings != self.beginnings {
            self.beginnings = shared.beginnings;
            // The follower reads again from the oldest batch that is kept, but not from a later place than before, so
            // that it still notices a missing batch.
            let (oldest, _) = shared.places.bounds();
            self.read = self.read.min(Place(oldest.0 - 1));
        }
        loop {
            match shared.places.poll_after(self.read, cx) {
                Poll::Ready(Ok(ordered)) => {
                    self.read = ordered.place;
                    // A batch that comes again was handed on before, and is skipped.
                    if ordered.place > self.reached {
                        self.reached = ordered.place;
                        return Poll::Ready(Ok(ordered));
                    }
                }
                other => return other,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{next, suite};

    fn stream() -> MemoryStream<String> {
        MemoryStream::new(StreamIdentity([2; 16]))
    }

    async fn publish(stream: &MemoryStream<String>, text: &str) -> Result<Place, PublishError> {
        stream.publish(Arc::new(text.to_owned())).await
    }

    /// Reads all batches of the order from the beginning.
    async fn read(stream: &MemoryStream<String>) -> Vec<String> {
        let (_, newest) = stream.bounds().await.unwrap();
        let mut follower = stream.follow(Place(0));
        let mut texts = Vec::new();
        for _ in 0..newest.0 {
            texts.push(next(&mut *follower).await.unwrap().batch.to_string());
        }
        texts
    }

    #[tokio::test]
    async fn a_memory_stream_passes_the_tests_of_an_order() {
        suite::all(async || stream()).await;
    }

    #[tokio::test]
    async fn planned_mischief_loses_answers_and_stores_batches_twice_late_or_not_at_all() {
        let stream = stream();
        for mischief in
            [Mischief::LoseAck, Mischief::StoreTwice, Mischief::StoreLater, Mischief::Refuse, Mischief::Stall]
        {
            stream.plan(Some(mischief));
        }
        assert!(matches!(publish(&stream, "lost").await, Err(PublishError::Unknown(_))));
        assert_eq!(publish(&stream, "twice").await, Ok(Place(3)));
        assert!(matches!(publish(&stream, "late").await, Err(PublishError::Unknown(_))));
        assert_eq!(read(&stream).await, ["lost", "twice", "twice"]);
        assert!(matches!(publish(&stream, "refused").await, Err(PublishError::Refused(_))));
        let stalled = tokio::spawn(stream.publish(Arc::new("stalled".to_owned())));
        publish(&stream, "sound").await.unwrap();
        stream.go_on();
        assert_eq!(stalled.await.unwrap(), Ok(Place(6)));
        assert_eq!(read(&stream).await, ["lost", "twice", "twice", "late", "sound", "stalled"]);
    }

    #[tokio::test]
    async fn a_follower_that_begins_again_hands_on_no_batch_twice() {
        let stream = stream();
        let mut follower = stream.follow(Place(0));
        publish(&stream, "one").await.unwrap();
        publish(&stream, "two").await.unwrap();
        assert_eq!(*next(&mut *follower).await.unwrap().batch, "one");
        stream.begin_again();
        assert_eq!(*next(&mut *follower).await.unwrap().batch, "two");
        stream.begin_again();
        publish(&stream, "three").await.unwrap();
        assert_eq!(*next(&mut *follower).await.unwrap().batch, "three");
    }

    #[tokio::test]
    async fn a_follower_notices_an_order_that_went_back_or_was_replaced() {
        let stream = stream();
        let mut follower = stream.follow(Place(0));
        for text in ["one", "two"] {
            publish(&stream, text).await.unwrap();
            next(&mut *follower).await.unwrap();
        }
        stream.go_back(Place(1));
        let went_back = StreamError::WentBack { reached: Place(2), ends: Place(1) };
        assert_eq!(next(&mut *follower).await.unwrap_err(), went_back);
        let mut follower = stream.follow(Place(1));
        stream.replace(StreamIdentity([3; 16]));
        assert_eq!(next(&mut *follower).await.unwrap_err(), StreamError::Replaced);
    }
}
