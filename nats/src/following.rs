//! Reads the stream from a place on, without a gap, without a repetition and without end, although nodes die, freeze
//! and elect a new leader. Notices when the stream ends before the place that was read; `server/src/lobby/catch_up.rs`
//! does so when a server starts. This file owns the watchdog.
//!
//! The consumer of the NATS crate makes reading fast, but nothing else is expected of it. When the node that keeps the
//! consumer dies while this server is connected to another node, the consumer is silent for ever; when the consumer is
//! made again too early, it begins at the first batch. Therefore a task of this module counts places itself: it ignores
//! batches that it has had, treats a gap as the end of the consumer, and makes a new consumer when nothing has come for
//! too long.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use futures_util::StreamExt;
use hobnob_order::{Follower, Ordered, Payload, Place, StreamError};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};

use crate::founding;
use crate::shared::{Shared, bounds};

/// How many batches are read before they are applied. When the limit is reached, reading waits.
const AHEAD: usize = 64;

/// How long one wait for the consumer lasts.
const LOOK: Duration = Duration::from_millis(100);

/// How long a batch may be awaited after this server was told that it is stored.
const HEARD_WITHIN: Duration = Duration::from_millis(500);

/// How long the consumer may give nothing at all. Every server publishes something each second.
const SILENCE: Duration = Duration::from_secs(6);

/// How long it may take to make a consumer.
const MADE_WITHIN: Duration = Duration::from_secs(2);

/// For how long a stream has to say that it ends before what was read until that is believed. A node that was just
/// elected leader answers before it knows all that its predecessor had acknowledged.
const SETTLED_WITHIN: Duration = Duration::from_secs(10);

/// The time between two attempts to make a consumer.
const RETRY: Duration = Duration::from_millis(100);

/// Follows the stream: hands on the batches that a task of its own reads.
pub(crate) struct Following<B> {
    batches: mpsc::Receiver<Result<Ordered<B>, StreamError>>,
    ended: Option<StreamError>,
    task: AbortHandle,
}

impl<B> Drop for Following<B> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<B: Payload> Following<B> {
    /// Begins to read what follows `after`.
    pub(crate) fn begin(shared: Arc<Shared>, after: Place) -> Self {
        let (out, batches) = mpsc::channel(AHEAD);
        let reader = Reader { shared, next: after.next(), last_stored: None, ends_before: None, out };
        let task = tokio::spawn(reader.run()).abort_handle();
        Self { batches, ended: None, task }
    }
}

impl<B: Payload> Follower<B> for Following<B> {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Ordered<B>, StreamError>> {
        if let Some(ended) = self.ended {
            return Poll::Ready(Err(ended));
        }
        match self.batches.poll_recv(cx) {
            Poll::Ready(Some(Ok(ordered))) => Poll::Ready(Ok(ordered)),
            Poll::Ready(Some(Err(err))) => {
                self.ended = Some(err);
                Poll::Ready(Err(err))
            }
            // The task ends with an error or together with the runtime. In the second case nobody polls any more.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

struct Reader<B> {
    shared: Arc<Shared>,
    /// The place of the batch that has to come next.
    next: Place,
    /// When the batch before that one was stored, if it was read. A different message in the same place has a different
    /// time.
    last_stored: Option<i128>,
    /// Since when the stream says that it ends before what was read.
    ends_before: Option<Instant>,
    out: mpsc::Sender<Result<Ordered<B>, StreamError>>,
}

/// Why the task stops reading the stream.
enum Stop {
    /// The stream cannot be followed any further, for this reason.
    Failed(StreamError),
    /// Nobody takes the batches any more.
    Unread,
}

impl<B: Payload> Reader<B> {
    async fn run(mut self) {
        loop {
            let result = match self.check().await {
                Ok(true) => self.read().await,
                Ok(false) => {
                    tokio::time::sleep(RETRY).await;
                    Ok(())
                }
                Err(err) => Err(Stop::Failed(err)),
            };
            match result {
                Ok(()) => {}
                Err(Stop::Unread) => return,
                Err(Stop::Failed(err)) => {
                    let _nobody_reads = self.out.send(Err(err)).await;
                    return;
                }
            }
        }
    }

    /// Whether the stream is there, is the same as before, and still holds the next batch. The answer is `false` when
    /// the stream cannot be asked.
    async fn check(&mut self) -> Result<bool, StreamError> {
        let Ok(info) = self.shared.stream.get_info().await else { return Ok(false) };
        let identity = info.config.description.as_deref().and_then(founding::parse);
        if identity.is_none_or(|(identity, _)| identity != self.shared.identity) {
            return Err(StreamError::Replaced);
        }
        let (begins, ends) = bounds(&info);
        if self.next < begins {
            return Err(StreamError::Skipped { wanted: self.next, begins });
        }
        let reached = Place(self.next.0 - 1);
        if reached > ends {
            let since = *self.ends_before.get_or_insert_with(Instant::now);
            return match since.elapsed() < SETTLED_WITHIN {
                true => Ok(false),
                false => Err(StreamError::WentBack { reached, ends }),
            };
        }
        self.ends_before = None;
        self.holds(reached).await
    }

    /// Whether the batch that was read last still stands in its place: a stream that went back may have gone on since.
    /// The answer is `false` when the stream cannot be asked.
    async fn holds(&self, reached: Place) -> Result<bool, StreamError> {
        let Some(stored) = self.last_stored else { return Ok(true) };
        match self.shared.stream.get_raw_message(reached.0).await {
            Ok(message) if message.time.unix_timestamp_nanos() != stored => {
                Err(StreamError::WentBack { reached, ends: Place(reached.0 - 1) })
            }
            Ok(_) => Ok(true),
            // The stream has dropped that batch since.
            Err(err) if err.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(true),
            Err(_) => Ok(false),
        }
    }

    /// Reads from one consumer until another consumer has to be made.
    async fn read(&mut self) -> Result<(), Stop> {
        let deliver_policy = DeliverPolicy::ByStartSequence { start_sequence: self.next.0 };
        let config = pull::OrderedConfig { deliver_policy, ..Default::default() };
        let stream = self.shared.stream.clone();
        let made =
            timeout(MADE_WITHIN, async { stream.create_consumer(config).await.ok()?.messages().await.ok() });
        let Ok(Some(mut messages)) = made.await else {
            tokio::time::sleep(RETRY).await;
            return Ok(());
        };
        let mut heard = Instant::now();
        loop {
            match timeout(LOOK, messages.next()).await {
                Ok(Some(Ok(message))) => {
                    heard = Instant::now();
                    if !self.hand_on(message).await? {
                        return Ok(());
                    }
                }
                Ok(Some(Err(err))) => {
                    tracing::debug!(%err, "a consumer ended; another one is made");
                    return Ok(());
                }
                Ok(None) => return Ok(()),
                Err(_elapsed) if self.is_overdue(heard) => {
                    tracing::debug!(
                        next = self.next.0,
                        "nothing was heard for too long; another consumer is made"
                    );
                    return Ok(());
                }
                Err(_elapsed) => {}
            }
        }
    }

    fn is_overdue(&self, heard: Instant) -> bool {
        let waits = self.shared.acknowledged.load(Ordering::Relaxed) >= self.next.0;
        heard.elapsed() > SILENCE || (waits && heard.elapsed() > HEARD_WITHIN)
    }

    /// Hands a message on if it is the next one. The answer is `false` when the consumer gives something else, so that
    /// another consumer has to be made.
    async fn hand_on(&mut self, message: Message) -> Result<bool, Stop> {
        let Ok(info) = message.info() else { return Ok(false) };
        let place = Place(info.stream_sequence);
        if place < self.next {
            return Ok(true);
        }
        if place > self.next {
            // This consumer may have dropped batches. Whether the stream itself has dropped them is checked before the
            // next consumer is made.
            return Ok(false);
        }
        let stored = info.published.unix_timestamp_nanos();
        let at = u64::try_from(stored / 1_000_000).unwrap_or(0);
        let batch = Arc::new(B::from_bytes(&message.message.payload));
        (self.next, self.last_stored) = (place.next(), Some(stored));
        self.out.send(Ok(Ordered { place, at, batch })).await.map_err(|_| Stop::Unread)?;
        Ok(true)
    }
}
