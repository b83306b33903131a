//! The order of a server that is alone. Its batches have the order in which the server publishes them, and are handed
//! back at once. The order is not stored, because a decision is in the server's log before anybody is told of it.

use std::future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use crate::places::Places;
use crate::{Follower, Later, Ordered, OrderedStream, Place, PublishError, StreamError, StreamIdentity};

/// How many batches are kept for followers. A server applies a batch and forgets it before it publishes the next one,
/// so more than a few batches mean that nobody reads them. When the limit is reached, further batches are refused.
const MAX_KEPT: usize = 1024;

/// The order in which a single server publishes. Places begin with 1 each time the process starts, and nothing refers
/// to places from before the start.
pub struct LocalStream<B> {
    identity: StreamIdentity,
    clock: Box<dyn Fn() -> u64 + Send + Sync>,
    places: Arc<Mutex<Places<B>>>,
}

impl<B> std::fmt::Debug for LocalStream<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalStream").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl<B> LocalStream<B> {
    /// Makes an empty order. `clock` returns milliseconds since 1970-01-01 UTC. The clock may go back; the times of the
    /// batches do not.
    pub fn new(identity: StreamIdentity, clock: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self { identity, clock: Box::new(clock), places: Arc::default() }
    }

    fn places(&self) -> MutexGuard<'_, Places<B>> {
        lock(&self.places)
    }
}

/// Locks the places. The lock is held only for a few lines without an await. A panic cannot leave them half changed, so
/// a poisoned lock is used all the same.
fn lock<B>(places: &Mutex<Places<B>>) -> MutexGuard<'_, Places<B>> {
    places.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<B: Send + Sync + 'static> OrderedStream<B> for LocalStream<B> {
    fn identity(&self) -> StreamIdentity {
        self.identity
    }

    fn publish(&self, batch: Arc<B>) -> Later<'static, Result<Place, PublishError>> {
        let now = (self.clock)();
        let mut places = self.places();
        let published = match places.len() {
            0..MAX_KEPT => Ok(places.push(batch, now)),
            _ => Err(PublishError::Refused("nobody reads the batches before it".to_owned())),
        };
        Box::pin(future::ready(published))
    }

    fn follow(&self, after: Place) -> Box<dyn Follower<B>> {
        Box::new(Following { places: Arc::clone(&self.places), reached: after })
    }

    fn bounds(&self) -> Later<'_, Option<(Place, Place)>> {
        Box::pin(future::ready(Some(self.places().bounds())))
    }

    fn forget(&self, up_to: Place) -> Later<'_, ()> {
        self.places().forget(up_to);
        Box::pin(future::ready(()))
    }
}

struct Following<B> {
    places: Arc<Mutex<Places<B>>>,
    reached: Place,
}

impl<B: Send + Sync> Follower<B> for Following<B> {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Ordered<B>, StreamError>> {
        let polled = lock(&self.places).poll_after(self.reached, cx);
        if let Poll::Ready(Ok(ordered)) = &polled {
            self.reached = ordered.place;
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite;

    fn stream() -> LocalStream<String> {
        LocalStream::new(StreamIdentity([1; 16]), || 7)
    }

    #[tokio::test]
    async fn a_local_stream_passes_the_tests_of_an_order() {
        suite::all(async || stream()).await;
    }

    #[tokio::test]
    async fn a_published_batch_is_read_back_at_once_as_the_same_value() {
        let stream = stream();
        let batch = Arc::new("words".to_owned());
        let mut follower = stream.follow(Place(0));
        let answer = stream.publish(Arc::clone(&batch));
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let Poll::Ready(Ok(ordered)) = follower.poll_next(&mut cx) else { panic!("it waits") };
        assert!(Arc::ptr_eq(&ordered.batch, &batch));
        assert_eq!(answer.await, Ok(ordered.place));
    }

    #[tokio::test]
    async fn a_batch_is_refused_when_too_many_wait_to_be_read() {
        let stream = stream();
        for _ in 0..MAX_KEPT {
            stream.publish(Arc::default()).await.unwrap();
        }
        let refused = stream.publish(Arc::default()).await;
        assert!(matches!(refused, Err(PublishError::Refused(_))), "{refused:?}");
        stream.forget(Place(1)).await;
        assert_eq!(stream.publish(Arc::default()).await, Ok(Place(MAX_KEPT as u64 + 1)));
    }
}
