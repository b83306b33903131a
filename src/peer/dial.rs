//! Dialling one peer at every address it may have, side by side. Owns the attempts of one link;
//! knows neither when to dial (that is `redial`) nor what is said afterwards.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hobnob_protocol::HANDSHAKE_TIMEOUT;
use hobnob_protocol::identity::Identity;
use hobnob_protocol::name::{Candidate, PairToken, PublicKey};
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::connection::Fresh;
use super::greet::{self, GreetError, Role};
use super::mailbox::Mailbox;
use super::reach::{Origin, tcp};
use super::seal::{self, SealError, Sealed};

/// How long the hellos may take once TLS stands, the other attempts waiting meanwhile.
const GREET_WITHIN: Duration = Duration::from_secs(4);

/// Addresses one DNS name may lead to; the rest are passed over.
const ADDRESSES_PER_NAME: usize = 4;

/// Why an attempt led to nothing.
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

/// What came of an attempt.
pub(super) enum Attempt {
    /// A connection.
    Made(Box<Fresh>),
    /// None.
    Failed { target: Candidate, error: DialError },
    /// The address was only tried, and answered.
    Answers(SocketAddr),
    /// The address was only tried, and did not answer.
    Silent,
}

/// Whom to dial, and as whom.
pub(super) struct Call {
    pub(super) identity: Identity,
    pub(super) key: PublicKey,
    pub(super) session: PairToken,
    pub(super) role: Role,
    pub(super) mailbox: Arc<Mailbox>,
}

/// The attempts under way. Each address is dialled once at a time; their number is bounded by that
/// of the candidates.
pub(super) struct Dialler {
    call: Arc<Call>,
    /// The first attempt whose TLS stands says hello; the others wait for it to fail.
    greeting: Arc<Semaphore>,
    running: JoinSet<Attempt>,
    busy: HashSet<Candidate>,
    /// Whether the last attempt at an address found that nobody can be there.
    absent: HashMap<Candidate, bool>,
}

impl Dialler {
    pub(super) fn new(call: Call) -> Self {
        Self {
            call: Arc::new(call),
            greeting: Arc::new(Semaphore::new(1)),
            running: JoinSet::new(),
            busy: HashSet::new(),
            absent: HashMap::new(),
        }
    }

    /// Dials every one of `targets` that is not being dialled.
    pub(super) fn dial(&mut self, targets: impl IntoIterator<Item = Candidate>) {
        for target in targets {
            if self.busy.insert(target.clone()) {
                let (call, greeting) = (Arc::clone(&self.call), Arc::clone(&self.greeting));
                self.running.spawn(attempt(call, greeting, target));
            }
        }
    }

    /// Finds out whether one of `targets` takes a TCP connection, which is closed at once.
    pub(super) fn probe(&mut self, targets: impl IntoIterator<Item = SocketAddr>) {
        for target in targets {
            self.running.spawn(async move {
                if tcp::answers(target).await { Attempt::Answers(target) } else { Attempt::Silent }
            });
        }
    }

    /// The next attempt that ended; waits for ever when there is none. Cancel-safe.
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

    /// Ends every attempt.
    pub(super) fn stop(&mut self) {
        self.running = JoinSet::new();
        self.greeting = Arc::new(Semaphore::new(1));
        self.busy.clear();
        self.absent.clear();
    }

    /// Whether every one of `targets` was tried and can be ruled out.
    pub(super) fn rules_out<'a>(&self, mut targets: impl Iterator<Item = &'a Candidate>) -> bool {
        targets.all(|target| self.absent.get(target) == Some(&true))
    }

    fn remember(&mut self, attempt: &Attempt) {
        if let Attempt::Failed { target, error } = attempt {
            let is_absent = error.is_refusal() || matches!(error, DialError::NoWay(_));
            self.busy.remove(target);
            self.absent.insert(target.clone(), is_absent);
        }
    }
}

async fn attempt(call: Arc<Call>, greeting: Arc<Semaphore>, target: Candidate) -> Attempt {
    let result = timeout(HANDSHAKE_TIMEOUT, reach(&call, &greeting, &target)).await;
    match result.unwrap_or(Err(DialError::TooLong)) {
        Ok(fresh) => Attempt::Made(Box::new(fresh)),
        Err(error) => Attempt::Failed { target, error },
    }
}

async fn reach(call: &Call, greeting: &Semaphore, target: &Candidate) -> Result<Fresh, DialError> {
    let (addr, Sealed { mut stream, key_exchange, .. }) = connect(call, target).await?;
    let _turn = greeting.acquire().await.map_err(|_| DialError::TooLong)?;
    let mut lines = greet::hello_lines();
    let told = call.mailbox.shown();
    let hello = greet::greet(&mut stream, &mut lines, call.session, told, call.role);
    let received = match timeout(GREET_WITHIN, hello).await {
        Ok(greeted) => greeted.map_err(DialError::Greet)?,
        Err(_elapsed) => return Err(DialError::TooLong),
    };
    let origin = Origin::Dialled(addr);
    Ok(Fresh { stream, lines, received, told, key_exchange, origin })
}

/// A sealed stream to the first address behind `target` where the right key answers.
async fn connect(call: &Call, target: &Candidate) -> Result<(SocketAddr, Sealed), DialError> {
    let mut last = DialError::NoWay(io::ErrorKind::HostUnreachable.into());
    let addrs = tokio::net::lookup_host(target.as_str()).await.map_err(DialError::NoWay)?;
    for addr in addrs.take(ADDRESSES_PER_NAME) {
        match connect_to(call, addr).await {
            Ok(stream) => return Ok((addr, stream)),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn connect_to(call: &Call, addr: SocketAddr) -> Result<Sealed, DialError> {
    let reached = tcp::dial(addr).await.map_err(DialError::from_connect)?;
    Ok(seal::call(reached.stream, &call.identity, call.key).await?)
}
