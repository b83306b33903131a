//! The encryption of a connection (its seal): TLS 1.3 between two keys, the same over every path by which a peer is
//! reached. This file decides which key is accepted at either end; it knows no addresses, sessions or hellos.

use std::io;
use std::sync::Arc;

use hobnob_protocol::PEER_ALPN;
use hobnob_protocol::identity::Identity;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::transport::{self, KeyPolicy};
use thiserror::Error;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::reach::Duplex;

/// A stream that only the two sides can read or write.
pub(super) struct Sealed {
    pub(super) stream: Box<dyn Duplex>,
    /// The key that the other side has proved to have.
    pub(super) key: PublicKey,
    /// The key exchange, as TLS names it.
    pub(super) key_exchange: String,
}

/// Why a stream could not be sealed.
#[derive(Debug, Error)]
pub(super) enum SealError {
    #[error("somebody with another key answers: {0}")]
    WrongKey(PublicKey),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Seals a stream that this side has opened. Only `key` is accepted at the other end.
pub(super) async fn call(
    stream: Box<dyn Duplex>,
    identity: &Identity,
    key: PublicKey,
) -> Result<Sealed, SealError> {
    let (config, seen) = transport::client_config(identity, KeyPolicy::Only(key), PEER_ALPN);
    let connected = TlsConnector::from(config).connect(transport::server_name(), stream).await;
    let stream = connected.map_err(|error| match seen.get() {
        Some(other) if other != key => SealError::WrongKey(other),
        _ => SealError::Io(error),
    })?;
    let state = stream.get_ref().1;
    let shown = transport::authenticated_peer(state, PEER_ALPN).map_err(io::Error::other)?;
    if shown != key {
        return Err(SealError::WrongKey(shown));
    }
    let key_exchange = transport::key_exchange(state);
    Ok(Sealed { stream: Box::new(stream), key, key_exchange })
}

/// Seals streams that the other side has opened. If the key of the other side is not allowed, nothing after the
/// handshake is read.
pub(super) struct Acceptor {
    tls: TlsAcceptor,
}

impl Acceptor {
    /// `allows` is asked during a handshake, so it must answer at once.
    pub(super) fn new(
        identity: &Identity,
        allows: impl Fn(&PublicKey) -> bool + Send + Sync + 'static,
    ) -> Self {
        let policy = KeyPolicy::Allowed(Arc::new(allows));
        Self { tls: TlsAcceptor::from(transport::server_config(identity, policy, PEER_ALPN)) }
    }

    pub(super) async fn answer(&self, stream: Box<dyn Duplex>) -> io::Result<Sealed> {
        let stream = self.tls.accept(stream).await?;
        let state = stream.get_ref().1;
        let key = transport::authenticated_peer(state, PEER_ALPN).map_err(io::Error::other)?;
        let key_exchange = transport::key_exchange(state);
        Ok(Sealed { stream: Box::new(stream), key, key_exchange })
    }
}
