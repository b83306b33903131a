//! The texts that this side said in one session and the other side has not acknowledged. This file owns the numbers of
//! the outgoing texts; it knows nothing of sockets or time.
//!
//! A text gets its number when it is said, and keeps it over every connection of the session. A new connection begins
//! with [`Outbox::resume`]: the texts that the other side has are removed, and the others are written again. The other
//! side drops texts that it has already seen ([`Inbox`](super::inbox::Inbox)), so each text arrives once and in order.

use std::collections::VecDeque;

use bytes::BytesMut;
use hobnob_protocol::message::PeerMessage;
use hobnob_protocol::text::Text;
use thiserror::Error;

use super::line::encode;

/// How many unacknowledged texts one session holds, which is enough for a pasted file; when there are this many, no
/// more is taken. This is also the window of the link: the other side never has to keep more texts than this for its
/// user.
pub const OUTBOX_TEXTS: usize = 1000;

/// How many bytes of unacknowledged text one session holds, which is 256 of the longest texts; when there are this
/// many, no more is taken.
pub const OUTBOX_BYTES: usize = 4 * 1024 * 1024;

/// The outbox takes no more until the other side has acknowledged something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{OUTBOX_TEXTS} messages or {} MiB wait to be delivered", OUTBOX_BYTES >> 20)]
pub struct OutboxFull;

/// The other side acknowledged a text that was never written to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("text {acknowledged} was acknowledged, {written} is the last one written")]
pub(super) struct NeverWritten {
    acknowledged: u64,
    written: u64,
}

/// The texts that were said and are not acknowledged yet, oldest first.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    texts: VecDeque<Waiting>,
    /// How many texts were acknowledged and removed; the first text in the queue has the next number.
    retired: u64,
    /// How many of `texts` were written to the current connection.
    written: usize,
    /// The highest number ever written to any connection.
    ever_written: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Waiting {
    local_id: u64,
    bytes: usize,
    /// A [`PeerMessage::Say`], kept as it is encoded so that a resend copies nothing.
    say: PeerMessage,
}

impl Outbox {
    /// Takes a text; `local_id` is the caller's own number for it.
    ///
    /// # Errors
    /// Returns an error if the outbox is full.
    pub(super) fn say(&mut self, local_id: u64, text: Text, at: u64) -> Result<(), OutboxFull> {
        let bytes = text.as_str().len();
        if self.texts.len() >= OUTBOX_TEXTS || self.bytes + bytes > OUTBOX_BYTES {
            return Err(OutboxFull);
        }
        let number = self.retired + self.texts.len() as u64 + 1;
        self.texts.push_back(Waiting { local_id, bytes, say: PeerMessage::Say { number, at, text } });
        self.bytes += bytes;
        Ok(())
    }

    /// Begins a new connection, on which the other side said that it has everything up to `received`. Returns the local
    /// ids of the texts that this acknowledges; the others will be written again.
    ///
    /// # Errors
    /// Returns an error if `received` was never written.
    pub(super) fn resume(&mut self, received: u64) -> Result<Vec<u64>, NeverWritten> {
        let delivered = self.acknowledge(received)?;
        self.written = 0;
        Ok(delivered)
    }

    /// Notes that the other side has everything up to `number`. Returns the local ids of the texts that this
    /// acknowledges, oldest first; an acknowledgement that is repeated returns none.
    ///
    /// # Errors
    /// Returns an error if `number` was never written.
    pub(super) fn acknowledge(&mut self, number: u64) -> Result<Vec<u64>, NeverWritten> {
        if self.never_wrote(number) {
            return Err(NeverWritten { acknowledged: number, written: self.ever_written });
        }
        let count = usize::try_from(number.saturating_sub(self.retired)).unwrap_or(usize::MAX);
        let count = count.min(self.texts.len());
        let mut delivered = Vec::with_capacity(count);
        for waiting in self.texts.drain(..count) {
            self.bytes -= waiting.bytes;
            delivered.push(waiting.local_id);
        }
        self.retired += count as u64;
        self.written = self.written.saturating_sub(count);
        Ok(delivered)
    }

    /// Appends the next texts to `out` until `out` holds `enough` bytes or no text is left. If `out` holds fewer bytes
    /// than `enough`, at least one text is appended.
    pub(super) fn write_into(&mut self, out: &mut BytesMut, enough: usize) {
        while out.len() < enough
            && let Some(waiting) = self.texts.get(self.written)
        {
            encode(&waiting.say, out);
            self.written += 1;
        }
        self.ever_written = self.ever_written.max(self.retired + self.written as u64);
    }

    /// Whether no text with this number was ever written.
    #[must_use]
    pub(super) fn never_wrote(&self, number: u64) -> bool {
        number > self.ever_written
    }

    /// Returns the number of the last text that the other side has acknowledged.
    #[must_use]
    pub(super) fn acknowledged(&self) -> u64 {
        self.retired
    }

    /// Returns how many texts the current connection has not been given yet.
    #[must_use]
    pub(super) fn unwritten(&self) -> usize {
        self.texts.len() - self.written
    }

    /// Ends the outbox. Returns the local ids of all texts that were never acknowledged, oldest first.
    pub(super) fn give_up(&mut self) -> Vec<u64> {
        self.bytes = 0;
        self.written = 0;
        self.texts.drain(..).map(|waiting| waiting.local_id).collect()
    }

    /// Whether any text was ever said.
    #[must_use]
    pub(super) fn has_said(&self) -> bool {
        self.retired > 0 || !self.texts.is_empty()
    }

    /// Whether every text was acknowledged.
    #[must_use]
    pub(super) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::codec::LineBuffer;
    use proptest::prelude::*;

    use super::super::inbox::{Inbox, Taken};
    use super::*;

    fn text(text: &str) -> Text {
        Text::new(text).unwrap()
    }

    fn numbers(out: &BytesMut) -> Vec<u64> {
        let mut lines = LineBuffer::new(usize::MAX);
        lines.extend(out);
        let mut numbers = Vec::new();
        while let Some(message) = lines.next_message().unwrap() {
            let PeerMessage::Say { number, .. } = message else { panic!("{message:?}") };
            numbers.push(number);
        }
        numbers
    }

    #[test]
    fn a_new_connection_carries_unacknowledged_texts_again() {
        let mut outbox = Outbox::default();
        for local_id in 10..14 {
            outbox.say(local_id, text("x"), 0).unwrap();
        }
        let mut out = BytesMut::new();
        outbox.write_into(&mut out, usize::MAX);
        assert_eq!(numbers(&out), [1, 2, 3, 4]);
        assert_eq!(outbox.acknowledge(1), Ok(vec![10]));
        assert_eq!(outbox.resume(2), Ok(vec![11]));
        out.clear();
        outbox.write_into(&mut out, usize::MAX);
        assert_eq!(numbers(&out), [3, 4]);
        assert_eq!(outbox.give_up(), [12, 13]);
    }

    #[test]
    fn a_full_outbox_takes_no_text_until_one_is_acknowledged() {
        let mut outbox = Outbox::default();
        for local_id in 0..OUTBOX_TEXTS as u64 {
            outbox.say(local_id, text("x"), 0).unwrap();
        }
        assert_eq!(outbox.say(0, text("x"), 0), Err(OutboxFull));
        outbox.write_into(&mut BytesMut::new(), usize::MAX);
        outbox.acknowledge(1).unwrap();
        outbox.say(0, text("x"), 0).unwrap();

        let mut outbox = Outbox::default();
        let long = text(&"x".repeat(hobnob_protocol::MAX_TEXT_BYTES));
        let fitting = (0..).take_while(|&id| outbox.say(id, long.clone(), 0).is_ok()).count();
        assert_eq!(fitting, OUTBOX_BYTES / hobnob_protocol::MAX_TEXT_BYTES);
    }

    #[test]
    fn an_acknowledgement_of_a_text_that_was_never_written_is_refused() {
        let mut outbox = Outbox::default();
        outbox.say(7, text("x"), 0).unwrap();
        assert!(outbox.acknowledge(1).is_err() && outbox.resume(u64::MAX).is_err());
        assert_eq!(outbox.give_up(), [7]);
    }

    #[derive(Debug, Clone)]
    enum Happening {
        Say,
        Write {
            enough: usize,
        },
        Arrive {
            count: usize,
        },
        Show {
            count: u64,
        },
        Acknowledge,
        /// The connection is lost with everything that is on its way, and is replaced.
        Lose,
    }

    fn happening() -> impl Strategy<Value = Happening> {
        prop_oneof![
            4 => Just(Happening::Say),
            3 => (1_usize..400).prop_map(|enough| Happening::Write { enough }),
            3 => (1_usize..6).prop_map(|count| Happening::Arrive { count }),
            2 => (1_u64..6).prop_map(|count| Happening::Show { count }),
            2 => Just(Happening::Acknowledge),
            1 => Just(Happening::Lose),
        ]
    }

    /// Both ends of a session, and what is on its way between them.
    #[derive(Default)]
    struct World {
        outbox: Outbox,
        inbox: Inbox,
        wire: VecDeque<u64>,
        said: u64,
        heard: Vec<u64>,
        shown: u64,
        delivered: Vec<u64>,
    }

    impl World {
        fn happen(&mut self, happening: &Happening) {
            match *happening {
                Happening::Say => {
                    self.said += 1;
                    self.outbox.say(self.said, text("hello"), 0).unwrap();
                }
                Happening::Write { enough } => {
                    let mut out = BytesMut::new();
                    self.outbox.write_into(&mut out, enough);
                    self.wire.extend(numbers(&out));
                }
                Happening::Arrive { count } => {
                    for number in self.wire.drain(..count.min(self.wire.len())) {
                        if self.inbox.take(number).unwrap() == Taken::New {
                            self.heard.push(number);
                        }
                    }
                }
                Happening::Show { count } => {
                    self.shown = (self.shown + count).min(self.heard.len() as u64);
                    self.inbox.show(self.shown);
                }
                Happening::Acknowledge => {
                    if let Some(number) = self.inbox.due(true) {
                        self.delivered.extend(self.outbox.acknowledge(number).unwrap());
                    }
                }
                Happening::Lose => {
                    self.wire.clear();
                    self.inbox.begin(self.shown);
                    self.delivered.extend(self.outbox.resume(self.shown).unwrap());
                }
            }
        }
    }

    proptest! {
        #[test]
        fn each_text_arrives_once_and_in_order_whatever_is_lost(
            happenings in prop::collection::vec(happening(), 0..300)
        ) {
            let mut world = World::default();
            for happening in &happenings {
                world.happen(happening);
                prop_assert!(world.delivered.len() as u64 <= world.shown);
            }
            world.happen(&Happening::Lose);
            world.happen(&Happening::Write { enough: usize::MAX });
            world.happen(&Happening::Arrive { count: usize::MAX });
            world.happen(&Happening::Show { count: world.said });
            world.happen(&Happening::Acknowledge);
            let all: Vec<u64> = (1..=world.said).collect();
            prop_assert_eq!(&world.heard, &all);
            prop_assert_eq!(&world.delivered, &all);
            prop_assert!(world.outbox.is_empty());
        }
    }
}
