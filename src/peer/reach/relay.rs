//! Reaches the other side through the server of the lobby, which joins the two and copies what they send. This file
//! owns how the two sides meet there, and the moment at which the encryption between client and server ends. What
//! passes afterwards is encrypted between the two clients, and the server has no key to it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use hobnob_protocol::codec::{CodecError, LineBuffer, encode};
use hobnob_protocol::identity::Identity;
use hobnob_protocol::ids::PairToken;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::records::RecordByRecord;
use hobnob_protocol::relay::{RelayAnswer, RelayRefusedCode, RelayRequest};
use hobnob_protocol::transport::{self, KeyPolicy};
use hobnob_protocol::{HANDSHAKE_TIMEOUT, MAX_HELLO_BYTES, RELAY_ALPN, RELAY_WAIT};
use rustls::AlertDescription;
use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Duplex, Origin, Reached, tcp};

/// How much longer than the server's own limit this side waits for the other side, so that the server can say why the
/// wait was in vain.
const GRACE: Duration = Duration::from_secs(5);

/// Why the two sides did not meet at the server.
#[derive(Debug, Error)]
pub(in crate::peer) enum NotMet {
    #[error("the lobby's server does not answer: {0}")]
    Away(io::Error),
    #[error("the lobby's server relays nothing")]
    Off,
    #[error("the other side did not come to the server")]
    Alone,
    #[error("the server refuses: {0:?}")]
    Refused(RelayRefusedCode),
    #[error(transparent)]
    Codec(#[from] CodecError),
    #[error("the server said something else")]
    Unexpected,
}

type Line = TlsStream<RecordByRecord<Box<dyn Duplex>>>;

/// The server that relays: where it is and which key it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::peer) struct RelayServer {
    pub(in crate::peer) at: SocketAddr,
    pub(in crate::peer) key: PublicKey,
}

/// Meets the other side of the session with this `token`, whose key is `other`, at the server.
///
/// Returns an error if the server does not answer or refuses, or if the other side does not come; see [`NotMet`].
pub(in crate::peer) async fn meet(
    server: RelayServer,
    identity: &Identity,
    token: PairToken,
    other: PublicKey,
) -> Result<Reached, NotMet> {
    let asked = timeout(HANDSHAKE_TIMEOUT, ask(server, identity, token, other)).await;
    let (mut line, mut lines) = asked.unwrap_or_else(|_elapsed| Err(NotMet::Away(too_late())))?;
    let met = timeout(RELAY_WAIT + GRACE, met(&mut line, &mut lines)).await;
    met.unwrap_or(Err(NotMet::Alone))?;
    // The rest of the stream begins just behind the last record, because this side read no further.
    let stream = line.into_inner().0.into_inner();
    Ok(Reached { stream, origin: Origin::Relayed(server.at) })
}

fn too_late() -> io::Error {
    io::ErrorKind::TimedOut.into()
}

async fn ask(
    server: RelayServer,
    identity: &Identity,
    token: PairToken,
    other: PublicKey,
) -> Result<(Line, LineBuffer), NotMet> {
    let Reached { stream, .. } = tcp::dial(server.at).await.map_err(NotMet::Away)?;
    let (config, _seen) = transport::client_config(identity, KeyPolicy::Only(server.key), RELAY_ALPN);
    let records = RecordByRecord::new(stream);
    let connected = TlsConnector::from(config).connect(transport::server_name(), records).await;
    let mut line =
        connected.map_err(|error| if knows_no_relay(&error) { NotMet::Off } else { NotMet::Away(error) })?;
    if line.get_ref().1.alpn_protocol() != Some(RELAY_ALPN) {
        return Err(NotMet::Off);
    }
    let meet = RelayRequest::Meet { session: token, other };
    line.write_all(&encode(&meet)).await.map_err(NotMet::Away)?;
    line.flush().await.map_err(NotMet::Away)?;
    Ok((line, LineBuffer::new(MAX_HELLO_BYTES)))
}

/// Whether the server said in the handshake that it does not speak the relay protocol, as a server of an earlier
/// version does.
fn knows_no_relay(error: &io::Error) -> bool {
    let alert = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(alert, Some(rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol)))
}

/// Waits until the server says that the other side is there.
async fn met(line: &mut Line, lines: &mut LineBuffer) -> Result<(), NotMet> {
    loop {
        match lines.next_message()? {
            Some(RelayAnswer::Met) if lines.is_empty() => return Ok(()),
            Some(RelayAnswer::Met) => return Err(NotMet::Unexpected),
            Some(RelayAnswer::Refused { code }) => return Err(refused(code)),
            Some(RelayAnswer::Waiting | RelayAnswer::Unknown) => continue,
            None => {}
        }
        // Only one record is read at a time. A read that fills a buffer would also take the bytes that follow `met`.
        let record = line.fill_buf().await.map_err(NotMet::Away)?;
        let length = record.len();
        if length == 0 {
            return Err(NotMet::Away(io::ErrorKind::UnexpectedEof.into()));
        }
        lines.extend(record);
        line.consume(length);
    }
}

fn refused(code: RelayRefusedCode) -> NotMet {
    match code {
        RelayRefusedCode::Off => NotMet::Off,
        RelayRefusedCode::Alone => NotMet::Alone,
        RelayRefusedCode::Closing => NotMet::Away(io::ErrorKind::ConnectionAborted.into()),
        RelayRefusedCode::Token
        | RelayRefusedCode::Busy
        | RelayRefusedCode::TakenOver
        | RelayRefusedCode::SentOut
        | RelayRefusedCode::Other => NotMet::Refused(code),
    }
}
