//! What publishing to the stream and following it have in common: the link, the stream, and how far batches were
//! acknowledged. This file knows nothing of what a batch holds.

use std::sync::atomic::{AtomicU64, Ordering};

use async_nats::jetstream::context::{PublishError as NotAcknowledged, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{Info, Stream};
use hobnob_order::{Place, PublishError, StreamIdentity};

use crate::connection::{Link, chain};

/// What publishing and following have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) link: Link,
    pub(crate) stream: Stream,
    pub(crate) identity: StreamIdentity,
    /// The newest place that was acknowledged to this server. The reader has to hear of the batch at that place soon.
    pub(crate) acknowledged: AtomicU64,
    /// The subject to which batches are published.
    pub(crate) subject: String,
}

impl Shared {
    /// Makes one attempt to publish a message. When the link is lost, the attempt fails at once. Otherwise the NATS
    /// crate would keep every attempt that is made meanwhile, and send all of them in the end.
    pub(crate) async fn publish(&self, message: PublishMessage) -> Result<Place, PublishError> {
        if !self.link.stands() {
            return Err(PublishError::Unknown("NATS is not reached".to_owned()));
        }
        let sent = self.link.jetstream.send_publish(self.subject.clone(), message).await;
        let acknowledged = match sent {
            Ok(answer) => answer.await,
            Err(err) => Err(err),
        };
        let place = Place(acknowledged.map_err(|err| not_published(&err))?.sequence);
        self.acknowledged.fetch_max(place.0, Ordering::Relaxed);
        Ok(place)
    }
}

/// Returns the error for a batch that was not acknowledged. The batch counts as refused only if no node can have stored
/// it.
fn not_published(err: &NotAcknowledged) -> PublishError {
    match err.kind() {
        PublishErrorKind::MaxPayloadExceeded => PublishError::Refused(chain(err)),
        _ => PublishError::Unknown(chain(err)),
    }
}

/// Returns the oldest place and the newest. JetStream says that an empty stream begins at 0.
pub(crate) fn bounds(info: &Info) -> (Place, Place) {
    let newest = info.state.last_sequence;
    let oldest = if info.state.messages == 0 { newest + 1 } else { info.state.first_sequence };
    (Place(oldest), Place(newest))
}
