//! Texts and acts on their way into the log of the lobby or of a room. They are kept until the server acknowledges
//! them, and written again on every new connection. The server drops what it has already seen, by the numbers that are
//! given here. This is plain data.

use std::collections::BTreeMap;

use hobnob_protocol::content::Content;
use hobnob_protocol::message::ClientMessage;
use hobnob_protocol::room::RoomName;

/// A text or an act on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The room into whose log this goes; `None` for the lobby.
    pub room: Option<RoomName>,
    /// The text or the act.
    pub content: Content,
    /// For how many seconds an act holds; `None` for good.
    pub lasts: Option<u64>,
}

impl Outgoing {
    /// Returns the message that is written for this under its number.
    #[must_use]
    pub fn message(&self, id: u64) -> ClientMessage {
        let room = self.room.clone();
        match &self.content {
            Content::Text(text) => ClientMessage::Say { id, room, text: text.clone() },
            Content::Act(act) => ClientMessage::Act { id, room, act: (**act).clone(), lasts: self.lasts },
        }
    }
}

/// The texts and acts that are not acknowledged, by number. The numbers count over the lobby and all rooms.
#[derive(Debug, Default)]
pub struct Outbox {
    texts: BTreeMap<u64, Outgoing>,
    /// The smallest number that is not written yet on the present connection.
    unwritten: u64,
}

impl Outbox {
    /// Adds a text or an act. Numbers must grow.
    pub fn push(&mut self, id: u64, outgoing: Outgoing) {
        self.texts.insert(id, outgoing);
    }

    /// Returns the next text or act to write on this connection; each is returned once. If the next one is for a room
    /// that `must_wait`, returns `None`, because everything goes out in the order in which it was said.
    pub fn next_to_write(&mut self, must_wait: impl Fn(&RoomName) -> bool) -> Option<(u64, &Outgoing)> {
        let (id, next) = self.texts.range(self.unwritten..).next()?;
        if next.room.as_ref().is_some_and(must_wait) {
            return None;
        }
        self.unwritten = id + 1;
        Some((*id, next))
    }

    /// Drops what was to be said in a room, because the user has left it or is not let in.
    pub fn drop_room(&mut self, room: &RoomName) {
        self.texts.retain(|_, text| text.room.as_ref() != Some(room));
    }

    /// Begins a new connection, on which everything is to be written again.
    pub fn rewind(&mut self) {
        self.unwritten = 0;
    }

    /// Removes what the server has answered for; `None` if it was removed before.
    pub fn settle(&mut self, id: u64) -> Option<Outgoing> {
        self.texts.remove(&id)
    }

    /// Whether everything was answered for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::text::Text;
    use proptest::prelude::*;

    use super::*;

    fn text(room: Option<&str>, text: impl ToString) -> Outgoing {
        let content = Text::new(text.to_string()).unwrap().into();
        Outgoing { room: room.map(|room| room.parse().unwrap()), content, lasts: None }
    }

    /// A server as the protocol describes it: it stores each number once, in the order in which the numbers arrive.
    #[derive(Default)]
    struct Log(Vec<u64>);

    impl Log {
        fn take(&mut self, id: u64) {
            if !self.0.contains(&id) {
                self.0.push(id);
            }
        }
    }

    proptest! {
        #[test]
        fn every_text_is_stored_once_and_in_order_whatever_is_lost(
            count in 1_u64..40,
            // For each connection: how many texts reach the server, and how many answers come back.
            connections in prop::collection::vec((0_usize..20, 0_usize..20), 0..20),
        ) {
            let mut outbox = Outbox::default();
            let mut log = Log::default();
            for id in 1..=count {
                outbox.push(id, text(None, id));
            }
            let last = (usize::MAX, usize::MAX);
            for (reach, answered) in connections.into_iter().chain([last]) {
                outbox.rewind();
                let mut written = Vec::new();
                while let Some((id, _)) = outbox.next_to_write(|_| false) {
                    written.push(id);
                }
                let reached = &written[..written.len().min(reach)];
                reached.iter().for_each(|id| log.take(*id));
                for id in &reached[..reached.len().min(answered)] {
                    prop_assert!(outbox.settle(*id).is_some());
                }
            }
            prop_assert!(outbox.is_empty());
            prop_assert_eq!(log.0, (1..=count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn each_text_is_written_once_on_each_connection() {
        let mut outbox = Outbox::default();
        outbox.push(3, text(None, "a"));
        assert_eq!(outbox.next_to_write(|_| false).map(|(id, _)| id), Some(3));
        assert_eq!(outbox.next_to_write(|_| false), None);
        outbox.push(7, text(None, "b"));
        assert_eq!(outbox.next_to_write(|_| false).map(|(id, _)| id), Some(7));
        outbox.rewind();
        assert_eq!(outbox.next_to_write(|_| false).map(|(id, _)| id), Some(3));
        assert!(outbox.settle(3).is_some() && outbox.settle(3).is_none());
    }

    #[test]
    fn a_text_that_waits_for_its_room_holds_up_the_texts_after_it() {
        let mut outbox = Outbox::default();
        for (id, room) in [(1, None), (2, Some("tea")), (3, None)] {
            outbox.push(id, text(room, "x"));
        }
        let is_tea = |room: &RoomName| room.folded() == "tea";
        assert_eq!(outbox.next_to_write(is_tea).map(|(id, _)| id), Some(1));
        assert_eq!(outbox.next_to_write(is_tea), None);
        assert_eq!(outbox.next_to_write(|_| false).map(|(id, _)| id), Some(2));
        assert_eq!(outbox.next_to_write(is_tea).map(|(id, _)| id), Some(3));
    }

    #[test]
    fn texts_for_a_room_that_was_left_are_not_written() {
        let mut outbox = Outbox::default();
        for (id, room) in [(1, Some("tea")), (2, Some("dev")), (3, None)] {
            outbox.push(id, text(room, "x"));
        }
        outbox.drop_room(&"TEA".parse().unwrap());
        let written: Vec<u64> =
            std::iter::from_fn(|| outbox.next_to_write(|_| false).map(|(id, _)| id)).collect();
        assert_eq!(written, [2, 3]);
    }
}
