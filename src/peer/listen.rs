//! The listener takes connections of peers. Each has its own task until its hello is answered and the connection
//! belongs to a link. This file owns the bounds on the connections before that point; it knows nothing of texts.
//!
//! Who may come in is decided inside the TLS handshake: if the key is not known, nothing after the handshake is read.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hobnob_protocol::HANDSHAKE_TIMEOUT;
use hobnob_protocol::identity::Identity;
use hobnob_protocol::key::PublicKey;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::connection::Fresh;
use super::greet::{self, GreetError, Role};
use super::introductions::{Found, Introductions};
use super::reach::{Reached, tcp};
use super::seal::{Acceptor, Sealed};

/// How many connections may be waiting for their hello to be answered. Any further connection is closed at once, and
/// the peer dials again. A stranger holds a place no longer than [`HANDSHAKE_TIMEOUT`].
const UNFINISHED: usize = 64;

/// The same bound for one address. One peer dials as many connections as this host has addresses.
const UNFINISHED_PER_IP: usize = 16;

/// How long the listener waits after an error that will come again at once (for example, no file descriptor is left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections until the task is aborted; the unfinished connections end with it.
pub(super) async fn accept(listener: TcpListener, identity: Identity, introductions: Arc<Introductions>) {
    let door = Arc::new(Door::new(&identity, introductions));
    let places = Arc::new(Places::default());
    let mut unfinished = JoinSet::new();
    loop {
        match tcp::accept(&listener).await {
            Ok((socket, from)) => {
                while unfinished.try_join_next().is_some() {}
                match places.take(from) {
                    Some(place) => drop(unfinished.spawn(let_in(Arc::clone(&door), socket, from, place))),
                    None => tracing::debug!(%from, "too many unfinished connections"),
                }
            }
            Err(error) => {
                tracing::warn!(%error, "no connection could be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// What the listener needs to answer a connection.
struct Door {
    own_key: PublicKey,
    acceptor: Acceptor,
    introductions: Arc<Introductions>,
}

impl Door {
    fn new(identity: &Identity, introductions: Arc<Introductions>) -> Self {
        let known = Arc::clone(&introductions);
        let acceptor = Acceptor::new(identity, move |key| known.allows(key));
        Self { own_key: identity.public(), acceptor, introductions }
    }
}

async fn let_in(door: Arc<Door>, socket: TcpStream, from: IpAddr, _place: Place) {
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, meet(&door, socket, from)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%from, %error, "a connection was not taken"),
        Err(_elapsed) => tracing::debug!(%from, "a connection took too long to say hello"),
    }
}

async fn meet(door: &Door, socket: TcpStream, from: IpAddr) -> Result<(), GreetError> {
    let Reached { stream, origin } = tcp::accepted(socket, from)?;
    let Sealed { mut stream, key, key_exchange } = door.acceptor.answer(stream).await?;
    let mut lines = greet::hello_lines();
    let heard = greet::hear_hello(&mut stream, &mut lines).await?;
    let live = match door.introductions.find(&heard.token, &key) {
        Found::Live(live) => live,
        found => {
            let has_ended = matches!(found, Found::Ended);
            return Ok(greet::refuse(&mut stream, heard.token, has_ended).await?);
        }
    };
    if let Some(purpose) = heard.other_purpose {
        tracing::debug!(%from, ?purpose, "a connection for another purpose is refused");
        return Ok(greet::refuse_purpose(&mut stream).await?);
    }
    let told = live.mailbox.shown();
    let role = role(&door.own_key, &key);
    greet::answer(&mut stream, &mut lines, heard.token, told, role).await?;
    let fresh = Fresh { stream, lines, received: heard.received, told, key_exchange, origin };
    if live.arrivals.try_send(fresh).is_err() {
        tracing::debug!(%from, "the link takes no connection now");
    }
    Ok(())
}

/// Returns this side's role: the side with the smaller key picks the connection.
pub(super) fn role(own: &PublicKey, other: &PublicKey) -> Role {
    if own < other { Role::Chooser } else { Role::Follower }
}

/// Returns the address by which a host is counted: an IPv6 host has a whole /64 of addresses.
fn host_of(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
        IpAddr::V4(_) => ip,
    }
}

/// Counts the unfinished connections of each host.
#[derive(Default)]
struct Places {
    /// A standard mutex: held for a few lines, never across an await.
    taken: Mutex<HashMap<IpAddr, usize>>,
}

/// The place of one unfinished connection; it is given back when it is dropped.
struct Place {
    places: Arc<Places>,
    from: IpAddr,
}

impl Places {
    fn take(self: &Arc<Self>, from: IpAddr) -> Option<Place> {
        let from = host_of(from);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = taken.values().sum();
        let here = taken.get(&from).copied().unwrap_or(0);
        if all >= UNFINISHED || here >= UNFINISHED_PER_IP {
            return None;
        }
        taken.insert(from, here + 1);
        Some(Place { places: Arc::clone(self), from })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(&self.from) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(taken.remove(&self.from)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_connections_are_bounded_in_sum_and_per_address() {
        let places = Arc::new(Places::default());
        let ip = |last| IpAddr::from([192, 0, 2, last]);
        let held: Vec<Place> = (0..UNFINISHED_PER_IP).map_while(|_| places.take(ip(1))).collect();
        assert_eq!(held.len(), UNFINISHED_PER_IP);
        assert!(places.take(ip(1)).is_none());
        let more: Vec<Place> = (0..).map_while(|n: usize| places.take(ip(2 + (n % 200) as u8))).collect();
        assert_eq!(held.len() + more.len(), UNFINISHED);
        drop((held, more));
        assert!(places.take(ip(1)).is_some());
        assert!(places.taken.lock().unwrap().is_empty());
        let v6 = |last: u16| IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, last, 2, 3, last));
        let held: Vec<Place> = (0..100).map_while(|last| places.take(v6(last))).collect();
        assert_eq!(held.len(), UNFINISHED_PER_IP, "an IPv6 /64 is one host");
    }
}
