//! Tests of connections over pipes that are far too small, with a real TLS client at the other end.

mod rooms;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use hobnob_order::{LocalStream, ServerId, StreamIdentity};
use hobnob_protocol::chain::Position;
use hobnob_protocol::codec::MessageReader;
use hobnob_protocol::identity::Identity;
use hobnob_protocol::ids::RunId;
use hobnob_protocol::message::{Change, Hello, RefusedCode};
use hobnob_protocol::text::Text;
use hobnob_protocol::transport::{KeyPolicy, client_config, server_config, server_name};
use hobnob_protocol::{LOBBY_ALPN, LOBBY_DEAD_AFTER, LOBBY_PING_AFTER, PROTOCOL_VERSION};
use tokio::io::{AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::decide::Posts;
use crate::lobby::{LobbyParts, lobby};
use crate::log::{Batch, Contents, Later, LobbyLog, MemoryLog, OpenedRoom, Stretch};
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
            rate: 1_000_000,
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
        let (near, far) = tokio::io::duplex(size);
        let remote = "192.0.2.1:5000".parse().unwrap();
        let shared = Arc::clone(&self.shared);
        let serving = tokio::spawn(async move {
            if let Some(Elsewhere::Evicted(evicted)) = serve(far, None, remote, shared).await {
                evicted.told().await;
            }
        });
        let (config, _) = client_config(&Identity::generate().unwrap(), KeyPolicy::Any, LOBBY_ALPN);
        let stream = TlsConnector::from(config).connect(server_name(), near).await.unwrap();
        let (read, writer) = tokio::io::split(stream);
        let mut client = Client { reader: MessageReader::new(read, MAX_LINE_BYTES), writer, serving };
        client.send(&ClientMessage::Hello(hello)).await;
        client
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

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_asked_for_a_sign_of_life_and_then_dropped() {
    let world = World::new();
    let (mut anna, _) = world.join("anna", 4096).await;
    let joined = Instant::now();
    assert_eq!(anna.next().await, Some(ServerMessage::Ping));
    assert!(joined.elapsed() >= LOBBY_PING_AFTER);
    anna.send(&ClientMessage::Pong).await;
    let answered = Instant::now();
    assert_eq!(anna.next().await, Some(ServerMessage::Ping));
    assert_eq!(anna.next().await, None);
    let silent = answered.elapsed();
    assert!(silent >= LOBBY_DEAD_AFTER && silent < LOBBY_DEAD_AFTER + LOBBY_PING_AFTER, "{silent:?}");
    anna.serving.await.unwrap();
}

/// Says more than any pipe here holds, and sends signs of life for `client` until the server evicts it.
async fn deafen(world: &World, client: &mut Client) {
    let (mut anna, _) = world.join("anna", 64 * 1024).await;
    anna.say(1, &"x".repeat(8192)).await;
    let started = Instant::now();
    let left = Change::Left("deaf".parse().unwrap());
    loop {
        // The client sends signs of life, so the server notices only by the write that makes no progress.
        client.writer.write_all(&codec::encode(&ClientMessage::Pong)).await.unwrap();
        anna.writer.write_all(&codec::encode(&ClientMessage::Pong)).await.unwrap();
        let waited = tokio::time::timeout(Duration::from_secs(1), anna.next()).await;
        if matches!(waited, Ok(Some(ServerMessage::Presence { changes, .. })) if changes.contains(&left)) {
            break;
        }
        assert!(started.elapsed() < WRITE_TIMEOUT + LOBBY_PING_AFTER + Duration::from_secs(2));
    }
    assert!(started.elapsed() >= WRITE_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_evicted_and_is_told_so_when_it_reads_again() {
    let world = World::new();
    let (mut deaf, _) = world.join("deaf", 512).await;
    deafen(&world, &mut deaf).await;
    assert!(!deaf.serving.is_finished());
    tokio::time::sleep(Duration::from_secs(60)).await; // Paused time: a while in which it may read again.
    let mut heard = Vec::new();
    while let Some(message) = deaf.next().await {
        heard.push(message);
    }
    assert_eq!(heard.pop(), Some(ServerMessage::refused(RefusedCode::NotReading)));
    assert!(heard.iter().any(|m| matches!(m, ServerMessage::Said(_))), "what was on its way: {heard:?}");
}

#[tokio::test(start_paused = true)]
async fn the_server_does_not_wait_for_ever_for_a_client_that_takes_nothing() {
    let world = World::new();
    let (mut deaf, _) = world.join("deaf", 512).await;
    deafen(&world, &mut deaf).await;
    let started = Instant::now();
    deaf.serving.await.unwrap();
    assert!(started.elapsed() <= Duration::from_secs(121));
    assert_eq!(world.shared.evicted.available_permits(), MAX_EVICTED);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_closed_without_an_explanation_when_too_many_others_wait() {
    let world = World::new();
    let others = Arc::clone(&world.shared.evicted).acquire_many_owned(MAX_EVICTED as u32).await.unwrap();
    let (mut deaf, _) = world.join("deaf", 512).await;
    deafen(&world, &mut deaf).await;
    let started = Instant::now();
    deaf.serving.await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(2));
    drop(others);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_lets_its_answers_pile_up_is_closed() {
    let world = World::new();
    let (mut client, _) = world.join("anna", 1024).await;
    let ping = codec::encode(&ClientMessage::Ping);
    let mut sent = 0;
    while client.writer.write_all(&ping).await.is_ok() && client.writer.flush().await.is_ok() {
        sent += 1;
        assert!(sent < 100_000, "its answers must be bounded");
    }
    client.serving.await.unwrap();
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

#[tokio::test(start_paused = true)]
async fn the_server_does_not_wait_for_ever_for_a_hello() {
    let world = World::new();
    let (near, far) = tokio::io::duplex(64);
    let started = Instant::now();
    serve(far, None, "192.0.2.1:5000".parse().unwrap(), Arc::clone(&world.shared)).await;
    assert!(started.elapsed() >= hobnob_protocol::HANDSHAKE_TIMEOUT);
    assert!(started.elapsed() < hobnob_protocol::HANDSHAKE_TIMEOUT * 2);
    drop(near);
}

/// A log whose answers take some time, and which counts how many readers wait for an answer.
struct SlowLog {
    log: Arc<MemoryLog>,
    /// The log that already holds messages, as after a restart.
    contents: Contents,
    asked: AtomicUsize,
    most: AtomicUsize,
}

impl SlowLog {
    fn over(log: Arc<MemoryLog>) -> Self {
        let contents = Contents { head: *log.subscribe().borrow(), ..log.contents().clone() };
        Self { log, contents, asked: AtomicUsize::default(), most: AtomicUsize::default() }
    }
}

impl LobbyLog for SlowLog {
    fn contents(&self) -> &Contents {
        &self.contents
    }

    fn append(&self, batch: Batch) -> Later<'static, ()> {
        self.log.append(batch)
    }

    fn read(&self, after: Seq, limit: usize, max_bytes: usize) -> Later<'_, Stretch> {
        Box::pin(async move {
            // A look-up of one position needs no turn and is answered at once.
            if limit == 1 {
                return self.log.read(after, limit, max_bytes).await;
            }
            let asked = 1 + self.asked.fetch_add(1, Ordering::Relaxed);
            self.most.fetch_max(asked, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(10)).await; // in paused time
            self.asked.fetch_sub(1, Ordering::Relaxed);
            self.log.read(after, limit, max_bytes).await
        })
    }

    fn rooms(&self) -> Vec<OpenedRoom> {
        self.log.rooms()
    }

    fn read_room(&self, room: LogId, after: Seq, limit: usize, max_bytes: usize) -> Later<'_, Stretch> {
        self.log.read_room(room, after, limit, max_bytes)
    }

    fn posts(&self) -> Posts {
        self.log.posts()
    }

    fn subscribe(&self) -> watch::Receiver<Position> {
        self.log.subscribe()
    }

    fn first(&self) -> Seq {
        self.log.first()
    }
}

/// Reads answers to `history` until `answers` of them have ended. Returns how many parts they had and how many messages
/// were in them.
async fn parts_of(client: &mut Client, answers: usize) -> (usize, usize) {
    let (mut ended, mut parts, mut read) = (0, 0, 0);
    while ended < answers {
        if let ServerMessage::History { messages, more, .. } = client.next().await.unwrap() {
            (parts, read) = (parts + 1, read + messages.len());
            ended += usize::from(!more);
        }
    }
    (parts, read)
}

#[tokio::test(start_paused = true)]
async fn answers_to_history_are_read_in_turns_so_that_a_long_one_does_not_hold_up_short_ones() {
    let log = Arc::new(MemoryLog::new(100_000));
    let before = World::over(Arc::clone(&log) as _);
    let (mut anna, start) = before.join("anna", 1 << 20).await;
    for id in 1..=1000 {
        anna.say(id, &format!("word {id}")).await;
    }
    anna.follow(start, 1000).await;
    drop(before);

    let slow = Arc::new(SlowLog::over(log));
    let world = World::over(Arc::clone(&slow) as _);
    let (mut anna, _) = world.join("anna", 1 << 20).await;
    let mut greedy = Vec::new();
    for number in 0..10 {
        let (mut client, _) = world.join(&format!("greedy{number}"), 1 << 20).await;
        for request in 0..8 {
            client.send(&ClientMessage::History { request, limit: 1000, room: None, before: None }).await;
        }
        greedy.push(tokio::spawn(async move { parts_of(&mut client, 8).await }));
    }
    // A client that reads everything counts as one of them.
    let mut hello = hello("greedy10");
    hello.since = Some(Seq(0));
    let mut client = world.ask_with(hello, 1 << 20).await;
    let following = tokio::spawn(async move {
        let ServerMessage::Welcome(welcome) = client.next().await.unwrap() else { panic!("not welcomed") };
        client.follow(welcome.start, 1000).await;
    });
    let (mut bobby, _) = world.join("bobby", 1 << 20).await;
    let began = Instant::now();
    bobby.send(&ClientMessage::History { request: 1, limit: 20, room: None, before: None }).await;
    assert_eq!(parts_of(&mut bobby, 1).await, (1, 20));
    let took = began.elapsed();
    assert!(
        took <= Duration::from_millis(10 * 12),
        "behind each of ten once, not behind all they ask: {took:?}"
    );

    // A client that speaks does not wait for any of these answers.
    let began = Instant::now();
    bobby.say(1, "quickly").await;
    while !matches!(anna.next().await.unwrap(), ServerMessage::Said(_)) {}
    assert!(began.elapsed() < Duration::from_millis(10), "{:?}", began.elapsed());
    for reading in greedy {
        let (parts, read) = reading.await.unwrap();
        assert!(parts >= 8 * 8 && read == 8000, "{parts} {read}");
    }
    following.await.unwrap();
    assert_eq!(slow.most.load(Ordering::Relaxed), 1, "parts read at once");
}

#[tokio::test(start_paused = true)]
async fn others_cannot_cause_the_eviction_of_a_client_by_asking_for_introductions() {
    let world = World::new();
    // The client reads nothing for now, like one with a slow link.
    let (mut victim, start) = world.join("victim", 512).await;
    let named = |n: usize| format!("{}{n:02}:65535", "x".repeat(200)).parse().unwrap();
    for attacker in 0..20 {
        let mut hello = hello(&format!("stranger{attacker}"));
        hello.candidates = (0..31).map(named).collect();
        let mut stranger = world.ask_with(hello, 1 << 20).await;
        let pairs: Vec<u8> = (0..500)
            .flat_map(|request| {
                let pair = ClientMessage::Pair { request, name: "victim".parse().unwrap(), session: None };
                codec::encode(&pair).to_vec()
            })
            .collect();
        stranger.writer.write_all(&pairs).await.unwrap();
        stranger.writer.flush().await.unwrap();
        let mut answers = 0;
        // The first question waits for the victim, which reads nothing.
        while answers < 499 {
            let answer = stranger.next().await.expect("who asks is answered");
            if let ServerMessage::NoAnswer { code, .. } = answer {
                assert_eq!(code, hobnob_protocol::message::NoAnswerCode::Busy);
                answers += 1;
            }
        }
    }
    victim.say(1, "still here").await;
    let mut asked = 0;
    loop {
        match victim.next().await.expect("the victim stays") {
            ServerMessage::Asked { .. } => asked += 1,
            ServerMessage::Said(said) => {
                let mut position = start;
                position.advance_over(&said).unwrap();
                break;
            }
            ServerMessage::Ping | ServerMessage::Presence { .. } | ServerMessage::PresenceSkipped { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(asked, 20, "one question of each waits");
}
