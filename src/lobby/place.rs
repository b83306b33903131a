//! How far this client has read in the lobby's log: what is next, what was seen before, what is missing
//! and what does not add up. A plain struct; knows nothing of connections.

use hobnob_protocol::chain::{BrokenChain, LobbyMessage, Position};
use hobnob_protocol::message::{Cursor, Welcome};
use hobnob_protocol::name::{LogId, Seq};

/// The place read up to; none before the first welcome.
#[derive(Debug, Default)]
pub struct Place {
    at: Option<(LogId, Position)>,
    /// Messages up to this number were in the log before the present connection.
    replayed_up_to: Seq,
    /// Where a gap was met that made the link begin anew.
    gap_at: Option<Seq>,
}

/// What a welcome means for who has read so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resumed {
    /// What follows continues what was read; so many messages in between are no longer kept.
    After {
        /// How many.
        missed: u64,
    },
    /// It is another log, or a place that is not in this one.
    Elsewhere,
}

/// What a message is for who has read so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// It was seen before.
    Known,
    /// It is the next one.
    Next,
    /// Messages before it are missing: the log is to be read again from this place.
    Gap,
    /// It does not follow from what was read, and reading again does not help; what comes after is
    /// held against it.
    Broken(BrokenChain),
}

impl Place {
    /// From where a server is asked to go on.
    #[must_use]
    pub fn cursor(&self) -> Option<Cursor> {
        self.at.map(|(log, position)| Cursor { log, position })
    }

    /// A new connection begins.
    pub fn welcomed(&mut self, welcome: &Welcome) -> Resumed {
        self.replayed_up_to = welcome.head.seq;
        let start = (welcome.log, welcome.start);
        let Some((log, position)) = self.at.replace(start) else {
            return if welcome.resumed { Resumed::After { missed: 0 } } else { Resumed::Elsewhere };
        };
        if !welcome.resumed || log != welcome.log {
            return Resumed::Elsewhere;
        }
        if welcome.start.seq <= position.seq {
            // It goes on from here or from before; what was seen is dropped as it comes.
            self.at = Some((log, position));
        }
        Resumed::After { missed: welcome.start.seq.0.saturating_sub(position.seq.0) }
    }

    /// A message has come.
    pub fn hear(&mut self, message: &LobbyMessage) -> Heard {
        // Nothing is said before the welcome.
        let Some((_, position)) = &mut self.at else { return Heard::Known };
        if message.seq <= position.seq {
            return Heard::Known;
        }
        let before = position.seq;
        let Err(broken) = position.advance(message) else {
            self.gap_at = None;
            return Heard::Next;
        };
        if message.seq > before.next() && self.gap_at != Some(before) {
            self.gap_at = Some(before);
            return Heard::Gap;
        }
        *position = Position { seq: message.seq, hash: message.hash };
        self.gap_at = None;
        Heard::Broken(broken)
    }

    /// Whether a message with this number was said before the present connection was made.
    #[must_use]
    pub fn is_replayed(&self, seq: Seq) -> bool {
        seq <= self.replayed_up_to
    }
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::chain::link;
    use hobnob_protocol::name::{PublicKey, RunId, Text};
    use proptest::prelude::*;

    use super::*;

    /// A log of `count` messages, and the place after each, the first before them all.
    fn log(id: LogId, count: u64) -> (Vec<LobbyMessage>, Vec<Position>) {
        let mut places = vec![Position::start(&id)];
        let mut messages = Vec::new();
        for seq in 1..=count {
            let previous = places[places.len() - 1].hash;
            let mut message = LobbyMessage {
                seq: Seq(seq),
                at: seq,
                name: "anna".parse().unwrap(),
                key: PublicKey::new([1; 32]),
                run: RunId::new([2; 8]),
                id: seq,
                text: Text::new(seq.to_string()).unwrap(),
                hash: previous,
            };
            message.hash = link(&previous, &message);
            places.push(Position { seq: message.seq, hash: message.hash });
            messages.push(message);
        }
        (messages, places)
    }

    const LOG: LogId = LogId::new([7; 16]);

    fn welcome(log: LogId, head: Position, start: Position, resumed: bool) -> Welcome {
        Welcome {
            protocol: 1,
            name: "anna".parse().unwrap(),
            log,
            head,
            start,
            missed: 0,
            resumed,
            observed: std::net::Ipv4Addr::LOCALHOST.into(),
        }
    }

    /// Has read the log up to `seq`.
    fn read_up_to(seq: usize, places: &[Position]) -> Place {
        let mut place = Place::default();
        let first = welcome(LOG, places[seq], places[seq], true);
        assert_eq!(place.welcomed(&first), Resumed::After { missed: 0 });
        place
    }

    #[test]
    fn a_gap_is_read_again_once_and_then_told() {
        let (messages, places) = log(LOG, 5);
        let mut place = read_up_to(2, &places);
        assert_eq!(place.hear(&messages[3]), Heard::Gap);
        assert_eq!(place.cursor().unwrap().position, places[2], "nothing is skipped by that");
        assert_eq!(place.welcomed(&welcome(LOG, places[5], places[2], true)), Resumed::After { missed: 0 });
        assert!(matches!(place.hear(&messages[3]), Heard::Broken(_)));
        assert_eq!(place.hear(&messages[4]), Heard::Next, "what follows is held against it");
    }

    #[test]
    fn a_second_gap_elsewhere_is_no_broken_chain() {
        let (messages, places) = log(LOG, 9);
        let mut place = read_up_to(2, &places);
        assert_eq!(place.hear(&messages[5]), Heard::Gap);
        // A log that keeps little: what was missing is gone, and before the client read on, so is more.
        assert_eq!(place.welcomed(&welcome(LOG, places[6], places[4], true)), Resumed::After { missed: 2 });
        assert_eq!(place.hear(&messages[7]), Heard::Gap);
        assert_eq!(place.welcomed(&welcome(LOG, places[8], places[7], true)), Resumed::After { missed: 3 });
        assert_eq!(place.hear(&messages[7]), Heard::Next);
    }

    #[test]
    fn a_changed_message_is_told_at_once() {
        let (mut messages, places) = log(LOG, 3);
        messages[1].text = Text::new("forged").unwrap();
        let mut place = read_up_to(1, &places);
        assert_eq!(place.hear(&messages[1]), Heard::Broken(BrokenChain { seq: Seq(2) }));
        assert_eq!(place.hear(&messages[2]), Heard::Next);
    }

    #[test]
    fn a_log_that_says_it_goes_on_and_does_not_is_told() {
        let (_, places) = log(LOG, 3);
        let (others, other_places) = log(LogId::new([8; 16]), 4);
        let mut place = read_up_to(3, &places);
        // The same log's name, another history.
        let forged = welcome(LOG, other_places[4], other_places[3], true);
        assert_eq!(place.welcomed(&forged), Resumed::After { missed: 0 });
        assert!(matches!(place.hear(&others[3]), Heard::Broken(_)));
    }

    #[test]
    fn another_log_is_read_from_where_it_says() {
        let (_, places) = log(LOG, 9);
        let other = LogId::new([8; 16]);
        let (messages, other_places) = log(other, 3);
        let mut place = read_up_to(9, &places);
        assert_eq!(
            place.welcomed(&welcome(other, other_places[3], other_places[1], false)),
            Resumed::Elsewhere
        );
        assert_eq!(place.hear(&messages[1]), Heard::Next);
        assert!(place.is_replayed(Seq(3)) && !place.is_replayed(Seq(4)));
    }

    proptest! {
        /// However connections are cut, whatever the server sends twice and however little it keeps:
        /// every message is shown once, in order, or counted as missed.
        #[test]
        fn each_message_is_seen_once_or_counted(
            // For each connection: how much is said meanwhile, how much is kept, how far before its
            // cursor the server begins, what it sends, what it leaves out of that.
            connections in prop::collection::vec((0_u64..20, 1_u64..30, 0_u64..4, 0_usize..30, 0_usize..30), 1..20)
        ) {
            let (messages, places) = log(LOG, 400);
            let mut place = Place::default();
            let (mut head, mut shown, mut missed) = (0_u64, Vec::new(), 0);
            for (said, kept, again, sends, leaves_out) in connections {
                head += said;
                let oldest = head.saturating_sub(kept);
                let read = place.cursor().map_or(0, |cursor| cursor.position.seq.0);
                let start = read.saturating_sub(again).max(oldest) as usize;
                let first = place.cursor().is_none();
                let resumed = place.welcomed(&welcome(LOG, places[head as usize], places[start], true));
                let Resumed::After { missed: gone } = resumed else { panic!("{resumed:?}") };
                missed += if first { start as u64 } else { gone };
                let sent = messages[start..head as usize].iter().take(sends).enumerate();
                for (index, message) in sent.filter(|(index, _)| *index != leaves_out) {
                    match place.hear(message) {
                        Heard::Next => shown.push(message.seq.0),
                        Heard::Known => prop_assert!(message.seq.0 <= read),
                        Heard::Gap => {
                            prop_assert!(index > leaves_out);
                            break;
                        }
                        // Only a server that leaves out the same message again comes here.
                        Heard::Broken(_) => {
                            missed += message.seq.0 - 1 - (shown.len() as u64 + missed);
                            shown.push(message.seq.0);
                        }
                    }
                }
                let at = place.cursor().unwrap().position.seq.0;
                prop_assert_eq!(at, shown.len() as u64 + missed);
                prop_assert!(shown.is_sorted_by(|before, after| before < after));
            }
        }
    }
}
