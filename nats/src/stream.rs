//! A lobby's order on JetStream: publishing to it, its bounds, and dropping batches that nobody needs. Reading it is in
//! `following`. This file knows nothing of what a batch holds.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::Stream;
use hobnob_order::{Follower, Later, OrderedStream, Payload, Place, PublishError, StreamIdentity};
use tokio::sync::oneshot;

use crate::connection::Link;
use crate::following::Following;
use crate::founding::{self, Founded, LobbyStreamError};
use crate::settings::{LobbyName, Settings};
use crate::shared::{Shared, bounds};

/// The one order of a lobby on many servers.
pub struct NatsStream<B> {
    shared: Arc<Shared>,
    batches: PhantomData<fn() -> B>,
}

impl<B> std::fmt::Debug for NatsStream<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NatsStream").field("identity", &self.shared.identity).finish_non_exhaustive()
    }
}

/// The state of a stream, for the administrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamState {
    /// The oldest and the newest place.
    pub bounds: (Place, Place),
    /// How many bytes the stream takes on one node.
    pub bytes: u64,
    /// How many nodes are to keep it.
    pub replicas: usize,
    /// How many of these nodes have all of it now. Without a majority nothing is acknowledged.
    pub current: usize,
    /// The node that leads the stream, if there is one now.
    pub leader: Option<String>,
}

impl<B: Payload> NatsStream<B> {
    /// Finds the lobby's stream; `None` if nobody has made one.
    ///
    /// # Errors
    /// Fails when JetStream does not answer, or no hobnob-server made the stream.
    pub async fn find(link: Link, lobby: &LobbyName) -> Result<Option<(Self, Founded)>, LobbyStreamError> {
        let existing = founding::find(&link, lobby).await?;
        Ok(existing.map(|(stream, founded)| (Self::over(link, lobby, stream, &founded), founded)))
    }

    /// Finds the lobby's stream, or makes it with `founding`. The founding in [`Founded`] is the one that counts,
    /// because another server may have been first.
    ///
    /// # Errors
    /// Fails when JetStream cannot keep the stream, or no hobnob-server made the stream of that name.
    pub async fn find_or_found(
        link: Link,
        settings: &Settings,
        identity: StreamIdentity,
        founding: &str,
    ) -> Result<(Self, Founded), LobbyStreamError> {
        let (stream, founded) = founding::find_or_found(&link, settings, identity, founding).await?;
        Ok((Self::over(link, &settings.lobby, stream, &founded), founded))
    }

    fn over(link: Link, lobby: &LobbyName, stream: Stream, founded: &Founded) -> Self {
        let (identity, subject) = (founded.identity, lobby.batches());
        let shared = Shared { link, stream, identity, acknowledged: AtomicU64::new(0), subject };
        Self { shared: Arc::new(shared), batches: PhantomData }
    }

    /// Returns the state of the stream now, or `None` if JetStream does not answer.
    pub async fn state(&self) -> Option<StreamState> {
        let info = self.shared.stream.get_info().await.ok()?;
        let replicas = info.config.num_replicas;
        let (current, leader) = match &info.cluster {
            None => (1, Some(self.shared.link.node())),
            Some(cluster) => {
                let others = cluster.replicas.iter().filter(|peer| peer.current && !peer.offline).count();
                (others + usize::from(cluster.leader.is_some()), cluster.leader.clone())
            }
        };
        Some(StreamState { bounds: bounds(&info), bytes: info.state.bytes, replicas, current, leader })
    }
}

impl<B: Payload> OrderedStream<B> for NatsStream<B> {
    fn identity(&self) -> StreamIdentity {
        self.shared.identity
    }

    fn publish(&self, batch: Arc<B>) -> Later<'static, Result<Place, PublishError>> {
        let (answer, answered) = oneshot::channel();
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            let result = shared.publish(PublishMessage::build().payload(batch.to_bytes())).await;
            let _nobody_waits = answer.send(result);
        });
        Box::pin(async {
            answered.await.unwrap_or_else(|_| Err(PublishError::Unknown("the program is ending".to_owned())))
        })
    }

    fn follow(&self, after: Place) -> Box<dyn Follower<B>> {
        Box::new(Following::begin(Arc::clone(&self.shared), after))
    }

    fn bounds(&self) -> Later<'_, Option<(Place, Place)>> {
        Box::pin(async { self.shared.stream.get_info().await.ok().as_ref().map(bounds) })
    }

    fn forget(&self, up_to: Place) -> Later<'_, ()> {
        Box::pin(async move {
            // JetStream accepts a purge beyond the end of the stream, and would then go on counting from there.
            let Some((_, newest)) = self.bounds().await else { return };
            let first_kept = up_to.min(newest).next();
            if let Err(err) = self.shared.stream.purge().sequence(first_kept.0).await {
                tracing::warn!(%err, "old batches could not be dropped from NATS");
            }
        })
    }
}
