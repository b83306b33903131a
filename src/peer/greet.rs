//! The hellos at the beginning of every connection, for both ends and over any stream. This file owns the order of the
//! first messages; it knows nothing of TLS, outboxes or redialling.
//!
//! 1. The side that dialled sends `hello`, which names the session and the last text that this side has.
//! 2. The other side answers with `hello`. If it has no such session, it answers with `goodbye`; if the session has
//!    ended, with `hello` and `goodbye`; if it has no use for the connection, with `refused`.
//! 3. The chooser (the side with the smaller key) may send `chosen`. The chooser closes a
//!    connection that it does not choose.

use hobnob_protocol::codec::{CodecError, LineBuffer, encode_into};
use hobnob_protocol::ids::PairToken;
use hobnob_protocol::message::{PeerMessage, PeerRefusedCode, Purpose};
use hobnob_protocol::{MAX_LINE_BYTES, MAX_PEER_HELLO_BYTES, PROTOCOL_VERSION};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Why the first messages did not lead to a connection.
#[derive(Debug, Error)]
pub(super) enum GreetError {
    #[error(transparent)]
    Codec(#[from] CodecError),
    #[error("it closed")]
    Closed,
    #[error("it has no such session, or not yet")]
    NoSession,
    #[error("it has ended the session")]
    Over,
    #[error("it speaks version {0} of the protocol")]
    Protocol(u32),
    #[error("it does not take this connection: {0:?}")]
    Refused(PeerRefusedCode),
    #[error("it sent something else first")]
    Unexpected,
}

impl From<std::io::Error> for GreetError {
    fn from(err: std::io::Error) -> Self {
        Self::Codec(err.into())
    }
}

/// Which side picks the connection that carries the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// This side picks the connection.
    Chooser,
    /// The other side picks the connection.
    Follower,
}

/// A hello that arrived.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heard {
    pub(super) token: PairToken,
    pub(super) received: u64,
    /// The purpose of the connection, if it is not the texts of the session.
    pub(super) other_purpose: Option<Purpose>,
}

/// Makes the buffer for a connection's lines, which must be short until the hello was taken.
pub(super) fn hello_lines() -> LineBuffer {
    LineBuffer::new(MAX_PEER_HELLO_BYTES)
}

/// Called by the side that dialled: says hello, and waits for the answer. Returns the number of the last text that the
/// other side has.
pub(super) async fn greet<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    lines: &mut LineBuffer,
    token: PairToken,
    told: u64,
    role: Role,
) -> Result<u64, GreetError> {
    send(stream, &[hello(token, told)]).await?;
    let heard = take_hello(next_message(stream, lines).await?)?;
    if heard.token != token || heard.other_purpose.is_some() {
        return Err(GreetError::Unexpected);
    }
    lines.set_limit(MAX_LINE_BYTES);
    match role {
        // If the session has ended, the goodbye came together with the hello.
        Role::Chooser if next_is_goodbye(lines) => Err(GreetError::Over),
        Role::Chooser => Ok(heard.received),
        Role::Follower => {
            wait_for_chosen(stream, lines).await?;
            Ok(heard.received)
        }
    }
}

/// Called by the side that was dialled: waits for the other side's hello.
pub(super) async fn hear_hello<S: AsyncRead + Unpin>(
    stream: &mut S,
    lines: &mut LineBuffer,
) -> Result<Heard, GreetError> {
    take_hello(next_message(stream, lines).await?)
}

/// Called by the side that was dialled: answers the hello, and if the other side is the chooser, waits for `chosen`.
pub(super) async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    lines: &mut LineBuffer,
    token: PairToken,
    told: u64,
    role: Role,
) -> Result<(), GreetError> {
    send(stream, &[hello(token, told)]).await?;
    lines.set_limit(MAX_LINE_BYTES);
    match role {
        Role::Chooser => Ok(()),
        Role::Follower => wait_for_chosen(stream, lines).await,
    }
}

/// Called by the side that was dialled: tells the other side that the session has ended, or that there is no such
/// session.
pub(super) async fn refuse<S: AsyncWrite + Unpin>(
    stream: &mut S,
    token: PairToken,
    has_ended: bool,
) -> std::io::Result<()> {
    if has_ended {
        send(stream, &[hello(token, 0), PeerMessage::Goodbye]).await?;
    } else {
        send(stream, &[PeerMessage::Goodbye]).await?;
    }
    stream.shutdown().await
}

/// Called by the side that was dialled: refuses this connection because of its purpose; the session goes on.
pub(super) async fn refuse_purpose<S: AsyncWrite + Unpin>(stream: &mut S) -> std::io::Result<()> {
    send(stream, &[PeerMessage::Refused { code: PeerRefusedCode::Purpose }]).await?;
    stream.shutdown().await
}

fn hello(token: PairToken, received: u64) -> PeerMessage {
    PeerMessage::Hello { protocol: PROTOCOL_VERSION, session: token, received, purpose: None }
}

fn take_hello(message: PeerMessage) -> Result<Heard, GreetError> {
    match message {
        PeerMessage::Hello { protocol: PROTOCOL_VERSION, session: token, received, purpose } => {
            let other_purpose = purpose.filter(|purpose| *purpose != Purpose::Words);
            Ok(Heard { token, received, other_purpose })
        }
        PeerMessage::Hello { protocol, .. } => Err(GreetError::Protocol(protocol)),
        PeerMessage::Goodbye => Err(GreetError::NoSession),
        PeerMessage::Refused { code } => Err(GreetError::Refused(code)),
        _ => Err(GreetError::Unexpected),
    }
}

/// Looks whether a goodbye is next, and does not take it: what follows a hello belongs to the link.
fn next_is_goodbye(lines: &mut LineBuffer) -> bool {
    let mut goodbye = bytes::BytesMut::new();
    encode_into(&PeerMessage::Goodbye, &mut goodbye);
    lines.spare().starts_with(&goodbye)
}

async fn wait_for_chosen<S: AsyncRead + Unpin>(
    stream: &mut S,
    lines: &mut LineBuffer,
) -> Result<(), GreetError> {
    loop {
        match next_message(stream, lines).await? {
            PeerMessage::Chosen => return Ok(()),
            PeerMessage::Goodbye => return Err(GreetError::Over),
            PeerMessage::Unknown => {}
            _ => return Err(GreetError::Unexpected),
        }
    }
}

async fn next_message<S: AsyncRead + Unpin>(
    stream: &mut S,
    lines: &mut LineBuffer,
) -> Result<PeerMessage, GreetError> {
    loop {
        if let Some(message) = lines.next_message()? {
            return Ok(message);
        }
        if stream.read_buf(lines.spare()).await? == 0 {
            return Err(GreetError::Closed);
        }
    }
}

/// Sends all messages in one write, so that they arrive together.
async fn send<S: AsyncWrite + Unpin>(stream: &mut S, messages: &[PeerMessage]) -> std::io::Result<()> {
    let mut out = bytes::BytesMut::new();
    for message in messages {
        encode_into(message, &mut out);
    }
    stream.write_all(&out).await?;
    stream.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn meet(dialler: Role, acceptor: Role) -> (Result<u64, GreetError>, Result<(), GreetError>) {
        // The pipe is tiny, so that every message arrives in pieces.
        let (mut near, mut far) = tokio::io::duplex(8);
        let token = PairToken::random();
        let (mut near_lines, mut far_lines) = (hello_lines(), hello_lines());
        let dialling = greet(&mut near, &mut near_lines, token, 3, dialler);
        let answering = async {
            let heard = hear_hello(&mut far, &mut far_lines).await?;
            assert_eq!((heard.token, heard.received), (token, 3));
            answer(&mut far, &mut far_lines, token, 5, acceptor).await?;
            send(&mut far, &[PeerMessage::Chosen]).await?;
            Ok(())
        };
        tokio::join!(dialling, answering)
    }

    #[tokio::test]
    async fn both_hellos_and_the_choice_cross_a_tiny_pipe() {
        let (dialled, answered) = meet(Role::Follower, Role::Chooser).await;
        assert_eq!(dialled.unwrap(), 5);
        answered.unwrap();
    }

    #[tokio::test]
    async fn an_ended_session_is_distinguished_from_an_unknown_one() {
        for (has_ended, role) in
            [(true, Role::Chooser), (true, Role::Follower), (false, Role::Chooser), (false, Role::Follower)]
        {
            let (mut near, mut far) = tokio::io::duplex(4096);
            let token = PairToken::random();
            refuse(&mut far, token, has_ended).await.unwrap();
            let answer = greet(&mut near, &mut hello_lines(), token, 0, role).await;
            match has_ended {
                true => assert!(matches!(answer, Err(GreetError::Over)), "{answer:?}"),
                false => assert!(matches!(answer, Err(GreetError::NoSession)), "{answer:?}"),
            }
        }
    }

    #[tokio::test]
    async fn anything_but_a_valid_hello_is_refused() {
        let token = PairToken::random();
        let stale = format!("{{\"type\":\"hello\",\"protocol\":9,\"session\":\"{token}\",\"received\":0}}\n");
        let long = "x".repeat(MAX_PEER_HELLO_BYTES);
        for bytes in ["zz\n", "{\"type\":\"chosen\"}\n", "", stale.as_str(), long.as_str()] {
            let refused = hear_hello(&mut bytes.as_bytes(), &mut hello_lines()).await;
            assert!(refused.is_err(), "{bytes}");
        }
    }
}
