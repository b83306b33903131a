//! The sessions of this run: which there are, what state they are in, which one is current, and how much is unread.
//! This is plain data; it knows nothing of links, screens or time.

pub mod id;
pub mod link_id;
pub mod path;
pub mod room;
mod row;
pub mod verification;

use std::collections::{BTreeMap, BTreeSet};

use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;
use serde::{Deserialize, Serialize};

pub use crate::session::id::SessionId;
use crate::session::path::Path;
pub use crate::session::room::RoomSession;
pub use crate::session::row::SessionRow;

/// Which side asked for a private session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// This user asked for it.
    A,
    /// The other user asked for it.
    B,
}

impl Mode {
    /// Returns the sign that stands before the messages of such a session.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::A => "P->",
            Self::B => "P~>",
        }
    }
}

/// The state of a session's link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkState {
    /// The link is there, and messages get through.
    Up,
    /// The link is being opened for the first time.
    Connecting,
    /// The link was lost and is being rebuilt.
    Down,
}

/// What is known of one private session.
#[derive(Clone, Debug)]
pub struct PeerSession {
    /// The name that the other user had when the session was made.
    pub peer: UserName,
    /// The key of the other user, which is known from the introduction on.
    pub key: Option<PublicKey>,
    /// Which side asked for the session.
    pub mode: Mode,
    /// The state of the session's link.
    pub state: LinkState,
    /// Whether both users have compared this key and found the same words.
    pub verified: bool,
    /// How messages travel now, or did before the link was lost; `None` before the session is open.
    pub path: Option<Path>,
    /// How many messages came while the session was not current.
    pub unread: u64,
}

/// All sessions of this run.
#[derive(Debug)]
pub struct Sessions {
    peers: BTreeMap<SessionId, PeerSession>,
    rooms: BTreeMap<SessionId, RoomSession>,
    last: u32,
    current: Option<SessionId>,
    lobby: LinkState,
    lobby_unread: u64,
    /// The sessions with messages that were counted as unread and not shown.
    unseen: BTreeSet<SessionId>,
    /// How many of the unread messages of a session name this user, where some do.
    mentions: BTreeMap<SessionId, u64>,
    changes: u64,
}

impl Default for Sessions {
    fn default() -> Self {
        Self::new()
    }
}

impl Sessions {
    /// Starts with the lobby as the only and current session, whose link is being opened.
    #[must_use]
    pub fn new() -> Self {
        Self {
            peers: BTreeMap::new(),
            rooms: BTreeMap::new(),
            last: 0,
            current: Some(SessionId::LOBBY),
            lobby: LinkState::Connecting,
            lobby_unread: 0,
            unseen: BTreeSet::new(),
            mentions: BTreeMap::new(),
            changes: 0,
        }
    }

    /// Adds a private session with the next number.
    pub fn add(&mut self, peer: PeerSession) -> SessionId {
        let id = self.next_id();
        self.peers.insert(id, peer);
        id
    }

    /// Adds a session with a room, with the next number.
    pub fn add_room(&mut self, room: RoomSession) -> SessionId {
        let id = self.next_id();
        self.rooms.insert(id, room);
        id
    }

    fn next_id(&mut self) -> SessionId {
        self.last += 1;
        self.changes += 1;
        SessionId(self.last)
    }

    /// Removes a private session. If it was the current one, no session is current afterwards.
    pub fn remove(&mut self, id: SessionId) -> Option<PeerSession> {
        let removed = self.peers.remove(&id)?;
        self.removed(id);
        Some(removed)
    }

    /// Removes a session with a room. If it was the current one, no session is current afterwards.
    pub fn remove_room(&mut self, id: SessionId) -> Option<RoomSession> {
        let removed = self.rooms.remove(&id)?;
        self.removed(id);
        Some(removed)
    }

    fn removed(&mut self, id: SessionId) {
        self.changes += 1;
        self.unseen.remove(&id);
        self.mentions.remove(&id);
        if self.current == Some(id) {
            self.current = None;
        }
    }

    /// Returns a counter that grows whenever sessions may have been added, removed or renamed.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Returns the session to which typed text goes; `None` if the current session of a script has ended.
    #[must_use]
    pub fn current(&self) -> Option<SessionId> {
        self.current
    }

    /// Leaves no session current until the user switches to one.
    pub fn unset_current(&mut self) {
        self.current = None;
    }

    /// Whether text that is typed now goes to the lobby.
    #[must_use]
    pub fn is_lobby_current(&self) -> bool {
        self.current == Some(SessionId::LOBBY)
    }

    /// Makes a session current, and marks its messages as read.
    ///
    /// # Panics
    /// Panics if there is no such session; callers have to ask [`contains`](Self::contains) first.
    pub fn switch(&mut self, id: SessionId) {
        assert!(self.contains(id), "session {id} exists");
        self.current = Some(id);
        *self.unread_mut(id) = 0;
        self.unseen.remove(&id);
        self.mentions.remove(&id);
    }

    fn unread_mut(&mut self, id: SessionId) -> &mut u64 {
        match (self.peers.get_mut(&id), self.rooms.get_mut(&id)) {
            (Some(peer), _) => &mut peer.unread,
            (None, Some(room)) => &mut room.unread,
            (None, None) => &mut self.lobby_unread,
        }
    }

    /// Returns how many messages came in a session while it was not current.
    #[must_use]
    pub fn unread(&self, id: SessionId) -> u64 {
        let room = || self.rooms.get(&id).map_or(self.lobby_unread, |room| room.unread);
        self.peers.get(&id).map_or_else(room, |peer| peer.unread)
    }

    /// Whether there is such a session.
    #[must_use]
    pub fn contains(&self, id: SessionId) -> bool {
        id == SessionId::LOBBY || self.peers.contains_key(&id) || self.rooms.contains_key(&id)
    }

    /// Whether what is said in a session is stored in a log of the server, as it is in the lobby and in rooms.
    #[must_use]
    pub fn is_log(&self, id: SessionId) -> bool {
        id == SessionId::LOBBY || self.rooms.contains_key(&id)
    }

    /// Returns a private session.
    #[must_use]
    pub fn peer(&self, id: SessionId) -> Option<&PeerSession> {
        self.peers.get(&id)
    }

    /// Returns which side asked for a private session; `None` in the lobby and in rooms.
    #[must_use]
    pub fn mode(&self, id: SessionId) -> Option<Mode> {
        self.peer(id).map(|peer| peer.mode)
    }

    /// Returns a private session to change it.
    pub fn peer_mut(&mut self, id: SessionId) -> Option<&mut PeerSession> {
        self.changes += 1;
        self.peers.get_mut(&id)
    }

    /// Notes that the key of the user with this name is no longer verified.
    pub fn unverify(&mut self, name: &UserName) {
        self.peers.values_mut().filter(|peer| peer.peer == *name).for_each(|peer| peer.verified = false);
    }

    /// Returns all private sessions in the order of their numbers.
    pub fn peers(&self) -> impl Iterator<Item = (SessionId, &PeerSession)> {
        self.peers.iter().map(|(id, peer)| (*id, peer))
    }

    /// Returns a session with a room.
    #[must_use]
    pub fn room(&self, id: SessionId) -> Option<&RoomSession> {
        self.rooms.get(&id)
    }

    /// Returns a session with a room to change it.
    pub fn room_mut(&mut self, id: SessionId) -> Option<&mut RoomSession> {
        self.changes += 1;
        self.rooms.get_mut(&id)
    }

    /// Returns all sessions with rooms in the order of their numbers.
    pub fn rooms(&self) -> impl Iterator<Item = (SessionId, &RoomSession)> {
        self.rooms.iter().map(|(id, room)| (*id, room))
    }

    /// Returns the session with the room of this name.
    #[must_use]
    pub fn with_room(&self, name: &RoomName) -> Option<SessionId> {
        self.rooms().find(|(_, room)| room.room == *name).map(|(id, _)| id)
    }

    /// Returns the private session with the user of this name.
    #[must_use]
    pub fn with_name(&self, name: &UserName) -> Option<SessionId> {
        self.peers().find(|(_, peer)| peer.peer == *name).map(|(id, _)| id)
    }

    /// Returns the private session with the client that has this key and this name. Several clients of one user have
    /// the same key, but each has its own name and its own sessions.
    #[must_use]
    pub fn with_client(&self, key: &PublicKey, name: &UserName) -> Option<SessionId> {
        let is_it = |peer: &PeerSession| peer.key.as_ref() == Some(key) && peer.peer == *name;
        self.peers().find(|(_, peer)| is_it(peer)).map(|(id, _)| id)
    }

    /// Returns the session after `id` or before it, by number. After the last session comes the lobby again.
    #[must_use]
    pub fn beside(&self, id: SessionId, forward: bool) -> SessionId {
        let others = || self.peers.keys().chain(self.rooms.keys()).copied();
        match forward {
            true => others().filter(|other| *other > id).min(),
            false if id == SessionId::LOBBY => others().max(),
            false => others().filter(|other| *other < id).max(),
        }
        .unwrap_or(SessionId::LOBBY)
    }

    /// Returns the state of the lobby's link.
    #[must_use]
    pub fn lobby_state(&self) -> LinkState {
        self.lobby
    }

    /// Notes the state of the lobby's link.
    pub fn set_lobby_state(&mut self, state: LinkState) {
        self.lobby = state;
    }

    /// Returns the state of the link that carries a session. The lobby's link also carries all rooms.
    #[must_use]
    pub fn state(&self, id: SessionId) -> LinkState {
        match (self.peers.get(&id), self.rooms.get(&id)) {
            (Some(peer), _) => peer.state,
            (None, Some(room)) => self.room_state(room),
            (None, None) => self.lobby,
        }
    }

    fn room_state(&self, room: &RoomSession) -> LinkState {
        if room.joined { self.lobby } else { LinkState::Connecting }
    }

    /// Whether what is said in a session waits until its link is rebuilt.
    #[must_use]
    pub fn is_down(&self, id: SessionId) -> bool {
        self.state(id) == LinkState::Down
    }

    /// Counts an incoming message as unread, if the session is not current. `is_mention` says whether it names this
    /// user.
    pub fn count_unread(&mut self, id: SessionId, is_mention: bool) {
        if self.current != Some(id) {
            self.count(id, 1, u64::from(is_mention));
        }
    }

    fn count(&mut self, id: SessionId, messages: u64, mentions: u64) {
        let unread = self.unread_mut(id);
        *unread = unread.saturating_add(messages);
        if mentions > 0 {
            let sum = self.mentions.entry(id).or_default();
            *sum = sum.saturating_add(mentions);
        }
    }

    /// Returns how many of the unread messages of a session name this user.
    fn mentions(&self, id: SessionId) -> u64 {
        self.mentions.get(&id).copied().unwrap_or(0)
    }

    /// Notes that a message of this session was counted and not shown.
    pub fn note_unseen(&mut self, id: SessionId) {
        self.unseen.insert(id);
    }

    /// Whether some of the unread messages of a session were counted and not shown.
    #[must_use]
    pub fn has_unseen(&self, id: SessionId) -> bool {
        self.unseen.contains(&id)
    }

    /// Notes that at most this many messages of a session are still unread, and how many of them name this user.
    pub fn set_read(&mut self, id: SessionId, left: u64, mentions: u64) {
        let unread = self.unread_mut(id);
        *unread = left.min(*unread);
        if *unread == 0 {
            self.unseen.remove(&id);
        }
        if mentions == 0 {
            self.mentions.remove(&id);
        }
    }

    /// Counts messages from before this run as unread. The session is not current, and they are not shown yet.
    pub fn count_missed(&mut self, id: SessionId, count: u64, mentions: u64) {
        if count > 0 {
            self.note_unseen(id);
        }
        self.count(id, count, mentions);
    }
}

#[cfg(test)]
mod tests;
