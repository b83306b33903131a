//! A lobby without a socket: the program that embeds it brings the log and the streams. [`Server`](crate::Server) uses
//! it behind its listener, and a simulation runs it over a simulated network.

use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use hobnob_order::{LocalStream, OrderedStream, ServerId, StreamIdentity};
use hobnob_protocol::chain::{Position, Seq};
use hobnob_protocol::identity::Identity;
use hobnob_protocol::transport::{self, KeyPolicy};
use hobnob_protocol::{LOBBY_ALPN, RELAY_ALPN};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::admission::banned_ranges::BannedRanges;
use crate::config::ServerConfig;
use crate::connection::{self, Elsewhere, Paces, Recent, RecentOfRooms, Shared, Turns};
use crate::decide::Proposals;
use crate::lobby::{Chunk, Lobby, LobbyParts, Sharing, first_connection, lobby, new_server, wall_clock};
use crate::log::{LobbyLog, LogError};
use crate::metrics::Metrics;
use crate::relay::kept_out::KeptOut;
use crate::relay::{Relay, RelayParts};
use crate::tokens::Tokens;

/// How many of the newest messages are in memory when a server starts: the largest backlog.
const WARM_MESSAGES: u64 = 1000;

/// How many messages and bytes of text are read at once when the memory is filled.
const WARM_STEP: usize = 256;
const WARM_STEP_BYTES: usize = 1024 * 1024;

/// A lobby that does not run yet.
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
    pub(crate) lobby: Lobby,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

/// Takes the clients of an engine; cheap to clone.
#[derive(Clone)]
pub struct Streams(Arc<Shared>);

impl std::fmt::Debug for Streams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streams").finish_non_exhaustive()
    }
}

impl Engine {
    /// Makes a lobby over `log`, which clients know by `identity`. Of `config`, only the settings are used that concern
    /// clients, names, rooms and the relay.
    ///
    /// # Errors
    /// Fails when the newest messages cannot be read.
    pub async fn new(
        log: Arc<dyn LobbyLog>,
        identity: &Identity,
        config: &ServerConfig,
    ) -> Result<Self, LogError> {
        // A single server keeps its order itself.
        let stream = LocalStream::new(StreamIdentity(*log.contents().log.as_bytes()), wall_clock);
        Self::over(log, identity, config, Arc::new(stream), None).await
    }

    /// Makes the lobby of one of several servers, which has read the shared order up to its end.
    ///
    /// # Errors
    /// Fails when the newest messages cannot be read.
    pub(crate) async fn shared(
        log: Arc<dyn LobbyLog>,
        identity: &Identity,
        config: &ServerConfig,
        stream: Arc<dyn OrderedStream<Proposals>>,
        sharing: Sharing,
    ) -> Result<Self, LogError> {
        Self::over(log, identity, config, stream, Some(sharing)).await
    }

    async fn over(
        log: Arc<dyn LobbyLog>,
        identity: &Identity,
        config: &ServerConfig,
        stream: Arc<dyn OrderedStream<Proposals>>,
        sharing: Option<Sharing>,
    ) -> Result<Self, LogError> {
        let (recent, last_at) = warm_up(&*log).await?;
        let recent = Arc::new(Mutex::new(recent));
        let recent_of_rooms = Arc::new(RecentOfRooms::default());
        let metrics = Arc::new(Metrics::new());
        let tokens = Tokens::of(identity);
        let kept_out = Arc::new(KeptOut::default());
        let relay = Relay::new(RelayParts {
            tokens: tokens.clone(),
            rate: config.relay,
            max_clients: config.max_clients,
            max_clients_per_ip: config.max_clients_per_ip,
            kept_out: Arc::clone(&kept_out),
            clock: wall_clock,
            metrics: Arc::clone(&metrics),
        });
        let banned = Arc::new(BannedRanges::default());
        let server = if sharing.is_some() { new_server() } else { ServerId(0) };
        let ids = Arc::new(AtomicU64::new(first_connection(server)));
        let (handle, lobby) = lobby(LobbyParts {
            stream,
            server,
            sharing,
            ids: Arc::clone(&ids),
            advertised: config.advertise.clone(),
            relays: config.relay.is_some(),
            log: Arc::clone(&log),
            memory: Arc::clone(&recent) as _,
            room_memory: Arc::clone(&recent_of_rooms) as _,
            max_rooms: config.rooms,
            banned: Arc::clone(&banned),
            kept_out,
            metrics: Arc::clone(&metrics),
            tokens,
            max_clients: config.max_clients,
            name_ttl_days: config.name_ttl,
            new_names_per_network: config.max_clients_per_ip,
            clock: Arc::new(wall_clock),
            last_at,
        });
        let shared = Arc::new(Shared {
            tls: transport::server_config_for(identity, KeyPolicy::Any, &[LOBBY_ALPN, RELAY_ALPN]),
            lobby: handle,
            log,
            recent,
            recent_of_rooms,
            metrics,
            turns: Turns::default(),
            paces: Paces::new(config.rate, config.max_clients, config.max_clients_per_ip),
            banned,
            motd: Mutex::default(),
            ids,
            evicted: Arc::new(Semaphore::new(connection::MAX_EVICTED)),
            relay,
        });
        Ok(Self { shared, lobby })
    }

    /// Returns the way to bring clients' streams to this lobby.
    #[must_use]
    pub fn streams(&self) -> Streams {
        Streams(Arc::clone(&self.shared))
    }

    /// Runs the lobby until `shutdown`; then stores and sends what was accepted until then.
    pub async fn run(self, shutdown: CancellationToken) {
        if let Err(err) = self.lobby.run(shutdown).await {
            tracing::error!(%err, "the lobby ended by itself");
        }
    }
}

impl Streams {
    /// Serves one client until it is gone.
    pub async fn serve<S>(self, stream: S, remote: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        match connection::serve(stream, None, remote, Arc::clone(&self.0)).await {
            Some(Elsewhere::Evicted(evicted)) => evicted.told().await,
            Some(Elsewhere::Relay(client)) => self.0.relay.serve(*client, remote.ip(), None).await,
            None => {}
        }
    }
}

/// Reads the newest messages into memory. Also returns the time of the newest message.
async fn warm_up(log: &dyn LobbyLog) -> Result<(Recent, u64), LogError> {
    let head = *log.subscribe().borrow();
    let mut recent: Option<Recent> = None;
    let mut last_at = 0;
    let mut reached = Seq(head.seq.0.saturating_sub(WARM_MESSAGES));
    loop {
        let stretch = log.read(reached, WARM_STEP, WARM_STEP_BYTES).await?;
        let Some(last) = stretch.messages.last() else { break };
        (reached, last_at) = (last.seq, last.at);
        let chunks = Chunk::cut(&Arc::new(stretch.messages));
        recent.get_or_insert_with(|| Recent::new(stretch.after)).push(&chunks);
    }
    let position = Position { seq: head.seq, hash: head.hash };
    Ok((recent.unwrap_or_else(|| Recent::new(position)), last_at))
}
