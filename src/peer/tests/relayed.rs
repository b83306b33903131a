//! Sessions that are carried through the lobby's server: how they open, how they find a direct path, and what becomes
//! of them when the server goes away. The server here joins everybody who comes; the tests of the real server check
//! whom it lets in.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use hobnob_protocol::RELAY_ALPN;
use hobnob_protocol::codec::{LineBuffer, encode};
use hobnob_protocol::records::RecordByRecord;
use hobnob_protocol::relay::{RelayAnswer, RelayRefusedCode, RelayRequest};
use hobnob_protocol::transport::{KeyPolicy, server_config};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::super::reach::relay::{self, RelayServer};
use super::*;
use crate::session::path::Path;

type Line = TlsStream<RecordByRecord<TcpStream>>;

/// A server that joins clients two by two, or refuses.
struct Relay {
    at: SocketAddr,
    identity: Identity,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    /// Whether the server tells everybody that it relays nothing.
    is_off: AtomicBool,
    /// Whether the relay tells a client that would have to wait at once that the other side did not come.
    is_impatient: AtomicBool,
    /// How many bytes went through the server.
    relayed: AtomicUsize,
}

impl Relay {
    async fn start() -> Self {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), Identity::generate().unwrap()).await
    }

    async fn start_at(at: SocketAddr, identity: Identity) -> Self {
        let listener = tcp::bind(at).unwrap();
        let at = listener.local_addr().unwrap();
        let shared = Arc::<Shared>::default();
        let task = tokio::spawn(serve(listener, identity.clone(), Arc::clone(&shared)));
        Self { at, identity, shared, task }
    }

    /// Ends the server: everybody who is joined is cut off, and nobody is let in.
    async fn kill(self) -> (SocketAddr, Identity) {
        self.task.abort();
        let _cancelled = self.task.await;
        (self.at, self.identity)
    }

    fn switch_off(&self) {
        self.shared.is_off.store(true, Ordering::Relaxed);
    }

    fn relayed(&self) -> usize {
        self.shared.relayed.load(Ordering::Relaxed)
    }

    async fn client(&self, identity: Identity, path: PathChoice) -> Client {
        let client = Client::start_with(identity, Arc::new(|_| false), path).await;
        client.network.dial_filter().lobby_is_at(self.at);
        client.network.dial_filter().lobby_has_key(self.identity.public());
        client
    }

    async fn two(&self, path: PathChoice) -> (Client, Client) {
        let [anna, bobby] = two_identities();
        (self.client(anna, path).await, self.client(bobby, path).await)
    }
}

async fn serve(listener: TcpListener, identity: Identity, shared: Arc<Shared>) {
    let acceptor = TlsAcceptor::from(server_config(&identity, KeyPolicy::Any, RELAY_ALPN));
    let (mut joined, mut waiting) = (JoinSet::new(), None::<(PairToken, Line)>);
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        let Ok(mut line) = acceptor.accept(RecordByRecord::new(socket)).await else { continue };
        let Some(RelayRequest::Meet { session, .. }) = request(&mut line).await else { continue };
        if shared.is_off.load(Ordering::Relaxed) {
            say(&mut line, RelayAnswer::Refused { code: RelayRefusedCode::Off }).await;
            continue;
        }
        match waiting.take().filter(|(token, _)| *token == session) {
            None if shared.is_impatient.load(Ordering::Relaxed) => {
                say(&mut line, RelayAnswer::Refused { code: RelayRefusedCode::Alone }).await;
            }
            None => {
                say(&mut line, RelayAnswer::Waiting).await;
                waiting = Some((session, line));
            }
            Some((_, mut other)) => {
                say(&mut other, RelayAnswer::Met).await;
                say(&mut line, RelayAnswer::Met).await;
                let [mut one, mut two] = [line, other].map(|line| line.into_inner().0.into_inner());
                let shared = Arc::clone(&shared);
                joined.spawn(async move {
                    if let Ok((there, back)) = copy_bidirectional(&mut one, &mut two).await {
                        shared.relayed.fetch_add((there + back) as usize, Ordering::Relaxed);
                    }
                });
            }
        }
    }
}

async fn request(line: &mut Line) -> Option<RelayRequest> {
    let mut lines = LineBuffer::new(1000);
    loop {
        if let Some(request) = lines.next_message().ok()? {
            return Some(request);
        }
        if line.read_buf(lines.spare()).await.ok()? == 0 {
            return None;
        }
    }
}

/// Sends an answer to a client; a client that has hung up is ignored.
async fn say(line: &mut Line, answer: RelayAnswer) {
    let _hung_up = line.write_all(&encode(&answer)).await;
    let _hung_up = line.flush().await;
}

/// Opens a session of the two clients, who tell each other no address.
fn introduced(anna: &Client, bobby: &Client) -> (Session, Session) {
    let token = PairToken::random();
    let bobbys = bobby.open(&introduction(token, anna.key(), &[], false));
    let annas = anna.open(&introduction(token, bobby.key(), &[], true));
    (annas, bobbys)
}

async fn is_up_by(client: &mut Client, by: Path) {
    let mut event = client.next().await;
    while event == PeerEventKind::WantsIntroduction {
        event = client.next().await;
    }
    assert!(matches!(event, PeerEventKind::Up { path, .. } if path == by), "{event:?}");
}

/// Returns an address at which nobody answers.
async fn nobody() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    listener.local_addr().unwrap()
}

#[tokio::test]
async fn two_clients_with_the_path_relay_talk_through_the_relay_and_listen_nowhere() {
    let relay = Relay::start().await;
    let (mut anna, mut bobby) = relay.two(PathChoice::Relay).await;
    assert_eq!((anna.network.listening(), anna.network.port()), (None, 0));
    let token = PairToken::random();
    let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
    let mut bobbys = bobby.open(&introduction(token, anna.key(), &[here], false));
    let mut annas = anna.open(&introduction(token, bobby.key(), &[here], true));
    let begun = Instant::now();
    is_up_by(&mut anna, Path::Relay).await;
    is_up_by(&mut bobby, Path::Relay).await;
    assert!(begun.elapsed() < Duration::from_secs(1), "nothing else is waited for");
    annas.handle.say(1, text("hi"), 0).unwrap();
    bobbys.handle.say(2, text("x".repeat(16_000)), 0).unwrap();
    bobby.until(&mut bobbys, 1, 0).await;
    anna.until(&mut annas, 1, 1).await;
    bobby.until(&mut bobbys, 1, 1).await;
    annas.handle.leave();
    assert_eq!(anna.next().await, PeerEventKind::Ended);
    assert_eq!(bobby.next().await, PeerEventKind::Left);
    assert!(relay.relayed() > 16_000);
}

#[tokio::test]
async fn a_session_opens_over_the_relay_in_two_seconds_and_moves_to_a_direct_connection() {
    let relay = Relay::start().await;
    let (mut anna, mut bobby) = relay.two(PathChoice::Auto).await;
    let (token, nobody) = (PairToken::random(), nobody().await);
    let mut bobbys = bobby.open(&introduction(token, anna.key(), &[nobody], false));
    let mut annas = anna.open(&introduction(token, bobby.key(), &[nobody], true));
    let begun = Instant::now();
    is_up_by(&mut anna, Path::Relay).await;
    is_up_by(&mut bobby, Path::Relay).await;
    assert!(begun.elapsed() < Duration::from_millis(2500), "{:?}", begun.elapsed());
    // Texts are on their way while the path changes: each arrives once, in order.
    let say = |session: &Session, from: u64| {
        (from..from + 200).for_each(|id| session.handle.say(id, text(format!("text {id}")), 0).unwrap());
    };
    say(&annas, 0);
    say(&bobbys, 0);
    annas.handle.introduced(&introduction(token, bobby.key(), &[bobby.addr()], true));
    let moved = PeerEventKind::Moved { path: Path::Direct };
    assert_eq!(anna.next_turn(&mut annas).await, moved);
    assert_eq!(bobby.next_turn(&mut bobbys).await, moved);
    say(&annas, 200);
    say(&bobbys, 200);
    let missing = |session: &Session| (400 - session.heard.len(), 400 - session.delivered.len());
    while missing(&annas) != (0, 0) || missing(&bobbys) != (0, 0) {
        tokio::select! {
            () = anna.until(&mut annas, 400, 400), if missing(&annas) != (0, 0) => {}
            () = bobby.until(&mut bobbys, 400, 400), if missing(&bobbys) != (0, 0) => {}
        }
    }
    let expected: Vec<String> = (0..400).map(|id| format!("text {id}")).collect();
    assert_eq!((&annas.heard, &bobbys.heard), (&expected, &expected));
    // The server is not needed any more.
    relay.kill().await;
    annas.handle.say(999, text("still here"), 0).unwrap();
    bobby.until(&mut bobbys, 401, 400).await;
}

#[tokio::test]
async fn a_relayed_session_is_down_while_the_server_is_away_and_goes_on_when_it_is_back() {
    let relay = Relay::start().await;
    let (mut anna, mut bobby) = relay.two(PathChoice::Relay).await;
    let (annas, mut bobbys) = introduced(&anna, &bobby);
    is_up_by(&mut anna, Path::Relay).await;
    is_up_by(&mut bobby, Path::Relay).await;
    let (at, identity) = relay.kill().await;
    assert_eq!(anna.next().await, PeerEventKind::Down);
    assert_eq!(bobby.next().await, PeerEventKind::Down);
    annas.handle.say(1, text("said meanwhile"), 0).unwrap();
    let _relay = Relay::start_at(at, identity).await;
    is_up_by(&mut anna, Path::Relay).await;
    is_up_by(&mut bobby, Path::Relay).await;
    bobby.until(&mut bobbys, 1, 0).await;
    assert_eq!(bobbys.heard, ["said meanwhile"]);
}

#[tokio::test]
async fn a_fork_that_finds_no_path_names_the_setting_that_prevents_one() {
    for (path, is_off, failure) in [
        (PathChoice::Direct, false, PeerFailure::DirectOnly),
        (PathChoice::Auto, true, PeerFailure::RelayIsOff),
        (PathChoice::Relay, true, PeerFailure::RelayOnlyIsOff),
        (PathChoice::Auto, false, PeerFailure::NotMet),
        (PathChoice::Relay, false, PeerFailure::RelayOnlyNotMet),
    ] {
        let relay = Relay::start().await;
        let [anna, bobby] = two_identities();
        let mut anna = relay.client(anna, path).await;
        if is_off {
            relay.switch_off();
        }
        let at = [nobody().await];
        let _annas = anna.open(&introduction(PairToken::random(), bobby.public(), &at, true));
        let event = timeout(Duration::from_secs(15), anna.events.recv()).await.unwrap().unwrap();
        assert_eq!(event.kind, PeerEventKind::Failed { reason: failure }, "{path:?}, off: {is_off}");
    }
}

#[tokio::test]
async fn a_relayed_session_is_over_when_the_peer_returns_as_another_process() {
    for [anna_says, bobby_says] in [[3, 0], [0, 3], [2, 2]] {
        let relay = Relay::start().await;
        let (mut anna, mut bobby) = relay.two(PathChoice::Relay).await;
        let token = PairToken::random();
        let mut bobbys = bobby.open(&introduction(token, anna.key(), &[], false));
        let mut annas = anna.open(&introduction(token, bobby.key(), &[], true));
        (0..anna_says).for_each(|id| annas.handle.say(id, text("a"), 0).unwrap());
        (0..bobby_says).for_each(|id| bobbys.handle.say(id, text("b"), 0).unwrap());
        let [anna_says, bobby_says] = [anna_says, bobby_says].map(|count| count as usize);
        bobby.until(&mut bobbys, anna_says, 0).await;
        anna.until(&mut annas, bobby_says, anna_says).await;
        // The process is killed, so it says nothing.
        let identity = bobby.identity.clone();
        drop((bobby, bobbys));
        let mut again = relay.client(identity, PathChoice::Relay).await;
        let _agains = again.open(&introduction(token, anna.key(), &[], false));
        let ending = loop {
            match anna.next_turn(&mut annas).await {
                PeerEventKind::Up { .. } | PeerEventKind::Down | PeerEventKind::WantsIntroduction => {}
                ending => break ending,
            }
        };
        let gone = PeerEventKind::Gone { reason: GoneReason::ProcessEnded };
        assert!(ending == gone || ending == PeerEventKind::Left, "{ending:?}");
        loop {
            match again.next().await {
                PeerEventKind::Up { .. } => {}
                PeerEventKind::Left | PeerEventKind::Ended | PeerEventKind::Failed { .. } => break,
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_relayed_session_is_over_when_the_peer_was_killed_and_does_not_return() {
    let relay = Relay::start().await;
    let (mut anna, mut bobby) = relay.two(PathChoice::Relay).await;
    let (_annas, bobbys) = introduced(&anna, &bobby);
    is_up_by(&mut anna, Path::Relay).await;
    is_up_by(&mut bobby, Path::Relay).await;
    // A real server lets a client wait for half a minute.
    relay.shared.is_impatient.store(true, Ordering::Relaxed);
    drop((bobby, bobbys));
    assert_eq!(anna.next().await, PeerEventKind::Down);
    let ending = anna.next().await;
    assert_eq!(ending, PeerEventKind::Gone { reason: GoneReason::ProcessEnded });
}

#[tokio::test]
async fn two_clients_of_different_servers_meet_at_the_server_that_is_named() {
    let relay = Relay::start().await;
    let (mut anna, mut bobby) = relay.two(PathChoice::Relay).await;
    // Bobby's own server is another one, where nobody else comes.
    let other = Relay::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), relay.identity.clone()).await;
    bobby.network.dial_filter().lobby_is_at(other.at);
    let token = PairToken::random();
    let mut to_bobby = introduction(token, anna.key(), &[], false);
    to_bobby.relay = Some(relay.at.into());
    let _bobbys = bobby.open(&to_bobby);
    let _annas = anna.open(&introduction(token, bobby.key(), &[], true));
    is_up_by(&mut anna, Path::Relay).await;
    is_up_by(&mut bobby, Path::Relay).await;
}

#[tokio::test]
async fn bytes_after_the_last_answer_of_the_relay_are_left_for_the_peers() {
    let (server, [anna, bobby]) = (Identity::generate().unwrap(), two_identities());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let at = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(server_config(&server, KeyPolicy::Any, RELAY_ALPN));
    let serving = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let mut line = acceptor.accept(RecordByRecord::new(socket)).await.unwrap();
        assert!(request(&mut line).await.is_some());
        // All of this is there before the client, which runs on the same thread, reads any of it.
        say(&mut line, RelayAnswer::Waiting).await;
        say(&mut line, RelayAnswer::Met).await;
        let mut socket = line.into_inner().0.into_inner();
        socket.write_all(b"of the other").await.unwrap();
        socket
    });
    let server = RelayServer { at, key: server.public() };
    let mut reached = relay::meet(server, &anna, PairToken::random(), bobby.public()).await.unwrap();
    let mut heard = [0; 12];
    reached.stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"of the other");
    serving.await.unwrap();
}

#[tokio::test]
async fn a_server_with_another_key_relays_nothing() {
    let relay = Relay::start().await;
    let [anna, bobby] = two_identities();
    let mut anna = Client::start_with(anna, Arc::new(|_| false), PathChoice::Relay).await;
    anna.network.dial_filter().lobby_is_at(relay.at);
    anna.network.dial_filter().lobby_has_key(bobby.public());
    let _annas = anna.open(&introduction(PairToken::random(), bobby.public(), &[], true));
    let event = timeout(Duration::from_secs(15), anna.events.recv()).await.unwrap().unwrap();
    assert_eq!(event.kind, PeerEventKind::Failed { reason: PeerFailure::RelayOnlyAway });
}
