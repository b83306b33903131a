//! A whole server: puts the parts together, runs them, and ends them in order. This file is used by the program
//! `hobnob-server`, and by a client that hosts its own lobby.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hobnob_protocol::identity::{Identity, IdentityError};
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::text::Text;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admission::{AccessDenied, Admission};
use crate::config::ServerConfig;
use crate::connection::Shared;
use crate::engine::Engine;
use crate::exposed::exposed;

use crate::listener::{self, Door};
use crate::lobby::Lobby;
use crate::lobby_thread::LobbyThread;
use crate::log::in_place::InPlace;
use crate::log::{LogError, SqliteLog, SqliteOptions, StoreLock};
use crate::metrics::scrape;
use crate::own_files::{OwnFiles, OwnFilesError};
use crate::relay::most_connections;
use crate::shared_lobby::founding::SharedOrder;
use crate::shared_lobby::{self, CannotShare, SharedLobby};

/// Time limits that count from the moment at which the server is told to end: for storing the last batch, for clients
/// to read what was sent, and for closing the store. A server ends within five seconds.
const STORE_BY: Duration = Duration::from_millis(3000);
const DELIVER_BY: Duration = Duration::from_millis(4200);
const CLOSE_BY: Duration = Duration::from_millis(4600);

/// How often it is checked whether the store is still where it was opened. Each batch checks that as well; this check
/// is for a lobby in which nobody speaks.
const IN_PLACE_INTERVAL: Duration = Duration::from_secs(1);

/// How many files a server needs besides one for each client.
const OTHER_FILES: u64 = 256;

/// Why a server does not start, or has ended with an error.
#[derive(Debug, Error)]
pub enum ServerError {
    /// Another program listens at the address already.
    #[error("{addr} is in use by another program")]
    AddressInUse {
        /// The address of the server.
        addr: SocketAddr,
    },
    /// The server cannot listen at the address.
    #[error("cannot listen at {addr}")]
    Listen {
        /// The address of the server.
        addr: SocketAddr,
        /// The error of the system.
        source: io::Error,
    },
    /// One of the administrator's files cannot be used.
    #[error(transparent)]
    OwnFiles(#[from] OwnFilesError),
    /// Another server uses the data directory; the text says which.
    #[error("{0}")]
    StoreHeld(String),
    /// The log cannot be opened.
    #[error("cannot open the lobby's log in {}", dir.display())]
    Store {
        /// The folder of the log.
        dir: PathBuf,
        /// What is wrong with it.
        source: LogError,
    },
    /// The server's key cannot be loaded or made.
    #[error("cannot use the server's key")]
    Key(#[from] IdentityError),
    /// The store's folder or a file in it was deleted, renamed or replaced while the server ran.
    #[error(
        "{} was deleted, renamed or replaced while the server ran, which therefore ended: what was said before is \
         where that is now, and nothing was acknowledged since", path.display()
    )]
    StoreMoved {
        /// The path at which the store was.
        path: PathBuf,
    },
    /// The server cannot be one of several servers.
    #[error(transparent)]
    Shared(#[from] CannotShare),
    /// A part of the server ended by a fault of its own.
    #[error("the lobby ended unexpectedly: {0}")]
    Fault(String),
}

/// A server that listens and does not serve clients yet.
pub struct Server {
    listener: TcpListener,
    local_addr: SocketAddr,
    metrics_listener: Option<TcpListener>,
    public_key: PublicKey,
    max_clients: usize,
    max_clients_per_ip: usize,
    shared: Arc<Shared>,
    lobby: Lobby,
    store_lock: StoreLock,
    in_place: InPlace,
    own_files: OwnFiles,
}

/// Why a server ends.
enum End {
    /// The server was told to end.
    Asked,
    /// The store is no longer at this path.
    Moved(PathBuf),
    /// The lobby has ended by itself, for this reason.
    Fault(String),
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("local_addr", &self.local_addr).finish_non_exhaustive()
    }
}

impl Server {
    /// Takes the store and the address, in this order, and opens the log. From now on clients may connect;
    /// [`run`](Self::run) serves them.
    ///
    /// # Errors
    /// Fails when the store or the address is in use or cannot be used. Then neither is held.
    pub async fn bind(config: ServerConfig) -> Result<Self, ServerError> {
        let own_files = OwnFiles::of(&config);
        let own = own_files.read().await?;
        let taken = Taken::take(&config).await?;
        let log = open_log(&taken.dir, &config).await?;
        let in_place = log.in_place();
        let unreadable = |source| ServerError::Store { dir: taken.dir.clone(), source };
        let mut engine = Engine::new(Arc::new(log), &taken.identity, &config).await.map_err(unreadable)?;
        // This is done also if nobody is listed: users who were listed before are no longer operators.
        engine.lobby.operators_are(own.operators.unwrap_or_default());
        Self::over(config, taken, engine, in_place, (own_files, own.motd)).await
    }

    /// Starts a server as one of the servers of the lobby whose order `order` brings. Returns when that order is read
    /// up to its end; the longer this server was away, the longer that takes.
    ///
    /// # Errors
    /// Fails as [`bind`](Self::bind) does, and when this server cannot be one of that lobby's servers.
    pub async fn bind_shared(config: ServerConfig, order: &dyn SharedOrder) -> Result<Self, ServerError> {
        let own_files = OwnFiles::of(&config);
        let own = own_files.read().await?;
        let taken = Taken::take(&config).await?;
        let SharedLobby { mut engine, in_place } =
            shared_lobby::open(&taken.dir, &taken.identity, &config, order).await?;
        // Without `--operators` this server leaves the list to the other servers.
        if let Some(listed) = own.operators {
            engine.lobby.operators_are(listed);
        }
        Self::over(config, taken, engine, in_place, (own_files, own.motd)).await
    }

    async fn over(
        config: ServerConfig,
        taken: Taken,
        engine: Engine,
        in_place: InPlace,
        (own_files, motd): (OwnFiles, Option<Text>),
    ) -> Result<Self, ServerError> {
        let Taken { dir, store_lock, identity, socket } = taken;
        for exposed in exposed(&config.data_dir, &dir) {
            tracing::warn!("{exposed}");
        }
        let listener = listener::listen(socket).map_err(|err| cannot_listen(config.listen, err))?;
        let local_addr = listener.local_addr().map_err(|err| cannot_listen(config.listen, err))?;
        let metrics_listener = match config.metrics {
            Some(addr) => Some(TcpListener::bind(addr).await.map_err(|err| cannot_listen(addr, err))?),
            None => None,
        };
        if let Err(err) = store_lock.set_address(local_addr) {
            // Without the note, only other programs that look for this server cannot find it.
            tracing::warn!(%err, "cannot note where this server is");
        }
        raise_file_limit(config.max_clients);
        let in_place = store_lock.watched_beside(in_place);
        let own_files = own_files.kept_by(&engine.shared);
        own_files.says(motd);
        Ok(Self {
            listener,
            local_addr,
            metrics_listener,
            public_key: identity.public(),
            max_clients: config.max_clients,
            max_clients_per_ip: config.max_clients_per_ip,
            shared: engine.shared,
            lobby: engine.lobby,
            store_lock,
            in_place,
            own_files,
        })
    }

    /// Returns the address at which clients connect, with the port that the system picked if the settings had port 0.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Returns the address at which metrics are read, or `None` if there are no metrics.
    #[must_use]
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics_listener.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// Reads the administrator's files again while the server runs.
    #[must_use]
    pub fn own_files(&self) -> OwnFiles {
        self.own_files.clone()
    }

    /// Returns the key by which clients know this server.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.public_key
    }

    /// Serves clients until `shutdown`. Then it stores and delivers what was accepted, tells the clients, and ends
    /// within five seconds.
    ///
    /// # Errors
    /// Fails when a part of the server fails, or the store is no longer where it was. Everything is closed then as
    /// well, and clients are told if that is still possible.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServerError> {
        let stop_lobby = CancellationToken::new();
        let door = Door {
            shared: self.shared,
            admission: Admission::new(self.max_clients, self.max_clients_per_ip),
            access_denied: AccessDenied::default(),
            tasks: TaskTracker::new(),
            abort: CancellationToken::new(),
        };
        // However this future ends, even if it is dropped, nothing that it began goes on.
        let _ends_all = (stop_lobby.clone().drop_guard(), door.abort.clone().drop_guard());
        let started = LobbyThread::start(self.lobby, stop_lobby.clone());
        let mut lobby =
            started.map_err(|err| ServerError::Fault(format!("it was given no thread: {err}")))?;
        let scraping = self.metrics_listener.map(|listener| {
            let scrape = scrape::serve(listener, Arc::clone(&door.shared.metrics));
            tokio::spawn(door.abort.clone().run_until_cancelled_owned(scrape))
        });
        let end = tokio::select! {
            () = shutdown => End::Asked,
            () = door.accept_all(&self.listener) => End::Asked,
            path = moved(self.in_place) => End::Moved(path),
            ended = lobby.ended() => End::Fault(reason(ended)),
        };
        if let End::Moved(path) = &end {
            tracing::error!(path = %path.display(), "the store is no longer where it was; nothing more is acknowledged");
        }
        let started = Instant::now();
        drop(self.listener);
        door.shared.relay.close();
        stop_lobby.cancel();
        if !matches!(end, End::Fault(_)) {
            stop(lobby, started).await;
        }
        door.tasks.close();
        if timeout_at(started + DELIVER_BY, door.tasks.wait()).await.is_err() {
            tracing::debug!("some clients did not read to the end");
        }
        door.abort.cancel();
        door.tasks.wait().await;
        if let Some(scraping) = scraping {
            let _cancelled = scraping.await;
        }
        close_store(door.shared, self.store_lock, started).await;
        match end {
            End::Asked => Ok(()),
            End::Moved(path) => Err(ServerError::StoreMoved { path }),
            End::Fault(reason) => Err(ServerError::Fault(reason)),
        }
    }
}

/// Waits until the store is no longer where it was.
async fn moved(in_place: InPlace) -> PathBuf {
    loop {
        sleep(IN_PLACE_INTERVAL).await;
        let looked = in_place.clone();
        // This is done in a thread of its own, so that a disk that hangs holds up nothing else.
        if let Ok(Err(moved)) = spawn_blocking(move || looked.check()).await {
            return moved.path;
        }
    }
}

/// Returns the reason why the lobby ended by itself.
fn reason(ended: Result<(), String>) -> String {
    ended.err().unwrap_or_else(|| "no reason".to_owned())
}

async fn stop(mut lobby: LobbyThread, started: Instant) {
    match timeout_at(started + STORE_BY, lobby.ended()).await {
        Ok(Ok(())) => {}
        Ok(ended) => tracing::error!(reason = reason(ended), "the lobby ended unexpectedly"),
        Err(_elapsed) => tracing::error!("the last messages could not be stored in time"),
    }
}

/// Closes the log, and then releases the store.
async fn close_store(shared: Arc<Shared>, lock: StoreLock, started: Instant) {
    let close = spawn_blocking(move || {
        drop(shared);
        drop(lock);
    });
    if timeout_at(started + CLOSE_BY, close).await.is_err() {
        tracing::error!("the store could not be closed in time");
    }
}

/// What a server has taken for itself: its folder, its key, and its address, at which no client is accepted yet.
struct Taken {
    dir: PathBuf,
    store_lock: StoreLock,
    identity: Identity,
    socket: socket2::Socket,
}

impl Taken {
    async fn take(config: &ServerConfig) -> Result<Self, ServerError> {
        let (listen, program) = (config.listen, config.program.clone());
        let dir = config.data_dir.join("server");
        blocking(move || {
            let store_lock = StoreLock::acquire(&dir, &program).map_err(|err| cannot_open(&dir, err))?;
            let socket = listener::bind(listen).map_err(|err| cannot_listen(listen, err))?;
            let identity = Identity::load_or_create(&dir.join("server.key"))?;
            Ok(Self { dir, store_lock, identity, socket })
        })
        .await
    }
}

async fn open_log(dir: &Path, config: &ServerConfig) -> Result<SqliteLog, ServerError> {
    let dir = dir.to_owned();
    let kept = SqliteOptions { history: config.history, max_bytes: config.history_size };
    blocking(move || SqliteLog::open(&dir, kept).map_err(|err| cannot_open(&dir, err))).await
}

async fn blocking<T: Send + 'static>(
    open: impl FnOnce() -> Result<T, ServerError> + Send + 'static,
) -> Result<T, ServerError> {
    spawn_blocking(open).await.unwrap_or_else(|err| Err(ServerError::Fault(err.to_string())))
}

fn cannot_open(dir: &Path, err: LogError) -> ServerError {
    match err {
        LogError::Held(who) => ServerError::StoreHeld(who),
        source => ServerError::Store { dir: dir.to_owned(), source },
    }
}

fn cannot_listen(addr: SocketAddr, source: io::Error) -> ServerError {
    match source.kind() {
        io::ErrorKind::AddrInUse => ServerError::AddressInUse { addr },
        _ => ServerError::Listen { addr, source },
    }
}

/// Raises the limit of open files to one for each client and each relayed connection, as far as the system allows.
fn raise_file_limit(max_clients: usize) {
    let wanted = (max_clients + most_connections(max_clients)) as u64 + OTHER_FILES;
    match rlimit::increase_nofile_limit(wanted) {
        Ok(limit) if limit < wanted => {
            tracing::warn!(limit, wanted, "fewer open files are allowed than clients");
        }
        Ok(_) => {}
        Err(err) => tracing::warn!(%err, "cannot raise the number of open files"),
    }
}
