//! One order of batches for all servers of a lobby, and questions from one server to another. Owns the two
//! traits, the order of a server that is alone ([`LocalStream`], [`Alone`]), one in memory that misbehaves
//! ([`MemoryStream`], [`MemoryNeighbours`]), and the suite of tests that every implementation is held to. Knows
//! neither what a batch holds nor who publishes it.
//!
//! A server publishes what its clients want, as one batch, and reads back what all servers published. The place
//! that a batch has in that order is the only decision about it: every server applies the batches in their order
//! to the same plain state machine, and so all of them come to the same conclusions.
//!
//! The payload is generic, and a batch is handed on behind an `Arc`. A server that is alone reads back the very
//! value that it published, at once: no bytes are made of it and nothing of it is copied, so the order costs that
//! server two short locks and one allocation for a batch of any size. An implementation whose batches leave the
//! process asks that its payload can be encoded, and decodes it once for each server.

mod local;
mod memory;
mod neighbours;
mod places;
#[cfg(any(test, feature = "suite"))]
pub mod suite;

pub use local::LocalStream;
pub use memory::{MemoryStream, Mischief};
pub use neighbours::{Alone, MemoryNeighbours, Neighbours, NoAnswer, Question, ServerId};

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use thiserror::Error;

/// Something that comes later.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where a batch stands in the order. The first has 1; 0 stands before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(pub u64);

impl Place {
    /// The place after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// Which order it is. Another identity is another lobby.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StreamIdentity(pub [u8; 16]);

/// A batch that has its place.
#[derive(Debug)]
pub struct Ordered<B> {
    /// Where it stands.
    pub place: Place,
    /// When it was put there, in milliseconds since 1970-01-01 UTC. The same for everybody who reads it. It may be
    /// earlier than that of the batch before, where several machines keep the order.
    pub at: u64,
    /// What was published.
    pub batch: Arc<B>,
}

impl<B> Clone for Ordered<B> {
    fn clone(&self) -> Self {
        Self { place: self.place, at: self.at, batch: Arc::clone(&self.batch) }
    }
}

/// Why whoever published a batch was not told its place.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PublishError {
    /// This attempt has no place and never will have one.
    #[error("the batch was refused: {0}")]
    Refused(String),
    /// The batch may have a place, or get one later. Nobody may be told that it has none.
    #[error("it is not known whether the batch was taken: {0}")]
    Unknown(String),
}

/// Why an order cannot be followed any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum StreamError {
    /// What follows the place is no longer kept.
    #[error("batch {} is wanted and the order begins with {}", wanted.0, begins.0)]
    Skipped {
        /// What follows the place read up to.
        wanted: Place,
        /// The oldest that is kept.
        begins: Place,
    },
    /// The order ends before the place it was read up to: it was restored from an older copy.
    #[error("the order was read up to {} and ends at {}", reached.0, ends.0)]
    WentBack {
        /// Up to where it was read.
        reached: Place,
        /// Where it ends now.
        ends: Place,
    },
    /// It is another order now.
    #[error("the order was replaced by another one")]
    Replaced,
}

/// A batch that can leave the process, for orders that are kept elsewhere.
pub trait Payload: Sized + Send + Sync + 'static {
    /// The batch as bytes.
    fn to_bytes(&self) -> Bytes;

    /// The batch that these bytes are. Bytes that are none have a place all the same, which all servers pass: what
    /// is made of them must be the same for all.
    fn from_bytes(bytes: &[u8]) -> Self;
}

/// One order of batches.
pub trait OrderedStream<B>: Send + Sync + 'static {
    /// Which order this is.
    fn identity(&self) -> StreamIdentity;

    /// Puts a batch into the order and gives its place. It is on its way before the answer is first waited for,
    /// and an answer that is dropped does not stop it. `Ok` means that it stands there, perhaps a second time.
    ///
    /// # Errors
    /// See [`PublishError`]: only `Refused` promises that this attempt will never have a place.
    fn publish(&self, batch: Arc<B>) -> Later<'static, Result<Place, PublishError>>;

    /// All that follows `after`, as it comes. Some of it may have been read ahead when it is forgotten.
    fn follow(&self, after: Place) -> Box<dyn Follower<B>>;

    /// The oldest place that is kept and the newest there is; where none is kept, the oldest is one past the
    /// newest. `None` where the order cannot be asked now.
    fn bounds(&self) -> Later<'_, Option<(Place, Place)>>;

    /// Drops the batches up to a place that nobody needs any more. Where the order cannot be asked now, nothing is
    /// dropped.
    fn forget(&self, up_to: Place) -> Later<'_, ()>;
}

/// Reads an order from a place on: without a gap, without a repeat, for ever.
pub trait Follower<B>: Send {
    /// The next batch, as soon as there is one. After an error there is nothing more.
    ///
    /// # Errors
    /// When what follows can no longer be read, see [`StreamError`].
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Ordered<B>, StreamError>>;
}

/// Waits for the next batch. Nothing is lost when the wait is cancelled.
///
/// # Errors
/// As [`Follower::poll_next`].
pub async fn next<B>(follower: &mut dyn Follower<B>) -> Result<Ordered<B>, StreamError> {
    poll_fn(|cx| follower.poll_next(cx)).await
}
