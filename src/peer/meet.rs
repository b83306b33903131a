//! Meets the other side at the relay. The seal and the hellos are the same as on any other path, inside the bytes that
//! the server copies. Neither side has dialled the other, so this file decides who speaks first: the side with the
//! smaller key.

use std::net::SocketAddr;
use std::time::Duration;

use hobnob_protocol::HANDSHAKE_TIMEOUT;
use hobnob_protocol::candidate::Candidate;
use thiserror::Error;
use tokio::time::timeout;

use super::call::Call;
use super::connection::Fresh;
use super::greet::{self, GreetError, Role};
use super::reach::relay::{self, NotMet};
use super::reach::{Duplex, Origin, Reached};
use super::relaying::Visit;
use super::seal::{self, Acceptor, SealError, Sealed};

/// How long the look-up of a server's host name may take.
const LOOK_UP_WITHIN: Duration = Duration::from_secs(2);

/// How many addresses a server's host name may stand for; the others are ignored.
const ADDRESSES_OF_A_SERVER: usize = 4;

/// Why a visit to the relay failed.
#[derive(Debug, Error)]
pub(super) enum MeetError {
    #[error("the lobby was not reached yet")]
    NoServer,
    #[error("no server is to be dialled at {0}")]
    NotThere(Candidate),
    #[error(transparent)]
    NotMet(#[from] NotMet),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(transparent)]
    Greet(#[from] GreetError),
    #[error("it took too long")]
    TooLong,
}

impl MeetError {
    /// Returns what the error means for the next visit.
    pub(super) fn visit(&self) -> Visit {
        match self {
            Self::NoServer | Self::NotThere(_) | Self::NotMet(NotMet::Away(_)) => Visit::Away,
            Self::NotMet(NotMet::Off) => Visit::Off,
            Self::NotMet(NotMet::Alone) => Visit::Alone,
            _ => Visit::Failed,
        }
    }
}

/// Goes to the relay, waits for the other side there, and says hello. The relay is the lobby's server, or the server
/// that is named.
pub(super) async fn meet(call: &Call, named: Option<Candidate>) -> Result<Fresh, MeetError> {
    let mut server = call.dial_filter.server().ok_or(MeetError::NoServer)?;
    if let Some(named) = named {
        server.at = another_server(call, &named).await.ok_or(MeetError::NotThere(named))?;
    }
    let Reached { stream, origin } = relay::meet(server, &call.identity, call.token, call.key).await?;
    let greeted = timeout(HANDSHAKE_TIMEOUT, greet(call, stream, origin)).await;
    greeted.unwrap_or(Err(MeetError::TooLong))
}

/// Finds the address of another server of this lobby. Only the lobby's own server names another server, and only then
/// is a host name looked up. The filter has to let the address pass.
async fn another_server(call: &Call, named: &Candidate) -> Option<SocketAddr> {
    let found = timeout(LOOK_UP_WITHIN, tokio::net::lookup_host(named.as_str())).await;
    let mut found = found.ok()?.ok()?.take(ADDRESSES_OF_A_SERVER);
    found.find_map(|addr| call.dial_filter.allow(addr))
}

async fn greet(call: &Call, stream: Box<dyn Duplex>, origin: Origin) -> Result<Fresh, MeetError> {
    let (mut lines, told) = (greet::hello_lines(), call.mailbox.shown());
    let (stream, key_exchange, received) = match call.role {
        Role::Chooser => {
            let Sealed { mut stream, key_exchange, .. } =
                seal::call(stream, &call.identity, call.key).await?;
            let greeted = greet::greet(&mut stream, &mut lines, call.token, told, call.role);
            let received = greeted.await?;
            (stream, key_exchange, received)
        }
        Role::Follower => {
            let key = call.key;
            let acceptor = Acceptor::new(&call.identity, move |shown| *shown == key);
            let Sealed { mut stream, key_exchange, .. } =
                acceptor.answer(stream).await.map_err(SealError::Io)?;
            let heard = greet::hear_hello(&mut stream, &mut lines).await?;
            if heard.token != call.token || heard.other_purpose.is_some() {
                return Err(GreetError::Unexpected.into());
            }
            greet::answer(&mut stream, &mut lines, call.token, told, call.role).await?;
            (stream, key_exchange, heard.received)
        }
    };
    Ok(Fresh { stream, lines, received, told, key_exchange, origin })
}
