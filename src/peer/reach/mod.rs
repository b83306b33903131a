//! The ways by which one side of a session reaches the other: `tcp` today; `rules` says which addresses
//! are dialled at all. A way gives a stream of bytes
//! in both directions and where its other end is; what is sealed and said on it is the same for all.
//! Knows no keys, no sessions and no hellos.

pub(super) mod rules;
pub(super) mod tcp;

use std::net::{IpAddr, SocketAddr};

use tokio::io::{AsyncRead, AsyncWrite};

/// A stream of bytes in both directions: TCP, TLS over it, or a pipe in a test.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// Who made a connection, and with whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// This side, to there.
    Dialled(SocketAddr),
    /// The other side, from there.
    Accepted(IpAddr),
}

/// The other side, or whoever answers in its place, is reached; nothing was said yet.
pub(super) struct Reached {
    pub(super) stream: Box<dyn Duplex>,
    pub(super) origin: Origin,
}
