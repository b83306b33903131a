//! Whole sessions: over loopback sockets, through a proxy that can be cut, and over pipes with paused time. This file
//! owns what these tests share.

mod chance;
mod ending;
mod hostile;
mod opening;
mod pipes;
mod proxy;
mod rebuilding;
mod relayed;
mod strangers;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use hobnob_protocol::ids::PairToken;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;
use tokio::time::timeout;

use super::*;

/// How long a test waits for anything; this is longer than any wait should take.
const PATIENCE: Duration = Duration::from_secs(9);

/// A client without a screen.
struct Client {
    identity: Identity,
    network: PeerNetwork,
    events: mpsc::Receiver<PeerEvent>,
}

/// One side's session, as its app sees it.
struct Session {
    handle: PeerLinkHandle,
    heard: Vec<String>,
    delivered: Vec<u64>,
}

/// Two keys, the smaller first: the first is the chooser.
fn two_identities() -> [Identity; 2] {
    let mut identities = [Identity::generate().unwrap(), Identity::generate().unwrap()];
    identities.sort_by_key(Identity::public);
    identities
}

fn text(text: impl AsRef<str> + Into<Arc<str>>) -> Text {
    Text::new(text).unwrap()
}

impl Client {
    async fn start(identity: Identity) -> Self {
        Self::start_knowing(identity, Arc::new(|_| false)).await
    }

    async fn start_knowing(identity: Identity, pinned: Pinned) -> Self {
        Self::start_with(identity, pinned, PathChoice::Auto).await
    }

    async fn start_with(identity: Identity, pinned: Pinned, path: PathChoice) -> Self {
        let (event_tx, events) = mpsc::channel(64);
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let config = PeerConfig { identity: identity.clone(), listen, pinned, path };
        let network = PeerNetwork::start(config, event_tx).await.unwrap();
        network.dial_filter().lobby_is_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 43210)));
        Self { identity, network, events }
    }

    fn key(&self) -> PublicKey {
        self.identity.public()
    }

    fn addr(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.network.port()))
    }

    fn open(&self, introduction: &Introduction) -> Session {
        self.open_with(introduction, Familiarity::Known)
    }

    fn open_with(&self, introduction: &Introduction, familiarity: Familiarity) -> Session {
        let handle = self.network.open(LinkId(1), introduction, familiarity).unwrap();
        Session { handle, heard: Vec::new(), delivered: Vec::new() }
    }

    #[track_caller]
    fn next(&mut self) -> impl Future<Output = PeerEventKind> {
        let caller = std::panic::Location::caller();
        let events = &mut self.events;
        async move {
            match timeout(PATIENCE, events.recv()).await {
                Ok(Some(event)) => event.kind,
                _ => panic!("nothing happened; waited at {caller}"),
            }
        }
    }

    /// Waits for the next event. A text or an acknowledgement is noted in `session`, and a text counts as shown at
    /// once; any other event is returned.
    async fn note_next(&mut self, session: &mut Session) -> Option<PeerEventKind> {
        match self.next().await {
            PeerEventKind::Said { number, text, .. } => {
                assert_eq!(number, session.heard.len() as u64 + 1);
                session.heard.push(text.as_str().to_owned());
                session.handle.shown(number);
            }
            PeerEventKind::Delivered { local_id } => session.delivered.push(local_id),
            other => return Some(other),
        }
        None
    }

    /// Returns the next event that is neither a text nor an acknowledgement.
    async fn next_turn(&mut self, session: &mut Session) -> PeerEventKind {
        loop {
            if let Some(event) = self.note_next(session).await {
                return event;
            }
        }
    }

    /// Waits until this many texts were heard and delivered, whatever else happens.
    async fn until(&mut self, session: &mut Session, heard: usize, delivered: usize) {
        while session.heard.len() < heard || session.delivered.len() < delivered {
            match self.note_next(session).await {
                None
                | Some(PeerEventKind::Up { .. } | PeerEventKind::Down | PeerEventKind::WantsIntroduction) => {
                }
                Some(other) => panic!("the session ended: {other:?}"),
            }
        }
    }
}

/// Makes what the server tells about the user with `key`, who is to be found at `at`.
fn introduction(session: PairToken, key: PublicKey, at: &[SocketAddr], forked: bool) -> Introduction {
    Introduction {
        request: None,
        session,
        name: "bobby".parse::<UserName>().unwrap(),
        key,
        candidates: at.iter().map(|&addr| addr.into()).collect(),
        relay: None,
        forked,
    }
}

/// Opens a session of two clients. The first one forked; `at` is the address at which it reaches the second.
async fn opened(anna: &mut Client, bobby: &mut Client, at: SocketAddr) -> (Session, Session) {
    let token = PairToken::random();
    let bobbys = bobby.open(&introduction(token, anna.key(), &[anna.addr()], false));
    let annas = anna.open(&introduction(token, bobby.key(), &[at], true));
    assert!(matches!(anna.next().await, PeerEventKind::Up { .. }));
    assert!(matches!(bobby.next().await, PeerEventKind::Up { .. }));
    (annas, bobbys)
}

async fn two_clients() -> (Client, Client) {
    let [anna, bobby] = two_identities();
    (Client::start(anna).await, Client::start(bobby).await)
}
