//! Joins a lobby: the one that was named, one that is hosted here, or the one on this machine, which is hosted here if
//! there is none. This file owns what happens if several clients start at the same moment, and the pinning of the
//! server's key.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hobnob_protocol::chain::{Position, Seq};
use hobnob_protocol::identity::Identity;
use hobnob_protocol::ids::RunId;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::{Cursor, RoomCursor};
use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;
use hobnob_protocol::{DEFAULT_PORT, MAX_ROOMS_OF_A_KEY};
use tokio::time::{Instant, sleep};

use crate::config::LobbyChoice;
use crate::data::history::entry::Mark;
use crate::data::trust::{Trust, TrustError};
use crate::lobby::connect::ConnectError;
use crate::lobby::event::Joined;
use crate::lobby::event_queue::LobbyEvents;
use crate::lobby::handle::LobbyHandle;
use crate::lobby::link::{self, Candidates, LobbyConfig};
use crate::show::{Notice, failing, saying};
use crate::start::host::{Host, HostError};

/// How long clients that start at the same moment may take until one of them hosts the lobby.
const RACE: Duration = Duration::from_secs(10);

/// How long to wait between two attempts. Nothing tells a process that another one has begun to listen.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Everything that is needed to join a lobby.
pub struct Joining {
    /// Which lobby is joined.
    pub choice: LobbyChoice,
    /// The folder for the store of a hosted lobby.
    pub data_dir: PathBuf,
    /// The key of this user.
    pub identity: Identity,
    /// The name that the user wants.
    pub name: UserName,
    /// The id of this run.
    pub run: RunId,
    /// Returns the addresses at which peers can reach this client.
    pub candidates: Candidates,
    /// The port at which peers can reach this client.
    pub port: u16,
    /// The pinned keys of this user.
    pub trust: Trust,
    /// The number of the lobby message after which the run begins.
    pub since: Option<Seq>,
    /// How far this user had come in the lobby of each server, by the server's key.
    pub marks: HashMap<PublicKey, Mark>,
    /// For each server's key, the rooms that this user is in and how far each was read.
    pub rooms: HashMap<PublicKey, Vec<(RoomName, Mark)>>,
}

/// A lobby that was joined.
#[derive(Debug)]
pub struct Lobby {
    /// Sends requests to the lobby's link.
    pub handle: LobbyHandle,
    /// Receives the events of the lobby's link.
    pub events: LobbyEvents,
    /// What the first welcome of the server said.
    pub joined: Joined,
    /// How far this user had come in this lobby.
    pub mark: Option<Mark>,
    /// The rooms that the `hello` has named, and how far this user had come in each.
    pub rooms: Vec<(RoomName, Mark)>,
    /// The address of the server that was joined, as `HOST:PORT`.
    pub address: String,
    /// The server, if this process hosts it.
    pub host: Option<Host>,
    /// Why the server's key could not be pinned, if that failed.
    unpinned: Option<TrustError>,
}

/// Why no lobby was joined.
#[derive(Debug)]
pub struct JoinFailure {
    /// The address or addresses that were tried.
    pub address: String,
    /// The error of the link, if it came so far.
    pub error: Option<ConnectError>,
    /// What else the user should know.
    pub hint: String,
    /// Whether the pinned keys could not be read. In that case nothing was sent.
    pub is_trust_unreadable: bool,
}

impl fmt::Display for JoinFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the lobby at {} could not be joined: ", self.address)?;
        match &self.error {
            Some(error) if self.hint.is_empty() => write!(f, "{error}"),
            Some(error) => write!(f, "{error}; {}", self.hint),
            None => write!(f, "{}", self.hint),
        }
    }
}

impl std::error::Error for JoinFailure {}

/// Joins the chosen lobby. The notices say what the user has to know about how it was joined.
///
/// # Errors
/// Fails if no lobby could be joined.
pub async fn lobby(joining: Joining) -> Result<(Lobby, Vec<Notice>), JoinFailure> {
    let (lobby, mut notices) = match joining.choice.clone() {
        LobbyChoice::Join(servers) => (joining.join(&servers).await?, Vec::new()),
        LobbyChoice::Host(address) => joining.host(address).await?,
        LobbyChoice::Local => joining.local().await?,
    };
    if let Some(reason) = &lobby.unpinned {
        notices.push(saying::Start::ServerNotPinned { address: &lobby.address, reason }.into());
    }
    Ok((lobby, notices))
}

impl Joining {
    /// Joins one of the servers of a lobby. All of them have the same key. If a key is pinned for one of their
    /// addresses, the key must be that one.
    async fn join(&self, servers: &[String]) -> Result<Lobby, JoinFailure> {
        let failed = |error: Option<ConnectError>, hint: String| JoinFailure {
            address: servers.join(","),
            error,
            hint,
            is_trust_unreadable: false,
        };
        let mut pinned = Vec::with_capacity(servers.len());
        for address in servers {
            let unreadable =
                |err: TrustError| JoinFailure { is_trust_unreadable: true, ..failed(None, err.to_string()) };
            pinned.push((address, self.trust.server_key(address).map_err(unreadable)?));
        }
        let first_pin = pinned.iter().find(|(_, key)| key.is_some());
        let trusted = first_pin.and_then(|(_, key)| *key);
        let is_pinned = |(_, key): &&(&String, Option<PublicKey>)| key.is_some() && *key == trusted;
        let pinned_at: Vec<String> =
            pinned.iter().filter(is_pinned).map(|(address, _)| (*address).clone()).collect();
        let mark =
            trusted.filter(|_| self.since.is_none()).and_then(|server| self.marks.get(&server).copied());
        let mut rooms = trusted.and_then(|server| self.rooms.get(&server).cloned()).unwrap_or_default();
        rooms.truncate(MAX_ROOMS_OF_A_KEY);
        let room_cursors =
            rooms.iter().map(|(room, mark)| RoomCursor { room: room.clone(), cursor: cursor(mark) });
        let config = LobbyConfig {
            servers: servers.to_vec(),
            identity: self.identity.clone(),
            name: self.name.clone(),
            run: self.run,
            trusted,
            candidates: Arc::clone(&self.candidates),
            port: self.port,
            since: self.since,
            rooms: room_cursors.collect(),
            read_up_to: mark.as_ref().map(cursor),
        };
        let (handle, events, joined) = link::start(config).await.map_err(|error| {
            let hint = self.hint(&pinned_at, &error);
            failed(Some(error), hint)
        })?;
        let mut unpinned = None;
        for (address, _) in pinned.iter().filter(|(_, key)| key.is_none()) {
            unpinned = self.pin(address, &joined.server).or(unpinned);
        }
        let address = joined.address.clone();
        Ok(Lobby { handle, events, joined, mark, rooms, address, host: None, unpinned })
    }

    /// Returns what the user can do about the error. `pinned_at` are the addresses at which the trusted key is pinned.
    fn hint(&self, pinned_at: &[String], error: &ConnectError) -> String {
        match error {
            ConnectError::KeyChanged { .. } => {
                failing::NewServerKey { pinned_at, trust_file: self.trust.path() }.to_string()
            }
            // The standard library has no error kind for a name that cannot be resolved.
            ConnectError::Io(err) if err.to_string().contains("failed to lookup") => {
                "is its name spelled right, and is there a network?".to_owned()
            }
            ConnectError::Io(_) | ConnectError::Timeout | ConnectError::ClosedAtOnce => {
                "is a hobnob-server running there, and does no firewall stand between?".to_owned()
            }
            _ => String::new(),
        }
    }

    /// Pins the server's key. If that fails, the key counts as new again the next time. This does not prevent joining,
    /// but the user is told each time.
    fn pin(&self, address: &str, key: &PublicKey) -> Option<TrustError> {
        let err = self.trust.pin_server(address, key).err()?;
        tracing::warn!(%err, "the server's key was not pinned");
        Some(err)
    }

    async fn host(&self, address: SocketAddr) -> Result<(Lobby, Vec<Notice>), JoinFailure> {
        let failed = |err: HostError| JoinFailure {
            address: address.to_string(),
            error: None,
            hint: format!("it cannot be hosted here: {err}"),
            is_trust_unreadable: false,
        };
        let host = Host::start(address, &self.data_dir, self.identity.public()).await.map_err(failed)?;
        self.join_own(host).await
    }

    /// Joins the server of this process, whose key needs no verification.
    async fn join_own(&self, host: Host) -> Result<(Lobby, Vec<Notice>), JoinFailure> {
        let address = host.join_address().to_string();
        let unpinned = self.pin(&address, &host.public_key());
        let notices = hosting_notices(&host);
        let mut lobby = self.join(&[address]).await?;
        lobby.unpinned = lobby.unpinned.or(unpinned);
        lobby.host = Some(host);
        Ok((lobby, notices))
    }

    /// Joins the lobby on this machine. If there is none, all clients try to host it. The first one that listens hosts
    /// it, and the others join.
    async fn local(&self) -> Result<(Lobby, Vec<Notice>), JoinFailure> {
        let address = SocketAddr::from(([127, 0, 0, 1], DEFAULT_PORT));
        let deadline = Instant::now() + RACE;
        loop {
            let failure = match self.join(&[address.to_string()]).await {
                Ok(lobby) => return Ok((lobby, Vec::new())),
                Err(failure) => failure,
            };
            if !failure.error.as_ref().is_some_and(ConnectError::is_nobody_there) {
                return Err(failure);
            }
            match Host::start(address, &self.data_dir, self.identity.public()).await {
                Ok(host) => return self.join_own(host).await,
                Err(HostError::Held { address: Some(elsewhere), text })
                    if elsewhere.port() != DEFAULT_PORT =>
                {
                    // This user's lobby is already served, at another address.
                    let lobby = self.join(&[elsewhere.to_string()]).await?;
                    return Ok((lobby, vec![saying::Start::JoinedElsewhere { holder: &text }.into()]));
                }
                Err(err) if err.may_be_a_race() && Instant::now() < deadline => sleep(LOOK_AGAIN).await,
                Err(err) => {
                    let hint = format!("and none can be hosted here: {err}");
                    return Err(JoinFailure { hint, ..failure });
                }
            }
        }
    }
}

/// Returns the position in the log up to which everything was fetched, as the mark says.
fn cursor(mark: &Mark) -> Cursor {
    Cursor { log: mark.log, position: Position { seq: Seq(mark.fetched), hash: mark.hash } }
}

fn hosting_notices(host: &Host) -> Vec<Notice> {
    let address = host.join_address();
    let local = SocketAddr::from(([127, 0, 0, 1], DEFAULT_PORT));
    let hosting = saying::Start::Hosting { at: (address != local).then_some(address) };
    let port = address.port();
    let others = match host.address().ip().is_loopback() {
        true => saying::Start::OthersDoNotReachIt { port },
        false => saying::Start::OthersJoin { port },
    };
    vec![hosting.into(), others.into()]
}
