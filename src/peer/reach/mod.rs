//! The ways by which one side of a session reaches the other: `tcp`, and `relay` through the lobby's server; `rules` says which addresses
//! are dialled at all. A way gives a stream of bytes
//! in both directions and where its other end is; what is sealed and said on it is the same for all.
//! Knows no keys, no sessions and no hellos.

pub(super) mod relay;
pub(super) mod rules;
pub(super) mod tcp;

use std::net::{IpAddr, SocketAddr};

use tokio::io::{AsyncRead, AsyncWrite};

use crate::session::path::Path;

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
    /// Both, by way of the server there.
    Relayed(SocketAddr),
}

impl Origin {
    /// How words travel on such a connection.
    pub(super) fn path(self) -> Path {
        match self {
            Self::Dialled(_) | Self::Accepted(_) => Path::Direct,
            Self::Relayed(_) => Path::Relay,
        }
    }
}

/// The other side, or whoever answers in its place, is reached; nothing was said yet.
pub(super) struct Reached {
    pub(super) stream: Box<dyn Duplex>,
    pub(super) origin: Origin,
}
