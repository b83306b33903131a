//! Keeps one order of batches for all servers of a lobby, and carries questions from one server to another. This crate
//! owns the two traits for this, the order of a server that is alone ([`LocalStream`], [`Alone`]), an order in memory
//! that misbehaves for tests ([`MemoryStream`], [`MemoryNeighbours`]), and the tests that every implementation must
//! pass. It knows neither what a batch holds nor who publishes it.
//!
//! A server publishes what its clients want as one batch, and reads the batches that all servers have published. The
//! only decision about a batch is its place in the order. Every server applies the batches in this order to the same
//! plain state machine, so all servers reach the same conclusions.
//!
//! The type of the batches is generic, and a batch is handed on behind an `Arc`. A server that is alone immediately
//! reads back the very value that it published. The value is neither encoded nor copied, so a batch of any size costs
//! this server two short locks and one allocation. An implementation whose batches leave the process requires that they
//! can be encoded ([`Payload`]), and decodes each batch once for each server.

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

/// A future on the heap, which gives its result later.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The place of a batch in the order. The first batch has 1; 0 stands for the place before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(pub u64);

impl Place {
    /// Returns the place after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// The identity of an order. An order with another identity belongs to another lobby.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StreamIdentity(pub [u8; 16]);

/// A batch together with its place in the order.
#[derive(Debug)]
pub struct Ordered<B> {
    /// The place of the batch.
    pub place: Place,
    /// When the batch was put into the order, in milliseconds since 1970-01-01 UTC. Everybody who reads the batch gets
    /// the same time. If several machines keep the order, the time may be earlier than that of the batch before.
    pub at: u64,
    /// The batch that was published.
    pub batch: Arc<B>,
}

impl<B> Clone for Ordered<B> {
    fn clone(&self) -> Self {
        Self { place: self.place, at: self.at, batch: Arc::clone(&self.batch) }
    }
}

/// Why a publisher did not learn the place of its batch.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PublishError {
    /// This attempt to publish has no place, and will never get one. The text says why.
    #[error("the batch was refused: {0}")]
    Refused(String),
    /// The batch may already have a place, or get one later, so nobody may be told that it failed. The text says what
    /// went wrong.
    #[error("it is not known whether the batch was taken: {0}")]
    Unknown(String),
}

/// Why a follower cannot read any further in an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum StreamError {
    /// The batch after the place that was read last is no longer kept.
    #[error("batch {} is wanted and the order begins with {}", wanted.0, begins.0)]
    Skipped {
        /// The place of the batch that should have come next.
        wanted: Place,
        /// The oldest place that is still kept.
        begins: Place,
    },
    /// The order ends before the place up to which the follower has read. Somebody has restored it from an older copy.
    #[error("the order was read up to {} and ends at {}", reached.0, ends.0)]
    WentBack {
        /// The place up to which the follower has read.
        reached: Place,
        /// The newest place that the order has now.
        ends: Place,
    },
    /// The order now has another identity.
    #[error("the order was replaced by another one")]
    Replaced,
}

/// A batch that can be encoded, for orders that are kept outside the process.
pub trait Payload: Sized + Send + Sync + 'static {
    /// Returns the batch as bytes, in the form that [`from_bytes`](Self::from_bytes) reads.
    fn to_bytes(&self) -> Bytes;

    /// Decodes a batch. Bytes that are not a valid batch also have a place in the order, so this function must make
    /// something of them, and it must be the same on all servers.
    fn from_bytes(bytes: &[u8]) -> Self;
}

/// One order of batches, in which several servers publish and which all of them read.
pub trait OrderedStream<B>: Send + Sync + 'static {
    /// Returns the identity of this order.
    fn identity(&self) -> StreamIdentity;

    /// Puts a batch into the order and returns its place. The batch is on its way before the caller first waits for the
    /// answer, and dropping the answer does not stop it. `Ok` means that the batch is in the order, possibly twice.
    ///
    /// # Errors
    /// See [`PublishError`]. Only `Refused` promises that this attempt will never have a place.
    fn publish(&self, batch: Arc<B>) -> Later<'static, Result<Place, PublishError>>;

    /// Returns a follower that reads everything after the place `after`. It may have read batches ahead that are
    /// forgotten in the meantime.
    fn follow(&self, after: Place) -> Box<dyn Follower<B>>;

    /// Returns the oldest place that is kept and the newest place. If no batch is kept, the oldest place is one after
    /// the newest. The answer is `None` if the order cannot be reached now.
    fn bounds(&self) -> Later<'_, Option<(Place, Place)>>;

    /// Drops the batches up to and including `up_to`, which nobody needs any more. If the order cannot be reached now,
    /// nothing is dropped.
    fn forget(&self, up_to: Place) -> Later<'_, ()>;
}

/// Reads an order from a given place on, without a gap and without a repeat. It has no end, only errors.
pub trait Follower<B>: Send {
    /// Returns the next batch as soon as there is one. After an error, nothing more can be read.
    ///
    /// # Errors
    /// Fails if the batches that follow can no longer be read; see [`StreamError`].
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Ordered<B>, StreamError>>;
}

/// Waits for the next batch. No batch is lost if the wait is cancelled.
///
/// # Errors
/// Fails as [`Follower::poll_next`] does.
pub async fn next<B>(follower: &mut dyn Follower<B>) -> Result<Ordered<B>, StreamError> {
    poll_fn(|cx| follower.poll_next(cx)).await
}
