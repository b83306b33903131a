//! The link and the lobby's addresses: which it tries when its server is gone, and what silent servers and servers with
//! another key do to it. The network is the test's own, and time is paused.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hobnob_protocol::codec::{MessageReader, encode};
use hobnob_protocol::identity::Identity;
use hobnob_protocol::message::{ClientMessage, ServerMessage};
use hobnob_protocol::{MAX_LINE_BYTES, MAX_SERVERS};
use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

use super::connect::{ConnectError, Dial};
use super::event::LobbyEvent;
use super::event_queue::LobbyEvents;
use super::handle::LobbyHandle;
use super::link::{LobbyConfig, start_over};
use super::tests::{acceptor, config, welcome_telling};

/// What there is at an address.
#[derive(Clone)]
enum Host {
    /// It takes no connection and refuses none.
    Silent,
    /// It takes connections and says nothing.
    Mute,
    /// A server with this key, which lets clients in after this time.
    Server(Identity, Duration),
}

/// A network. Nobody listens at an address that it does not have.
#[derive(Clone, Default)]
struct Network(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    hosts: HashMap<String, Host>,
    connections: HashMap<String, Vec<AbortHandle>>,
    dialled: Vec<String>,
    told: Vec<String>,
}

impl Network {
    fn put(&self, address: &str, host: Host) {
        self.0.lock().unwrap().hosts.insert(address.to_owned(), host);
    }

    fn serve(&self, address: &str, identity: &Identity) {
        self.put(address, Host::Server(identity.clone(), Duration::ZERO));
    }

    /// Ends what there is at an address, and its connections.
    fn end(&self, address: &str) {
        let mut state = self.0.lock().unwrap();
        state.hosts.remove(address);
        for connection in state.connections.remove(address).unwrap_or_default() {
            connection.abort();
        }
    }

    /// Lets every server tell these addresses.
    fn tell(&self, told: &[String]) {
        self.0.lock().unwrap().told = told.to_vec();
    }

    fn dials_of(&self, address: &str) -> usize {
        self.0.lock().unwrap().dialled.iter().filter(|it| *it == address).count()
    }
}

impl Dial for Network {
    type Stream = DuplexStream;

    async fn dial(&self, address: &str) -> io::Result<DuplexStream> {
        let host = {
            let mut state = self.0.lock().unwrap();
            state.dialled.push(address.to_owned());
            state.hosts.get(address).cloned()
        };
        let (near, far) = tokio::io::duplex(64 * 1024);
        let (told, host) = (self.0.lock().unwrap().told.clone(), host);
        let serving = match host {
            None => return Err(io::ErrorKind::ConnectionRefused.into()),
            Some(Host::Silent) => std::future::pending().await,
            Some(Host::Mute) => tokio::spawn(async move {
                let _open = far;
                std::future::pending().await
            }),
            Some(Host::Server(identity, delay)) => tokio::spawn(serve(far, identity, delay, told)),
        };
        let mut state = self.0.lock().unwrap();
        state.connections.entry(address.to_owned()).or_default().push(serving.abort_handle());
        Ok(near)
    }
}

async fn serve(stream: DuplexStream, identity: Identity, delay: Duration, told: Vec<String>) {
    sleep(delay).await;
    // The client goes no further if it does not trust this key.
    let Ok(stream) = acceptor(&identity).accept(stream).await else { return };
    let (reader, mut writer) = tokio::io::split(stream);
    let mut reader = MessageReader::new(reader, MAX_LINE_BYTES);
    let Ok(Some(ClientMessage::Hello(_))) = reader.next().await else { return };
    let told = told.iter().map(|address| address.parse().unwrap()).collect();
    writer.write_all(&encode(&ServerMessage::Welcome(welcome_telling(told)))).await.unwrap();
    writer.flush().await.unwrap();
    while let Ok(Some(message)) = reader.next::<ClientMessage>().await {
        if message == ClientMessage::Ping {
            writer.write_all(&encode(&ServerMessage::Pong)).await.unwrap();
            writer.flush().await.unwrap();
        }
    }
}

fn config_of(servers: &[&str], trusted: Option<&Identity>) -> LobbyConfig {
    let servers = servers.iter().map(ToString::to_string).collect();
    LobbyConfig { servers, trusted: trusted.map(Identity::public), ..config() }
}

async fn joined(network: &Network, config: LobbyConfig) -> (LobbyHandle, LobbyEvents) {
    let (handle, events, _joined) = start_over(network.clone(), config).await.unwrap();
    (handle, events)
}

/// Returns the names of the events until the link is up or has ended; waits for this long at most.
async fn until_up(events: &mut LobbyEvents, limit: Duration) -> Vec<String> {
    let mut heard: Vec<String> = Vec::new();
    let waiting = async {
        while let Some(event) = events.recv().await {
            let is_last = matches!(event, LobbyEvent::Up(_) | LobbyEvent::KeyChanged { .. });
            let name = format!("{event:?}");
            heard.push(name.split(|letter: char| !letter.is_alphabetic()).next().unwrap().to_owned());
            if is_last {
                return;
            }
        }
    };
    let _too_late = timeout(limit, waiting).await;
    heard
}

fn keys() -> [Identity; 2] {
    [Identity::generate().unwrap(), Identity::generate().unwrap()]
}

#[tokio::test(start_paused = true)]
async fn a_server_with_another_key_at_a_told_address_ends_no_client_and_is_told_once() {
    let (network, [lobby, other]) = (Network::default(), keys());
    network.serve("n1:1", &lobby);
    network.serve("n2:1", &other);
    network.tell(&["n2:1".to_owned()]);
    let (_handle, mut events) = joined(&network, config_of(&["n1:1"], None)).await;
    network.end("n1:1");
    assert_eq!(until_up(&mut events, Duration::from_secs(60)).await, ["Down", "ForeignServer"]);
    assert_eq!(network.dials_of("n2:1"), 1, "it is dialled in a hurry");
    network.serve("n1:1", &lobby);
    assert_eq!(until_up(&mut events, Duration::from_secs(20)).await, ["Up"]);
}

#[tokio::test(start_paused = true)]
async fn a_listed_server_with_another_key_keeps_nobody_from_the_others() {
    let (network, [lobby, other]) = (Network::default(), keys());
    network.serve("foreign:1", &other);
    for _ in 0..20 {
        network.serve("good:1", &lobby);
        let config = config_of(&["good:1", "foreign:1"], Some(&lobby));
        let (_handle, mut events) = joined(&network, config).await;
        network.end("good:1");
        let mut heard = until_up(&mut events, Duration::from_secs(30)).await;
        heard.sort();
        assert_eq!(heard, ["Down", "ForeignServer"]);
        network.serve("good:1", &lobby);
        assert_eq!(until_up(&mut events, Duration::from_secs(20)).await, ["Up"]);
        network.end("good:1");
    }
}

#[tokio::test(start_paused = true)]
async fn the_link_ends_at_once_if_every_address_has_another_key() {
    let (network, [lobby, other]) = (Network::default(), keys());
    for servers in [&["a:1"][..], &["a:1", "b:1"]] {
        for server in servers {
            network.serve(server, &lobby);
        }
        let (_handle, mut events) = joined(&network, config_of(servers, None)).await;
        for server in servers {
            network.end(server);
            network.serve(server, &other);
        }
        let heard = until_up(&mut events, Duration::from_secs(2)).await;
        assert_eq!(heard, ["Down", "KeyChanged"], "{servers:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_begins_with_the_error_of_another_key_if_no_server_has_the_trusted_one() {
    let (network, [lobby, other]) = (Network::default(), keys());
    network.serve("foreign:1", &other);
    for servers in [&["foreign:1"][..], &["dead:1", "foreign:1"]] {
        let started = start_over(network.clone(), config_of(servers, Some(&lobby))).await;
        let Err(ConnectError::KeyChanged { address, trusted, seen }) = started else { panic!("{servers:?}") };
        assert_eq!((&*address, trusted, seen), ("foreign:1", lobby.public(), other.public()));
    }
}

#[tokio::test(start_paused = true)]
async fn silent_addresses_from_the_server_keep_no_client_out() {
    for host in [Host::Silent, Host::Mute] {
        let (network, [lobby, _]) = (Network::default(), keys());
        let told: Vec<String> = (0..MAX_SERVERS).map(|number| format!("told{number}:1")).collect();
        told.iter().for_each(|address| network.put(address, host.clone()));
        network.tell(&told);
        network.serve("n1:1", &lobby);
        let (_handle, mut events) = joined(&network, config_of(&["n1:1"], None)).await;
        network.end("n1:1");
        assert_eq!(until_up(&mut events, Duration::from_secs(1)).await, ["Down"]);
        network.serve("n1:1", &lobby);
        let back = Instant::now();
        assert_eq!(until_up(&mut events, Duration::from_secs(60)).await, ["Up"]);
        assert!(back.elapsed() < Duration::from_secs(12), "{:?}", back.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_behind_many_silent_ones_is_reached_and_has_its_time() {
    let (network, [lobby, _]) = (Network::default(), keys());
    let mut told: Vec<String> = (1..MAX_SERVERS).map(|number| format!("told{number}:1")).collect();
    told.iter().for_each(|address| network.put(address, Host::Silent));
    told.push("good:1".to_owned());
    network.put("good:1", Host::Server(lobby.clone(), Duration::from_millis(2500)));
    network.tell(&told);
    network.serve("n1:1", &lobby);
    let (_handle, mut events) = joined(&network, config_of(&["n1:1"], None)).await;
    network.end("n1:1");
    assert_eq!(until_up(&mut events, Duration::from_secs(60)).await, ["Down", "Up"]);
}

#[tokio::test(start_paused = true)]
async fn a_run_begins_at_the_only_one_of_many_named_servers_that_answers() {
    let (network, [lobby, _]) = (Network::default(), keys());
    let mut servers: Vec<String> = (0..24).map(|number| format!("silent{number}:1")).collect();
    servers.iter().for_each(|address| network.put(address, Host::Silent));
    servers.push("good:1".to_owned());
    network.serve("good:1", &lobby);
    for _ in 0..10 {
        let config = LobbyConfig { servers: servers.clone(), ..config() };
        joined(&network, config).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_begins_and_a_link_comes_back_soon_behind_many_servers_that_say_nothing() {
    let (network, [lobby, _]) = (Network::default(), keys());
    let mut servers: Vec<String> = (0..14).map(|number| format!("mute{number}:1")).collect();
    servers.iter().for_each(|address| network.put(address, Host::Mute));
    servers.push("good:1".to_owned());
    for _ in 0..10 {
        network.serve("good:1", &lobby);
        let begin = Instant::now();
        let config = LobbyConfig { servers: servers.clone(), ..config() };
        let (_handle, mut events) = joined(&network, config).await;
        assert!(begin.elapsed() < Duration::from_secs(6), "{:?}", begin.elapsed());
        network.end("good:1");
        network.serve("good:1", &lobby);
        let lost = Instant::now();
        assert_eq!(until_up(&mut events, Duration::from_secs(60)).await, ["Down", "Up"]);
        assert!(lost.elapsed() < Duration::from_secs(12), "{:?}", lost.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_whose_address_was_told_is_waited_for_while_it_restarts_though_the_lost_one_has_another_key()
{
    let (network, [lobby, other]) = (Network::default(), keys());
    network.serve("n1:1", &lobby);
    network.tell(&["n2:1".to_owned()]);
    let (_handle, mut events) = joined(&network, config_of(&["n1:1"], None)).await;
    network.end("n1:1");
    network.serve("n1:1", &other);
    assert_eq!(until_up(&mut events, Duration::from_secs(60)).await, ["Down", "ForeignServer"]);
    network.serve("n2:1", &lobby);
    assert_eq!(until_up(&mut events, Duration::from_secs(20)).await, ["Up"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_lets_in_and_closes_is_left_alone_longer_and_longer() {
    let (network, [lobby, _]) = (Network::default(), keys());
    network.serve("n1:1", &lobby);
    let told: Vec<String> = (0..MAX_SERVERS).map(|number| format!("told{number}:1")).collect();
    network.tell(&told);
    let (_handle, mut events) = joined(&network, config_of(&["n1:1"], None)).await;
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(60) {
        network.end("n1:1");
        network.serve("n1:1", &lobby);
        assert_eq!(until_up(&mut events, Duration::from_secs(60)).await, ["Down", "Up"]);
    }
    let dials = network.dials_of("told0:1");
    assert!((5..20).contains(&dials), "{dials} connections to each address that was told");
}
