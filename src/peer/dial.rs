//! Dials one peer at all the addresses that it may have, at the same time. This file owns the attempts of one link, and
//! decides which of the addresses are dialled. It knows neither when to dial (`redial` does) nor what is said on a
//! connection afterwards.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hobnob_protocol::HANDSHAKE_TIMEOUT;
use hobnob_protocol::MAX_CANDIDATES;
use hobnob_protocol::candidate::Candidate;
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::allowance::{Allowance, Familiarity};
use super::call::Call;
use super::connection::Fresh;
use super::greet::{self, GreetError};
use super::mailbox::Reachable;
use super::meet::{self, MeetError};
use super::reach::dial_filter::Admitted;
use super::reach::{Origin, Reached, tcp};
use super::seal::{self, SealError, Sealed};
use crate::session::path::{Path, PathChoice};

/// How long the hellos may take after the TLS handshake; the other attempts wait meanwhile.
const GREET_WITHIN: Duration = Duration::from_secs(4);

/// Why an attempt failed.
#[derive(Debug, Error)]
pub(super) enum DialError {
    #[error("refused")]
    Refused,
    #[error("no way there: {0}")]
    NoWay(io::Error),
    #[error("{0}")]
    Io(io::Error),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(transparent)]
    Greet(GreetError),
    #[error("it took too long")]
    TooLong,
}

impl DialError {
    /// Whether this shows that the peer's listener is not at that address.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused | Self::Seal(SealError::WrongKey(_)))
    }

    fn from_connect(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::AddrNotAvailable => Self::NoWay(error),
            _ => Self::Io(error),
        }
    }
}

/// The result of an attempt.
pub(super) enum Attempt {
    /// The attempt led to a connection.
    Made(Box<Fresh>),
    /// The attempt at this address failed.
    Failed { target: SocketAddr, error: DialError },
    /// The address was only probed, and answered.
    Answers(SocketAddr),
    /// The address was only probed, and did not answer.
    Silent,
    /// A visit to the relay failed.
    NotRelayed(MeetError),
}

/// The attempts that are under way. Each address is dialled at most once at a time. The number of attempts is bounded
/// by the number of candidates, and for a stranger also by its [`Allowance`].
pub(super) struct Dialler {
    call: Arc<Call>,
    /// The first attempt that has finished its TLS handshake says hello. The others wait, and go on if it fails.
    greeting: Arc<Semaphore>,
    running: JoinSet<Attempt>,
    busy: HashSet<SocketAddr>,
    /// For each address: whether the last attempt found that nobody can be there.
    absent: HashMap<SocketAddr, bool>,
    /// The addresses of the other side that the filter lets be dialled.
    targets: Vec<SocketAddr>,
    /// How many addresses the filter does not let pass.
    passed_over: usize,
    /// The server that relays, if it is not the server that this client is connected to.
    relay: Option<Candidate>,
    /// Whether a visit to the relay is under way.
    visits_relay: bool,
    allowance: Allowance,
}

impl Dialler {
    pub(super) fn new(call: Call, familiarity: Familiarity) -> Self {
        Self {
            call: Arc::new(call),
            greeting: Arc::new(Semaphore::new(1)),
            running: JoinSet::new(),
            busy: HashSet::new(),
            absent: HashMap::new(),
            targets: Vec::new(),
            passed_over: 0,
            relay: None,
            visits_relay: false,
            allowance: Allowance::new(familiarity, 0),
        }
    }

    /// Takes the addresses of an introduction.
    pub(super) fn introduced(&mut self, reachable: Reachable) {
        let Reachable { candidates, relay } = reachable;
        self.relay = relay;
        // A user who wants only the relay dials nobody.
        let candidates: &[Candidate] = if self.call.path == PathChoice::Relay { &[] } else { &candidates };
        let most = candidates.len().min(MAX_CANDIDATES);
        let Admitted { targets, passed_over } = self.call.dial_filter.admit(&candidates[..most]);
        if passed_over > 0 {
            tracing::debug!(token = %self.call.token, passed_over, "addresses that are not dialled");
        }
        self.allowance.renew(targets.len());
        (self.targets, self.passed_over) = (targets, passed_over);
    }

    /// Prepares for new dials after the link was lost; the other side was last met at `met`. A user who is known is
    /// also dialled at the addresses of the introduction.
    pub(super) fn lost(&mut self, met: &[SocketAddr]) {
        if self.allowance.is_strangers() {
            self.targets.clear();
            self.allowance.renew(met.len());
        }
    }

    /// Notes that the user has answered the other side.
    pub(super) fn acquaint(&mut self) {
        self.allowance.acquaint();
    }

    pub(super) fn familiarity(&self) -> Familiarity {
        self.allowance.familiarity()
    }

    pub(super) fn is_strangers(&self) -> bool {
        self.allowance.is_strangers()
    }

    /// The addresses of the introduction.
    pub(super) fn targets(&self) -> &[SocketAddr] {
        &self.targets
    }

    /// Returns the address as it is to be dialled, if the filter lets it pass.
    pub(super) fn allow(&self, addr: SocketAddr) -> Option<SocketAddr> {
        self.call.dial_filter.allow(addr)
    }

    /// Whether the introduction named any address that may be dialled from here.
    pub(super) fn was_told_addresses(&self) -> bool {
        !self.targets.is_empty()
    }

    /// Returns which paths the user allows.
    pub(super) fn path(&self) -> PathChoice {
        self.call.path
    }

    /// Whether the introduction had addresses and the filter let none of them pass.
    pub(super) fn has_only_passed_over(&self) -> bool {
        self.targets.is_empty() && self.passed_over > 0
    }

    fn may_begin(&mut self, target: SocketAddr) -> bool {
        let filter = &self.call.dial_filter;
        self.allowance.take(target, || filter.take_place(Instant::now()))
    }

    /// Dials the addresses of the introduction and those of `met`, except those that are being dialled already.
    pub(super) fn dial(&mut self, met: &[SocketAddr]) {
        let targets: Vec<SocketAddr> = self.targets.iter().chain(met).copied().collect();
        for target in targets {
            if !self.busy.contains(&target) && self.may_begin(target) {
                self.busy.insert(target);
                let (call, greeting) = (Arc::clone(&self.call), Arc::clone(&self.greeting));
                self.running.spawn(attempt(call, greeting, target));
            }
        }
    }

    /// Goes to the relay, unless this side is already there. [`next`](Self::next) returns the result;
    /// [`stop`](Self::stop) ends the visit.
    pub(super) fn visit_relay(&mut self) {
        if !std::mem::replace(&mut self.visits_relay, true) {
            let (call, relay) = (Arc::clone(&self.call), self.relay.clone());
            self.running.spawn(async move {
                match meet::meet(&call, relay).await {
                    Ok(fresh) => Attempt::Made(Box::new(fresh)),
                    Err(error) => Attempt::NotRelayed(error),
                }
            });
        }
    }

    /// Whether this side is at the relay, or on its way there.
    pub(super) fn visits_relay(&self) -> bool {
        self.visits_relay
    }

    /// Probes whether one of `targets` takes a TCP connection, which is closed at once.
    pub(super) fn probe(&mut self, targets: impl IntoIterator<Item = SocketAddr>) {
        for target in targets {
            if !self.may_begin(target) {
                continue;
            }
            self.running.spawn(async move {
                if tcp::answers(target).await { Attempt::Answers(target) } else { Attempt::Silent }
            });
        }
    }

    /// Returns the next attempt that has ended; waits for ever if no attempt is under way. Cancel-safe.
    pub(super) async fn next(&mut self) -> Attempt {
        loop {
            match self.running.join_next().await {
                Some(Ok(attempt)) => {
                    self.remember(&attempt);
                    return attempt;
                }
                Some(Err(error)) => tracing::error!(%error, "an attempt to dial broke off"),
                None => std::future::pending().await,
            }
        }
    }

    /// Ends every attempt that is under way, and forgets what earlier ones have found.
    pub(super) fn stop(&mut self) {
        self.running = JoinSet::new();
        self.greeting = Arc::new(Semaphore::new(1));
        self.busy.clear();
        self.absent.clear();
        self.visits_relay = false;
    }

    /// Whether every address of the introduction was tried and can be ruled out. For a stranger the answer is always
    /// no: how long a stranger is tried must not tell what answers at the addresses that the stranger named.
    pub(super) fn rules_all_out(&self) -> bool {
        !self.is_strangers() && self.targets.iter().all(|target| self.absent.get(target) == Some(&true))
    }

    fn remember(&mut self, attempt: &Attempt) {
        match attempt {
            Attempt::Failed { target, error } => {
                let is_absent = error.is_refusal() || matches!(error, DialError::NoWay(_));
                self.busy.remove(target);
                self.absent.insert(*target, is_absent);
            }
            Attempt::NotRelayed(_) => self.visits_relay = false,
            Attempt::Made(fresh) if fresh.origin.path() == Path::Relay => self.visits_relay = false,
            Attempt::Made(fresh) => {
                if let Origin::Dialled(target) = fresh.origin {
                    self.busy.remove(&target);
                }
            }
            Attempt::Answers(_) | Attempt::Silent => {}
        }
    }
}

async fn attempt(call: Arc<Call>, greeting: Arc<Semaphore>, target: SocketAddr) -> Attempt {
    let result = timeout(HANDSHAKE_TIMEOUT, reach(&call, &greeting, target)).await;
    match result.unwrap_or(Err(DialError::TooLong)) {
        Ok(fresh) => Attempt::Made(Box::new(fresh)),
        Err(error) => Attempt::Failed { target, error },
    }
}

async fn reach(call: &Call, greeting: &Semaphore, target: SocketAddr) -> Result<Fresh, DialError> {
    let Reached { stream, origin } = tcp::dial(target).await.map_err(DialError::from_connect)?;
    let Sealed { mut stream, key_exchange, .. } = seal::call(stream, &call.identity, call.key).await?;
    let _turn = greeting.acquire().await.map_err(|_| DialError::TooLong)?;
    let mut lines = greet::hello_lines();
    let told = call.mailbox.shown();
    let hello = greet::greet(&mut stream, &mut lines, call.token, told, call.role);
    let received = match timeout(GREET_WITHIN, hello).await {
        Ok(greeted) => greeted.map_err(DialError::Greet)?,
        Err(_elapsed) => return Err(DialError::TooLong),
    };
    Ok(Fresh { stream, lines, received, told, key_exchange, origin })
}
