//! How far this client has read in the lobby's log: what is next, what was seen before, what is missing
//! and what does not add up. A plain struct; knows nothing of connections.

use hobnob_protocol::chain::{BrokenChain, LobbyMessage, Position};
use hobnob_protocol::message::{Cursor, Welcome};
use hobnob_protocol::name::{LogId, Seq};
use hobnob_protocol::said::Said;

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

/// What messages are for who has read so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// These are the next ones: none where all were seen before.
    Next(Vec<LobbyMessage>),
    /// Messages before them are missing: the log is to be read again from this place.
    Gap,
    /// These do not follow from what was read, and reading again does not help; what comes after is
    /// held against the last of them.
    Broken(BrokenChain, Vec<LobbyMessage>),
}

impl Place {
    /// One that has read so far already, in an earlier run.
    #[must_use]
    pub fn after(read_up_to: Option<Cursor>) -> Self {
        Self { at: read_up_to.map(|cursor| (cursor.log, cursor.position)), ..Self::default() }
    }

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

    /// The server no longer keeps what would come next, and goes on after `after`. How many messages that leaves out; none
    /// where it is no place further on, which is not believed.
    pub fn skipped(&mut self, after: Position) -> Option<u64> {
        let (_, position) = self.at.as_mut()?;
        let missed = after.seq.0.checked_sub(position.seq.0).filter(|&missed| missed > 0)?;
        *position = after;
        self.gap_at = None;
        Some(missed)
    }

    /// Messages have come.
    pub fn hear(&mut self, said: &Said) -> Heard {
        // Nothing is said before the welcome.
        let Some((_, position)) = &mut self.at else { return Heard::Next(Vec::new()) };
        let before = *position;
        let broken = match position.advance_over(said) {
            Ok(messages) => {
                if !messages.is_empty() {
                    self.gap_at = None;
                }
                return Heard::Next(messages);
            }
            Err(broken) => broken,
        };
        if said.first() > before.seq.next() && self.gap_at != Some(before.seq) {
            self.gap_at = Some(before.seq);
            return Heard::Gap;
        }
        *position = said.end();
        self.gap_at = None;
        Heard::Broken(broken, said.after(before))
    }

    /// Whether a message with this number was said before the present connection was made.
    #[must_use]
    pub fn is_replayed(&self, seq: Seq) -> bool {
        seq <= self.replayed_up_to
    }
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::PROTOCOL_VERSION;
    use hobnob_protocol::chain::link;
    use hobnob_protocol::message::ServerMessage;
    use hobnob_protocol::name::{PublicKey, RunId, Text};
    use hobnob_protocol::said::SaidWriter;
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

    /// Messages in a row as they are sent.
    fn said(messages: &[LobbyMessage]) -> Said {
        let mut writer = SaidWriter::default();
        assert!(messages.iter().all(|message| writer.push(message)));
        match serde_json::from_slice(&writer.finish().unwrap().0).unwrap() {
            ServerMessage::Said(said) => said,
            other => panic!("{other:?}"),
        }
    }

    /// The place hears these together; the numbers of those that are new to it.
    fn hear(place: &mut Place, messages: &[LobbyMessage]) -> Result<Vec<u64>, Heard> {
        match place.hear(&said(messages)) {
            Heard::Next(new) => Ok(new.iter().map(|message| message.seq.0).collect()),
            other => Err(other),
        }
    }

    fn is_broken_at(heard: &Result<Vec<u64>, Heard>, seq: u64) -> bool {
        matches!(heard, Err(Heard::Broken(broken, _)) if broken.seq == Seq(seq))
    }

    const LOG: LogId = LogId::new([7; 16]);

    fn welcome(log: LogId, head: Position, start: Position, resumed: bool) -> Welcome {
        Welcome {
            protocol: PROTOCOL_VERSION,
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
        assert_eq!(hear(&mut place, &messages[3..4]), Err(Heard::Gap));
        assert_eq!(place.cursor().unwrap().position, places[2], "nothing is skipped by that");
        assert_eq!(place.welcomed(&welcome(LOG, places[5], places[2], true)), Resumed::After { missed: 0 });
        assert!(is_broken_at(&hear(&mut place, &messages[3..4]), 4));
        assert_eq!(hear(&mut place, &messages[4..]), Ok(vec![5]), "what follows is held against it");
    }

    #[test]
    fn a_second_gap_elsewhere_is_no_broken_chain() {
        let (messages, places) = log(LOG, 9);
        let mut place = read_up_to(2, &places);
        assert_eq!(hear(&mut place, &messages[5..6]), Err(Heard::Gap));
        // A log that keeps little: what was missing is gone, and before the client read on, so is more.
        assert_eq!(place.welcomed(&welcome(LOG, places[6], places[4], true)), Resumed::After { missed: 2 });
        assert_eq!(hear(&mut place, &messages[7..8]), Err(Heard::Gap));
        assert_eq!(place.welcomed(&welcome(LOG, places[8], places[7], true)), Resumed::After { missed: 3 });
        assert_eq!(hear(&mut place, &messages[7..8]), Ok(vec![8]));
    }

    #[test]
    fn a_changed_message_is_told_at_once() {
        let (mut messages, places) = log(LOG, 3);
        messages[1].text = Text::new("forged").unwrap();
        let mut place = read_up_to(1, &places);
        assert!(is_broken_at(&hear(&mut place, &messages[1..2]), 2));
        assert_eq!(hear(&mut place, &messages[2..]), Ok(vec![3]));
    }

    #[test]
    fn a_change_among_messages_sent_together_is_told_and_all_are_shown() {
        let (mut messages, places) = log(LOG, 6);
        messages[2].text = Text::new("forged").unwrap();
        let mut place = read_up_to(1, &places);
        let Heard::Broken(broken, shown) = place.hear(&said(&messages[..5])) else { panic!("it adds up") };
        assert_eq!((broken.seq, shown.len()), (Seq(5), 4));
        assert_eq!(hear(&mut place, &messages[5..]), Ok(vec![6]));
    }

    #[test]
    fn a_log_that_says_it_goes_on_and_does_not_is_told() {
        let (_, places) = log(LOG, 3);
        let (others, other_places) = log(LogId::new([8; 16]), 4);
        let mut place = read_up_to(3, &places);
        // The same log's name, another history.
        let forged = welcome(LOG, other_places[4], other_places[3], true);
        assert_eq!(place.welcomed(&forged), Resumed::After { missed: 0 });
        assert!(is_broken_at(&hear(&mut place, &others[3..]), 4));
    }

    #[test]
    fn an_earlier_run_is_read_on_from() {
        let (messages, places) = log(LOG, 5);
        let mut place = Place::after(Some(Cursor { log: LOG, position: places[2] }));
        assert_eq!(place.cursor().unwrap().position, places[2]);
        assert_eq!(place.welcomed(&welcome(LOG, places[5], places[2], true)), Resumed::After { missed: 0 });
        assert_eq!(hear(&mut place, &messages[2..]), Ok(vec![3, 4, 5]));
        let mut place = Place::after(Some(Cursor { log: LOG, position: places[2] }));
        assert_eq!(place.welcomed(&welcome(LOG, places[5], places[4], false)), Resumed::Elsewhere);
        assert_eq!(hear(&mut place, &messages[4..]), Ok(vec![5]));
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
        assert_eq!(hear(&mut place, &messages[1..2]), Ok(vec![2]));
        assert!(place.is_replayed(Seq(3)) && !place.is_replayed(Seq(4)));
    }

    #[test]
    fn what_the_server_no_longer_keeps_is_counted_and_read_past() {
        let (messages, places) = log(LOG, 8);
        let mut place = Place::default();
        place.welcomed(&welcome(LOG, places[8], places[2], true));
        assert_eq!(place.skipped(places[5]), Some(3));
        assert_eq!(place.cursor().unwrap().position, places[5]);
        assert_eq!(place.hear(&said(&messages[5..])), Heard::Next(messages[5..].to_vec()));
        // Back, or nowhere further, is no place to skip to.
        for behind in [places[3], places[8]] {
            assert_eq!(place.skipped(behind), None);
        }
        assert_eq!(Place::default().skipped(places[1]), None);
    }

    proptest! {
        /// However connections are cut, whatever the server sends twice and however little it keeps:
        /// every message is shown once, in order, or counted as missed.
        #[test]
        fn each_message_is_seen_once_or_counted(
            // For each connection: how much is said meanwhile, how much is kept, how far before its
            // cursor the server begins, how many lines it sends with how many messages each, and which
            // line it leaves out.
            connections in prop::collection::vec(
                (0_u64..20, 1_u64..30, 0_u64..4, 0_usize..30, 1_usize..5, 0_usize..30), 1..20)
        ) {
            let (messages, places) = log(LOG, 400);
            let mut place = Place::default();
            let (mut head, mut shown, mut missed) = (0_u64, Vec::new(), 0);
            for (said_now, kept, again, sends, together, leaves_out) in connections {
                head += said_now;
                let oldest = head.saturating_sub(kept);
                let read = place.cursor().map_or(0, |cursor| cursor.position.seq.0);
                let start = read.saturating_sub(again).max(oldest) as usize;
                let first = place.cursor().is_none();
                let resumed = place.welcomed(&welcome(LOG, places[head as usize], places[start], true));
                let Resumed::After { missed: gone } = resumed else { panic!("{resumed:?}") };
                missed += if first { start as u64 } else { gone };
                let lines = messages[start..head as usize].chunks(together).take(sends).enumerate();
                for (index, line) in lines.filter(|(index, _)| *index != leaves_out) {
                    match place.hear(&said(line)) {
                        Heard::Next(new) => shown.extend(new.iter().map(|message| message.seq.0)),
                        Heard::Gap => {
                            prop_assert!(index > leaves_out);
                            break;
                        }
                        // Only a server that leaves out the same messages again comes here.
                        Heard::Broken(_, new) => {
                            missed += new[0].seq.0 - 1 - (shown.len() as u64 + missed);
                            shown.extend(new.iter().map(|message| message.seq.0));
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
