//! A lobby hosted in this very process: the same server, the same store, on its own task. Owns its
//! start and its end; knows nothing of clients.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use hobnob_protocol::name::PublicKey;
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
    /// Another process listens there.
    #[error("{0} is in use by another program")]
    AddressInUse(SocketAddr),
    /// Another process has the store.
    #[error("{text}")]
    Held {
        /// Where that server listens, when it told.
        address: Option<SocketAddr>,
        /// Who has it.
        text: String,
    },
    /// Anything else, with what caused it.
    #[error("{}", with_causes(.0))]
    Server(ServerError),
}

/// An error and its causes on one line: whoever shows a [`HostError`] asks it for no source.
fn with_causes(err: &ServerError) -> String {
    let causes = std::iter::successors(std::error::Error::source(err), |cause| cause.source());
    causes.fold(err.to_string(), |said, cause| format!("{said}: {cause}"))
}

impl HostError {
    /// Whether it may be that another client is just beginning to host.
    #[must_use]
    pub fn may_be_a_race(&self) -> bool {
        matches!(self, Self::AddressInUse(_) | Self::Held { .. })
    }
}

/// A running server.
#[derive(Debug)]
pub struct Host {
    address: SocketAddr,
    public: PublicKey,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), ServerError>>,
}

impl Host {
    /// Hosts a lobby at `address` with the store in `data_dir`. The key `host` is an operator's there.
    ///
    /// # Errors
    /// When the address or the store is taken, or cannot be used.
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

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where clients on this machine reach it.
    #[must_use]
    pub fn join_address(&self) -> SocketAddr {
        let ip = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            // An unspecified IPv6 address takes IPv4 too.
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

    /// Its key.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.public
    }

    /// Ends it: what was accepted is stored and delivered, clients are told.
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
