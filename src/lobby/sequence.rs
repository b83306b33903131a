//! The sequence of a log's messages, for the lobby or for a room: which number comes next. A message that was seen
//! before is dropped. A message that skips a number shows a gap: `lobby/link` then drops the connection and joins
//! again, from the last number that was read. A second gap at the same place counts as a broken chain, as does a
//! message that does not follow from the one before it. This is plain data and knows nothing of connections.

use hobnob_protocol::chain::{BrokenChain, LobbyMessage, LogId, Position, Seq};
use hobnob_protocol::message::{Cursor, JoinedRoom, Welcome};
use hobnob_protocol::said::Said;

/// How far this client has read in a log. Before the first welcome, or before the room is joined, it has read nothing
/// and knows no log.
#[derive(Debug, Default)]
pub struct ReadPosition {
    at: Option<(LogId, Position)>,
    /// Messages up to this number were in the log before the present connection.
    replayed_up_to: Seq,
    /// Where the gap was that made the link begin anew.
    gap_at: Option<Seq>,
}

/// What a welcome means for a client that has read so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resumed {
    /// What follows continues what was read, except for the messages in between that the server no longer keeps.
    After {
        /// How many messages are missing.
        missed: u64,
    },
    /// The log is another one, or does not contain the position up to which this client has read.
    Elsewhere,
}

/// What messages mean for a client that has read so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// These messages are the next ones; the list is empty if all were seen before.
    Next(Vec<LobbyMessage>),
    /// Messages before these are missing. The log is to be read again from the position up to which this client has
    /// read.
    Gap,
    /// These messages do not follow from what was read, and reading again does not help. Later messages are checked
    /// against the last of these.
    Broken(BrokenChain, Vec<LobbyMessage>),
}

impl ReadPosition {
    /// Makes the position of a client that has read so far in an earlier run.
    #[must_use]
    pub fn after(read_up_to: Option<Cursor>) -> Self {
        Self { at: read_up_to.map(|cursor| (cursor.log, cursor.position)), ..Self::default() }
    }

    /// Returns the position after which a server is asked to go on.
    #[must_use]
    pub fn cursor(&self) -> Option<Cursor> {
        self.at.map(|(log, position)| Cursor { log, position })
    }

    /// Begins to read the lobby's log on a new connection.
    pub fn welcomed(&mut self, welcome: &Welcome) -> Resumed {
        self.begin(welcome.log, welcome.head, welcome.start, welcome.resumed)
    }

    /// Begins to read a room that was joined, or was joined again on a new connection; the log is the room's.
    pub fn joined(&mut self, joined: &JoinedRoom) -> Resumed {
        self.begin(joined.log, joined.head, joined.start, joined.resumed)
    }

    fn begin(&mut self, begun: LogId, head: Position, start: Position, resumed: bool) -> Resumed {
        self.replayed_up_to = head.seq;
        let Some((log, position)) = self.at.replace((begun, start)) else {
            return if resumed { Resumed::After { missed: 0 } } else { Resumed::Elsewhere };
        };
        if !resumed || log != begun {
            return Resumed::Elsewhere;
        }
        if start.seq <= position.seq {
            // The log goes on from here or from before; messages that were already seen are dropped as they come.
            self.at = Some((log, position));
        }
        Resumed::After { missed: start.seq.0.saturating_sub(position.seq.0) }
    }

    /// Notes that the server no longer keeps the messages up to `after`. Returns how many messages that leaves out;
    /// `None` if `after` is no later position, in which case the server is not believed.
    pub fn skipped(&mut self, after: Position) -> Option<u64> {
        let (_, position) = self.at.as_mut()?;
        let missed = after.seq.0.checked_sub(position.seq.0).filter(|&missed| missed > 0)?;
        *position = after;
        self.gap_at = None;
        Some(missed)
    }

    /// Takes messages that have come.
    pub fn hear(&mut self, said: &Said) -> Heard {
        // Before the welcome there are no messages.
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
    use hobnob_protocol::ids::RunId;
    use hobnob_protocol::key::PublicKey;
    use hobnob_protocol::message::ServerMessage;
    use hobnob_protocol::said::SaidWriter;
    use hobnob_protocol::text::Text;
    use proptest::prelude::*;

    use super::*;

    /// Makes a log of `count` messages, and the positions: one before all messages, and one after each.
    fn log(id: LogId, count: u64) -> (Vec<LobbyMessage>, Vec<Position>) {
        let mut positions = vec![Position::start(&id)];
        let mut messages = Vec::new();
        for seq in 1..=count {
            let previous = positions[positions.len() - 1].hash;
            let mut message = LobbyMessage {
                seq: Seq(seq),
                at: seq,
                name: "anna".parse().unwrap(),
                key: PublicKey::new([1; 32]),
                run: RunId::new([2; 8]),
                id: seq,
                content: Text::new(seq.to_string()).unwrap().into(),
                hash: previous,
            };
            message.hash = link(&previous, &message);
            positions.push(Position { seq: message.seq, hash: message.hash });
            messages.push(message);
        }
        (messages, positions)
    }

    /// Makes the line that carries these messages together.
    fn said(messages: &[LobbyMessage]) -> Said {
        let mut writer = SaidWriter::default();
        assert!(messages.iter().all(|message| writer.push(message)));
        match serde_json::from_slice(&writer.finish().unwrap().0).unwrap() {
            ServerMessage::Said(said) => said,
            other => panic!("{other:?}"),
        }
    }

    /// Takes these messages together. Returns the numbers of those that are new.
    fn hear(reading: &mut ReadPosition, messages: &[LobbyMessage]) -> Result<Vec<u64>, Heard> {
        match reading.hear(&said(messages)) {
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
            servers: Vec::new(),
            topic: None,
            motd: None,
            operator: false,
        }
    }

    /// Makes a position that has read the log up to `seq`.
    fn read_up_to(seq: usize, positions: &[Position]) -> ReadPosition {
        let mut reading = ReadPosition::default();
        let first = welcome(LOG, positions[seq], positions[seq], true);
        assert_eq!(reading.welcomed(&first), Resumed::After { missed: 0 });
        reading
    }

    #[test]
    fn a_gap_is_read_again_once_and_then_reported() {
        let (messages, positions) = log(LOG, 5);
        let mut reading = read_up_to(2, &positions);
        assert_eq!(hear(&mut reading, &messages[3..4]), Err(Heard::Gap));
        assert_eq!(reading.cursor().unwrap().position, positions[2], "the gap does not move the position");
        assert_eq!(
            reading.welcomed(&welcome(LOG, positions[5], positions[2], true)),
            Resumed::After { missed: 0 }
        );
        assert!(is_broken_at(&hear(&mut reading, &messages[3..4]), 4));
        assert_eq!(
            hear(&mut reading, &messages[4..]),
            Ok(vec![5]),
            "the next message is checked against the last one"
        );
    }

    #[test]
    fn a_second_gap_at_another_place_is_not_a_broken_chain() {
        let (messages, positions) = log(LOG, 9);
        let mut reading = read_up_to(2, &positions);
        assert_eq!(hear(&mut reading, &messages[5..6]), Err(Heard::Gap));
        // This log keeps few messages: what was missing is gone, and by the time the client reads on, more is gone.
        assert_eq!(
            reading.welcomed(&welcome(LOG, positions[6], positions[4], true)),
            Resumed::After { missed: 2 }
        );
        assert_eq!(hear(&mut reading, &messages[7..8]), Err(Heard::Gap));
        assert_eq!(
            reading.welcomed(&welcome(LOG, positions[8], positions[7], true)),
            Resumed::After { missed: 3 }
        );
        assert_eq!(hear(&mut reading, &messages[7..8]), Ok(vec![8]));
    }

    #[test]
    fn a_changed_message_is_reported_at_once() {
        let (mut messages, positions) = log(LOG, 3);
        messages[1].content = Text::new("forged").unwrap().into();
        let mut reading = read_up_to(1, &positions);
        assert!(is_broken_at(&hear(&mut reading, &messages[1..2]), 2));
        assert_eq!(hear(&mut reading, &messages[2..]), Ok(vec![3]));
    }

    #[test]
    fn a_changed_message_among_several_in_one_line_is_reported_and_all_are_shown() {
        let (mut messages, positions) = log(LOG, 6);
        messages[2].content = Text::new("forged").unwrap().into();
        let mut reading = read_up_to(1, &positions);
        let Heard::Broken(broken, shown) = reading.hear(&said(&messages[..5])) else {
            panic!("the change was not found")
        };
        assert_eq!((broken.seq, shown.len()), (Seq(5), 4));
        assert_eq!(hear(&mut reading, &messages[5..]), Ok(vec![6]));
    }

    #[test]
    fn a_log_that_falsely_claims_to_continue_is_reported() {
        let (_, positions) = log(LOG, 3);
        let (others, other_positions) = log(LogId::new([8; 16]), 4);
        let mut reading = read_up_to(3, &positions);
        // This log has the same name and another history.
        let forged = welcome(LOG, other_positions[4], other_positions[3], true);
        assert_eq!(reading.welcomed(&forged), Resumed::After { missed: 0 });
        assert!(is_broken_at(&hear(&mut reading, &others[3..]), 4));
    }

    #[test]
    fn reading_goes_on_from_the_cursor_of_an_earlier_run() {
        let (messages, positions) = log(LOG, 5);
        let mut reading = ReadPosition::after(Some(Cursor { log: LOG, position: positions[2] }));
        assert_eq!(reading.cursor().unwrap().position, positions[2]);
        assert_eq!(
            reading.welcomed(&welcome(LOG, positions[5], positions[2], true)),
            Resumed::After { missed: 0 }
        );
        assert_eq!(hear(&mut reading, &messages[2..]), Ok(vec![3, 4, 5]));
        let mut reading = ReadPosition::after(Some(Cursor { log: LOG, position: positions[2] }));
        assert_eq!(reading.welcomed(&welcome(LOG, positions[5], positions[4], false)), Resumed::Elsewhere);
        assert_eq!(hear(&mut reading, &messages[4..]), Ok(vec![5]));
    }

    #[test]
    fn another_log_is_read_from_the_position_that_the_server_names() {
        let (_, positions) = log(LOG, 9);
        let other = LogId::new([8; 16]);
        let (messages, other_positions) = log(other, 3);
        let mut reading = read_up_to(9, &positions);
        assert_eq!(
            reading.welcomed(&welcome(other, other_positions[3], other_positions[1], false)),
            Resumed::Elsewhere
        );
        assert_eq!(hear(&mut reading, &messages[1..2]), Ok(vec![2]));
        assert!(reading.is_replayed(Seq(3)) && !reading.is_replayed(Seq(4)));
    }

    #[test]
    fn messages_that_the_server_no_longer_keeps_are_counted_and_skipped() {
        let (messages, positions) = log(LOG, 8);
        let mut reading = ReadPosition::default();
        reading.welcomed(&welcome(LOG, positions[8], positions[2], true));
        assert_eq!(reading.skipped(positions[5]), Some(3));
        assert_eq!(reading.cursor().unwrap().position, positions[5]);
        assert_eq!(reading.hear(&said(&messages[5..])), Heard::Next(messages[5..].to_vec()));
        // The client does not skip to a position before the one it has read up to, nor to that one itself.
        for behind in [positions[3], positions[8]] {
            assert_eq!(reading.skipped(behind), None);
        }
        assert_eq!(ReadPosition::default().skipped(positions[1]), None);
    }

    proptest! {
        /// However connections are cut, whatever the server sends twice, and however little it keeps: every message is
        /// shown once and in order, or counted as missed.
        #[test]
        fn each_message_is_shown_once_or_counted_as_missed(
            // For each connection: how much is said meanwhile, how much is kept, how far before its cursor the server
            // begins, how many lines it sends with how many messages each, and which line it leaves out.
            connections in prop::collection::vec(
                (0_u64..20, 1_u64..30, 0_u64..4, 0_usize..30, 1_usize..5, 0_usize..30), 1..20)
        ) {
            let (messages, positions) = log(LOG, 400);
            let mut reading = ReadPosition::default();
            let (mut head, mut shown, mut missed) = (0_u64, Vec::new(), 0);
            for (said_now, kept, again, sends, together, leaves_out) in connections {
                head += said_now;
                let oldest = head.saturating_sub(kept);
                let read = reading.cursor().map_or(0, |cursor| cursor.position.seq.0);
                let start = read.saturating_sub(again).max(oldest) as usize;
                let first = reading.cursor().is_none();
                let resumed = reading.welcomed(&welcome(LOG, positions[head as usize], positions[start], true));
                let Resumed::After { missed: gone } = resumed else { panic!("{resumed:?}") };
                missed += if first { start as u64 } else { gone };
                let lines = messages[start..head as usize].chunks(together).take(sends).enumerate();
                for (index, line) in lines.filter(|(index, _)| *index != leaves_out) {
                    match reading.hear(&said(line)) {
                        Heard::Next(new) => shown.extend(new.iter().map(|message| message.seq.0)),
                        Heard::Gap => {
                            prop_assert!(index > leaves_out);
                            break;
                        }
                        // This happens only with a server that leaves out the same messages again.
                        Heard::Broken(_, new) => {
                            missed += new[0].seq.0 - 1 - (shown.len() as u64 + missed);
                            shown.extend(new.iter().map(|message| message.seq.0));
                        }
                    }
                }
                let at = reading.cursor().unwrap().position.seq.0;
                prop_assert_eq!(at, shown.len() as u64 + missed);
                prop_assert!(shown.is_sorted_by(|before, after| before < after));
            }
        }
    }
}
