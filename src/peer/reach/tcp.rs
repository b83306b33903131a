//! Reaches the other side by TCP: the listening socket, the connections that come in by it, and dialling one address.
//! This file owns how the sockets are set up; it knows neither what is said on them nor whom to let in.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use hobnob_protocol::{PEER_DEAD_AFTER, PEER_PING_AFTER};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::{Origin, Reached};

/// How long a TCP connection may take. The kernel repeats the first packet after 1 s and 3 s; the next repetition would
/// come at 7 s, and a new attempt is better than that.
const CONNECT_WITHIN: Duration = Duration::from_secs(4);

/// How many connections the kernel keeps until the accept task takes them.
const ACCEPT_QUEUE: i32 = 128;

/// Binds the listening socket. A socket on every IPv6 address takes IPv4 too. If the machine has no IPv6, the socket is
/// bound to every IPv4 address instead.
///
/// # Errors
/// Returns an error if the address cannot be bound.
pub(in crate::peer) fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
    let is_any = addr.is_ipv6() && addr.ip().is_unspecified();
    match bind_one(addr) {
        Err(_) if is_any => bind_one(SocketAddr::from((Ipv4Addr::UNSPECIFIED, addr.port()))),
        bound => bound,
    }
}

fn bind_one(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    if addr.is_ipv6() {
        socket.set_only_v6(!addr.ip().is_unspecified())?;
    }
    // A client that restarts at once may get its fixed port again.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(ACCEPT_QUEUE)?;
    TcpListener::from_std(socket.into())
}

/// Returns the next connection that comes in, not set up yet, and the address from which it comes.
///
/// # Errors
/// Returns an error if the system hands out no connection, for example because there are no descriptors left.
pub(in crate::peer) async fn accept(listener: &TcpListener) -> io::Result<(TcpStream, IpAddr)> {
    let (socket, from) = listener.accept().await?;
    Ok((socket, from.ip().to_canonical()))
}

/// Sets up a connection that came in.
///
/// # Errors
/// Returns an error if the connection has ended meanwhile.
pub(in crate::peer) fn accepted(socket: TcpStream, from: IpAddr) -> io::Result<Reached> {
    prepare(&socket)?;
    Ok(Reached { stream: Box::new(socket), origin: Origin::Accepted(from) })
}

/// Opens a connection to one address, within [`CONNECT_WITHIN`].
///
/// # Errors
/// Returns the error of the system, or [`io::ErrorKind::TimedOut`] after [`CONNECT_WITHIN`].
pub(in crate::peer) async fn dial(to: SocketAddr) -> io::Result<Reached> {
    let socket = connect(to).await?;
    prepare(&socket)?;
    Ok(Reached { stream: Box::new(socket), origin: Origin::Dialled(to) })
}

/// Whether something takes connections at an address; the connection is closed at once.
pub(in crate::peer) async fn answers(at: SocketAddr) -> bool {
    connect(at).await.is_ok()
}

async fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    let connected = timeout(CONNECT_WITHIN, TcpStream::connect(to)).await;
    connected.unwrap_or_else(|_elapsed| Err(io::ErrorKind::TimedOut.into()))
}

/// Sets up the socket of a session: small texts are sent without delay, and the kernel sends its own keep-alive
/// packets, which find a dead path also while nothing is written.
fn prepare(socket: &TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let socket = SockRef::from(socket);
    let keepalive = TcpKeepalive::new().with_time(PEER_PING_AFTER).with_interval(PEER_PING_AFTER);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(PEER_DEAD_AFTER))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_default_ipv6_listener_accepts_ipv4_too() {
        let listener = bind(SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, 0))).unwrap();
        let port = listener.local_addr().unwrap().port();
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    }
}
