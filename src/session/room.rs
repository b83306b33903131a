//! One session with a room: which room it is, and whether this user is in it. This is plain data; it knows nothing of
//! links, nor which session is current.

use hobnob_protocol::room::RoomName;

/// A session with a room.
#[derive(Clone, Debug)]
pub struct RoomSession {
    /// The name of the room, written as its maker wrote it as soon as that is known.
    pub room: RoomName,
    /// Whether this user is in the room, or will be in it again when the lobby is back. While this is false, the server
    /// was asked and has not answered yet.
    pub joined: bool,
    /// How many messages came while the session was not current.
    pub unread: u64,
}

impl RoomSession {
    /// Makes the session for a room that the server is asked to let this user into.
    #[must_use]
    pub fn joining(room: RoomName) -> Self {
        Self { room, joined: false, unread: 0 }
    }
}
