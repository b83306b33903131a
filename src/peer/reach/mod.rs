//! The paths by which one side of a session reaches the other: `tcp`, and `relay` through the lobby's server;
//! `dial_filter` says which addresses are dialled at all. A path gives a stream of bytes in both directions, and says
//! where its other end is. The encryption and the messages on it are the same for all paths. This file knows no keys,
//! no sessions and no hellos.

pub(super) mod dial_filter;
pub(super) mod relay;
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
    /// This side dialled this address.
    Dialled(SocketAddr),
    /// The other side dialled, from this address.
    Accepted(IpAddr),
    /// Both sides went to the server at this address.
    Relayed(SocketAddr),
}

impl Origin {
    /// Returns the path of texts on such a connection.
    pub(super) fn path(self) -> Path {
        match self {
            Self::Dialled(_) | Self::Accepted(_) => Path::Direct,
            Self::Relayed(_) => Path::Relay,
        }
    }
}

/// A stream to the other side, or to whoever answers in its place; nothing was said on it yet.
pub(super) struct Reached {
    pub(super) stream: Box<dyn Duplex>,
    pub(super) origin: Origin,
}
