//! How a server becomes one of several: it finds the order of the lobby or founds it, checks that it may take part, and
//! reads the order up to its end. This module owns the sequence of these steps, and refuses when one of them cannot be
//! right.

pub mod found;
pub(crate) mod founding;
pub(crate) mod machine_file;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hobnob_order::StreamIdentity;
use hobnob_protocol::chain::{LogId, Position};
use hobnob_protocol::identity::Identity;
use thiserror::Error;
use tokio::task::spawn_blocking;

use crate::config::ServerConfig;
use crate::decide::{Machine, NotSaved, Saved, Snapshot};
use crate::engine::Engine;
use crate::lobby::{CannotCatchUp, CaughtUp, Sharing, ask_machine, catch_up};
use crate::log::in_place::InPlace;
use crate::log::{LobbyLog, LogError, SqliteLog, SqliteOptions};
use crate::shared_lobby::founding::{Founding, LobbyOrder, NotOurs, SharedOrder};
use crate::shared_lobby::machine_file::{MachineFile, NoMachine};

/// Why a server cannot be one of several.
#[derive(Debug, Error)]
pub enum CannotShare {
    /// The order cannot be reached or used.
    #[error("{0}")]
    Order(Box<dyn std::error::Error + Send + Sync>),
    /// This server is not one of the lobby's servers.
    #[error("this server cannot be one of the lobby's: {0}")]
    NotOurs(NotOurs),
    /// The log in the data directory belongs to a single server, and no lobby of that name was founded yet.
    #[error(
        "{} holds the lobby of a single server, and nobody has founded one of that name on NATS yet: `hobnob-server \
         found` with the same options makes it the beginning of one, or start with an empty --data-dir", dir.display()
    )]
    Single {
        /// The folder of the log.
        dir: PathBuf,
    },
    /// A lobby of that name was founded with this log, which has gone on since.
    #[error(
        "the lobby was founded with this log already, and at another message: start the server with --nats"
    )]
    Founded,
    /// The file with the machine cannot be read.
    #[error("{0}")]
    NoMachine(NoMachine),
    /// The file with the machine is no use.
    #[error("what is noted of the lobby's stream in {} is no use: {reason}; move machine.json away to read the stream anew", dir.display())]
    NotSaved {
        /// The folder of the file.
        dir: PathBuf,
        /// Why it is no use.
        reason: NotSaved,
    },
    /// The order cannot be read up to its end.
    #[error("{0}")]
    CatchUp(CannotCatchUp),
    /// The log cannot be opened.
    #[error("cannot open the lobby's log in {}: {reason}", dir.display())]
    Store {
        /// The folder of the log.
        dir: PathBuf,
        /// Why it cannot be opened.
        reason: LogError,
    },
    /// A part of the server ended by a fault of its own.
    #[error("the lobby ended unexpectedly: {0}")]
    Fault(String),
}

/// A lobby that has joined the others and serves no client yet.
pub(crate) struct SharedLobby {
    pub(crate) engine: Engine,
    pub(crate) in_place: InPlace,
}

/// Becomes one of the servers of the lobby whose order `order` brings, with the key and the log in `dir`.
pub(crate) async fn open(
    dir: &Path,
    identity: &Identity,
    config: &ServerConfig,
    order: &dyn SharedOrder,
) -> Result<SharedLobby, CannotShare> {
    let stored = |reason| CannotShare::Store { dir: dir.to_owned(), reason };
    let existing = match SqliteLog::is_there(dir).map_err(stored)? {
        true => Some(open_log(dir, config, None).await?),
        false => None,
    };
    let own = existing.as_ref().map(|log| (log.contents().log, log.contents().head));
    let (lobby_order, founding) = find(dir, config, identity, order, own).await?;
    let file = MachineFile::new(dir, lobby_order.stream.identity());
    let (log, machine) = match existing {
        Some(log) => (log, last_machine(dir, &file, &founding)?),
        None => begin(dir, config, &lobby_order, &founding).await?,
    };
    let in_place = log.in_place();
    let log: Arc<dyn LobbyLog> = Arc::new(log);
    let CaughtUp { machine, follower, batches } =
        catch_up(&lobby_order.stream, machine, &log).await.map_err(CannotShare::CatchUp)?;
    if machine.head().seq < founding.head.seq {
        return Err(CannotShare::CatchUp(CannotCatchUp::Unfinished { head: founding.head.seq }));
    }
    tracing::info!(batches, head = machine.head().seq.0, "the lobby's stream is read up to its end");
    if let Some(snapshot) = machine.snapshot() {
        file.keep(&snapshot);
    }
    let keep = Arc::new(move |machine: &Snapshot| file.keep(machine));
    let sharing = Sharing { machine, follower, neighbours: lobby_order.neighbours, keep };
    let engine = Engine::shared(log, identity, config, lobby_order.stream, sharing).await.map_err(stored)?;
    Ok(SharedLobby { engine, in_place })
}

/// Finds the order. If nobody has founded one and this server has no messages that would be lost, founds it.
async fn find(
    dir: &Path,
    config: &ServerConfig,
    identity: &Identity,
    order: &dyn SharedOrder,
    own: Option<(LogId, Position)>,
) -> Result<(LobbyOrder, Founding), CannotShare> {
    let (log, head) = own.unwrap_or_else(|| {
        let log = LogId::random();
        (log, Position::start(&log))
    });
    let is_new = head.seq.0 == 0;
    let founding = Founding::new(identity.public(), log, (head, head), config.rooms).to_text();
    let stream = StreamIdentity(*LogId::random().as_bytes());
    let lobby_order = order.find(stream, is_new.then_some(&*founding)).await.map_err(CannotShare::Order)?;
    let lobby_order = lobby_order.ok_or_else(|| CannotShare::Single { dir: dir.to_owned() })?;
    let founding = Founding::read(&lobby_order.founding, identity.public(), own.map(|(log, _)| log));
    Ok((lobby_order, founding.map_err(CannotShare::NotOurs)?))
}

/// Returns a log and a machine for a new server. They stand at the beginning of the order, or, if that part of the
/// order was dropped, at the place to which another server has read it.
async fn begin(
    dir: &Path,
    config: &ServerConfig,
    lobby_order: &LobbyOrder,
    founding: &Founding,
) -> Result<(SqliteLog, Machine), CannotShare> {
    let bounds = lobby_order.stream.bounds().await;
    let Some(bounds) = bounds.filter(|(begins, _)| begins.0 > 1) else {
        let log = open_log(dir, config, Some((founding.log, founding.start))).await?;
        return Ok((log, founding.machine()));
    };
    let told = ask_machine(&lobby_order.stream, &lobby_order.neighbours, bounds)
        .await
        .map_err(CannotShare::CatchUp)?;
    let (start, batch) = told.logs(config.history).await.map_err(CannotShare::CatchUp)?;
    let log = open_log(dir, config, Some((founding.log, start))).await?;
    let stored = |reason| CannotShare::Store { dir: dir.to_owned(), reason };
    log.append(batch).await.map_err(stored)?;
    Ok((log, told.saved.into_machine()))
}

fn last_machine(dir: &Path, file: &MachineFile, founding: &Founding) -> Result<Machine, CannotShare> {
    let Some(saved) = file.read().map_err(CannotShare::NoMachine)? else {
        return Ok(founding.machine());
    };
    let saved =
        Saved::read(&saved).map_err(|reason| CannotShare::NotSaved { dir: dir.to_owned(), reason })?;
    Ok(saved.into_machine())
}

/// Opens the log. If there is none and `start` is given, makes one that begins after `start`.
async fn open_log(
    dir: &Path,
    config: &ServerConfig,
    start: Option<(LogId, Position)>,
) -> Result<SqliteLog, CannotShare> {
    let dir = dir.to_owned();
    let kept = SqliteOptions { history: config.history, max_bytes: config.history_size };
    let open = move || {
        let stored = |reason| CannotShare::Store { dir: dir.clone(), reason };
        if let Some((log, position)) = start {
            SqliteLog::make_after(&dir, log, position).map_err(stored)?;
        }
        SqliteLog::open(&dir, kept).map_err(stored)
    };
    spawn_blocking(open).await.unwrap_or_else(|err| Err(CannotShare::Fault(err.to_string())))
}
