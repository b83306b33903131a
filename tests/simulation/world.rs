//! A server that crashes, clients that talk, and the books that must balance in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hobnob::lobby::event::LobbyEvent;
use hobnob::lobby::event_queue::LobbyEvents;
use hobnob::lobby::handle::LobbyHandle;
use hobnob::lobby::link::{self, LobbyConfig};
use hobnob::lobby::sequence::Resumed;
use hobnob_protocol::chain::{LobbyMessage, Seq};
use hobnob_protocol::identity::Identity;
use hobnob_protocol::ids::RunId;
use hobnob_protocol::message::NotAccepted;
use hobnob_protocol::text::Text;
use hobnob_server::{Engine, ServerConfig, Streams};
use tokio::io::DuplexStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::chance::Chance;
use crate::network::{Path, pass};
use crate::store::Disk;

/// How long everything takes at most when all faults are over: the longest pause, a dead link, and a handshake.
pub(crate) const SETTLE: Duration = Duration::from_secs(400);

/// The machine of the server.
pub(crate) struct Host {
    disk: Arc<Disk>,
    identity: Identity,
    config: ServerConfig,
    running: Option<Running>,
}

/// One life of the server.
struct Running {
    alive: Arc<AtomicBool>,
    streams: Streams,
    tasks: JoinSet<()>,
}

impl Host {
    pub(crate) fn new(disk: Arc<Disk>) -> Self {
        let mut config = ServerConfig::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 1)), "/nowhere");
        config.rate = 100_000;
        Self { disk, identity: Identity::generate().unwrap(), config, running: None }
    }

    pub(crate) async fn start(&mut self) {
        let alive = Arc::new(AtomicBool::new(true));
        let log = Arc::new(self.disk.open(Arc::clone(&alive)));
        let engine = Engine::new(log, &self.identity, &self.config).await.unwrap();
        let streams = engine.streams();
        let mut tasks = JoinSet::new();
        tasks.spawn(engine.run(CancellationToken::new()));
        self.running = Some(Running { alive, streams, tasks });
    }

    /// Ends every task where it stands. The connections close, as the system closes those of a dead process.
    pub(crate) fn crash(&mut self) {
        if let Some(running) = self.running.take() {
            running.alive.store(false, Ordering::SeqCst);
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.running.is_some()
    }

    pub(crate) fn take(&mut self, stream: DuplexStream) {
        // If the server is dead, the stream is dropped, so nothing connects.
        if let Some(running) = &mut self.running {
            let remote = SocketAddr::from((Ipv4Addr::LOCALHOST, 2));
            running.tasks.spawn(running.streams.clone().serve(stream, remote));
        }
    }
}

/// What one client said and was told.
pub(crate) struct Book {
    identity: Identity,
    run: RunId,
    said: BTreeMap<u64, String>,
    sent: BTreeMap<u64, Seq>,
    refused: BTreeSet<u64>,
    seen: Vec<LobbyMessage>,
    /// The first message that the client could see.
    first: Seq,
    missed: u64,
    pub(crate) losses: u64,
}

/// What may happen in a story.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Allowed {
    /// Whether messages may be missing, because the log does not keep everything.
    pub(crate) missing: bool,
    /// Whether texts may be refused, because the disk fills.
    pub(crate) refusals: bool,
}

/// Makes the identity, run and configuration of a client with this name.
pub(crate) fn who(name: &str) -> (Identity, RunId, LobbyConfig) {
    let (identity, run) = (Identity::generate().unwrap(), RunId::random());
    let config = LobbyConfig {
        servers: vec!["the lobby".to_owned()],
        identity: identity.clone(),
        name: name.parse().unwrap(),
        run,
        trusted: None,
        candidates: Arc::new(|_ends| Box::pin(async { Vec::new() })),
        port: 1,
        rooms: Vec::new(),
        since: None,
        read_up_to: None,
    };
    (identity, run, config)
}

/// Runs a client that says `count` texts, and listens until all are answered for and `enough` is cancelled.
pub(crate) async fn client(
    name: String,
    path: Path,
    count: u64,
    mut chance: Chance,
    enough: CancellationToken,
) -> Book {
    let (identity, run, config) = who(&name);
    let (handle, events, joined) = loop {
        match link::start_over(path.clone(), config.clone()).await {
            Ok(joined) => break joined,
            Err(_) => pass(Duration::from_secs(1)).await,
        }
    };
    let first = joined.welcome.start.seq.next();
    let mut book = Book {
        identity,
        run,
        said: BTreeMap::new(),
        sent: BTreeMap::new(),
        refused: BTreeSet::new(),
        seen: Vec::new(),
        first,
        missed: 0,
        losses: 0,
    };
    book.live(handle, events, count, &name, &mut chance, enough).await;
    book
}

impl Book {
    async fn live(
        &mut self,
        handle: LobbyHandle,
        mut events: LobbyEvents,
        count: u64,
        name: &str,
        chance: &mut Chance,
        enough: CancellationToken,
    ) {
        let mut next = Box::pin(pass(Duration::ZERO));
        loop {
            tokio::select! {
                () = &mut next, if (self.said.len() as u64) < count => {
                    for _ in 0..1 + chance.below(6) {
                        let id = self.said.len() as u64 + 1;
                        let text = format!("{name} {id} {}", "x".repeat(chance.below(300) as usize));
                        assert!(handle.say(id, None, Text::new(text.as_str()).unwrap()));
                        self.said.insert(id, text);
                    }
                    next.set(pass(chance.span(Duration::from_secs(4))));
                }
                event = events.recv() => {
                    self.note(event.expect("the link lives"));
                    if chance.below(200) == 0 {
                        // The app is stopped, as by Ctrl-Z, or its output is not read.
                        pass(chance.span(Duration::from_secs(100))).await;
                    }
                }
                () = enough.cancelled() => return,
            }
        }
    }

    fn note(&mut self, event: LobbyEvent) {
        match event {
            LobbyEvent::Said { message, .. } => self.seen.push(*message),
            LobbyEvent::Sent { id, seq, .. } => {
                assert_eq!(self.sent.insert(id, seq), None, "text {id} was acknowledged twice")
            }
            LobbyEvent::NotAccepted(NotAccepted { id, .. }) => {
                assert!(self.refused.insert(id), "text {id} was refused twice")
            }
            LobbyEvent::Up(joined) => match joined.resumed {
                Resumed::After { missed } => self.missed += missed,
                Resumed::Elsewhere => panic!("the same log is taken for another: {:?}", joined.welcome),
            },
            LobbyEvent::Down { .. } => self.losses += 1,
            LobbyEvent::Broken { broken, .. } => panic!("{broken}"),
            LobbyEvent::KeyChanged { reason, .. } => panic!("{reason}"),
            _ => {}
        }
    }

    /// Compares this book with everything that was ever stored.
    fn balance(&self, log: &[LobbyMessage], allowed: Allowed) {
        let answered = self.sent.len() + self.refused.len();
        assert_eq!(answered, self.said.len(), "not every text has one answer");
        let key = self.identity.public();
        let (own, others): (Vec<&LobbyMessage>, Vec<&LobbyMessage>) =
            log.iter().partition(|message| message.key == key && message.run == self.run);
        let ids: BTreeSet<u64> = own.iter().map(|message| message.id).collect();
        assert_eq!(ids.len(), own.len(), "a text is stored twice");
        assert_eq!(
            own.len(),
            self.sent.len(),
            "a text was acknowledged and is not stored, or was never answered for"
        );
        for message in &own {
            assert_eq!(
                self.sent.get(&message.id),
                Some(&message.seq),
                "a text is stored, and its author was told something else"
            );
            assert_eq!(message.content.text().unwrap().as_str(), self.said[&message.id]);
        }
        assert!(
            own.is_sorted_by_key(|message| message.id),
            "the texts are stored in another order than they were said"
        );
        assert!(
            self.seen.is_sorted_by(|before, after| before.seq < after.seq),
            "a message was seen twice or out of order"
        );
        let mut seen = self.seen.iter().peekable();
        let mut unseen = 0;
        for message in others.into_iter().filter(|message| message.seq >= self.first) {
            if seen.next_if(|seen| *seen == message).is_none() {
                unseen += 1;
            }
        }
        assert_eq!(seen.next(), None, "a message was seen that was never said");
        let counted = unseen <= self.missed && self.missed <= unseen + own.len() as u64;
        assert!(
            allowed.missing || self.missed == 0,
            "{} messages were reported as missing, and the log has them",
            self.missed
        );
        assert!(
            allowed.refusals || self.refused.is_empty(),
            "a text was refused although the disk was never full"
        );
        assert!(counted, "{unseen} messages were not seen, and {} were reported as missing", self.missed);
    }
}

/// Waits until every text is stored and seen by all, then compares the books. Returns how many messages were checked
/// and how many links were lost.
pub(crate) async fn close_books(
    disk: &Disk,
    mut clients: JoinSet<Book>,
    enough: CancellationToken,
    allowed: Allowed,
) -> (usize, u64) {
    pass(SETTLE).await;
    enough.cancel();
    let log = disk.everything();
    let mut losses = 0;
    let all = timeout(SETTLE, async {
        while let Some(book) = clients.join_next().await {
            let book = book.unwrap();
            book.balance(&log, allowed);
            losses += book.losses;
        }
    });
    all.await.expect("every client came to its end");
    (log.len(), losses)
}
