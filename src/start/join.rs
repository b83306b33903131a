//! Getting into a lobby: the one that was named, one hosted here, or the one on this machine, hosted
//! where there is none. Owns the race of several clients that start at the same moment, and the
//! pinning of the server's key.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hobnob_protocol::chain::Position;
use hobnob_protocol::identity::Identity;
use hobnob_protocol::message::{Cursor, RoomCursor};
use hobnob_protocol::name::{PublicKey, RunId, Seq, UserName};
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
use crate::show::{Notice, saying};
use crate::start::host::{Host, HostError};

/// How long clients that start at the same moment may take to agree on who hosts.
const RACE: Duration = Duration::from_secs(10);

/// Between two looks at who hosts. Nothing tells a process that another has begun to listen.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// All that joining needs.
pub struct Joining {
    /// Which lobby.
    pub choice: LobbyChoice,
    /// Where a hosted lobby's store lives.
    pub data_dir: PathBuf,
    /// Who this user is.
    pub identity: Identity,
    /// The name wished for.
    pub name: UserName,
    /// This run.
    pub run: RunId,
    /// Where peers reach this client.
    pub candidates: Candidates,
    /// The port they reach it at.
    pub port: u16,
    /// The pinned keys.
    pub trust: Trust,
    /// The lobby message to begin after.
    pub since: Option<Seq>,
    /// How far this user had come in the lobby of each server, by its key.
    pub marks: HashMap<PublicKey, Mark>,
    /// The rooms this user is in, of each server, by its key, and how far each was read.
    pub rooms: HashMap<PublicKey, Vec<(RoomName, Mark)>>,
}

/// A lobby that was joined.
#[derive(Debug)]
pub struct Lobby {
    /// Talks to its link.
    pub handle: LobbyHandle,
    /// Hears of it.
    pub events: LobbyEvents,
    /// The first welcome.
    pub joined: Joined,
    /// How far this user had come in this lobby.
    pub mark: Option<Mark>,
    /// The rooms that the hello has named, and how far this user had come in each.
    pub rooms: Vec<(RoomName, Mark)>,
    /// Where the server is that was joined, `HOST:PORT`.
    pub address: String,
    /// The server, where this process hosts it.
    pub host: Option<Host>,
    /// Why its key could not be pinned, where that is so.
    unpinned: Option<TrustError>,
}

/// Why no lobby was joined.
#[derive(Debug)]
pub struct JoinFailure {
    /// Which address.
    pub address: String,
    /// What the link said, where it came so far.
    pub error: Option<ConnectError>,
    /// What to add for the user.
    pub hint: String,
    /// The pinned keys cannot be read: nothing was sent.
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

/// Joins the lobby of choice; the notices say what a user has to know of how.
///
/// # Errors
/// When there is none to join.
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
    /// Joins one of the servers of a lobby. All of them have one key, which must be the one pinned for any of their
    /// addresses if one is.
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
        let (trusted_at, trusted) = first_pin.map_or((&servers[0], None), |(address, key)| (*address, *key));
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
            let hint = self.hint(trusted_at, &error);
            failed(Some(error), hint)
        })?;
        let mut unpinned = None;
        for (address, _) in pinned.iter().filter(|(_, key)| key.is_none()) {
            unpinned = self.pin(address, &joined.server).or(unpinned);
        }
        let address = joined.address.clone();
        Ok(Lobby { handle, events, joined, mark, rooms, address, host: None, unpinned })
    }

    fn hint(&self, address: &str, error: &ConnectError) -> String {
        match error {
            ConnectError::KeyChanged { .. } if self.choice == LobbyChoice::Local => format!(
                "another user of this machine may host the lobby now; if so, remove [servers.\"{address}\"] from {}",
                self.trust.path().display()
            ),
            ConnectError::KeyChanged { .. } => format!(
                "if its owner confirms the new key, remove [servers.\"{address}\"] from {}",
                self.trust.path().display()
            ),
            // The standard library has no kind for it.
            ConnectError::Io(err) if err.to_string().contains("failed to lookup") => {
                "is its name spelled right, and is there a network?".to_owned()
            }
            ConnectError::Io(_) | ConnectError::Timeout | ConnectError::ClosedAtOnce => {
                "is a hobnob-server running there, and does no firewall stand between?".to_owned()
            }
            _ => String::new(),
        }
    }

    /// A key that cannot be pinned is met for the first time again next time. That stops nobody, and is
    /// told each time.
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

    /// Joins the server of this very process, whose key needs no trust.
    async fn join_own(&self, host: Host) -> Result<(Lobby, Vec<Notice>), JoinFailure> {
        let address = host.join_address().to_string();
        let unpinned = self.pin(&address, &host.public_key());
        let notices = hosting_notices(&host);
        let mut lobby = self.join(&[address]).await?;
        lobby.unpinned = lobby.unpinned.or(unpinned);
        lobby.host = Some(host);
        Ok((lobby, notices))
    }

    /// The lobby on this machine. Clients that find none all try to host; the one whose listener
    /// comes first does, the others join it.
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
                    // This user's lobby is served already, at another address.
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

/// The place in its log up to which a mark says that all was fetched.
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
