//! Tests of the lobby with connections that only record what they are told.

mod introductions;
mod moody_log;
mod names_clock;
mod networks;
mod order;
mod presence;
mod recorder;
mod refused_acts;
mod rooms;
mod said_again;
mod stored_here;
mod storing;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use hobnob_order::{LocalStream, StreamIdentity};
use hobnob_protocol::chain::{LogId, Position, Seq};
use hobnob_protocol::identity::Identity;
use hobnob_protocol::ids::RunId;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::{
    Change, ConsentAnswer, Introduction, NoAnswerCode, NotAcceptedCode, NotJoinedCode, RoomSummary,
};
use hobnob_protocol::room::RoomName;
use hobnob_protocol::text::Text;
use tokio::sync::Semaphore;

use self::moody_log::{Mood, MoodyLog};
use self::recorder::{Forgetful, INTRODUCTIONS, Recorder, Told};
use super::*;
use crate::decide::{Newcomer, RoomView};
use crate::log::{Contents, MemoryLog};

struct Stage {
    handle: LobbyHandle,
    log: Arc<MoodyLog>,
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<Result<(), LobbyFault>>,
}

/// A user in a test.
struct Guest {
    id: ConnectionId,
    told: mpsc::UnboundedReceiver<Told>,
}

impl Stage {
    fn new() -> Self {
        Self::over(Arc::new(LocalStream::new(StreamIdentity([0; 16]), wall_clock)))
    }

    /// Makes a lobby over this order.
    fn over(stream: Arc<dyn OrderedStream<Proposals>>) -> Self {
        Self::start(Arc::new(MemoryLog::new(1000)), stream, Arc::new(wall_clock))
    }

    /// Makes a lobby on what `inner` holds, on a computer whose clock shows `shown`.
    fn at(inner: &Arc<MemoryLog>, shown: u64) -> Self {
        let stream = Arc::new(LocalStream::new(StreamIdentity([0; 16]), move || shown));
        Self::start(Arc::clone(inner), stream, Arc::new(move || shown))
    }

    fn start(inner: Arc<MemoryLog>, stream: Arc<dyn OrderedStream<Proposals>>, clock: Clock) -> Self {
        Self::start_in(false, inner, stream, clock)
    }

    /// Makes a lobby that may wait for the disk itself.
    fn with_a_thread() -> Self {
        let stream = Arc::new(LocalStream::new(StreamIdentity([0; 16]), wall_clock));
        Self::start_in(true, Arc::new(MemoryLog::new(1000)), stream, Arc::new(wall_clock))
    }

    fn start_in(
        has_thread: bool,
        inner: Arc<MemoryLog>,
        stream: Arc<dyn OrderedStream<Proposals>>,
        clock: Clock,
    ) -> Self {
        let head = *inner.subscribe().borrow();
        let contents = Contents { head, names: inner.names(), ..inner.contents().clone() };
        let last_at = newest_time(&inner);
        let log = Arc::new(MoodyLog {
            inner,
            contents,
            mood: Arc::new(Mutex::new(Mood::Stores)),
            leave: Arc::new(Semaphore::new(1000)),
            here: AtomicU64::new(0),
            takes: Mutex::default(),
        });
        let (handle, lobby) = lobby(LobbyParts {
            stream,
            server: ServerId(0),
            sharing: None,
            ids: Arc::default(),
            advertised: Vec::new(),
            relays: true,
            log: Arc::clone(&log) as _,
            memory: Arc::new(Forgetful),
            room_memory: Arc::new(Forgetful),
            max_rooms: 3,
            banned: Arc::default(),
            kept_out: Arc::default(),
            metrics: Arc::new(Metrics::new()),
            tokens: Tokens::of(&Identity::generate().unwrap()),
            max_clients: 100,
            name_ttl_days: 90,
            new_names_per_network: 100,
            clock,
            last_at,
        });
        let lobby = if has_thread { lobby.on_its_own_thread() } else { lobby };
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(lobby.run(shutdown.clone()));
        Self { handle, log, shutdown, task }
    }

    async fn send(&self, command: LobbyCommand) {
        self.handle.send(command).await.unwrap();
    }

    /// Asks to join as the user with the key `key`, in the client's run `run`.
    async fn ask(&self, id: u64, name: &str, key: u8, run: u8) -> Guest {
        self.ask_from("192.0.2.1".parse().unwrap(), id, name, key, run).await
    }

    async fn ask_from(&self, ip: std::net::IpAddr, id: u64, name: &str, key: u8, run: u8) -> Guest {
        let (sender, told) = mpsc::unbounded_channel();
        let newcomer = Newcomer {
            wish: name.parse().unwrap(),
            key: PublicKey::new([key; 32]),
            run: RunId::new([run; 8]),
            candidates: Vec::new(),
        };
        let id = ConnectionId(id);
        let outlet = Arc::new(Recorder {
            told: sender,
            unsent: Mutex::default(),
            introductions: AtomicU64::new(0),
            room: INTRODUCTIONS,
        });
        let join = Join { id, outlet, newcomer, network: Network::of(ip) };
        self.send(LobbyCommand::Join(Box::new(join))).await;
        Guest { id, told }
    }

    async fn join(&self, id: u64, name: &str, key: u8, run: u8) -> Guest {
        let mut guest = self.ask(id, name, key, run).await;
        guest.welcome().await;
        guest
    }

    async fn consent(&self, guest: &Guest, ask: u64, answer: ConsentAnswer) {
        self.send(LobbyCommand::Consent { from: guest.id, ask, answer }).await;
    }

    async fn say(&self, guest: &Guest, id: u64, text: &str) {
        self.send(LobbyCommand::Say {
            from: guest.id,
            id,
            room: None,
            content: Text::new(text).unwrap().into(),
        })
        .await;
    }
}

impl Guest {
    async fn next(&mut self) -> Told {
        self.told.recv().await.unwrap()
    }

    async fn line(&mut self) -> ServerMessage {
        match self.next().await {
            Told::Line(message) => message,
            other => panic!("{other:?}"),
        }
    }

    /// Returns the next thing told that is not presence; presence comes whenever there is time for it.
    async fn answer(&mut self) -> Told {
        loop {
            match self.next().await {
                Told::Line(ServerMessage::Presence { .. }) => {}
                answer => return answer,
            }
        }
    }

    async fn welcome(&mut self) -> Admitted {
        match self.next().await {
            Told::In(admitted) => admitted,
            other => panic!("{other:?}"),
        }
    }

    /// Returns the next message of the lobby: its number in the author's run and its number in the log.
    async fn said(&mut self) -> (u64, Seq) {
        match self.answer().await {
            Told::Said(id, seq) => (id, seq),
            other => panic!("{other:?}"),
        }
    }
}

/// Returns the time of the newest message; 0 if there is none.
fn newest_time(log: &MemoryLog) -> u64 {
    let head = log.subscribe().borrow().seq;
    let mut read = log.read(Seq(head.0.saturating_sub(1)), 1, usize::MAX);
    match read.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(Ok(stretch)) => stretch.messages.last().map_or(0, |message| message.at),
        other => panic!("a log in memory answers at once: {other:?}"),
    }
}
