//! What is shown of rooms: how a room is named, and the events that only rooms have. This file does not know how the
//! lines around them are laid out.

use hobnob_protocol::room::RoomName;
use serde::{Deserialize, Serialize};

use super::{ClosedReason, Message};
use crate::session::SessionId;

/// This user is in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomOpened {
    event: Opened,
    /// The number of the session.
    pub session: SessionId,
    /// The name of the room.
    pub room: RoomName,
}

impl RoomOpened {
    /// Makes the event for this session and room.
    #[must_use]
    pub fn new(session: SessionId, room: RoomName) -> Self {
        Self { event: Opened::Opened, session, room }
    }
}

/// This user is no longer in a room, or was not let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomClosed {
    event: Closed,
    /// The number of the session.
    pub session: SessionId,
    /// The name of the room.
    pub room: RoomName,
    /// Why it is over.
    pub reason: ClosedReason,
}

impl RoomClosed {
    /// Makes the event for this session and room.
    #[must_use]
    pub fn new(session: SessionId, room: RoomName, reason: ClosedReason) -> Self {
        Self { event: Closed::Closed, session, room, reason }
    }
}

/// The name of the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Opened {
    Opened,
}

/// The name of the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Closed {
    Closed,
}

/// One row of the list of rooms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomRow {
    /// The name of the room.
    pub name: RoomName,
    /// How many users are in it.
    pub users: u32,
    /// The topic of the room, if it has one.
    #[serde(default)]
    pub topic: Option<String>,
}

/// Returns the name of a room or of the lobby, as a sentence has it.
#[must_use]
pub(crate) fn place(room: Option<&RoomName>) -> String {
    room.map_or_else(|| "the lobby".to_owned(), label)
}

/// Returns the name of a room as it is shown.
#[must_use]
pub(crate) fn label(room: &RoomName) -> String {
    format!("#{room}")
}

/// Returns what stands before the author's name in a room; empty for other messages.
#[must_use]
pub(super) fn before(message: &Message) -> String {
    message.room.as_ref().map_or_else(String::new, |room| format!("{} ", label(room)))
}

/// Returns the sentence for a room that was entered.
#[must_use]
pub(super) fn opened(RoomOpened { session, room, .. }: &RoomOpened) -> String {
    format!("you are in {}: session {session}", label(room))
}

/// Returns the sentence for a room that was left.
#[must_use]
pub(super) fn closed(RoomClosed { session, room, reason, .. }: &RoomClosed) -> String {
    let why = match reason {
        ClosedReason::Ended | ClosedReason::Left => "you left it",
        ClosedReason::Gone => "the server did not let you in again",
        ClosedReason::Failed => "it could not be joined",
    };
    format!("session {session} with {} is over: {why}", label(room))
}

/// Returns the list of rooms, one in each line.
#[must_use]
pub(super) fn list(rooms: &[RoomRow]) -> String {
    if rooms.is_empty() {
        return "there is no room yet; \\join NAME makes one".to_owned();
    }
    let lines = rooms.iter().map(|RoomRow { name, users, topic }| {
        let topic = topic.as_deref().map_or_else(String::new, |topic| format!(": {topic}"));
        format!("{} ({users}){topic}", label(name))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the sentence about the topic of the lobby or a room.
#[must_use]
pub(super) fn topic(room: Option<&RoomName>, text: &str, by: Option<&str>) -> String {
    let place = place(room);
    match (text, by) {
        ("", None) => format!("{place} has no topic"),
        ("", Some(by)) => format!("{place} has no topic (removed by {by})"),
        (text, None) => format!("{place}: {text}"),
        (text, Some(by)) => format!("{place}: {text} (set by {by})"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Notice;
    use super::*;

    fn tea() -> RoomName {
        "tea".parse().unwrap()
    }

    #[test]
    fn a_room_has_the_same_opened_and_closed_events_as_other_sessions() {
        let opened = Notice::RoomOpened(RoomOpened::new(SessionId(2), tea()));
        let line = serde_json::to_string(&opened).unwrap();
        assert_eq!(line, r#"{"event":"opened","session":2,"room":"tea"}"#);
        assert_eq!(serde_json::from_str::<Notice>(&line).unwrap(), opened);
        let closed = Notice::RoomClosed(RoomClosed::new(SessionId(2), tea(), ClosedReason::Ended));
        let line = serde_json::to_string(&closed).unwrap();
        assert_eq!(line, r#"{"event":"closed","session":2,"room":"tea","reason":"ended"}"#);
        assert_eq!(serde_json::from_str::<Notice>(&line).unwrap(), closed);
        let other = r#"{"event":"nonsense","session":2,"room":"tea","reason":"ended"}"#;
        assert!(serde_json::from_str::<Notice>(other).is_err());
    }

    #[test]
    fn a_topic_tells_who_set_it_or_took_it_away() {
        let tea = tea();
        assert_eq!(topic(Some(&tea), "Oolong", Some("anna")), "#tea: Oolong (set by anna)");
        assert_eq!(topic(None, "", None), "the lobby has no topic");
        assert_eq!(topic(Some(&tea), "", Some("anna")), "#tea has no topic (removed by anna)");
    }

    #[test]
    fn rooms_are_listed_with_how_many_are_in_them() {
        let row = |name: &str, topic: Option<&str>| RoomRow {
            name: name.parse().unwrap(),
            users: 3,
            topic: topic.map(str::to_owned),
        };
        assert_eq!(list(&[row("dev", None), row("tea", Some("Oolong"))]), "#dev (3)\n#tea (3): Oolong");
        assert!(list(&[]).contains("\\join"));
    }
}
