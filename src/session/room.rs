//! One session with a room: which room it is, and how this user stands to it. A plain struct; knows nothing of
//! links, and not which session is current.

use hobnob_protocol::room::RoomName;

/// A session with a room.
#[derive(Clone, Debug)]
pub struct RoomSession {
    /// The room, as it is written by whoever made it, once that is known.
    pub room: RoomName,
    /// Whether this user is in it, or is in it again as soon as the lobby is back. Before that the server was asked, and
    /// has not answered yet.
    pub joined: bool,
    /// Messages that came while it was not current.
    pub unread: u64,
}

impl RoomSession {
    /// A session with a room that the server is asked to let this user into.
    #[must_use]
    pub fn joining(room: RoomName) -> Self {
        Self { room, joined: false, unread: 0 }
    }
}
