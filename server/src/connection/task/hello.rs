//! How a connection begins: the handshake and the hello, until the lobby is asked whether it lets the client in, or
//! until it is clear that the client came to be relayed. This file owns no time limit; its caller does.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::{ClientMessage, Hello, RefusedCode, ServerMessage};
use hobnob_protocol::{MAX_CANDIDATES, MAX_ROOMS_OF_A_KEY, PROTOCOL_VERSION};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until};

use super::{Shared, Stay, last_words};
use crate::connection::arrival::Arrival;
use crate::connection::candidates::candidates;
use crate::connection::pace::Pace;
use crate::connection::{Connection, Event};
use crate::decide::{ConnectionId, Newcomer};
use crate::limits::rate::TokenBucket;
use crate::lobby::{Join, LobbyCommand, Outlet};
use crate::network::Network;

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
    let (hello, key) = read_hello(connection, shared.paces.rate()).await?;
    if hello.protocol != PROTOCOL_VERSION {
        last_words(connection, ServerMessage::refused(RefusedCode::Protocol)).await;
        return Err(format!("it speaks version {}", hello.protocol));
    }
    connection.ask();
    let span = tracing::Span::current();
    span.record("name", tracing::field::debug(hello.name.as_str()));
    span.record("key", tracing::field::display(key.fingerprint()));
    let observed = remote.ip().to_canonical();
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
    let network = Network::of(observed);
    let pace = shared.paces.of(key, network);
    let join = Join { id, outlet, newcomer, network };
    let stay = Stay { id, leave: Some(permit) };
    match shared.lobby.send(LobbyCommand::Join(Box::new(join))).await {
        Ok(()) => Ok(Arrived::InLobby(stay, arrival, pace)),
        Err(_closed) => Err("the server is closing".to_owned()),
    }
}

pub(super) async fn read_hello<S>(connection: &Connection<S>, rate: u32) -> Result<(Hello, PublicKey), String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let mut bucket = TokenBucket::new(rate, Instant::now());
    // Unknown messages are ignored, here as everywhere. The timeout of the handshake limits for how long.
    let event = loop {
        if let Some(ready) = bucket.ready_at(Instant::now()) {
            sleep_until(ready).await;
        }
        bucket.take(Instant::now());
        match poll_fn(|cx| connection.poll_event(cx, true)).await {
            Event::Message(ClientMessage::Unknown | ClientMessage::Pong) => {}
            Event::Message(ClientMessage::Ping) => connection.tell(&ServerMessage::Pong),
            event => break event,
        }
    };
    let bad = match event {
        Event::Message(ClientMessage::Hello(hello)) => {
            let key = connection.peer().map_err(|err| err.to_string())?;
            if hello.candidates.len() > MAX_CANDIDATES {
                "too many candidates".to_owned()
            } else if hello.rooms.len() > MAX_ROOMS_OF_A_KEY {
                "too many rooms".to_owned()
            } else {
                return Ok((hello, key));
            }
        }
        Event::Message(_) => "hello is the first message".to_owned(),
        Event::Bad(reason) => reason,
        Event::Over(over) => return Err(over.to_string()),
        Event::Alive | Event::Read(_) | Event::Admitted(_) | Event::InRoom(_) => {
            "hello is the first message".to_owned()
        }
    };
    last_words(connection, ServerMessage::Bad { reason: bad.clone() }).await;
    Err(bad)
}
