//! The link against a server that breaks the rules, over a pipe. What it makes this client keep is bounded, whatever it
//! sends and whatever it does not read.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use hobnob_protocol::candidate::Candidate;
use hobnob_protocol::chain::{LogId, Position};
use hobnob_protocol::codec::{MessageReader, encode, encode_into};
use hobnob_protocol::identity::Identity;
use hobnob_protocol::ids::{PairToken, RunId, random_bytes};
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::{ClientMessage, Introduction, ServerMessage, Welcome};
use hobnob_protocol::transport::{self, KeyPolicy};
use hobnob_protocol::{LOBBY_ALPN, MAX_LINE_BYTES, PROTOCOL_VERSION};
use tokio::io::{AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::connect::Dial;
use super::event::LobbyEvent;
use super::event_queue::LobbyEvents;
use super::handle::LobbyHandle;
use super::link::{LobbyConfig, start_over};

/// Hands out the only connection there is.
struct Pipe(Mutex<Option<DuplexStream>>);

impl Dial for Pipe {
    type Stream = DuplexStream;

    async fn dial(&self, _address: &str) -> std::io::Result<DuplexStream> {
        self.0.lock().unwrap().take().ok_or_else(|| std::io::ErrorKind::ConnectionRefused.into())
    }
}

/// The server's end of the connection, after the welcome.
struct Server {
    reader: MessageReader<ReadHalf<TlsStream<DuplexStream>>>,
    writer: WriteHalf<TlsStream<DuplexStream>>,
}

impl Server {
    async fn welcome(stream: DuplexStream) -> Self {
        let stream = acceptor(&Identity::generate().unwrap()).accept(stream).await.unwrap();
        let (reader, mut writer) = tokio::io::split(stream);
        let mut reader = MessageReader::new(reader, MAX_LINE_BYTES);
        assert!(matches!(reader.next().await.unwrap(), Some(ClientMessage::Hello(_))));
        writer.write_all(&encode(&ServerMessage::Welcome(welcome_telling(Vec::new())))).await.unwrap();
        writer.flush().await.unwrap();
        Self { reader, writer }
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.writer.write_all(bytes).await.unwrap();
        self.writer.flush().await.unwrap();
    }
}

/// Returns the welcome of a lobby without messages, which tells these servers.
pub(super) fn welcome_telling(servers: Vec<Candidate>) -> Welcome {
    let log = LogId::new([1; 16]);
    let (head, start) = (Position::start(&log), Position::start(&log));
    Welcome {
        protocol: PROTOCOL_VERSION,
        name: "anna".parse().unwrap(),
        log,
        head,
        start,
        missed: 0,
        resumed: true,
        observed: [192, 0, 2, 1].into(),
        servers,
        topic: None,
        motd: None,
        operator: false,
    }
}

/// Takes the connections for a server with this key.
pub(super) fn acceptor(identity: &Identity) -> TlsAcceptor {
    TlsAcceptor::from(transport::server_config(identity, KeyPolicy::Any, LOBBY_ALPN))
}

/// Returns the configuration of the links in these tests.
pub(super) fn config() -> LobbyConfig {
    LobbyConfig {
        servers: vec!["the lobby".to_owned()],
        identity: Identity::generate().unwrap(),
        name: "anna".parse().unwrap(),
        run: RunId::random(),
        trusted: None,
        candidates: Arc::new(|_ends| Box::pin(async { Vec::new() })),
        port: 1,
        since: None,
        rooms: Vec::new(),
        read_up_to: None,
    }
}

/// Makes a client that has joined the test's server.
async fn joined() -> (LobbyHandle, LobbyEvents, Server) {
    let (near, far) = tokio::io::duplex(4096);
    let pipe = Pipe(Mutex::new(Some(near)));
    let (started, server) = tokio::join!(start_over(pipe, config()), Server::welcome(far));
    let (handle, events, _joined) = started.unwrap();
    (handle, events, server)
}

fn introduction() -> ServerMessage {
    ServerMessage::Introduced(Introduction {
        request: None,
        session: PairToken::random(),
        name: "bobby".parse().unwrap(),
        key: PublicKey::new(random_bytes()),
        candidates: Vec::new(),
        relay: None,
        forked: false,
    })
}

#[tokio::test(start_paused = true)]
async fn pongs_for_a_server_that_pings_and_does_not_read_are_bounded() {
    const PINGS: usize = 100_000;
    let (_handle, mut events, mut server) = joined().await;
    let mut bytes = BytesMut::new();
    (0..PINGS).for_each(|_| encode_into(&ServerMessage::Ping, &mut bytes));
    // When the app hears of this, the link has read everything before it.
    encode_into(&ServerMessage::Closing, &mut bytes);
    server.send(&bytes).await;
    while !matches!(events.recv().await, Some(LobbyEvent::Closing)) {}
    let mut pongs = 0;
    // Time is paused: it passes when the link has nothing left to write.
    while let Ok(Ok(Some(message))) =
        timeout(Duration::from_secs(1), server.reader.next::<ClientMessage>()).await
    {
        assert_eq!(message, ClientMessage::Pong);
        pongs += 1;
    }
    // The sum of those on the way when the link stopped reading, those of one write, and those still owed.
    assert!((1000..20_000).contains(&pongs), "{pongs}");
}

#[tokio::test]
async fn each_ping_of_a_server_that_reads_is_answered() {
    let (_handle, _events, mut server) = joined().await;
    for _ in 0..2000 {
        server.send(&encode(&ServerMessage::Ping)).await;
        let answer = timeout(Duration::from_secs(9), server.reader.next()).await.unwrap().unwrap();
        assert_eq!(answer, Some(ClientMessage::Pong));
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_introductions_is_taken_in_part_and_later_messages_are_still_heard() {
    const INTRODUCTIONS: usize = 20_000;
    let (_handle, mut events, mut server) = joined().await;
    let flood = async {
        for _ in 0..INTRODUCTIONS {
            server.writer.write_all(&encode(&introduction())).await.unwrap();
            server.writer.write_all(&encode(&ServerMessage::Ping)).await.unwrap();
        }
        server.send(&encode(&ServerMessage::Closing)).await;
        // These are the signs of life that the link gave by itself; they are read so that the link can go on writing.
        // Time is paused: it passes when the link has nothing left to write.
        while let Ok(Ok(Some(_))) =
            timeout(Duration::from_secs(1), server.reader.next::<ClientMessage>()).await
        {}
    };
    let (mut introduced, mut asked) = (0, 0);
    let hearing = async {
        loop {
            match events.recv().await {
                Some(LobbyEvent::Introduced(_)) => introduced += 1,
                Some(LobbyEvent::IntroductionAsked) => asked += 1,
                Some(LobbyEvent::Closing) => return,
                other => panic!("{other:?}"),
            }
        }
    };
    tokio::join!(flood, hearing);
    assert_eq!(introduced, asked);
    assert!((64..1000).contains(&introduced), "{introduced} of {INTRODUCTIONS}");
}
