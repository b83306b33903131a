//! Which sessions this process has, and which keys its listener lets in. This file owns the table in which the links
//! enter themselves and which the listener asks; it knows nothing of sockets.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hobnob_protocol::ids::PairToken;
use hobnob_protocol::key::PublicKey;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::connection::Fresh;
use super::mailbox::Mailbox;
use super::redial::GONE_AFTER;

/// How many ended sessions are remembered, so that a peer who still dials for one of them can be told. The oldest is
/// forgotten first.
const ENDED_KEPT: usize = 1000;

/// Says whether a key belongs to a user known from earlier. The listener lets such a key in even if there is no session
/// with it.
pub type Pinned = Arc<dyn Fn(&PublicKey) -> bool + Send + Sync>;

/// The table of sessions. The listener lets in the keys of live sessions, the keys of sessions that ended less than
/// [`GONE_AFTER`] ago (the other side may dial for so long), and pinned keys.
pub(super) struct Introductions {
    /// A standard mutex: held for a few lines, also inside the TLS verifier, never across an await.
    table: Mutex<Table>,
    pinned: Pinned,
}

#[derive(Default)]
struct Table {
    live: HashMap<PairToken, Live>,
    ended: VecDeque<Ended>,
}

/// A session whose link's task is running.
#[derive(Clone)]
pub(super) struct Live {
    pub(super) key: PublicKey,
    pub(super) mailbox: Arc<Mailbox>,
    /// The queue for the connections of this session. If the queue is full, a connection is dropped, and the peer dials
    /// again.
    pub(super) arrivals: mpsc::Sender<Fresh>,
}

struct Ended {
    token: PairToken,
    key: PublicKey,
    at: Instant,
}

/// What is known of a session that somebody dials for.
pub(super) enum Found {
    Live(Live),
    Ended,
    Unknown,
}

impl Introductions {
    pub(super) fn new(pinned: Pinned) -> Self {
        Self { table: Mutex::default(), pinned }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the listener reads anything from this key.
    pub(super) fn allows(&self, key: &PublicKey) -> bool {
        let known = {
            let mut table = self.table();
            table.forget_old();
            table.live.values().any(|live| live.key == *key)
                || table.ended.iter().any(|ended| ended.key == *key)
        };
        known || (self.pinned)(key)
    }

    /// Finds the session that a connection of `key` asks for.
    pub(super) fn find(&self, token: &PairToken, key: &PublicKey) -> Found {
        let table = self.table();
        match table.live.get(token) {
            Some(live) if live.key == *key => Found::Live(live.clone()),
            _ if table.ended.iter().any(|ended| ended.token == *token && ended.key == *key) => Found::Ended,
            _ => Found::Unknown,
        }
    }

    /// Enters a session. When the returned guard is dropped, the session is moved to the ended ones.
    pub(super) fn enter(self: &Arc<Self>, token: PairToken, live: Live) -> Entered {
        let (key, mailbox) = (live.key, Arc::clone(&live.mailbox));
        self.table().live.insert(token, live);
        Entered { introductions: Arc::clone(self), token, key, mailbox }
    }

    /// Refuses a session: a peer who dials for it is told that it has ended. A session that is live is left as it is.
    pub(super) fn refuse(&self, token: PairToken, key: PublicKey) {
        let mut table = self.table();
        if !table.live.contains_key(&token) {
            table.end(token, key);
        }
    }

    /// Asks every link to leave.
    pub(super) fn leave_all(&self) {
        self.table().live.values().for_each(|live| live.mailbox.leave());
    }
}

impl Table {
    fn end(&mut self, token: PairToken, key: PublicKey) {
        self.ended.push_back(Ended { token, key, at: Instant::now() });
        self.forget_old();
    }

    fn forget_old(&mut self) {
        let is_old = |ended: &Ended| ended.at.elapsed() >= GONE_AFTER;
        while self.ended.front().is_some_and(is_old) || self.ended.len() > ENDED_KEPT {
            self.ended.pop_front();
        }
    }
}

/// Keeps a session in the table for as long as its link lives.
pub(super) struct Entered {
    introductions: Arc<Introductions>,
    token: PairToken,
    key: PublicKey,
    mailbox: Arc<Mailbox>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut table = self.introductions.table();
        // If a session was entered twice, it belongs to the later link.
        if table.live.get(&self.token).is_some_and(|live| Arc::ptr_eq(&live.mailbox, &self.mailbox)) {
            table.live.remove(&self.token);
        }
        table.end(self.token, self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> PublicKey {
        PublicKey::new([byte; 32])
    }

    fn live(key: PublicKey) -> Live {
        Live { key, mailbox: Arc::default(), arrivals: mpsc::channel(1).0 }
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_is_let_in_while_its_session_lives_and_for_a_while_after() {
        let introductions = Arc::new(Introductions::new(Arc::new(|key| *key == PublicKey::new([9; 32]))));
        let token = PairToken::random();
        assert!(!introductions.allows(&key(1)) && introductions.allows(&key(9)));
        let entered = introductions.enter(token, live(key(1)));
        assert!(introductions.allows(&key(1)));
        assert!(matches!(introductions.find(&token, &key(1)), Found::Live(_)));
        assert!(matches!(introductions.find(&token, &key(9)), Found::Unknown), "the token is not enough");
        drop(entered);
        assert!(introductions.allows(&key(1)));
        assert!(matches!(introductions.find(&token, &key(1)), Found::Ended));
        tokio::time::advance(GONE_AFTER).await;
        assert!(!introductions.allows(&key(1)));
    }

    #[tokio::test]
    async fn a_refused_session_counts_as_ended_from_the_beginning() {
        let introductions = Arc::new(Introductions::new(Arc::new(|_| false)));
        let token = PairToken::random();
        introductions.refuse(token, key(1));
        assert!(
            introductions.allows(&key(1)),
            "the listener reads the hello of this key, and refuses the session"
        );
        assert!(matches!(introductions.find(&token, &key(1)), Found::Ended));
        assert!(matches!(introductions.find(&token, &key(2)), Found::Unknown));
    }

    #[tokio::test]
    async fn the_remembered_ended_sessions_are_bounded() {
        let introductions = Arc::new(Introductions::new(Arc::new(|_| false)));
        for _ in 0..2 * ENDED_KEPT {
            drop(introductions.enter(PairToken::random(), live(key(1))));
        }
        assert_eq!(introductions.table().ended.len(), ENDED_KEPT);
    }
}
