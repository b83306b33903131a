//! A lobby that is hosted in this process. The same server with the same store runs in a task of its own. This file
//! owns how it is started and stopped; it knows nothing of clients.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use hobnob_protocol::key::PublicKey;
use hobnob_server::log::holder;
use hobnob_server::{Operators, Server, ServerConfig, ServerError};
use thiserror::Error;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long the server may take to store and deliver the last messages.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Why no lobby can be hosted here.
#[derive(Debug, Error)]
pub enum HostError {
    /// Another process listens at the address.
    #[error("{0} is in use by another program")]
    AddressInUse(SocketAddr),
    /// Another process uses the store.
    #[error("{text}")]
    Held {
        /// Where the server of that process listens, if it has said so.
        address: Option<SocketAddr>,
        /// A sentence that says which process uses the store.
        text: String,
    },
    /// Any other error, with its causes.
    #[error("{}", with_causes(.0))]
    Server(ServerError),
}

/// Returns an error and its causes on one line, because whoever shows a [`HostError`] does not ask for its source.
fn with_causes(err: &ServerError) -> String {
    let causes = std::iter::successors(std::error::Error::source(err), |cause| cause.source());
    causes.fold(err.to_string(), |said, cause| format!("{said}: {cause}"))
}

impl HostError {
    /// Whether another client may just be starting to host the lobby.
    #[must_use]
    pub fn may_be_a_race(&self) -> bool {
        matches!(self, Self::AddressInUse(_) | Self::Held { .. })
    }
}

/// A server that runs in this process.
#[derive(Debug)]
pub struct Host {
    address: SocketAddr,
    public: PublicKey,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), ServerError>>,
}

impl Host {
    /// Hosts a lobby at `address` with the store in `data_dir`. The key `host` is an operator's in that lobby.
    ///
    /// # Errors
    /// Fails if the address or the store is already in use, or is not usable.
    pub async fn start(address: SocketAddr, data_dir: &Path, host: PublicKey) -> Result<Self, HostError> {
        let mut config = ServerConfig::new(address, data_dir);
        config.program = "hobnob".to_owned();
        config.operators = Operators::Host(host);
        let server = Server::bind(config).await.map_err(|err| told(err, data_dir))?;
        let shutdown = CancellationToken::new();
        Ok(Self {
            address: server.local_addr(),
            public: server.public_key(),
            shutdown: shutdown.clone(),
            task: tokio::spawn(server.run(shutdown.cancelled_owned())),
        })
    }

    /// Returns the address at which the server listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the address at which clients on this machine reach the server.
    #[must_use]
    pub fn join_address(&self) -> SocketAddr {
        let ip = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            // A server that listens at the unspecified IPv6 address usually accepts IPv4 too.
            IpAddr::V6(ip) if ip.is_unspecified() => {
                match std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)) {
                    Ok(_) => Ipv4Addr::LOCALHOST.into(),
                    Err(_) => Ipv6Addr::LOCALHOST.into(),
                }
            }
            ip => ip,
        };
        SocketAddr::new(ip, self.address.port())
    }

    /// Returns the public key of the server.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.public
    }

    /// Stops the server. What it has accepted is stored and delivered, and its clients are told.
    pub async fn stop(self) {
        self.shutdown.cancel();
        match timeout(STOP_TIMEOUT, self.task).await {
            Ok(Ok(Ok(()))) => {}
            ended => tracing::warn!(?ended, "the hosted server did not end in good order"),
        }
    }
}

fn told(err: ServerError, data_dir: &Path) -> HostError {
    match err {
        ServerError::AddressInUse { addr } => HostError::AddressInUse(addr),
        ServerError::StoreHeld(text) => {
            let address = holder(&data_dir.join("server")).and_then(|holder| holder.address);
            HostError::Held { address, text }
        }
        other => HostError::Server(other),
    }
}
