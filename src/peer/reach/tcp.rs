//! Reaching the other side by TCP: the listening socket, what comes in by it, and dialling one address.
//! Owns how the sockets are set up; knows nothing of what is said on them, nor whom to let in.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use hobnob_protocol::{PEER_DEAD_AFTER, PEER_PING_AFTER};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::{Origin, Reached};

/// How long a TCP connection may take: the kernel repeats the first packet after 1 s and 3 s, and a
/// new attempt is better than its next repetition at 7 s.
const CONNECT_WITHIN: Duration = Duration::from_secs(4);

/// Connections the kernel keeps for the accept task.
const ACCEPT_QUEUE: i32 = 128;

/// Binds the listening socket. One on every IPv6 address takes IPv4 too, and where there is no IPv6
/// it is on every IPv4 address instead.
///
/// # Errors
/// When the address cannot be had.
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
    // A client that starts again at once may have its fixed port back.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(ACCEPT_QUEUE)?;
    TcpListener::from_std(socket.into())
}

/// The next connection that comes in, not set up yet, and from where it comes.
///
/// # Errors
/// When the system hands out none, for lack of descriptors for example.
pub(in crate::peer) async fn accept(listener: &TcpListener) -> io::Result<(TcpStream, IpAddr)> {
    let (socket, from) = listener.accept().await?;
    Ok((socket, from.ip().to_canonical()))
}

/// Makes a connection that came in usable.
///
/// # Errors
/// When it has ended meanwhile.
pub(in crate::peer) fn accepted(socket: TcpStream, from: IpAddr) -> io::Result<Reached> {
    prepare(&socket)?;
    Ok(Reached { stream: Box::new(socket), origin: Origin::Accepted(from) })
}

/// Dials one address.
///
/// # Errors
/// What the system said, or [`io::ErrorKind::TimedOut`] after [`CONNECT_WITHIN`].
pub(in crate::peer) async fn dial(to: SocketAddr) -> io::Result<Reached> {
    let socket = connect(to).await?;
    prepare(&socket)?;
    Ok(Reached { stream: Box::new(socket), origin: Origin::Dialled(to) })
}

/// Whether something takes connections at an address; the one that was made is closed at once.
pub(in crate::peer) async fn answers(at: SocketAddr) -> bool {
    connect(at).await.is_ok()
}

async fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    let connected = timeout(CONNECT_WITHIN, TcpStream::connect(to)).await;
    connected.unwrap_or_else(|_elapsed| Err(io::ErrorKind::TimedOut.into()))
}

/// Sets up the socket of a session: no delay for small texts, and the kernel's own signs of life,
/// which find a dead path also while nothing is written.
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
    async fn the_default_address_takes_both_families() {
        let listener = bind(SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, 0))).unwrap();
        let port = listener.local_addr().unwrap().port();
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    }
}
