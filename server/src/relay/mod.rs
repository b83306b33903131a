//! Relays encrypted bytes between two clients that cannot reach each other. Each client comes with its key, which TLS
//! has proved, and with the token of their session, which proves that a server of this lobby introduced these two keys
//! to each other. No other client is let in, and the server remembers nothing for this. This module knows tokens and
//! keys, but neither names, nor who is in the lobby, nor what is in the bytes.
//!
//! The way of a connection: `asking` (the request and its answer), `kept_out` (whether operators sent its key out),
//! `seats` (the client waits for the other side, or meets it), `lanes` (the bytes pass). Every wait has a time limit,
//! and the number of connections is limited: for one key, for one address, and in all.

mod asking;
pub(crate) mod kept_out;
mod lanes;
mod seats;

use std::net::IpAddr;
use std::sync::Arc;

use hobnob_protocol::codec::LineBuffer;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::relay::{RelayAnswer, RelayRefusedCode};
use hobnob_protocol::{HANDSHAKE_TIMEOUT, RELAY_ALPN, RELAY_WAIT};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use self::asking::AskingError;
use self::kept_out::{Allowed, KeptOut};
use self::seats::{Guest, Seat, Seats, Side, Taken};
use crate::admission::{Admission, Slot, Verdict};
use crate::metrics::Metrics;
use crate::tokens::Tokens;
use crate::wire::Wire;

/// How many connections from one address may be relayed or wait for it, for each client that may come from that
/// address.
const OF_AN_ADDRESS_FOR_EACH_CLIENT: usize = 4;

/// Returns how many connections may be relayed or wait for it, in a lobby of at most `max_clients` clients. Most
/// sessions are direct, and each of these connections needs an open file. A session needs two of them.
pub(crate) fn most_connections(max_clients: usize) -> usize {
    (max_clients / 2).max(2)
}

/// A stream of bytes of any kind.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

type AnyWire = Wire<Box<dyn Stream>>;

/// A connection that came to be relayed, after its handshake.
pub(crate) struct RelayClient {
    wire: AnyWire,
    /// What it has sent so far.
    lines: LineBuffer,
}

impl RelayClient {
    pub(crate) fn new<S: Stream + 'static>(wire: Wire<S>, lines: LineBuffer) -> Self {
        Self { wire: wire.map_stream(|stream| Box::new(stream) as Box<dyn Stream>), lines }
    }
}

/// What a relay needs.
pub(crate) struct RelayParts {
    pub(crate) tokens: Tokens,
    /// How many bytes a second are relayed for one session; `None` if nothing is relayed.
    pub(crate) rate: Option<u32>,
    /// How many clients there may be in the lobby; see [`most_connections`].
    pub(crate) max_clients: usize,
    pub(crate) max_clients_per_ip: usize,
    /// The keys that operators sent out.
    pub(crate) kept_out: Arc<KeptOut>,
    /// The time in milliseconds since 1970-01-01 UTC, by which bans end.
    pub(crate) clock: fn() -> u64,
    pub(crate) metrics: Arc<Metrics>,
}

/// The relay of one server.
pub(crate) struct Relay {
    tokens: Tokens,
    rate: Option<u32>,
    seats: Arc<Seats<Brought>>,
    slots: Arc<Admission>,
    kept_out: Arc<KeptOut>,
    clock: fn() -> u64,
    closing: CancellationToken,
    metrics: Arc<Metrics>,
}

/// What one side hands to the task of the other side, which copies for both.
struct Brought {
    wire: AnyWire,
    permit: Permit,
}

/// A slot among the relayed connections, for a key that may be relayed.
struct Permit {
    _slot: Slot,
    allowed: Allowed,
}

/// A client that may be relayed, with what it came for.
struct Arrived {
    side: Side,
    other: PublicKey,
    permit: Permit,
}

/// Why a client is not joined to another.
enum NotJoined {
    /// The client is told this reason.
    Refused(RelayRefusedCode),
    /// The client is closed without an answer.
    Lost(AskingError),
}

impl From<AskingError> for NotJoined {
    fn from(error: AskingError) -> Self {
        Self::Lost(error)
    }
}

impl Relay {
    pub(crate) fn new(parts: RelayParts) -> Self {
        let RelayParts { tokens, rate, max_clients, max_clients_per_ip, kept_out, clock, metrics } = parts;
        let of_an_address = max_clients_per_ip.saturating_mul(OF_AN_ADDRESS_FOR_EACH_CLIENT);
        let slots = Admission::new(most_connections(max_clients), of_an_address);
        let closing = CancellationToken::new();
        Self { tokens, rate, seats: Arc::default(), slots, kept_out, clock, closing, metrics }
    }

    /// Ends every connection here, and lets nobody in any more.
    pub(crate) fn close(&self) {
        self.closing.cancel();
    }

    /// Serves one connection until it has ended, or until the task of the other side has taken it over. `admitted` is
    /// its slot among the clients of the lobby, which is given back as soon as it has a slot here.
    pub(crate) async fn serve(&self, client: RelayClient, from: IpAddr, admitted: Option<Slot>) {
        let RelayClient { mut wire, mut lines } = client;
        let arrival = Box::pin(timeout(HANDSHAKE_TIMEOUT, self.arrive(&mut wire, &mut lines, from)));
        let arrived = arrival.await.unwrap_or(Err(NotJoined::Lost(AskingError::TooLong)));
        let (wire, not_joined) = match arrived {
            Ok(arrived) => {
                drop(admitted);
                match Box::pin(self.join(wire, lines, arrived)).await {
                    Ok(()) => return,
                    Err(not_joined) => not_joined,
                }
            }
            Err(not_joined) => (wire, not_joined),
        };
        match not_joined {
            NotJoined::Refused(code) => {
                tracing::debug!(?code, "is not relayed");
                self.metrics.relay_refused.inc();
                Box::pin(asking::refuse(wire, code)).await;
            }
            NotJoined::Lost(error) => tracing::debug!(%error, "is not relayed"),
        }
    }

    /// Tells a client for which there is no room that it may try again.
    pub(crate) async fn turn_away(&self, client: RelayClient) {
        asking::refuse(client.wire, RelayRefusedCode::Busy).await;
    }

    /// Finds out who the client is, and whether it may be relayed.
    async fn arrive(
        &self,
        wire: &mut AnyWire,
        lines: &mut LineBuffer,
        from: IpAddr,
    ) -> Result<Arrived, NotJoined> {
        let refused = |code| Err(NotJoined::Refused(code));
        let (session, other) = asking::request(wire, lines).await?;
        let Ok(key) = wire.peer(RELAY_ALPN) else { return refused(RelayRefusedCode::Token) };
        if self.rate.is_none() {
            return refused(RelayRefusedCode::Off);
        }
        if !self.tokens.is_of(&session, &key, &other) || key == other {
            return refused(RelayRefusedCode::Token);
        }
        let Some(allowed) = self.kept_out.allow(key, (self.clock)()) else {
            return refused(RelayRefusedCode::SentOut);
        };
        match self.slots.judge(from) {
            Verdict::Admitted(slot) => {
                let permit = Permit { _slot: slot, allowed };
                Ok(Arrived { side: Side { session, key }, other, permit })
            }
            Verdict::TurnedAway(..) | Verdict::Dropped => refused(RelayRefusedCode::Busy),
        }
    }

    /// Waits for the other side and copies for both; or hands this side over to the task of the other side, which
    /// copies.
    async fn join(
        &self,
        mut wire: AnyWire,
        lines: LineBuffer,
        arrived: Arrived,
    ) -> Result<(), (AnyWire, NotJoined)> {
        let Arrived { side, other, mut permit } = arrived;
        // In each round a client that waited has just gone, so the loop ends.
        let (seat, brought) = loop {
            match self.seats.take(side, other) {
                Taken::Waits(seat, brought) => break (seat, brought),
                Taken::Busy => return Err((wire, NotJoined::Refused(RelayRefusedCode::Busy))),
                Taken::Meets(seat, bring) => {
                    match bring.send(Guest { seat, brings: Brought { wire, permit } }) {
                        Ok(()) => return Ok(()),
                        Err(guest) => Brought { wire, permit } = guest.brings,
                    }
                }
            }
        };
        match Box::pin(self.wait(&mut wire, lines, (&seat, &permit), brought)).await {
            Ok(guest) => {
                Box::pin(self.carry((wire, seat, permit), guest)).await;
                Ok(())
            }
            Err(not_joined) => Err((wire, not_joined)),
        }
    }

    async fn wait(
        &self,
        wire: &mut AnyWire,
        mut lines: LineBuffer,
        (seat, permit): (&Seat<Brought>, &Permit),
        brought: tokio::sync::oneshot::Receiver<Guest<Brought>>,
    ) -> Result<Guest<Brought>, NotJoined> {
        let _waiting = Counted::one(&self.metrics.relay_waiting);
        asking::tell(wire, RelayAnswer::Waiting).await?;
        let refused = |code| Err(NotJoined::Refused(code));
        tokio::select! {
            guest = brought => guest.map_err(|_gone| NotJoined::Refused(RelayRefusedCode::TakenOver)),
            error = asking::hung_up(wire, &mut lines) => Err(error.into()),
            () = sleep(RELAY_WAIT) => refused(RelayRefusedCode::Alone),
            () = seat.given_up.cancelled() => refused(RelayRefusedCode::TakenOver),
            () = permit.allowed.sent_out.cancelled() => refused(RelayRefusedCode::SentOut),
            () = self.closing.cancelled() => refused(RelayRefusedCode::Closing),
        }
    }

    /// Copies between the two sides until one of them ends.
    async fn carry(&self, host: (AnyWire, Seat<Brought>, Permit), guest: Guest<Brought>) {
        let (mut wire, seat, permit) = host;
        let Guest { seat: other_seat, brings: Brought { wire: mut other_wire, permit: other_permit } } =
            guest;
        let told = tokio::try_join!(
            asking::tell(&mut wire, RelayAnswer::Met),
            asking::tell(&mut other_wire, RelayAnswer::Met)
        );
        if let Err(error) = told {
            return tracing::debug!(%error, "the two could not be joined");
        }
        let (mut one, mut other) = (wire.into_stream(), other_wire.into_stream());
        let _carried = Counted::one(&self.metrics.relayed_sessions);
        let count = |bytes: usize| {
            self.metrics.relayed_bytes.inc_by(bytes as u64);
        };
        // If nothing is relayed, no client gets this far.
        let rate = self.rate.unwrap_or(1);
        let ended = tokio::select! {
            ended = lanes::copy([&mut one, &mut other], rate, &count) => ended.to_string(),
            () = seat.given_up.cancelled() => "one side has come again".to_owned(),
            () = other_seat.given_up.cancelled() => "one side has come again".to_owned(),
            () = permit.allowed.sent_out.cancelled() => "one side was sent out".to_owned(),
            () = other_permit.allowed.sent_out.cancelled() => "one side was sent out".to_owned(),
            () = self.closing.cancelled() => "the server is closing".to_owned(),
        };
        tracing::debug!(%ended, "a session is no longer relayed");
    }
}

type Gauge = prometheus_client::metrics::gauge::Gauge<i64, std::sync::atomic::AtomicI64>;

/// Counts one more in a gauge as long as it lives, however it ends.
struct Counted<'a>(&'a Gauge);

impl<'a> Counted<'a> {
    fn one(gauge: &'a Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests;
