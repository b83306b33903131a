//! Tests of the relay over pipes, with paused time and real TLS at the other end: two clients that meet, and clients
//! that must not get in or must not cost more than their share.

use std::future::poll_fn;
use std::time::Duration;

use hobnob_protocol::MAX_HELLO_BYTES;
use hobnob_protocol::codec::encode;
use hobnob_protocol::identity::Identity;
use hobnob_protocol::ids::PairToken;
use hobnob_protocol::records::RecordByRecord;
use hobnob_protocol::relay::RelayRequest;
use hobnob_protocol::transport::{KeyPolicy, client_config, server_config, server_name};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::decide::rules::Term;

const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

struct World {
    relay: Arc<Relay>,
    server: Identity,
}

/// One client's end of a connection to the relay.
struct Client {
    stream: TlsStream<RecordByRecord<DuplexStream>>,
    lines: LineBuffer,
    serving: JoinHandle<()>,
}

impl World {
    fn new(rate: Option<u32>) -> Self {
        Self::with(rate, 10_000, 100)
    }

    fn with(rate: Option<u32>, max_clients: usize, max_clients_per_ip: usize) -> Self {
        let server = Identity::generate().unwrap();
        let (tokens, metrics) = (Tokens::of(&server), Arc::new(Metrics::new()));
        let (kept_out, clock) = (Arc::default(), || 0);
        let relay = Relay::new(RelayParts {
            tokens,
            rate,
            max_clients,
            max_clients_per_ip,
            kept_out,
            clock,
            metrics,
        });
        Self { relay: Arc::new(relay), server }
    }

    fn token(&self, one: &Identity, other: &Identity) -> PairToken {
        self.relay.tokens.make(&one.public(), &other.public())
    }

    /// Returns a client after its handshake, over a pipe of `size` bytes.
    async fn connect(&self, identity: &Identity, size: usize) -> Client {
        let (near, far) = tokio::io::duplex(size);
        let relay = Arc::clone(&self.relay);
        let accept = server_config(&self.server, KeyPolicy::Any, RELAY_ALPN);
        let serving = tokio::spawn(async move {
            let mut wire = Wire::new(far, None, accept).unwrap();
            let mut lines = LineBuffer::new(MAX_HELLO_BYTES);
            while !wire.is_open() {
                let filled = poll_fn(|cx| {
                    // The rest goes on when the pipe has room; this task is woken for that, too.
                    let _flushed = wire.poll_flush(cx);
                    wire.poll_fill(cx, &mut lines)
                });
                if !filled.await.unwrap_or(false) {
                    return;
                }
            }
            relay.serve(RelayClient::new(wire, lines), ADDRESS, None).await;
        });
        let (config, _) = client_config(identity, KeyPolicy::Only(self.server.public()), RELAY_ALPN);
        let connector = TlsConnector::from(config);
        let stream = connector.connect(server_name(), RecordByRecord::new(near)).await.unwrap();
        Client { stream, lines: LineBuffer::new(1000), serving }
    }

    async fn meet(&self, own: &Identity, other: &Identity, session: PairToken) -> Client {
        let mut client = self.connect(own, 256).await;
        client.say(&RelayRequest::Meet { session, other: other.public() }).await;
        client
    }

    /// Returns two clients that are joined.
    async fn joined(&self, one: &Identity, other: &Identity, token: PairToken) -> [DuplexStream; 2] {
        let mut first = self.meet(one, other, token).await;
        assert_eq!(first.answer().await, RelayAnswer::Waiting);
        let second = self.meet(other, one, token).await;
        [first.met().await, second.met().await]
    }
}

impl Client {
    async fn say(&mut self, request: &RelayRequest) {
        self.stream.write_all(&encode(request)).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Returns the next answer of the server.
    async fn answer(&mut self) -> RelayAnswer {
        loop {
            if let Some(answer) = self.lines.next_message().unwrap() {
                return answer;
            }
            // Reads no more than one record, because what follows `met` is no record.
            let record = self.stream.fill_buf().await.unwrap();
            let length = record.len();
            assert_ne!(length, 0, "it closed");
            self.lines.extend(record);
            self.stream.consume(length);
        }
    }

    /// Returns the stream to the other side.
    async fn met(mut self) -> DuplexStream {
        assert_eq!(self.answer().await, RelayAnswer::Met);
        self.stream.into_inner().0.into_inner()
    }

    async fn expect_refusal(mut self, code: RelayRefusedCode) {
        assert_eq!(self.answer().await, RelayAnswer::Refused { code });
        assert_eq!(self.stream.read_buf(self.lines.spare()).await.unwrap(), 0, "and closed");
    }
}

fn two() -> [Identity; 2] {
    [Identity::generate().unwrap(), Identity::generate().unwrap()]
}

#[tokio::test]
async fn two_clients_with_one_token_meet_and_what_one_writes_the_other_reads() {
    let (world, [anna, bobby]) = (World::new(Some(1 << 20)), two());
    let token = world.token(&anna, &bobby);
    let mut first = world.meet(&anna, &bobby, token).await;
    assert_eq!(first.answer().await, RelayAnswer::Waiting);
    let second = world.meet(&bobby, &anna, token).await;
    let mut near = first.met().await;
    near.write_all(b"sealed bytes").await.unwrap();
    // These bytes are there before the other side reads that it was met. The count tells nobody when it grows.
    let copied = async {
        while world.relay.metrics.relayed_bytes.get() < 12 {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(20), copied).await.expect("the relay copies what was written");
    let mut far = second.met().await;
    let mut heard = [0; 12];
    far.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"sealed bytes");
    far.write_all(b"and back").await.unwrap();
    near.read_exact(&mut heard[..8]).await.unwrap();
    assert_eq!(world.relay.metrics.relayed_sessions.get(), 1);
    drop(near);
    assert_eq!(far.read(&mut heard).await.unwrap(), 0);
}

#[tokio::test]
async fn nobody_gets_in_with_a_guessed_token_or_a_third_key() {
    let (world, [anna, bobby]) = (World::new(Some(1000)), two());
    let eve = Identity::generate().unwrap();
    let token = world.token(&anna, &bobby);
    let mut annas = world.meet(&anna, &bobby, token).await;
    assert_eq!(annas.answer().await, RelayAnswer::Waiting);
    for (own, other, session) in [
        (&eve, &anna, token),
        (&eve, &bobby, token),
        (&anna, &eve, token),
        (&anna, &anna, token),
        (&bobby, &anna, PairToken::random()),
        (&eve, &anna, World::new(None).token(&eve, &anna)),
    ] {
        let refused = world.meet(own, other, session).await;
        refused.expect_refusal(RelayRefusedCode::Token).await;
    }
    assert_eq!(world.relay.metrics.relay_refused.get(), 6);
    assert_eq!(world.relay.metrics.relay_waiting.get(), 1, "who waits is not disturbed");
}

#[tokio::test]
async fn a_server_that_was_started_again_joins_two_clients_that_it_never_introduced() {
    let (world, [anna, bobby]) = (World::new(Some(1 << 20)), two());
    let token = world.token(&anna, &bobby);
    let again = Relay::new(RelayParts {
        tokens: Tokens::of(&world.server),
        rate: Some(1000),
        max_clients: 10,
        max_clients_per_ip: 10,
        kept_out: Arc::default(),
        clock: || 0,
        metrics: Arc::new(Metrics::new()),
    });
    let world = World { relay: Arc::new(again), server: world.server };
    world.joined(&anna, &bobby, token).await;
}

#[tokio::test]
async fn a_key_that_is_sent_out_is_no_longer_relayed_and_others_are() {
    let (world, [anna, bobby], [carol, dave]) = (World::new(Some(1 << 20)), two(), two());
    let token = world.token(&anna, &bobby);
    let [mut near, mut far] = world.joined(&anna, &bobby, token).await;
    let [mut third, mut fourth] = world.joined(&carol, &dave, world.token(&carol, &dave)).await;
    let mut waiting = world.meet(&bobby, &carol, world.token(&bobby, &carol)).await;
    assert_eq!(waiting.answer().await, RelayAnswer::Waiting);
    // The ban is of the second of the two, so this does not depend on which side copies for both.
    world.relay.kept_out.ban([(bobby.public().fingerprint(), Term::ForGood)]);
    waiting.expect_refusal(RelayRefusedCode::SentOut).await;
    let mut byte = [0];
    assert_eq!(near.read(&mut byte).await.unwrap_or(0), 0);
    assert_eq!(far.read(&mut byte).await.unwrap_or(0), 0);
    third.write_all(b"x").await.unwrap();
    assert_eq!(fourth.read(&mut byte).await.unwrap(), 1);
    world.meet(&bobby, &anna, token).await.expect_refusal(RelayRefusedCode::SentOut).await;
    world.relay.kept_out.ban([]);
    let [mut near, _far] = world.joined(&anna, &bobby, token).await;
    // This time it is the first of the two.
    world.relay.kept_out.sent_out(anna.public(), false);
    assert_eq!(near.read(&mut byte).await.unwrap_or(0), 0);
    world.meet(&anna, &bobby, token).await.expect_refusal(RelayRefusedCode::SentOut).await;
    world.relay.kept_out.came_in(&anna.public());
    world.joined(&anna, &bobby, token).await;
}

#[tokio::test]
async fn every_client_is_told_when_the_server_relays_nothing() {
    let (world, [anna, bobby]) = (World::new(None), two());
    world.meet(&anna, &bobby, world.token(&anna, &bobby)).await.expect_refusal(RelayRefusedCode::Off).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_waits_alone_is_refused_in_time_and_holds_nothing_afterwards() {
    let (world, [anna, bobby]) = (World::new(Some(1000)), two());
    let mut client = world.meet(&anna, &bobby, world.token(&anna, &bobby)).await;
    assert_eq!(client.answer().await, RelayAnswer::Waiting);
    let begun = Instant::now();
    client.expect_refusal(RelayRefusedCode::Alone).await;
    assert_eq!(begun.elapsed().as_secs(), RELAY_WAIT.as_secs());
    assert_eq!(world.relay.metrics.relay_waiting.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_or_nonsense_is_closed_in_time() {
    let (world, [anna, bobby]) = (World::new(Some(1000)), two());
    let begun = Instant::now();
    let silent = world.connect(&anna, 256).await;
    silent.serving.await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), HANDSHAKE_TIMEOUT.as_secs());
    let token = world.token(&anna, &bobby);
    let meet = encode(&RelayRequest::Meet { session: token, other: bobby.public() });
    for nonsense in [b"zz\n".to_vec(), vec![b'x'; MAX_HELLO_BYTES + 1], [meet.as_ref(), b"more"].concat()] {
        let mut client = world.connect(&anna, 4096).await;
        let _closed_by_then = client.stream.write_all(&nonsense).await;
        let _closed_by_then = client.stream.flush().await;
        client.serving.await.unwrap();
    }
    let mut impatient = world.meet(&anna, &bobby, token).await;
    assert_eq!(impatient.answer().await, RelayAnswer::Waiting);
    impatient.stream.write_all(b"!").await.unwrap();
    impatient.serving.await.unwrap();
    assert_eq!(world.relay.metrics.relay_waiting.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_closes_while_waiting_is_not_met() {
    let (world, [anna, bobby]) = (World::new(Some(1000)), two());
    let token = world.token(&anna, &bobby);
    let mut gone = world.meet(&anna, &bobby, token).await;
    assert_eq!(gone.answer().await, RelayAnswer::Waiting);
    let Client { stream, serving, .. } = gone;
    drop(stream);
    serving.await.unwrap();
    world.joined(&bobby, &anna, token).await;
}

#[tokio::test]
async fn a_client_that_connects_again_is_joined_again_and_the_old_connections_end() {
    let (world, [anna, bobby]) = (World::new(Some(1 << 20)), two());
    let token = world.token(&anna, &bobby);
    let [mut near, mut far] = world.joined(&anna, &bobby, token).await;
    // Anna's network was away: she does not know that her old connection is still here.
    let mut again = world.meet(&anna, &bobby, token).await;
    assert_eq!(again.answer().await, RelayAnswer::Waiting);
    for old in [&mut near, &mut far] {
        assert_eq!(old.read(&mut [0; 9]).await.unwrap(), 0, "closed");
    }
    let bobbys = world.meet(&bobby, &anna, token).await;
    let [mut near, mut far] = [again.met().await, bobbys.met().await];
    near.write_all(b"!").await.unwrap();
    assert_eq!(far.read_u8().await.unwrap(), b'!');
}

#[tokio::test(start_paused = true)]
async fn the_number_of_waiting_clients_is_limited_for_an_address_and_in_all() {
    for (max_clients, max_clients_per_ip, expected) in [(10_000, 2, 8), (10, 100, 5), (1, 100, 2)] {
        let world = World::with(Some(1000), max_clients, max_clients_per_ip);
        let mut waiting = Vec::new();
        let mut refused = 0;
        for _ in 0..100 {
            let [anna, bobby] = two();
            let mut client = world.meet(&anna, &bobby, world.token(&anna, &bobby)).await;
            match client.answer().await {
                RelayAnswer::Waiting => waiting.push(client),
                answer => {
                    assert_eq!(answer, RelayAnswer::Refused { code: RelayRefusedCode::Busy });
                    refused += 1;
                }
            }
        }
        assert_eq!((waiting.len(), refused), (expected, 100 - expected));
    }
}

#[tokio::test]
async fn closing_ends_waiting_and_joined_clients() {
    let (world, [anna, bobby]) = (World::new(Some(1000)), two());
    let [_near, mut far] = world.joined(&anna, &bobby, world.token(&anna, &bobby)).await;
    let carol = Identity::generate().unwrap();
    let mut waiting = world.meet(&carol, &anna, world.token(&carol, &anna)).await;
    assert_eq!(waiting.answer().await, RelayAnswer::Waiting);
    world.relay.close();
    waiting.expect_refusal(RelayRefusedCode::Closing).await;
    assert_eq!(far.read(&mut [0; 9]).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_flood_is_slowed_down_and_another_session_is_not() {
    let (world, [anna, bobby]) = (World::new(Some(10_000)), two());
    let [mut near, mut far] = world.joined(&anna, &bobby, world.token(&anna, &bobby)).await;
    let flood = tokio::spawn(async move { while near.write_all(&[0; 1000]).await.is_ok() {} });
    let sink = tokio::spawn(async move {
        let (begun, mut taken, mut room) = (Instant::now(), 0, [0; 4096]);
        while begun.elapsed() < Duration::from_secs(100) {
            taken += far.read(&mut room).await.unwrap();
        }
        taken
    });
    let [carol, dora] = two();
    let [mut quiet, mut friend] = world.joined(&carol, &dora, world.token(&carol, &dora)).await;
    quiet.write_all(b"hi").await.unwrap();
    let asked = Instant::now();
    friend.read_exact(&mut [0; 2]).await.unwrap();
    assert!(asked.elapsed() < Duration::from_millis(10));
    let taken = sink.await.unwrap();
    // Ten seconds' worth pass at first, and then as much as the rate allows in a hundred seconds.
    assert!((1_000_000..1_130_000).contains(&taken), "{taken}");
    flood.abort();
}
