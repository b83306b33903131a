//! Private sessions: TLS 1.3 between two Ed25519 keys. The connection is direct TCP if one side can reach the other;
//! otherwise the lobby's server copies the bytes, and has no key to read them.
//!
//! Module map. None of these modules knows the lobby or the screen:
//! - [`PeerNetwork`] (here) is what the app holds; there is one for the process.
//! - `listen` takes connections, and `dial` makes them (`call` says to whom); both say the hellos (`greet`).
//! - `link` is the task of one session and owns its `connection`; `two_connections` chooses between two connections.
//! - `reach` is the path to the other side (TCP, or the relay of the lobby's server), with the filter that says
//!   which addresses are dialled; `seal` is the TLS on it; `meet` is how the two sides find each other at the relay.
//! - `outgoing` is what leaves by a link, and the rule for who writes when; it holds the texts (`outbox`) and the
//!   `writer` of the connection, and `pace` says how often small things are written.
//! - `verifying` is what this side says in a verification of keys; it is said again over each new connection.
//! - `inbox` counts the texts that arrive; `line` is a message as it stands on the connection.
//! - `mailbox` is what the app asks of a link; `event` is what the app hears; `backpressure` is what happens when the
//!   app does not keep up.
//! - `redial` knows when to dial again, `relaying` knows when to visit the relay and when to look for a direct path
//!   meanwhile, and `alarm` wakes the link at these times.
//! - `introductions` is the table of sessions; `allowance` says how often a stranger is dialled; `candidates` are this
//!   client's own addresses.
//!
//! The life of a session:
//! 1. The server introduces two users to each other; both call [`PeerNetwork::open`].
//! 2. The forker dials at once. The other side dials after a second if no connection came. Each dials all addresses at
//!    the same time.
//! 3. Both sides say `hello`. The side with the smaller key picks a connection and says `chosen`; the app hears [`Up`].
//!    If no direct path is found in time, both sides go to the relay as well. A relayed session still looks for a
//!    direct path, and takes it without an interruption ([`Moved`]).
//! 4. Texts are numbered, and kept until the other side says `received`, which it does when its user was shown them.
//! 5. If a connection breaks or falls silent, both sides rebuild it ([`Down`], then [`Up`]). Texts that were not
//!    acknowledged are written again; texts that were already heard are dropped.
//! 6. The last event is one of [`Left`], [`Ended`], [`Failed`] and [`Gone`]. Before it comes [`Undelivered`] for the
//!    texts that were not acknowledged by then.
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
mod receipt;
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
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::Introduction;
use hobnob_protocol::text::Text;
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
pub use self::reach::dial_filter::DialFilter;
pub use self::receipt::Receipt;
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

/// How many connections may wait until their link looks at them. Any further connection is dropped, and the peer dials
/// again.
const ARRIVALS: usize = 4;

/// How many links there may be at once, including those that are ending. Each holds a few KiB, a socket, and up to
/// [`OUTBOX_BYTES`] in each direction.
const MOST_LINKS: usize = 256;

/// When there are this many links, no further one is opened with a stranger, so that there is room for the user's own
/// forks.
const STRANGER_LINKS: usize = 192;

/// There are already as many links as there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "{MOST_LINKS} private sessions are open or ending, as many as there may be; leave some, or try again"
)]
pub struct TooManyLinks;

/// How long [`PeerNetwork::close`] waits for the goodbyes: a little longer than one link needs.
const CLOSE_WITHIN: Duration = Duration::from_secs(3);

/// The settings of the peer side.
pub struct PeerConfig {
    /// The identity of this client.
    pub identity: Identity,
    /// Where to listen; port 0 lets the system pick one.
    pub listen: SocketAddr,
    /// Whether a key belongs to a user known from earlier. The listener lets in these keys and the keys that were
    /// introduced. This is asked during a handshake, so it must answer at once.
    pub pinned: Pinned,
    /// Which paths sessions may take. A user who wants only the relay does not listen.
    pub path: PathChoice,
}

impl PeerConfig {
    /// Makes settings that listen on every interface, on a port that the system picks, with no user known from earlier.
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
    dial_filter: Arc<DialFilter>,
    events: mpsc::Sender<PeerEvent>,
    accepting: Option<JoinHandle<()>>,
    /// A standard mutex: held for a few lines, never across an await.
    links: Mutex<JoinSet<()>>,
}

impl PeerNetwork {
    /// Starts to listen. What happens in the sessions goes to `events`. If the app does not take the events, the links
    /// stop reading, and nothing is lost.
    ///
    /// # Errors
    /// Returns an error if it cannot listen on the address.
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
            dial_filter: Arc::default(),
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

    /// Returns the address of the listener, if there is one.
    #[must_use]
    pub fn listening(&self) -> Option<SocketAddr> {
        self.listening
    }

    /// Returns the port of the listener; 0 if there is none.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.listening.map_or(0, |listening| listening.port())
    }

    /// Returns the filter that says which addresses are dialled. It has to be told by which address the lobby is
    /// reached.
    #[must_use]
    pub fn dial_filter(&self) -> Arc<DialFilter> {
        Arc::clone(&self.dial_filter)
    }

    /// Opens the session that the server introduced. Its events carry `link`. A stranger is dialled a bounded number of
    /// times and may have fewer unread texts. Any user is dialled only at addresses that the [`DialFilter`] lets pass.
    ///
    /// # Errors
    /// Returns an error if there are already as many links as there may be. In this case no event follows, and a peer
    /// who dials for the session is told that it has ended.
    pub fn open(
        &self,
        link: LinkId,
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
            token: introduction.session,
            role,
            mailbox: Arc::clone(&mailbox),
            dial_filter: Arc::clone(&self.dial_filter),
            path: self.path,
        };
        let mut dialler = Dialler::new(call, familiarity);
        dialler.introduced(Reachable::of(introduction));
        let link = Link::new(Beginning {
            link,
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

    /// Refuses the session of this introduction for good. A peer who dials for it is told that it has ended, and does
    /// not have to try until its time is up.
    pub fn refuse(&self, introduction: &Introduction) {
        self.introductions.refuse(introduction.session, introduction.key);
    }

    /// Leaves every session and stops listening, which takes a few seconds at the most. The last events still go to the
    /// app; if the app does not take them, they are lost.
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

/// The app's handle of one link. None of its methods waits; dropping it leaves the session.
#[derive(Debug)]
pub struct PeerLinkHandle {
    mailbox: Arc<Mailbox>,
    outgoing: Arc<Outgoing>,
}

impl PeerLinkHandle {
    /// Says a text, now or as soon as the link is up. `local_id` is the app's own number for the text, which comes back
    /// in [`PeerEventKind::Delivered`] or [`PeerEventKind::Undelivered`]; `at` is when the text was typed, in
    /// milliseconds since 1970-01-01 UTC.
    ///
    /// # Errors
    /// Returns an error if [`OUTBOX_TEXTS`] or [`OUTBOX_BYTES`] already wait, or the session is over. The text was not
    /// taken, and no event follows for it.
    pub fn say(&self, local_id: u64, text: Text, at: u64) -> Result<(), SayError> {
        if self.mailbox.is_leaving() {
            return Err(SayError::Over);
        }
        if self.outgoing.say(local_id, text, at)? == Said::Waits {
            self.mailbox.wake();
        }
        Ok(())
    }

    /// Notes that the user was shown every text up to `number`, so that these texts may be acknowledged.
    pub fn shown(&self, number: u64) {
        self.mailbox.show(number);
    }

    /// Makes what is to be given when the text with this number, and those before it, have been shown.
    #[must_use]
    pub fn receipt(&self, number: u64) -> Receipt {
        Receipt::new(Arc::clone(&self.mailbox), number)
    }

    /// Tells the link where the other side may be reached now, in place of what was known. If the link is down, it
    /// dials at once.
    pub fn introduced(&self, introduction: &Introduction) {
        self.mailbox.offer(Reachable::of(introduction));
    }

    /// Tells the link that the user has answered the user who opened this session, so that the other side is no
    /// stranger any more. Saying a text has the same effect.
    pub fn acquaint(&self) {
        self.mailbox.acquaint();
    }

    /// Sets all that this side has said in the present verification of keys. The link says it, and says it again over
    /// each new connection, until other messages take its place.
    pub fn verify(&self, said: Vec<VerifyMessage>) {
        self.mailbox.verify(said);
    }

    /// Ends the session. If the link is up, texts are delivered first, and those that have arrived are acknowledged
    /// when they were shown, for up to two seconds; if it is down or not yet up, the session ends at once.
    /// [`PeerEventKind::Ended`] follows.
    pub fn leave(&self) {
        self.mailbox.leave();
    }
}

impl Drop for PeerLinkHandle {
    fn drop(&mut self) {
        self.mailbox.leave();
    }
}
