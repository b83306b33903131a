//! The sessions of this run: which there are, in which state, which one is current, what is unread.
//! A plain struct; knows nothing of links, screens or time.

pub mod id;
pub mod link_id;
pub mod verification;

use std::borrow::Cow;
use std::collections::BTreeMap;

use hobnob_protocol::name::{PublicKey, UserName};
use serde::{Deserialize, Serialize};

pub use crate::session::id::SessionId;

/// Who forked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// This user did.
    A,
    /// The other did.
    B,
}

impl Mode {
    /// What stands before a message of such a session.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::A => "P->",
            Self::B => "P~>",
        }
    }
}

/// How a session's link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkState {
    /// Words pass.
    Up,
    /// It is being opened for the first time.
    Connecting,
    /// It was lost and is being rebuilt.
    Down,
}

/// One private session.
#[derive(Clone, Debug)]
pub struct PeerSession {
    /// The other user, as named when the session was made.
    pub peer: UserName,
    /// The other's key, known from the introduction on.
    pub key: Option<PublicKey>,
    /// Who forked.
    pub mode: Mode,
    /// How its link is.
    pub state: LinkState,
    /// Both users have compared this key.
    pub verified: bool,
    /// Messages that came while it was not current.
    pub unread: u64,
}

/// One row of `\sessions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// The session's number.
    pub id: SessionId,
    /// `"lobby"` or `"peer"`.
    pub kind: Cow<'static, str>,
    /// The other user; none in the lobby.
    pub peer: Option<UserName>,
    /// Who forked; none in the lobby.
    pub mode: Option<Mode>,
    /// How its link is.
    pub state: LinkState,
    /// Whether both users have compared the peer's key; nothing in the lobby.
    #[serde(default)]
    pub verified: Option<bool>,
    /// Whether what is typed goes there.
    pub current: bool,
    /// Messages that came while it was not current.
    pub unread: u64,
}

/// All sessions of this run.
#[derive(Debug)]
pub struct Sessions {
    peers: BTreeMap<SessionId, PeerSession>,
    last: u32,
    current: Option<SessionId>,
    lobby: LinkState,
    lobby_unread: u64,
    changes: u64,
}

impl Default for Sessions {
    fn default() -> Self {
        Self::new()
    }
}

impl Sessions {
    /// The lobby alone, current, not yet up.
    #[must_use]
    pub fn new() -> Self {
        Self {
            peers: BTreeMap::new(),
            last: 0,
            current: Some(SessionId::LOBBY),
            lobby: LinkState::Connecting,
            lobby_unread: 0,
            changes: 0,
        }
    }

    /// Adds a session under the next number.
    pub fn add(&mut self, peer: PeerSession) -> SessionId {
        self.last += 1;
        self.changes += 1;
        let id = SessionId(self.last);
        self.peers.insert(id, peer);
        id
    }

    /// Takes a session out. When it was the current one, no session is current afterwards.
    pub fn remove(&mut self, id: SessionId) -> Option<PeerSession> {
        let removed = self.peers.remove(&id)?;
        self.changes += 1;
        if self.current == Some(id) {
            self.current = None;
        }
        Some(removed)
    }

    /// How often the private sessions may have become others than they were, in number or in name.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Where typed text goes; `None` where a session ended under a script.
    #[must_use]
    pub fn current(&self) -> Option<SessionId> {
        self.current
    }

    /// No session is current from now on, until one is switched to.
    pub fn unset_current(&mut self) {
        self.current = None;
    }

    /// Whether text typed now goes to the lobby.
    #[must_use]
    pub fn is_lobby_current(&self) -> bool {
        self.current == Some(SessionId::LOBBY)
    }

    /// Makes a session current and read.
    ///
    /// # Panics
    /// When there is no such session: callers ask [`contains`](Self::contains) first.
    pub fn switch(&mut self, id: SessionId) {
        assert!(self.contains(id), "session {id} exists");
        self.current = Some(id);
        match self.peers.get_mut(&id) {
            Some(peer) => peer.unread = 0,
            None => self.lobby_unread = 0,
        }
    }

    /// Messages that came in a session while it was not current.
    #[must_use]
    pub fn unread(&self, id: SessionId) -> u64 {
        self.peers.get(&id).map_or(self.lobby_unread, |peer| peer.unread)
    }

    /// Whether there is such a session.
    #[must_use]
    pub fn contains(&self, id: SessionId) -> bool {
        id == SessionId::LOBBY || self.peers.contains_key(&id)
    }

    /// Whether there is or was such a private session.
    #[must_use]
    pub fn had(&self, id: SessionId) -> bool {
        (1..=self.last).contains(&id.0)
    }

    /// One private session.
    #[must_use]
    pub fn peer(&self, id: SessionId) -> Option<&PeerSession> {
        self.peers.get(&id)
    }

    /// Who forked a private session; `None` in the lobby.
    #[must_use]
    pub fn mode(&self, id: SessionId) -> Option<Mode> {
        self.peer(id).map(|peer| peer.mode)
    }

    /// One private session, to change it.
    pub fn peer_mut(&mut self, id: SessionId) -> Option<&mut PeerSession> {
        self.changes += 1;
        self.peers.get_mut(&id)
    }

    /// The key of whoever has this name is not verified any more.
    pub fn unverify(&mut self, name: &UserName) {
        self.peers.values_mut().filter(|peer| peer.peer == *name).for_each(|peer| peer.verified = false);
    }

    /// All private sessions, by number.
    pub fn peers(&self) -> impl Iterator<Item = (SessionId, &PeerSession)> {
        self.peers.iter().map(|(id, peer)| (*id, peer))
    }

    /// The session with the user of this name.
    #[must_use]
    pub fn with_name(&self, name: &UserName) -> Option<SessionId> {
        self.peers().find(|(_, peer)| peer.peer == *name).map(|(id, _)| id)
    }

    /// The session with this client of the user of this key: the clients of one user have names of
    /// their own, and sessions of their own.
    #[must_use]
    pub fn with_client(&self, key: &PublicKey, name: &UserName) -> Option<SessionId> {
        let is_it = |peer: &PeerSession| peer.key.as_ref() == Some(key) && peer.peer == *name;
        self.peers().find(|(_, peer)| is_it(peer)).map(|(id, _)| id)
    }

    /// The session after `id`, or before it, by number; round and round.
    #[must_use]
    pub fn beside(&self, id: SessionId, forward: bool) -> SessionId {
        let last = self.peers.keys().next_back().copied();
        match forward {
            true => self.peers.keys().find(|other| **other > id).copied(),
            false if id == SessionId::LOBBY => last,
            false => self.peers.keys().rev().find(|other| **other < id).copied(),
        }
        .unwrap_or(SessionId::LOBBY)
    }

    /// How the lobby's link is.
    #[must_use]
    pub fn lobby_state(&self) -> LinkState {
        self.lobby
    }

    /// Notes how the lobby's link is.
    pub fn set_lobby_state(&mut self, state: LinkState) {
        self.lobby = state;
    }

    /// Whether what is said in a session waits for its link to be rebuilt.
    #[must_use]
    pub fn is_down(&self, id: SessionId) -> bool {
        let state = self.peers.get(&id).map_or(self.lobby, |peer| peer.state);
        state == LinkState::Down
    }

    /// Counts a message that came in.
    pub fn count_unread(&mut self, id: SessionId) {
        if self.current == Some(id) {
            return;
        }
        match self.peers.get_mut(&id) {
            Some(peer) => peer.unread += 1,
            None => self.lobby_unread += 1,
        }
    }

    /// What `\sessions` shows.
    #[must_use]
    pub fn rows(&self) -> Vec<SessionRow> {
        let lobby = SessionRow {
            id: SessionId::LOBBY,
            kind: Cow::Borrowed("lobby"),
            peer: None,
            mode: None,
            state: self.lobby,
            verified: None,
            current: self.is_lobby_current(),
            unread: self.lobby_unread,
        };
        let peers = self.peers().map(|(id, peer)| SessionRow {
            id,
            kind: Cow::Borrowed("peer"),
            peer: Some(peer.peer.clone()),
            mode: Some(peer.mode),
            state: peer.state,
            verified: Some(peer.verified),
            current: self.current == Some(id),
            unread: peer.unread,
        });
        std::iter::once(lobby).chain(peers).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(name: &str) -> PeerSession {
        PeerSession {
            peer: name.parse().unwrap(),
            key: None,
            mode: Mode::A,
            state: LinkState::Up,
            verified: false,
            unread: 0,
        }
    }

    #[test]
    fn numbers_count_up_and_are_never_used_twice() {
        let mut sessions = Sessions::new();
        assert_eq!(sessions.add(peer("bobby")), SessionId(1));
        sessions.remove(SessionId(1));
        assert_eq!(sessions.add(peer("carmen")), SessionId(2));
        assert!(!sessions.contains(SessionId(1)));
    }

    #[test]
    fn a_session_that_ends_leaves_no_other_current() {
        let mut sessions = Sessions::new();
        let id = sessions.add(peer("bobby"));
        sessions.switch(id);
        sessions.remove(id);
        assert_eq!(sessions.current(), None);
        assert!(!sessions.is_lobby_current());
    }

    #[test]
    fn stepping_goes_round() {
        let mut sessions = Sessions::new();
        assert_eq!(sessions.beside(SessionId::LOBBY, true), SessionId::LOBBY);
        for name in ["bobby", "carmen", "dora"] {
            sessions.add(peer(name));
        }
        sessions.remove(SessionId(2));
        let step = |from, forward| sessions.beside(SessionId(from), forward).0;
        assert_eq!([step(0, true), step(1, true), step(3, true)], [1, 3, 0]);
        assert_eq!([step(0, false), step(3, false), step(1, false)], [3, 1, 0]);
    }

    #[test]
    fn unread_counts_what_came_elsewhere_and_switching_reads_it() {
        let mut sessions = Sessions::new();
        let id = sessions.add(peer("bobby"));
        sessions.count_unread(id);
        sessions.count_unread(SessionId::LOBBY);
        assert_eq!(sessions.rows().iter().map(|row| row.unread).collect::<Vec<_>>(), [0, 1]);
        sessions.switch(id);
        sessions.count_unread(SessionId::LOBBY);
        assert_eq!(sessions.rows().iter().map(|row| row.unread).collect::<Vec<_>>(), [1, 0]);
    }

    #[test]
    fn a_session_is_found_by_name_whatever_its_case() {
        let mut sessions = Sessions::new();
        let id = sessions.add(peer("Bobby"));
        assert_eq!(sessions.with_name(&"bOBBY".parse().unwrap()), Some(id));
        assert_eq!(sessions.with_name(&"anna".parse().unwrap()), None);
    }
}
