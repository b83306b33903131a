//! Tests of connections over pipes that are far too small, with a real TLS client at the other end.

mod history;
mod rate;
mod rooms;
mod unresponsive;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use hobnob_order::{LocalStream, ServerId, StreamIdentity};
use hobnob_protocol::chain::Position;
use hobnob_protocol::codec::MessageReader;
use hobnob_protocol::identity::Identity;
use hobnob_protocol::ids::RunId;
use hobnob_protocol::message::Hello;
use hobnob_protocol::text::Text;
use hobnob_protocol::transport::{KeyPolicy, client_config, server_config, server_name};
use hobnob_protocol::{LOBBY_ALPN, PROTOCOL_VERSION};
use tokio::io::{AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

use super::recent::Gathered;
use super::*;
use crate::lobby::{LobbyParts, lobby};
use crate::log::{LobbyLog, MemoryLog, Stretch};
use crate::relay::{Relay, RelayParts};
use crate::tokens::Tokens;

struct World {
    shared: Arc<Shared>,
    _stop: tokio_util::sync::DropGuard,
}

struct Client {
    reader: MessageReader<ReadHalf<TlsStream<DuplexStream>>>,
    writer: WriteHalf<TlsStream<DuplexStream>>,
    serving: JoinHandle<()>,
}

fn hello(name: &str) -> Hello {
    Hello {
        protocol: PROTOCOL_VERSION,
        agent: String::new(),
        name: name.parse().unwrap(),
        run: RunId::random(),
        candidates: Vec::new(),
        port: None,
        cursor: None,
        since: None,
        backlog: 0,
        rooms: Vec::new(),
    }
}

impl World {
    fn new() -> Self {
        Self::over(Arc::new(MemoryLog::new(100_000)))
    }

    fn over(log: Arc<dyn LobbyLog>) -> Self {
        let identity = Identity::generate().unwrap();
        let recent = Arc::new(Mutex::new(Recent::new(log.contents().head)));
        let recent_of_rooms = Arc::new(RecentOfRooms::default());
        let metrics = Arc::new(Metrics::new());
        let (handle, lobby) = lobby(LobbyParts {
            stream: Arc::new(LocalStream::new(StreamIdentity([0; 16]), || 0)),
            server: ServerId(0),
            log: Arc::clone(&log) as _,
            memory: Arc::clone(&recent) as _,
            room_memory: Arc::clone(&recent_of_rooms) as _,
            max_rooms: 1000,
            kept_out: Arc::default(),
            banned: Arc::default(),
            metrics: Arc::clone(&metrics),
            tokens: Tokens::of(&identity),
            max_clients: 100,
            name_ttl_days: 90,
            new_names_per_network: 100,
            sharing: None,
            ids: Arc::default(),
            advertised: Vec::new(),
            relays: true,
            clock: Arc::new(|| 0),
            last_at: 0,
        });
        let stop = CancellationToken::new();
        tokio::spawn(lobby.run(stop.clone()));
        let tls = server_config(&identity, KeyPolicy::Any, LOBBY_ALPN);
        let ids = Arc::new(AtomicU64::new(1));
        let evicted = Arc::new(tokio::sync::Semaphore::new(MAX_EVICTED));
        let shared = Arc::new(Shared {
            tls,
            lobby: handle,
            log,
            recent,
            recent_of_rooms,
            metrics,
            turns: Turns::default(),
            paces: Paces::new(1_000_000, 100, 100),
            banned: Arc::default(),
            motd: Mutex::default(),
            ids,
            evicted,
            relay: Relay::new(RelayParts {
                tokens: Tokens::of(&identity),
                rate: None,
                max_clients: 1,
                max_clients_per_ip: 1,
                kept_out: Arc::default(),
                clock: || 0,
                metrics: Arc::new(Metrics::new()),
            }),
        });
        Self { shared, _stop: stop.drop_guard() }
    }

    /// Returns a client that has sent its hello, over a pipe of `size` bytes.
    async fn ask(&self, name: &str, size: usize) -> Client {
        self.ask_with(hello(name), size).await
    }

    async fn ask_with(&self, hello: Hello, size: usize) -> Client {
        let mut client = self.connect(size).await;
        client.send(&ClientMessage::Hello(hello)).await;
        client
    }

    /// Returns a client that has sent nothing yet.
    async fn connect(&self, size: usize) -> Client {
        self.connect_as(&Identity::generate().unwrap(), size).await
    }

    async fn connect_as(&self, identity: &Identity, size: usize) -> Client {
        let (near, far) = tokio::io::duplex(size);
        let remote = "192.0.2.1:5000".parse().unwrap();
        let shared = Arc::clone(&self.shared);
        let serving = tokio::spawn(async move {
            if let Some(Elsewhere::Evicted(evicted)) = serve(far, None, remote, shared).await {
                evicted.told().await;
            }
        });
        let (config, _) = client_config(identity, KeyPolicy::Any, LOBBY_ALPN);
        let stream = TlsConnector::from(config).connect(server_name(), near).await.unwrap();
        let (read, writer) = tokio::io::split(stream);
        Client { reader: MessageReader::new(read, MAX_LINE_BYTES), writer, serving }
    }

    async fn join(&self, name: &str, size: usize) -> (Client, Position) {
        let mut client = self.ask(name, size).await;
        match client.next().await {
            Some(ServerMessage::Welcome(welcome)) => (client, welcome.start),
            other => panic!("{other:?}"),
        }
    }
}

impl Client {
    async fn send(&mut self, message: &ClientMessage) {
        self.writer.write_all(&codec::encode(message)).await.unwrap();
        self.writer.flush().await.unwrap();
    }

    async fn send_lines(&mut self, line: &str, count: usize) {
        self.writer.write_all(line.repeat(count).as_bytes()).await.unwrap();
        self.writer.flush().await.unwrap();
    }

    async fn say(&mut self, id: u64, text: &str) {
        self.send(&ClientMessage::Say { id, room: None, text: Text::new(text).unwrap() }).await;
    }

    async fn next(&mut self) -> Option<ServerMessage> {
        self.reader.next().await.ok().flatten()
    }

    /// Reads the log, message by message, until the message `end`.
    async fn follow(&mut self, mut position: Position, end: u64) {
        while position.seq < Seq(end) {
            match self.next().await.unwrap() {
                ServerMessage::Said(said) => drop(position.advance_over(&said).unwrap()),
                ServerMessage::Presence { .. } | ServerMessage::PresenceSkipped { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_conversation_crosses_a_pipe_of_sixty_four_bytes() {
    let world = World::new();
    let (mut anna, start) = world.join("anna", 64).await;
    let (mut bobby, b_start) = world.join("bobby", 64).await;
    let talking = tokio::spawn(async move {
        for id in 1..=100 {
            anna.say(id, &format!("word {id}")).await;
        }
        anna.follow(start, 100).await;
    });
    bobby.follow(b_start, 100).await;
    talking.await.unwrap();
}

#[tokio::test]
async fn messages_that_were_stored_together_are_sent_together_even_to_a_client_that_has_read_some_of_them() {
    let world = World::new();
    let (mut anna, mut position) = world.join("anna", 64 * 1024).await;
    let says = (1..=100).map(|id| ClientMessage::Say { room: None, id, text: Text::new("word").unwrap() });
    let says: Vec<u8> = says.flat_map(|say| codec::encode(&say).to_vec()).collect();
    anna.writer.write_all(&says).await.unwrap();
    anna.writer.flush().await.unwrap();
    // Positions within a chunk: a newcomer that begins there ignores the messages before its position.
    let mut within = Vec::new();
    while position.seq < Seq(100) {
        let Some(ServerMessage::Said(said)) = anna.next().await else { continue };
        let heard = position.advance_over(&said).unwrap();
        within.extend(heard[..heard.len() - 1].iter().map(|message| message.seq));
    }
    assert!(!within.is_empty(), "nothing of a hundred texts in one write was stored together");
    let mut began_too_early = 0;
    for since in within {
        let asks = Hello { since: Some(since), ..hello("bobby") };
        let mut bobby = world.ask_with(asks, 64 * 1024).await;
        let Some(ServerMessage::Welcome(welcome)) = bobby.next().await else { panic!("no welcome") };
        assert_eq!(welcome.start.seq, since);
        let mut position = welcome.start;
        let first = loop {
            match bobby.next().await.unwrap() {
                ServerMessage::Said(said) => break said,
                ServerMessage::Presence { .. } => {}
                other => panic!("{other:?}"),
            }
        };
        began_too_early += usize::from(first.first() <= since);
        let heard = position.advance_over(&first).unwrap();
        assert_eq!(heard[0].seq, since.next(), "dropped by their numbers, the rest follows");
        bobby.follow(position, 100).await;
    }
    assert!(began_too_early > 0, "the page says that it may be so");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newcomer_that_comes_while_others_speak_reads_on_from_its_position() {
    const NEWCOMERS: usize = 20;
    let world = Arc::new(World::new());
    let (mut anna, start) = world.join("anna", 1024 * 1024).await;
    let came = Arc::new(AtomicUsize::new(0));
    let (tell_end, end) = watch::channel(None);
    let mut newcomers = tokio::task::JoinSet::new();
    for number in 0..NEWCOMERS {
        let (world, came, mut end) = (Arc::clone(&world), Arc::clone(&came), end.clone());
        newcomers.spawn(async move {
            // Whatever is being stored or told when the newcomer is let in, it reads each text once.
            let (mut newcomer, start) = world.join(&format!("user{number}"), 4096).await;
            came.fetch_add(1, Ordering::SeqCst);
            let end = end.wait_for(Option::is_some).await.unwrap().unwrap();
            newcomer.follow(start, end).await;
        });
    }
    let mut said = 0;
    while came.load(Ordering::SeqCst) < NEWCOMERS {
        said += 1;
        anna.say(said, "word").await;
    }
    said += 1;
    anna.say(said, "the end").await;
    tell_end.send(Some(said)).unwrap();
    anna.follow(start, said).await;
    newcomers.join_all().await;
}

#[tokio::test]
async fn a_reader_that_fell_far_behind_gets_every_message_once() {
    let world = World::new();
    let (mut slow, slow_start) = world.join("slow", 2048).await;
    let (mut anna, start) = world.join("anna", 64 * 1024).await;
    // This is more than the memory of recent messages holds, so the slow client has to be sent messages from the log.
    let text = "x".repeat(16 * 1024);
    let mut position = start;
    for id in 1..=400 {
        anna.say(id, &text).await;
        anna.follow(position, id).await;
        position = world.shared.recent.lock().unwrap().position(Seq(id)).unwrap();
    }
    assert_eq!(world.shared.recent.lock().unwrap().gather(Seq(1), 1, &mut Vec::new()), Gathered::TooOld);
    slow.follow(slow_start, 400).await;
    // From then on the client is written to directly, like every client that is caught up.
    anna.say(401, "now").await;
    slow.follow(position, 401).await;
    assert!(world.shared.metrics.log_reads.get() > 0);
}

#[test]
fn a_client_that_is_behind_the_oldest_kept_message_is_told_how_many_it_misses() {
    let position =
        |seq| Position { seq: Seq(seq), hash: hobnob_protocol::chain::ChainHash::new([seq as u8; 32]) };
    let message = |seq| hobnob_protocol::chain::LobbyMessage {
        seq: Seq(seq),
        at: 0,
        name: "anna".parse().unwrap(),
        key: PublicKey::new([1; 32]),
        run: RunId::new([1; 8]),
        id: seq,
        content: Text::new("word").unwrap().into(),
        hash: position(seq).hash,
    };
    let read = |bytes: Bytes| -> Vec<ServerMessage> {
        bytes
            .split(|&b| b == b'\n')
            .filter(|l| !l.is_empty())
            .map(|l| serde_json::from_slice(l).unwrap())
            .collect()
    };
    let stretch = Stretch { after: position(100), messages: vec![message(101), message(102)] };
    let lines = read(encode::what_follows(None, Seq(2), &stretch));
    let [skipped, ServerMessage::Said(said)] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!(*skipped, ServerMessage::Skipped { room: None, missed: 98, after: position(100) });
    assert_eq!(said.first(), Seq(101));
    let lines = read(encode::what_follows(None, Seq(100), &stretch));
    assert!(matches!(&lines[..], [ServerMessage::Said(_)]), "{lines:?}");
}
