//! One connection to the lobby's server: TCP, TLS, hello, welcome. This file owns the order of these steps. How long
//! they may take is in `attempt`, and [`super::link`] decides what to do when a step fails.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use hobnob_protocol::codec::{CodecError, MessageReader, encode};
use hobnob_protocol::identity::Identity;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::{ClientMessage, Hello, Refused, RefusedCode, ServerMessage, Welcome};
use hobnob_protocol::transport::{self, KeyPolicy};
use hobnob_protocol::{HANDSHAKE_TIMEOUT, LOBBY_ALPN, MAX_LINE_BYTES};
use socket2::{SockRef, TcpKeepalive};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::look_up::LookUps;
use crate::show::failing;

/// The kernel asks the other end for a sign of life after this much silence.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// A connection that has been welcomed.
#[derive(Debug)]
pub struct Connection<S> {
    /// The messages of the server.
    pub reader: MessageReader<ReadHalf<TlsStream<S>>>,
    /// The half of the stream on which this client writes.
    pub writer: WriteHalf<TlsStream<S>>,
    /// The first message of the server.
    pub welcome: Welcome,
    /// The key that the server has proved to have.
    pub server: PublicKey,
    /// The name of the key exchange, as TLS gives it.
    pub key_exchange: String,
}

/// Why the lobby could not be joined.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// No connection could be made, or it broke.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The server does not let this client in, for this reason.
    #[error("{}", refused(.0))]
    Refused(Box<Refused>),
    /// The server has a key other than the trusted one.
    #[error("the key of the server at {address} is {}, the trusted one is {}", seen.fingerprint(), trusted.fingerprint())]
    KeyChanged {
        /// The address at which the server answers, as `HOST:PORT`.
        address: String,
        /// The key that is pinned for the lobby's addresses.
        trusted: PublicKey,
        /// The key that the server showed.
        seen: PublicKey,
    },
    /// What answers is no hobnob server, or a broken one.
    #[error("what answers there does not speak hobnob: {0}")]
    Protocol(String),
    /// Before its first message, the server said that it lets nobody in from this address. No key vouches for that, so
    /// the client tries again.
    #[error("an operator keeps your address out of the lobby, for a while or for good")]
    KeptOut,
    /// The server closed the connection before its first message.
    #[error("the server closed the connection before a word; it may be full")]
    ClosedAtOnce,
    /// No answer came in time.
    #[error("no answer within {} seconds", HANDSHAKE_TIMEOUT.as_secs())]
    Timeout,
}

impl ConnectError {
    /// Whether nobody listens at the address.
    #[must_use]
    pub fn is_nobody_there(&self) -> bool {
        matches!(self, Self::Io(err) if err.kind() == io::ErrorKind::ConnectionRefused)
    }

    /// Whether another server of the same lobby may still let this client in.
    pub(super) fn is_this_servers(&self) -> bool {
        match self {
            Self::Io(_)
            | Self::KeyChanged { .. }
            | Self::Timeout
            | Self::Protocol(_)
            | Self::ClosedAtOnce
            | Self::KeptOut => true,
            Self::Refused(refused) => {
                matches!(refused.code, RefusedCode::Full | RefusedCode::FullForAddress | RefusedCode::Closing)
            }
        }
    }
}

/// Returns why the server refuses. If an operator is the reason, it also says who, why and until when.
fn refused(refused: &Refused) -> String {
    match refused.code {
        RefusedCode::Kicked | RefusedCode::Banned | RefusedCode::Locked => failing::sent_out(refused),
        code => refusal(code).to_owned(),
    }
}

pub(super) fn refusal(code: RefusedCode) -> &'static str {
    match code {
        RefusedCode::Protocol => {
            "the server speaks another version of the protocol; use the same hobnob on both sides"
        }
        RefusedCode::Full => {
            "the server has as many clients as it takes (its --max-clients); try again later"
        }
        RefusedCode::FullForAddress => {
            "the server has as many clients from this address as it takes (its --max-clients-per-ip)"
        }
        RefusedCode::NoNameLeft => "every numbered form of that name is taken; choose another with --name",
        RefusedCode::Closing => "the server is closing down",
        RefusedCode::TakenOver => "another connection of this client has taken over",
        RefusedCode::NotReading => "this client read nothing for so long that the server let it go",
        RefusedCode::Kicked => "an operator of the lobby sent this user out",
        RefusedCode::Banned => "an operator of the lobby keeps this user out",
        RefusedCode::Locked => "the lobby is locked; an operator can let this user in",
        RefusedCode::Other => "the server refuses this client, for a reason this version does not know",
    }
}

/// The two ends of a connection to the lobby.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// The address of this client.
    pub local: SocketAddr,
    /// The address of the server.
    pub remote: SocketAddr,
}

/// Opens a stream to the lobby's address. All sockets of the lobby's link come from here, so that a simulation can
/// bring its own network.
pub trait Dial: Send + Sync + 'static {
    /// The stream that is opened.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Opens a stream to `address` (`HOST:PORT`).
    fn dial(&self, address: &str) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Returns the two addresses of the connection, if it has any.
    fn ends(&self, _stream: &Self::Stream) -> Option<Ends> {
        None
    }
}

/// Opens streams to the lobby over TCP. The host names that a server told are looked up apart, so that none of them can
/// keep those waiting that the user named.
#[derive(Debug, Clone, Default)]
pub struct Tcp {
    named: Vec<String>,
    named_look_ups: LookUps,
    told_look_ups: LookUps,
}

impl Tcp {
    /// Opens streams to the servers that the user named, each `HOST:PORT`, and to those that a server told.
    #[must_use]
    pub fn new(named: Vec<String>) -> Self {
        Self { named, ..Self::default() }
    }

    fn look_ups(&self, address: &str) -> &LookUps {
        let is_named = self.named.iter().any(|named| named == address);
        if is_named { &self.named_look_ups } else { &self.told_look_ups }
    }
}

impl Dial for Tcp {
    type Stream = TcpStream;

    async fn dial(&self, address: &str) -> io::Result<TcpStream> {
        let addresses = self.look_ups(address).addresses(address).await?;
        let stream = TcpStream::connect(&*addresses).await?;
        stream.set_nodelay(true)?;
        SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
        Ok(stream)
    }

    fn ends(&self, stream: &TcpStream) -> Option<Ends> {
        Some(Ends { local: stream.local_addr().ok()?, remote: stream.peer_addr().ok()? })
    }
}

/// Whether an error of this kind means that the other end closed the connection.
fn is_end(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(kind, UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
}

/// An open stream whose other end has proved to have a key. Nothing was said on it yet.
#[derive(Debug)]
pub(super) struct Secured<S> {
    stream: TlsStream<S>,
    server: PublicKey,
    key_exchange: String,
    /// The two addresses of the connection, if it has any.
    pub(super) ends: Option<Ends>,
}

/// Does the TLS handshake over an open stream to this address.
///
/// # Errors
/// Returns why the other end cannot be joined; see [`ConnectError`].
pub(super) async fn secure<S: AsyncRead + AsyncWrite + Unpin>(
    (address, stream, ends): (&str, S, Option<Ends>),
    identity: &Identity,
    trusted: Option<PublicKey>,
) -> Result<Secured<S>, ConnectError> {
    let policy = trusted.map_or(KeyPolicy::Any, KeyPolicy::Only);
    let (config, seen) = transport::client_config(identity, policy, LOBBY_ALPN);
    let handshake = TlsConnector::from(config).connect(transport::server_name(), stream).await;
    let stream = handshake.map_err(|err| match (trusted, seen.get()) {
        (Some(trusted), Some(seen)) if trusted != seen => {
            ConnectError::KeyChanged { address: address.to_owned(), trusted, seen }
        }
        _ if transport::is_access_denied(&err) => ConnectError::KeptOut,
        _ if is_end(err.kind()) => ConnectError::ClosedAtOnce,
        _ if err.kind() == io::ErrorKind::InvalidData => ConnectError::Protocol(err.to_string()),
        _ => ConnectError::Io(err),
    })?;
    let state = stream.get_ref().1;
    let server = transport::authenticated_peer(state, LOBBY_ALPN)
        .map_err(|err| ConnectError::Protocol(err.to_string()))?;
    let key_exchange = transport::key_exchange(state);
    Ok(Secured { stream, server, key_exchange, ends })
}

/// Does the TLS handshake and exchanges hello and welcome, over an open stream to this address.
///
/// # Errors
/// Returns why this client was not let in; see [`ConnectError`].
pub async fn join<S: AsyncRead + AsyncWrite + Unpin>(
    (address, stream): (&str, S),
    identity: &Identity,
    trusted: Option<PublicKey>,
    hello: Hello,
) -> Result<Connection<S>, ConnectError> {
    greet(secure((address, stream, None), identity, trusted).await?, hello).await
}

/// Exchanges hello and welcome.
///
/// # Errors
/// Returns why this client was not let in; see [`ConnectError`].
pub(super) async fn greet<S: AsyncRead + AsyncWrite + Unpin>(
    Secured { stream, server, key_exchange, .. }: Secured<S>,
    hello: Hello,
) -> Result<Connection<S>, ConnectError> {
    let (reader, mut writer) = tokio::io::split(stream);
    writer.write_all(&encode(&ClientMessage::Hello(hello))).await?;
    writer.flush().await?;
    let mut reader = MessageReader::new(reader, MAX_LINE_BYTES);
    let welcome = welcome(&mut reader).await?;
    Ok(Connection { reader, writer, welcome, server, key_exchange })
}

async fn welcome<R: AsyncRead + Unpin>(reader: &mut MessageReader<R>) -> Result<Welcome, ConnectError> {
    loop {
        match reader.next().await {
            Ok(Some(ServerMessage::Welcome(welcome))) => return Ok(welcome),
            Ok(Some(ServerMessage::Refused(refused))) => {
                return Err(ConnectError::Refused(Box::new(refused)));
            }
            Ok(Some(ServerMessage::Bad { reason })) => return Err(ConnectError::Protocol(reason)),
            Ok(Some(ServerMessage::Ping | ServerMessage::Unknown)) => {}
            Ok(Some(_)) => return Err(ConnectError::Protocol("it did not begin with a welcome".to_owned())),
            Ok(None) => return Err(ConnectError::Io(io::ErrorKind::UnexpectedEof.into())),
            Err(CodecError::Io(err)) => return Err(ConnectError::Io(err)),
            Err(err) => return Err(ConnectError::Protocol(err.to_string())),
        }
    }
}
