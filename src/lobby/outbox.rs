//! Texts on their way into the lobby's log: kept until the server says where they stand in it, and
//! written again on every new connection. A plain struct; the server drops what it has seen before
//! by the numbers given here.

use std::collections::BTreeMap;

use hobnob_protocol::name::Text;

/// Unacknowledged texts, by their number.
#[derive(Debug, Default)]
pub struct Outbox {
    texts: BTreeMap<u64, Text>,
    /// The smallest number not yet written on the present connection.
    unwritten: u64,
}

impl Outbox {
    /// Takes a text in. Numbers must grow.
    pub fn push(&mut self, id: u64, text: Text) {
        self.texts.insert(id, text);
    }

    /// The next text to write on this connection, once.
    pub fn next_to_write(&mut self) -> Option<(u64, &Text)> {
        let (id, text) = self.texts.range(self.unwritten..).next()?;
        self.unwritten = id + 1;
        Some((*id, text))
    }

    /// A new connection: everything is to be written again.
    pub fn rewind(&mut self) {
        self.unwritten = 0;
    }

    /// The server has answered for this text; `None` when it had before.
    pub fn settle(&mut self, id: u64) -> Option<Text> {
        self.texts.remove(&id)
    }

    /// Whether every text was answered for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A server as the protocol describes it: stores each number once, in the order it meets them.
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
            // For each connection: how many texts reach the server, how many answers come back.
            connections in prop::collection::vec((0_usize..20, 0_usize..20), 0..20),
        ) {
            let mut outbox = Outbox::default();
            let mut log = Log::default();
            for id in 1..=count {
                outbox.push(id, Text::new(id.to_string()).unwrap());
            }
            let last = (usize::MAX, usize::MAX);
            for (reach, answered) in connections.into_iter().chain([last]) {
                outbox.rewind();
                let mut written = Vec::new();
                while let Some((id, _)) = outbox.next_to_write() {
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
    fn each_text_is_written_once_a_connection() {
        let mut outbox = Outbox::default();
        outbox.push(3, Text::new("a").unwrap());
        assert_eq!(outbox.next_to_write().map(|(id, _)| id), Some(3));
        assert_eq!(outbox.next_to_write(), None);
        outbox.push(7, Text::new("b").unwrap());
        assert_eq!(outbox.next_to_write().map(|(id, _)| id), Some(7));
        outbox.rewind();
        assert_eq!(outbox.next_to_write().map(|(id, _)| id), Some(3));
        assert!(outbox.settle(3).is_some() && outbox.settle(3).is_none());
    }
}
