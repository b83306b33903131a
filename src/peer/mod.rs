//! Private sessions: TLS 1.3 between two Ed25519 keys, over direct TCP where one side can be reached, else over what
//! the lobby's server copies; it has no key to it.
//!
//! Module map. None of these knows the lobby or the screen:
//! - [`PeerNetwork`] (here) is what the app holds, one for the process.
//! - `listen` takes connections and `dial` makes them (whose, is in `call`); both say the hellos (`greet`).
//! - `link` is the task of one session and owns its `connection`; `two_connections` chooses where there are two.
//! - `reach` is the way to the other side (TCP, or the relay of the lobby's server), and the rules which addresses are
//!   dialled; `seal` is the TLS on it; `meet` is how the two find each other at the relay.
//! - `outgoing` is what leaves by a link, and the rule for who writes when: texts (`outbox`), the connection's `writer`, and
//!   how often it writes (`pace`).
//! - `verifying` is what this side says in a verification of keys, over each connection anew.
//! - `inbox` counts what arrives; `line` is a message as it stands on the connection.
//! - `mailbox` is what the app asks of a link; `event` is what the app hears; `backpressure` is what happens when it
//!   does not keep up.
//! - `redial` has the times of dialling again, `relaying` those of the relay and of the search for a direct way beside
//!   it, and `alarm` wakes by them.
//! - `introductions` is the table of sessions; `allowance` tells how often a stranger is dialled; `candidates` are this
//!   client's own addresses.
//!
//! The life of a session:
//! 1. The server introduces two users to each other; both call [`PeerNetwork::open`].
//! 2. The forker dials at once, the other after a second if nothing came; every address side by side.
//! 3. Both sides say `hello`; the one with the smaller key picks a connection: `chosen`. [`Up`].
//! 4. Texts are numbered and kept until the other side says `received`, which it does once its user
//!    was shown them.
//!    Where no direct way is found in time both go to the relay as well; once relayed, a direct way is still looked for,
//!    and taken silently ([`Moved`]).
//! 5. A connection that breaks or falls silent is rebuilt by both sides ([`Down`], then [`Up`]); texts
//!    not acknowledged are written again, those already heard are dropped.
//! 6. One final event: [`Left`], [`Ended`], [`Failed`] or [`Gone`], after [`Undelivered`] for
//!    whatever was not acknowledged by then.
//!
//! [`Up`]: PeerEventKind::Up
//! [`Down`]: PeerEventKind::Down
//! [`Moved`]: PeerEventKind::Moved
//! [`Left`]: PeerEventKind::Left
//! [`Ended`]: PeerEventKind::Ended
//! [`Failed`]: PeerEventKind::Failed
//! [`Gone`]: PeerEventKind::Gone
//! [`Undelivered`]: PeerEventKind::Undelivered

mod alarm;
mod allowance;
mod backpressure;
mod call;
mod candidates;
mod connection;
mod dial;
mod event;
mod greet;
mod inbox;
mod introductions;
pub mod line;
mod link;
mod listen;
mod mailbox;
mod meet;
mod outbox;
mod outgoing;
mod pace;
mod reach;
mod redial;
mod relaying;
mod seal;
#[cfg(test)]
mod tests;
mod two_connections;
mod verifying;
mod writer;

use std::fmt;
use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hobnob_protocol::identity::Identity;
use hobnob_protocol::message::Introduction;
use hobnob_protocol::name::{PublicKey, Text};
use hobnob_protocol::verification::VerifyMessage;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

pub use self::allowance::Familiarity;
pub use self::candidates::{OwnAddresses, gather as own_addresses};
pub use self::event::{GoneReason, PeerEvent, PeerEventKind, PeerFailure};
pub use self::introductions::Pinned;
pub use self::outbox::{OUTBOX_BYTES, OUTBOX_TEXTS, OutboxFull};
pub use self::outgoing::SayError;
pub use self::reach::rules::DialRules;
pub use self::redial::{GONE_AFTER, OPEN_WITHIN, REFUSED_GONE_AFTER};

use self::call::Call;
use self::dial::Dialler;
use self::introductions::{Introductions, Live};
use self::link::{Beginning, Link};
use self::mailbox::{Mailbox, Reachable};
use self::outgoing::{Outgoing, Said};
use self::reach::tcp;
use crate::session::link_id::LinkId;
use crate::session::path::PathChoice;

/// Connections that wait to be looked at by one link; one more is dropped, and dialled again.
const ARRIVALS: usize = 4;

/// Links there may be at once, those that are ending among them. Each holds a few KiB, a socket, and up to
/// [`OUTBOX_BYTES`] each way.
const MOST_LINKS: usize = 256;

/// Past so many links none is opened with a stranger, so that the user's own forks find room.
const STRANGER_LINKS: usize = 192;

/// There are as many links as there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "{MOST_LINKS} private sessions are open or ending, as many as there may be; leave some, or try again"
)]
pub struct TooManyLinks;

/// How long [`PeerNetwork::close`] waits for the goodbyes: a little longer than one link needs.
const CLOSE_WITHIN: Duration = Duration::from_secs(3);

/// What the peer side needs to know.
pub struct PeerConfig {
    /// Who this client is.
    pub identity: Identity,
    /// Where to listen; port 0 lets the system pick one.
    pub listen: SocketAddr,
    /// Whether a key belongs to a user known from earlier; the listener lets those in, and the ones
    /// introduced. Asked during a handshake, so it must answer at once.
    pub pinned: Pinned,
    /// By which ways sessions may be carried. Who wants only the relay does not listen.
    pub path: PathChoice,
}

impl PeerConfig {
    /// Every interface, a port the system picks, nobody known from earlier.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        let listen = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
        Self { identity, listen, pinned: Arc::new(|_| false), path: PathChoice::default() }
    }
}

/// The listener and every link of this process. Dropping it ends all of them without a goodbye.
pub struct PeerNetwork {
    identity: Identity,
    path: PathChoice,
    listening: Option<SocketAddr>,
    introductions: Arc<Introductions>,
    rules: Arc<DialRules>,
    events: mpsc::Sender<PeerEvent>,
    accepting: Option<JoinHandle<()>>,
    /// A standard mutex: held for a few lines, never across an await.
    links: Mutex<JoinSet<()>>,
}

impl PeerNetwork {
    /// Listens from now on. What happens in the sessions goes to `events`; where the app does not
    /// take it, the links stop reading, and lose nothing.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(config: PeerConfig, events: mpsc::Sender<PeerEvent>) -> io::Result<Self> {
        let introductions = Arc::new(Introductions::new(config.pinned));
        let listener = match config.path {
            PathChoice::Relay => None,
            PathChoice::Auto | PathChoice::Direct => Some(tcp::bind(config.listen)?),
        };
        let listening = listener.as_ref().map(TcpListener::local_addr).transpose()?;
        let accepting = listener.map(|listener| {
            tokio::spawn(listen::accept(listener, config.identity.clone(), Arc::clone(&introductions)))
        });
        Ok(Self {
            identity: config.identity,
            path: config.path,
            listening,
            introductions,
            rules: Arc::default(),
            events,
            accepting,
            links: Mutex::default(),
        })
    }

    /// This user's own key.
    #[must_use]
    pub fn own_key(&self) -> PublicKey {
        self.identity.public()
    }

    /// The address that is listened on, if any is.
    #[must_use]
    pub fn listening(&self) -> Option<SocketAddr> {
        self.listening
    }

    /// The port that is listened on; 0 where none is.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.listening.map_or(0, |listening| listening.port())
    }

    /// Which addresses are dialled; to be told by which address the lobby is reached.
    #[must_use]
    pub fn dial_rules(&self) -> Arc<DialRules> {
        Arc::clone(&self.rules)
    }

    /// Opens the session the server introduced. Its events carry `session`. A stranger is dialled a bounded
    /// number of times and may have less unread; anybody at addresses that the [`DialRules`] allow.
    ///
    /// # Errors
    /// When there are as many links as there may be. No event will speak of this one, and whoever dials for it
    /// is told that it has ended.
    pub fn open(
        &self,
        session: LinkId,
        introduction: &Introduction,
        familiarity: Familiarity,
    ) -> Result<PeerLinkHandle, TooManyLinks> {
        let most = match familiarity {
            Familiarity::Stranger => STRANGER_LINKS,
            Familiarity::Known => MOST_LINKS,
        };
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        while links.try_join_next().is_some() {}
        if links.len() >= most {
            self.refuse(introduction);
            return Err(TooManyLinks);
        }
        let (mailbox, outgoing) = (Arc::new(Mailbox::default()), Arc::new(Outgoing::default()));
        let (arrival_tx, arrival_rx) = mpsc::channel(ARRIVALS);
        let role = listen::role(&self.identity.public(), &introduction.key);
        let live = Live { key: introduction.key, mailbox: Arc::clone(&mailbox), arrivals: arrival_tx };
        let entered = self.introductions.enter(introduction.session, live);
        let call = Call {
            identity: self.identity.clone(),
            key: introduction.key,
            session: introduction.session,
            role,
            mailbox: Arc::clone(&mailbox),
            rules: Arc::clone(&self.rules),
            path: self.path,
        };
        let mut dialler = Dialler::new(call, familiarity);
        dialler.introduced(Reachable::of(introduction));
        let link = Link::new(Beginning {
            session,
            role,
            forked: introduction.forked,
            mailbox: Arc::clone(&mailbox),
            outgoing: Arc::clone(&outgoing),
            arrivals: arrival_rx,
            dialler,
            events: self.events.clone(),
        });
        links.spawn(link.run(entered));
        Ok(PeerLinkHandle { mailbox, outgoing })
    }

    /// Does not open the session of this introduction, now or later: whoever dials for it is told that it has
    /// ended, and so hears it at once instead of trying on.
    pub fn refuse(&self, introduction: &Introduction) {
        self.introductions.refuse(introduction.session, introduction.key);
    }

    /// Leaves every session and stops listening, in a few seconds at the most. The events of the
    /// goodbyes still go to the app; where it takes none, they are lost.
    pub async fn close(self) {
        self.introductions.leave_all();
        let mut links = std::mem::take(&mut *self.links.lock().unwrap_or_else(PoisonError::into_inner));
        let ended = async { while links.join_next().await.is_some() {} };
        if tokio::time::timeout(CLOSE_WITHIN, ended).await.is_err() {
            tracing::debug!("some links did not end in time");
        }
    }
}

impl Drop for PeerNetwork {
    fn drop(&mut self) {
        self.accepting.iter().for_each(JoinHandle::abort);
    }
}

impl fmt::Debug for PeerNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerNetwork").field("listening", &self.listening).finish_non_exhaustive()
    }
}

/// Talks to one link. None of this waits; dropping it leaves the session.
#[derive(Debug)]
pub struct PeerLinkHandle {
    mailbox: Arc<Mailbox>,
    outgoing: Arc<Outgoing>,
}

impl PeerLinkHandle {
    /// Says a text, now or when the link is up. `local_id` is the app's own name for it and comes
    /// back in [`PeerEventKind::Delivered`] or [`PeerEventKind::Undelivered`]; `at` is when it was
    /// typed, in milliseconds since 1970-01-01 UTC.
    ///
    /// # Errors
    /// When [`OUTBOX_TEXTS`] or [`OUTBOX_BYTES`] wait already, or the session is over. The text was
    /// not taken, and no event will speak of it.
    pub fn say(&self, local_id: u64, text: Text, at: u64) -> Result<(), SayError> {
        if self.mailbox.is_leaving() {
            return Err(SayError::Over);
        }
        if self.outgoing.say(local_id, text, at)? == Said::Waits {
            self.mailbox.wake();
        }
        Ok(())
    }

    /// The user was shown every text up to `number`: the other side may be told that it has arrived.
    pub fn shown(&self, number: u64) {
        self.mailbox.show(number);
    }

    /// Where the other may be reached now, in place of what was known. Dials at once if the link is
    /// down.
    pub fn introduced(&self, introduction: &Introduction) {
        self.mailbox.offer(Reachable::of(introduction));
    }

    /// The user has answered whoever opened this session: it is no stranger's any more. Saying a text says
    /// so, too.
    pub fn acquaint(&self) {
        self.mailbox.acquaint();
    }

    /// All that this side has said in the present verification of keys; the link says it, and says it again
    /// over each new connection, until other messages take its place.
    pub fn verify(&self, said: Vec<VerifyMessage>) {
        self.mailbox.verify(said);
    }

    /// Ends the session. What was said is delivered first if that takes no longer than two seconds;
    /// while the link is down, or not yet up, it ends at once. [`PeerEventKind::Ended`] follows.
    pub fn leave(&self) {
        self.mailbox.leave();
    }
}

impl Drop for PeerLinkHandle {
    fn drop(&mut self) {
        self.mailbox.leave();
    }
}
