//! One attempt to join the lobby: its addresses are dialled one after another and side by side, and the streams come
//! out as they are opened. This file owns how long all of that may take, and what was found out about the addresses. It
//! does not know which addresses there are, nor what is said over a stream.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use hobnob_protocol::HANDSHAKE_TIMEOUT;
use hobnob_protocol::key::PublicKey;
use tokio::time::{Instant, timeout, timeout_at};

use super::connect::{ConnectError, Dial};

/// How long an address is dialled before the next one is dialled as well.
const STAGGER: Duration = Duration::from_millis(250);

/// How long a server may take to let this client in once it is reached, if there are other servers to try.
const ONE_OF_SEVERAL: Duration = Duration::from_secs(3);

/// How long the address that is dialled last has at least.
const LAST_CHANCE: Duration = Duration::from_secs(1);

/// How long one attempt may take if there are several addresses. A single address has [`HANDSHAKE_TIMEOUT`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// How long addresses are dialled; the time in which a server is reached and does not let this client in is not
    /// counted.
    dialling: Duration,
    /// How long everything together may take.
    whole: Duration,
}

impl Limits {
    /// The limits of the first attempt of a run. The run ends if it fails, so it reaches far into a long list.
    pub(super) const FIRST: Self = Self { dialling: HANDSHAKE_TIMEOUT, whole: Duration::from_secs(30) };

    /// The limits of every later attempt. After a failure there is another attempt, which dials other addresses.
    pub(super) const LATER: Self = Self { dialling: Duration::from_secs(3), whole: Duration::from_secs(10) };
}

/// A server that has another key than the trusted one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Foreign {
    /// The address at which it answers, as `HOST:PORT`.
    pub(super) address: String,
    /// The key that it showed.
    pub(super) seen: PublicKey,
}

/// What an attempt has found out about the addresses.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// The addresses that were dialled, in this order.
    pub(super) dialled: Vec<String>,
    /// The servers that have another key.
    pub(super) foreign: Vec<Foreign>,
}

/// Several futures that are under way.
type Boxed<'a, T> = Vec<Pin<Box<dyn Future<Output = T> + Send + 'a>>>;

/// One attempt to join the lobby.
pub(super) struct Attempt<'a, D: Dial> {
    dial: &'a D,
    waiting: std::vec::IntoIter<String>,
    dialling: Boxed<'a, (String, io::Result<D::Stream>)>,
    /// How long a server that is reached may take.
    patience: Duration,
    dial_until: Instant,
    end: Instant,
    failed: Option<ConnectError>,
    findings: Findings,
}

impl<'a, D: Dial> Attempt<'a, D> {
    /// Begins an attempt; the addresses are dialled in this order.
    pub(super) fn new(dial: &'a D, addresses: Vec<String>, limits: Limits) -> Self {
        let is_single = addresses.len() < 2;
        let (patience, limits) = if is_single {
            let limits = Limits { dialling: HANDSHAKE_TIMEOUT, whole: HANDSHAKE_TIMEOUT };
            (HANDSHAKE_TIMEOUT, limits)
        } else {
            (ONE_OF_SEVERAL, limits)
        };
        let now = Instant::now();
        Self {
            dial,
            waiting: addresses.into_iter(),
            dialling: Vec::new(),
            patience,
            dial_until: now + limits.dialling,
            end: now + limits.whole,
            failed: None,
            findings: Findings::default(),
        }
    }

    /// Returns the next stream that is opened, and its address. Returns `None` if there is none in time.
    pub(super) async fn next(&mut self) -> Option<(String, D::Stream)> {
        loop {
            let now = Instant::now();
            let may_dial = now + LAST_CHANCE <= self.dial_until;
            if let Some(address) = self.waiting.next().filter(|_| may_dial) {
                self.dial(address);
            } else if self.dialling.is_empty() {
                return None;
            }
            let is_more = may_dial && self.waiting.len() > 0;
            let until = if is_more { self.dial_until.min(now + STAGGER) } else { self.dial_until };
            match timeout_at(until, first_of(&mut self.dialling)).await {
                Ok((address, Ok(stream))) => return Some((address, stream)),
                Ok((address, Err(err))) => self.failed(&address, err.into()),
                Err(_elapsed) if until < self.dial_until => {}
                Err(_elapsed) => {
                    self.keep(ConnectError::Timeout);
                    return None;
                }
            }
        }
    }

    fn dial(&mut self, address: String) {
        self.findings.dialled.push(address.clone());
        let dial = self.dial;
        self.dialling.push(Box::pin(async move {
            let dialled = dial.dial(&address).await;
            (address, dialled)
        }));
    }

    /// Waits for a server that was reached, for as long as it may take.
    pub(super) async fn in_time<T>(
        &mut self,
        joining: impl Future<Output = Result<T, ConnectError>>,
    ) -> Result<T, ConnectError> {
        let begun = Instant::now();
        let patience = self.patience.min(self.end.saturating_duration_since(begun));
        let joined = timeout(patience, joining).await.unwrap_or(Err(ConnectError::Timeout));
        self.dial_until = self.end.min(self.dial_until + begun.elapsed());
        joined
    }

    /// Notes that the server at this address does not let this client in, and that the others are tried.
    pub(super) fn failed(&mut self, address: &str, error: ConnectError) {
        tracing::debug!(address, %error, "a server of the lobby does not let this client in");
        if let ConnectError::KeyChanged { seen, .. } = error {
            self.findings.foreign.push(Foreign { address: address.to_owned(), seen });
        }
        self.keep(error);
    }

    /// Keeps the error that says most: that of a server which has the trusted key, or else that of one which may have
    /// it.
    fn keep(&mut self, error: ConnectError) {
        let weight = |error: &ConnectError| match error {
            ConnectError::Refused(_) => 2,
            ConnectError::KeyChanged { .. } => 0,
            _ => 1,
        };
        if self.failed.as_ref().is_none_or(|kept| weight(kept) <= weight(&error)) {
            self.failed = Some(error);
        }
    }

    /// Ends the attempt. Returns what was found out, and the error if nobody let this client in.
    pub(super) fn end(self) -> (Findings, ConnectError) {
        let failed = self.failed.unwrap_or_else(|| io::Error::from(io::ErrorKind::NotFound).into());
        (self.findings, failed)
    }
}

/// Waits for the first of the futures to finish, and removes it.
async fn first_of<T>(futures: &mut Boxed<'_, T>) -> T {
    poll_fn(|cx| {
        for index in 0..futures.len() {
            if let Poll::Ready(done) = futures[index].as_mut().poll(cx) {
                drop(futures.swap_remove(index));
                return Poll::Ready(done);
            }
        }
        Poll::Pending
    })
    .await
}
