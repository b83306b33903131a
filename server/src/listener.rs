//! The listening socket: its address, its options, and what is done with each newcomer. This file knows nothing of what
//! a client says.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::admission::{AccessDenied, Admission, Verdict};
use crate::connection::{self, Elsewhere, Evicted, Shared};

use crate::lobby::wall_clock;

/// How many newcomers the system keeps waiting: a whole lobby may come back at once after a restart.
const BACKLOG: i32 = 4096;

/// Bytes the system buffers for one client in each direction. Enough for a chat over a slow link. The size is fixed,
/// because the system would let it grow, and a client that never reads would then cost that much.
const SOCKET_BUFFER_BYTES: usize = 128 * 1024;

/// A client that acknowledges nothing for this long, on the level of TCP, is lost. The system also counts the time in
/// which a client acknowledges but has no room for more, so this is longer than the server's own limit for a client
/// that does not read.
const TCP_TIMEOUT: Duration = Duration::from_secs(40);

/// How long no newcomer is accepted after the system had no room for one: the first time, and at most.
const MIN_BACK_OFF: Duration = Duration::from_millis(10);
const MAX_BACK_OFF: Duration = Duration::from_secs(1);

/// Returns a socket that is bound to `addr` and does not listen yet. On `[::]` it includes IPv4. If the machine has no
/// IPv6, it is bound to `0.0.0.0` instead.
pub(crate) fn bind(addr: SocketAddr) -> io::Result<Socket> {
    match bind_to(addr) {
        Err(err) if addr.ip().is_unspecified() && addr.is_ipv6() && has_no_ipv6(&err) => {
            bind_to(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), addr.port()))
        }
        bound => bound,
    }
}

fn bind_to(addr: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    if addr.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    // Connections inherit these sizes from the listener, before their windows are negotiated.
    socket.set_send_buffer_size(SOCKET_BUFFER_BYTES)?;
    socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES)?;
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    Ok(socket)
}

fn has_no_ipv6(err: &io::Error) -> bool {
    // EAFNOSUPPORT has no `ErrorKind` of its own. When IPv6 is switched off, binding fails with "not available".
    err.kind() == io::ErrorKind::AddrNotAvailable
        || err.kind() == io::ErrorKind::Unsupported
        || err.raw_os_error() == Some(97)
}

/// Lets the system accept connections on the socket.
pub(crate) fn listen(socket: Socket) -> io::Result<TcpListener> {
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// What accepting a newcomer needs.
pub(crate) struct Door {
    pub(crate) shared: Arc<Shared>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) access_denied: AccessDenied,
    pub(crate) tasks: TaskTracker,
    /// Ends connections that do not end by themselves.
    pub(crate) abort: CancellationToken,
}

impl Door {
    /// Accepts newcomers. The caller stops this by dropping the future.
    pub(crate) async fn accept_all(&self, listener: &TcpListener) {
        let mut back_off = MIN_BACK_OFF;
        loop {
            match listener.accept().await {
                Ok((stream, remote)) => {
                    back_off = MIN_BACK_OFF;
                    self.take(stream, remote);
                }
                Err(err) if is_the_newcomers(&err) => tracing::debug!(%err, "a newcomer was gone at once"),
                Err(err) => {
                    tracing::warn!(%err, "cannot accept connections now; trying again");
                    sleep(back_off).await;
                    back_off = (back_off * 2).min(MAX_BACK_OFF);
                }
            }
        }
    }

    fn take(&self, stream: TcpStream, remote: SocketAddr) {
        if !self.shared.banned.lets_pass(remote.ip(), Instant::now(), wall_clock()) {
            self.shared.metrics.turned_away.inc();
            if let Some(rest) = self.access_denied.tell(stream) {
                let abort = self.abort.clone();
                self.tasks.spawn(async move { abort.run_until_cancelled(rest).await });
            }
            return;
        }
        if let Err(err) = configure(&stream) {
            return tracing::debug!(%err, %remote, "a newcomer was gone at once");
        }
        let shared = Arc::clone(&self.shared);
        let abort = self.abort.clone();
        match self.admission.judge(remote.ip()) {
            Verdict::Admitted(slot) => {
                // The span exists only at debug level: it costs memory for each client, and what is logged by default
                // concerns the store, not a client.
                let span = tracing::debug_span!("client", %remote, name = tracing::field::Empty, key = tracing::field::Empty);
                let serve = async move {
                    let connections = shared.metrics.connections.clone();
                    connections.inc();
                    // This large future is boxed, because each future that wraps it would reserve room for it twice.
                    let serve =
                        Box::pin(connection::serve(stream, Some(send_now), remote, Arc::clone(&shared)));
                    let elsewhere = abort.run_until_cancelled(serve).await.flatten();
                    connections.dec();
                    match elsewhere {
                        Some(Elsewhere::Evicted(evicted)) => {
                            drop(slot);
                            Box::pin(abort.run_until_cancelled(tell_evicted(evicted))).await;
                        }
                        Some(Elsewhere::Relay(client)) => {
                            let relayed = Box::pin(shared.relay.serve(*client, remote.ip(), Some(slot)));
                            abort.run_until_cancelled(relayed).await;
                        }
                        None => drop(slot),
                    }
                };
                self.tasks.spawn(serve.instrument(span));
            }
            Verdict::TurnedAway(slot, code) => {
                shared.metrics.turned_away.inc();
                tracing::debug!(%remote, ?code, "turned away");
                self.tasks.spawn(async move {
                    let _slot = slot;
                    abort.run_until_cancelled(connection::turn_away(stream, shared, code)).await;
                });
            }
            Verdict::Dropped => {
                shared.metrics.turned_away.inc();
            }
        }
    }
}

fn configure(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(TCP_TIMEOUT))?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_user_timeout(Some(TCP_TIMEOUT))?;
    Ok(())
}

fn send_now(stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    SockRef::from(stream).send(bytes)
}

/// Waits for a client that takes nothing. The client may be suspended, so the system's own time limit is lifted as
/// well.
async fn tell_evicted(evicted: Evicted<TcpStream>) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    evicted.with_stream(|stream| {
        if let Err(err) = SockRef::from(stream).set_tcp_user_timeout(None) {
            tracing::debug!(%err, "it will not be waited for as long as it should");
        }
    });
    evicted.told().await;
}

/// Whether an error concerns only this newcomer, so that the next one may be accepted at once.
fn is_the_newcomers(err: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(err.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
