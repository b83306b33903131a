//! A message of the lobby, of a room or of a peer, as every form of output shows it.

use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;
use serde::{Deserialize, Serialize};

use crate::session::{Mode, SessionId};
use crate::timestamp::Timestamp;

/// A message of the lobby, of a room or of a peer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The session of the message.
    pub session: SessionId,
    /// The kind of session: the lobby, a room or a peer.
    pub kind: MessageKind,
    /// The room, if it was said in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomName>,
    /// The name of the author.
    #[serde(deserialize_with = "hobnob_protocol::name::deserialize_shown")]
    pub from: UserName,
    /// What the author said.
    pub text: String,
    /// When it was said.
    pub at: Timestamp,
    /// The number of the message, in the lobby or a room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// Whether the message is old: missed earlier, or from the history.
    pub replayed: bool,
    /// Which side forked, if it is a private session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Whether the author is ignored, so that only programs are shown it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignored: bool,
    /// The key of the author, if known. It decides, for example, the colour of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PublicKey>,
}

impl Message {
    /// Makes a message that was said just now, in the lobby or in a private session. `mode` says who forked, if the
    /// session is private. The message has no number, no key and no other mark yet; the caller sets those it knows.
    #[must_use]
    pub fn new(session: SessionId, mode: Option<Mode>, from: UserName, text: &str, at: Timestamp) -> Self {
        let kind = if session == SessionId::LOBBY { MessageKind::Lobby } else { MessageKind::Peer };
        Self {
            session,
            kind,
            room: None,
            from,
            text: text.to_owned(),
            at,
            seq: None,
            replayed: false,
            mode,
            ignored: false,
            key: None,
        }
    }

    /// Returns the same message, said in `room` if that is a room.
    #[must_use]
    pub fn in_room(self, room: Option<RoomName>) -> Self {
        let kind = if room.is_some() { MessageKind::Room } else { self.kind };
        Self { room, kind, ..self }
    }
}

/// Returns what `author` does, if the text is that of a `\me`: it begins with a star and the author's own name.
pub(super) fn action<'t>(text: &'t str, author: &UserName) -> Option<&'t str> {
    text.strip_prefix("* ")?.strip_prefix(author.as_str())?.strip_prefix(' ')
}

/// Where a message was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageKind {
    /// It was said in the lobby.
    Lobby,
    /// It was said in a room.
    Room,
    /// It was said in a private session.
    Peer,
}
