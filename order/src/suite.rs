//! The tests that every implementation of an order must pass. They panic if the order is at fault.
#![allow(clippy::missing_panics_doc, reason = "every function here panics where the order is at fault")]

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use crate::{OrderedStream, Payload, Place, StreamError, next};

/// Runs all tests, each on an empty order of its own.
pub async fn all<S: OrderedStream<String>>(make: impl AsyncFn() -> S) {
    all_followers_read_the_same_batches_in_the_same_order(&make().await).await;
    a_follower_may_begin_in_the_middle(&make().await).await;
    a_waiting_follower_is_woken(&make().await).await;
    a_follower_notices_forgotten_batches(&make().await).await;
    dropping_the_answer_does_not_stop_the_batch(&make().await).await;
}

impl Payload for String {
    fn to_bytes(&self) -> Bytes {
        Bytes::copy_from_slice(self.as_bytes())
    }

    fn from_bytes(bytes: &[u8]) -> Self {
        Self::from_utf8_lossy(bytes).into_owned()
    }
}

async fn publish(stream: &impl OrderedStream<String>, text: &str) -> Place {
    stream.publish(Arc::new(text.to_owned())).await.expect("nothing is wrong")
}

async fn all_followers_read_the_same_batches_in_the_same_order(stream: &impl OrderedStream<String>) {
    assert_eq!(stream.identity(), stream.identity());
    assert_eq!(stream.bounds().await, Some((Place(1), Place(0))), "nothing is there yet");
    let mut early = stream.follow(Place(0));
    for number in 1..=20 {
        assert_eq!(publish(stream, &number.to_string()).await, Place(number));
    }
    let mut late = stream.follow(Place(0));
    let mut last_at = 0;
    for number in 1..=20 {
        let (one, other) = (next(&mut *early).await, next(&mut *late).await);
        let (one, other) = (one.expect("it is there"), other.expect("it is there"));
        assert_eq!((one.place, &*one.batch), (Place(number), &number.to_string()));
        assert_eq!((other.place, other.at, &*other.batch), (one.place, one.at, &*one.batch));
        assert!(one.at >= last_at, "time goes back");
        last_at = one.at;
    }
    assert_eq!(stream.bounds().await, Some((Place(1), Place(20))));
}

async fn a_follower_may_begin_in_the_middle(stream: &impl OrderedStream<String>) {
    for text in ["one", "two", "three"] {
        publish(stream, text).await;
    }
    let mut follower = stream.follow(Place(2));
    assert_eq!(*next(&mut *follower).await.expect("it is there").batch, "three");
}

async fn a_waiting_follower_is_woken(stream: &impl OrderedStream<String>) {
    let mut follower = stream.follow(Place(0));
    {
        let mut waiting = pin!(next(&mut *follower));
        let polled = waiting.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending(), "nothing was published");
    }
    // The wait above was cancelled, and no batch is lost by that.
    let (read, place) = tokio::join!(next(&mut *follower), publish(stream, "words"));
    let read = read.expect("it is there");
    assert_eq!((read.place, &**read.batch), (place, "words"));
}

async fn a_follower_notices_forgotten_batches(stream: &impl OrderedStream<String>) {
    let mut reader = stream.follow(Place(0));
    for text in ["one", "two", "three"] {
        publish(stream, text).await;
    }
    next(&mut *reader).await.expect("it is there");
    stream.forget(Place(2)).await;
    assert_eq!(stream.bounds().await, Some((Place(3), Place(3))));
    match next(&mut *reader).await {
        Ok(read_ahead) => assert_eq!((read_ahead.place, &**read_ahead.batch), (Place(2), "two")),
        Err(err) => assert_eq!(err, StreamError::Skipped { wanted: Place(2), begins: Place(3) }),
    }
    let mut late = stream.follow(Place(0));
    let skipped = StreamError::Skipped { wanted: Place(1), begins: Place(3) };
    assert_eq!(next(&mut *late).await.expect_err("it is gone"), skipped);
    let mut follower = stream.follow(Place(2));
    assert_eq!(*next(&mut *follower).await.expect("it is kept").batch, "three");
    stream.forget(Place(99)).await;
    assert_eq!(stream.bounds().await, Some((Place(4), Place(3))), "nothing is forgotten before it is there");
    assert_eq!(publish(stream, "four").await, Place(4), "places go on where they were");
}

async fn dropping_the_answer_does_not_stop_the_batch(stream: &impl OrderedStream<String>) {
    drop(stream.publish(Arc::new("words".to_owned())));
    let mut follower = stream.follow(Place(0));
    let read = next(&mut *follower).await.expect("it is there");
    assert_eq!(*read.batch, "words");
    let polled = follower.poll_next(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Pending), "it is there once");
}
