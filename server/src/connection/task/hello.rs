//! How a connection begins: the handshake and the hello, until the lobby is asked whether it lets the client in, or
//! until it is clear that the client came to be relayed. This file owns no time limit; its caller does.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hobnob_protocol::message::{ClientMessage, Hello, RefusedCode, ServerMessage};
use hobnob_protocol::{MAX_CANDIDATES, MAX_HELLO_BYTES, MAX_ROOMS_OF_A_KEY, PROTOCOL_VERSION};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until};

use super::{Shared, Stay, last_words};
use crate::connection::arrival::Arrival;
use crate::connection::candidates::candidates;
use crate::connection::pace::{Pace, counts_as};
use crate::connection::{Connection, Event};
use crate::decide::{ConnectionId, Newcomer};
use crate::lobby::{Join, LobbyCommand, Outlet};
use crate::network::Network;

/// How many lines may come before a hello; together they may have [`MAX_HELLO_BYTES`]. A client has nothing to say there,
/// except for a message of a later version that this server ignores, and a ping if its hello takes long.
const MAX_LINES_BEFORE_HELLO: usize = 16;

/// How long a line before the hello, and the hello itself, may wait for the rate. It is less than the time limit of an arrival,
/// so that nobody is dropped for it; what is still owed then delays the welcome and what the client sends next.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

const NOT_FIRST: &str = "hello is the first message";

/// What a client came for.
pub(super) enum Arrived {
    /// The client asked to join the lobby.
    InLobby(Stay, Box<Arrival>, Pace),
    /// The client came to be relayed; nothing that it sent was read.
    ForRelay,
}

/// Handshake and hello, until the lobby is asked whether this client is let in.
pub(super) async fn arrive<S>(
    connection: &Arc<Connection<S>>,
    remote: SocketAddr,
    shared: &Shared,
) -> Result<Arrived, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    poll_fn(|cx| connection.poll_handshake(cx)).await.map_err(|over| over.to_string())?;
    if connection.is_for_relay() {
        return Ok(Arrived::ForRelay);
    }
    let key = connection.peer().map_err(|err| err.to_string())?;
    let observed = remote.ip().to_canonical();
    let network = Network::of(observed);
    let pace = shared.paces.of(key, network);
    let hello = read_hello(connection, Some(&pace)).await?;
    if hello.protocol != PROTOCOL_VERSION {
        last_words(connection, ServerMessage::refused(RefusedCode::Protocol)).await;
        return Err(format!("it speaks version {}", hello.protocol));
    }
    connection.ask();
    let span = tracing::Span::current();
    span.record("name", tracing::field::debug(hello.name.as_str()));
    span.record("key", tracing::field::display(key.fingerprint()));
    let arrival = Box::new(Arrival::new(&hello, observed));
    let Ok(permit) = shared.lobby.reserve().await else {
        last_words(connection, ServerMessage::refused(RefusedCode::Closing)).await;
        return Err("the server is closing".to_owned());
    };
    let id = ConnectionId(shared.ids.fetch_add(1, Ordering::Relaxed));
    let outlet: Arc<dyn Outlet> = Arc::clone(connection) as _;
    let candidates = candidates(&hello.candidates, hello.port, observed);
    tracing::debug!(agent = ?hello.agent.chars().take(64).collect::<String>(), "asks to join");
    let newcomer = Newcomer { wish: hello.name, key, run: hello.run, candidates };
    let join = Join { id, outlet, newcomer, network };
    let stay = Stay { id, leave: Some(permit) };
    match shared.lobby.send(LobbyCommand::Join(Box::new(join))).await {
        Ok(()) => Ok(Arrived::InLobby(stay, arrival, pace)),
        Err(_closed) => Err("the server is closing".to_owned()),
    }
}

/// Reads up to the hello. Each line takes from `pace`, also the hello, and what does not fit waits for
/// a bounded time. A client that is
/// turned away has no pace: what it may send before its hello is little.
pub(super) async fn read_hello<S>(connection: &Connection<S>, pace: Option<&Pace>) -> Result<Hello, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let (mut lines, mut bytes_before) = (0, 0);
    // Unknown messages are ignored, here as everywhere.
    let bad = loop {
        let (message, bytes) = match poll_fn(|cx| connection.poll_event(cx, true)).await {
            Event::Line { message, bytes } => (message, bytes),
            Event::Bad(reason) => break reason,
            Event::Over(over) => return Err(over.to_string()),
            Event::Alive | Event::Read(_) | Event::Admitted(_) | Event::InRoom(_) => {
                break NOT_FIRST.to_owned();
            }
        };
        let count = counts_as(&message, bytes);
        if let Some(ready) = pace.and_then(|pace| pace.take(count, Instant::now())) {
            sleep_until(ready.min(Instant::now() + LONGEST_WAIT)).await;
        }
        (lines, bytes_before) = (lines + 1, bytes_before + bytes);
        match message {
            ClientMessage::Hello(hello) if hello.candidates.len() > MAX_CANDIDATES => {
                break "too many candidates".to_owned();
            }
            ClientMessage::Hello(hello) if hello.rooms.len() > MAX_ROOMS_OF_A_KEY => {
                break "too many rooms".to_owned();
            }
            ClientMessage::Hello(hello) => return Ok(hello),
            _ if lines > MAX_LINES_BEFORE_HELLO || bytes_before > MAX_HELLO_BYTES => {
                break "too much comes before hello".to_owned();
            }
            ClientMessage::Unknown | ClientMessage::Pong => {}
            ClientMessage::Ping => connection.tell(&ServerMessage::Pong),
            _ => break NOT_FIRST.to_owned(),
        }
    };
    last_words(connection, ServerMessage::Bad { reason: bad.clone() }).await;
    Err(bad)
}
