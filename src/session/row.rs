//! The rows of `\sessions`.

use std::borrow::Cow;

use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;
use serde::{Deserialize, Serialize};

use crate::session::path::Path;
use crate::session::{LinkState, Mode, SessionId, Sessions};

/// One row of `\sessions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// The number of the session.
    pub id: SessionId,
    /// The kind of session: `"lobby"`, `"room"` or `"peer"`.
    pub kind: Cow<'static, str>,
    /// The other user, if this is a private session.
    pub peer: Option<UserName>,
    /// The room, if this is a session with a room.
    #[serde(default)]
    pub room: Option<RoomName>,
    /// Which side asked for the session, if it is a private one.
    pub mode: Option<Mode>,
    /// The state of the session's link.
    pub state: LinkState,
    /// Whether both users have compared the other user's key; `None` if this is not a private session.
    #[serde(default)]
    pub verified: Option<bool>,
    /// How messages travel now, or did before the link was lost; `None` in the lobby and in rooms, and before a private
    /// session is open.
    #[serde(default)]
    pub path: Option<Path>,
    /// Whether what is typed goes to this session.
    pub current: bool,
    /// How many messages came while the session was not current.
    pub unread: u64,
    /// Those of them that name this user.
    #[serde(default)]
    pub mentions: u64,
}

impl Sessions {
    /// Returns the rows that `\sessions` shows.
    #[must_use]
    pub fn rows(&self) -> Vec<SessionRow> {
        let lobby = SessionRow {
            id: SessionId::LOBBY,
            kind: Cow::Borrowed("lobby"),
            peer: None,
            room: None,
            mode: None,
            state: self.lobby,
            verified: None,
            path: None,
            current: self.is_lobby_current(),
            unread: self.lobby_unread,
            mentions: self.mentions(SessionId::LOBBY),
        };
        let peers = self.peers().map(|(id, peer)| SessionRow {
            id,
            kind: Cow::Borrowed("peer"),
            peer: Some(peer.peer.clone()),
            room: None,
            mode: Some(peer.mode),
            state: peer.state,
            verified: Some(peer.verified),
            path: peer.path,
            current: self.current == Some(id),
            unread: peer.unread,
            mentions: self.mentions(id),
        });
        let rooms = self.rooms().map(|(id, room)| SessionRow {
            id,
            kind: Cow::Borrowed("room"),
            peer: None,
            room: Some(room.room.clone()),
            mode: None,
            state: self.room_state(room),
            path: None,
            verified: None,
            current: self.current == Some(id),
            unread: room.unread,
            mentions: self.mentions(id),
        });
        let mut others: Vec<SessionRow> = peers.chain(rooms).collect();
        others.sort_by_key(|row| row.id);
        std::iter::once(lobby).chain(others).collect()
    }
}
