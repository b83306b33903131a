//! What is said on a connection before the relay copies: one request, and one or two answers. This file owns the time
//! limits of that; it knows neither who may be relayed nor who is there.

use std::future::poll_fn;
use std::time::Duration;

use hobnob_protocol::codec::{self, LineBuffer};
use hobnob_protocol::ids::PairToken;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::relay::{RelayAnswer, RelayRefusedCode, RelayRequest};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use crate::wire::Wire;

/// How long a client may take to receive an answer. It has nothing else to read.
const TELL_WITHIN: Duration = Duration::from_secs(1);

/// Why a connection is given up. The client is not told: it is gone, or speaks a different protocol.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskingError {
    #[error(transparent)]
    Broken(#[from] std::io::Error),
    #[error(transparent)]
    Codec(#[from] codec::CodecError),
    #[error("it closed")]
    Closed,
    #[error("it sent something while it had to wait")]
    OutOfTurn,
    #[error("it took too long")]
    TooLong,
}

/// Reads the request: the session for which the client comes, and the key of the other side.
pub(super) async fn request<S: AsyncRead + AsyncWrite + Unpin>(
    wire: &mut Wire<S>,
    lines: &mut LineBuffer,
) -> Result<(PairToken, PublicKey), AskingError> {
    loop {
        match lines.next_message()? {
            Some(RelayRequest::Meet { session, other }) if lines.is_empty() => return Ok((session, other)),
            Some(RelayRequest::Meet { .. }) => return Err(AskingError::OutOfTurn),
            Some(RelayRequest::Unknown) => continue,
            None => {}
        }
        if !poll_fn(|cx| wire.poll_fill(cx, lines)).await? {
            return Err(AskingError::Closed);
        }
    }
}

/// Sends one answer, and waits for a bounded time until the socket has taken it.
pub(super) async fn tell<S: AsyncRead + AsyncWrite + Unpin>(
    wire: &mut Wire<S>,
    answer: RelayAnswer,
) -> Result<(), AskingError> {
    wire.put(&[codec::encode(&answer)])?;
    timeout(TELL_WITHIN, poll_fn(|cx| wire.poll_flush(cx)))
        .await
        .map_err(|_elapsed| AskingError::TooLong)??;
    Ok(())
}

/// Waits until a client that has to wait ends its connection, or sends something although it must not. Cancel-safe.
pub(super) async fn hung_up<S: AsyncRead + AsyncWrite + Unpin>(
    wire: &mut Wire<S>,
    lines: &mut LineBuffer,
) -> AskingError {
    loop {
        match poll_fn(|cx| wire.poll_fill(cx, lines)).await {
            Ok(true) if lines.is_empty() => {}
            Ok(true) => return AskingError::OutOfTurn,
            Ok(false) => return AskingError::Closed,
            Err(err) => return err.into(),
        }
    }
}

/// Tells a client why it is not joined to another, and closes the connection.
pub(super) async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(mut wire: Wire<S>, code: RelayRefusedCode) {
    if tell(&mut wire, RelayAnswer::Refused { code }).await.is_ok() {
        let _too_slow = timeout(TELL_WITHIN, poll_fn(|cx| wire.poll_finish(cx))).await;
    }
}
