//! One attempt to join the lobby: its addresses are dialled one after another and side by side, and so are the TLS
//! handshakes of those that are reached; the streams come out when their servers have shown a key. This file owns how
//! long all of that may take, and what was found out about the addresses. It does not know which addresses there are,
//! nor what is said over a stream.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use hobnob_protocol::HANDSHAKE_TIMEOUT;
use hobnob_protocol::identity::Identity;
use hobnob_protocol::key::PublicKey;
use tokio::time::{Instant, timeout, timeout_at};

use super::connect::{self, ConnectError, Dial, Secured};

/// How long an address is dialled before the next one is dialled as well.
const STAGGER: Duration = Duration::from_millis(250);

/// How long the first server that is reached has before others are dialled, so that a thousand clients of a server that
/// restarts do not all make it and its neighbours do their handshakes twice.
const ALONE: Duration = Duration::from_secs(1);

/// How long a server may take for the handshake, and then to let this client in, if there are other servers to try.
const ONE_OF_SEVERAL: Duration = Duration::from_secs(3);

/// How long the address that is dialled last has at least.
const LAST_CHANCE: Duration = Duration::from_secs(1);

/// How long one attempt may take if there are several addresses. A single address has [`HANDSHAKE_TIMEOUT`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// How long addresses are dialled; the time in which no other is dialled because a server is reached, or in which a
    /// server does not let this client in, is not counted.
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

/// What has come of the handshake with the server at an address.
type Handshake<S> = (String, Result<Box<Secured<S>>, ConnectError>);

/// One attempt to join the lobby.
pub(super) struct Attempt<'a, D: Dial> {
    dial: &'a D,
    identity: &'a Identity,
    /// The key that a server has to have; `None` if none is trusted yet.
    trusted: Option<PublicKey>,
    waiting: std::vec::IntoIter<String>,
    dialling: Boxed<'a, (String, io::Result<D::Stream>)>,
    /// The handshakes with servers that were reached.
    securing: Boxed<'a, Handshake<D::Stream>>,
    /// The servers that have shown a key, in this order.
    secured: VecDeque<(String, Box<Secured<D::Stream>>)>,
    /// How long a server that is reached may take for each step.
    patience: Duration,
    next_dial: Instant,
    dial_until: Instant,
    end: Instant,
    failed: Option<ConnectError>,
    findings: Findings,
}

/// What one of the futures of an attempt has come to.
enum Done<S> {
    Dialled(String, io::Result<S>),
    Secured(Handshake<S>),
}

impl<'a, D: Dial> Attempt<'a, D> {
    /// Begins an attempt; the addresses are dialled in this order.
    pub(super) fn new(
        dial: &'a D,
        identity: &'a Identity,
        trusted: Option<PublicKey>,
        addresses: Vec<String>,
        limits: Limits,
    ) -> Self {
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
            identity,
            trusted,
            waiting: addresses.into_iter(),
            dialling: Vec::new(),
            securing: Vec::new(),
            secured: VecDeque::new(),
            patience,
            next_dial: now,
            dial_until: now + limits.dialling,
            end: now + limits.whole,
            failed: None,
            findings: Findings::default(),
        }
    }

    /// Returns the next server that has shown its key, and its address. Returns `None` if there is none in time.
    pub(super) async fn next(&mut self) -> Option<(String, Box<Secured<D::Stream>>)> {
        loop {
            if let Some(secured) = self.secured.pop_front() {
                return Some(secured);
            }
            if !self.go_on().await {
                return None;
            }
        }
    }

    /// Waits for a server that was told hello, for as long as it may take. The others are dialled meanwhile.
    pub(super) async fn in_time<T>(
        &mut self,
        joining: impl Future<Output = Result<T, ConnectError>>,
    ) -> Result<T, ConnectError> {
        let (begun, before) = (Instant::now(), self.dial_until);
        let until = self.end.min(begun + self.patience);
        self.dial_until = self.end.min(before + (until - begun));
        let mut joining = pin!(timeout_at(until, joining));
        let mut are_others = true;
        let joined = loop {
            tokio::select! {
                biased;
                joined = &mut joining => break joined.unwrap_or(Err(ConnectError::Timeout)),
                going = self.go_on(), if are_others => are_others = going,
            }
        };
        self.dial_until = self.end.min(before + begun.elapsed());
        joined
    }

    /// Dials the next address when it is time, and waits until something is done or due. Returns false if nothing is
    /// under way any more. If this is given up half-way, nothing is lost.
    async fn go_on(&mut self) -> bool {
        let now = Instant::now();
        if now >= self.dial_until && !self.dialling.is_empty() {
            self.dialling.clear();
            self.keep(ConnectError::Timeout);
        }
        if now >= self.end {
            return false;
        }
        let may_dial = now + LAST_CHANCE <= self.dial_until;
        if may_dial
            && self.next_dial <= now
            && let Some(address) = self.waiting.next()
        {
            self.dial(address);
            self.next_dial = now + STAGGER;
        }
        let is_more = may_dial && self.waiting.len() > 0;
        if !is_more && self.dialling.is_empty() && self.securing.is_empty() {
            return false;
        }
        let next_dial = if is_more { self.next_dial } else { self.end };
        let dial_until = if self.dialling.is_empty() { self.end } else { self.dial_until };
        let until = self.end.min(next_dial).min(dial_until);
        let done = timeout_at(until, first_done::<D>(&mut self.dialling, &mut self.securing)).await;
        match done {
            Ok(Done::Dialled(address, Ok(stream))) => self.reached(address, stream),
            Ok(Done::Dialled(address, Err(err))) => self.failed(&address, err.into()),
            Ok(Done::Secured((address, Ok(secured)))) => self.secured.push_back((address, secured)),
            Ok(Done::Secured((address, Err(err)))) => self.failed(&address, err),
            Err(_elapsed) if until >= self.end => self.keep(ConnectError::Timeout),
            Err(_elapsed) => {}
        }
        true
    }

    fn dial(&mut self, address: String) {
        self.findings.dialled.push(address.clone());
        let dial = self.dial;
        self.dialling.push(Box::pin(async move {
            let dialled = dial.dial(&address).await;
            (address, dialled)
        }));
    }

    /// Begins the handshake with a server that was reached.
    fn reached(&mut self, address: String, stream: D::Stream) {
        if self.securing.is_empty() {
            self.next_dial = Instant::now() + ALONE;
            self.dial_until = self.end.min(self.dial_until + ALONE);
        }
        let (ends, patience) = (self.dial.ends(&stream), self.patience);
        let (identity, trusted) = (self.identity, self.trusted);
        self.securing.push(Box::pin(async move {
            let securing = connect::secure((&address, stream, ends), identity, trusted);
            let secured = timeout(patience, securing).await.unwrap_or(Err(ConnectError::Timeout));
            (address, secured.map(Box::new))
        }));
    }

    /// Notes that the server at this address does not let this client in, and that the others are tried.
    pub(super) fn failed(&mut self, address: &str, error: ConnectError) {
        tracing::debug!(address, %error, "a server of the lobby does not let this client in");
        if let ConnectError::KeyChanged { seen, .. } = error {
            self.findings.foreign.push(Foreign { address: address.to_owned(), seen });
        }
        self.next_dial = Instant::now();
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
async fn first_done<D: Dial>(
    dialling: &mut Boxed<'_, (String, io::Result<D::Stream>)>,
    securing: &mut Boxed<'_, Handshake<D::Stream>>,
) -> Done<D::Stream> {
    poll_fn(|cx| {
        if let Poll::Ready(handshake) = poll_first(securing, cx) {
            return Poll::Ready(Done::Secured(handshake));
        }
        poll_first(dialling, cx).map(|(address, dialled)| Done::Dialled(address, dialled))
    })
    .await
}

fn poll_first<T>(futures: &mut Boxed<'_, T>, cx: &mut Context<'_>) -> Poll<T> {
    for index in 0..futures.len() {
        if let Poll::Ready(done) = futures[index].as_mut().poll(cx) {
            drop(futures.swap_remove(index));
            return Poll::Ready(done);
        }
    }
    Poll::Pending
}
