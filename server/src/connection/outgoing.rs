//! What waits to be sent to one client besides the messages of the lobby and of rooms: a bounded queue of control
//! lines, the answers that are still being written, and the count of pings. This file holds plain data; it sends
//! nothing itself.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use hobnob_protocol::chain::{LogId, Seq};
use hobnob_protocol::codec;
use hobnob_protocol::message::{OperatorRow, RestraintRow, RoomSummary, ServerMessage};
use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;
use hobnob_protocol::{
    BANS_PER_MESSAGE, MUTES_PER_MESSAGE, OPERATORS_PER_MESSAGE, ROOMS_PER_MESSAGE, USERS_PER_MESSAGE,
};

use super::LogRead;

use crate::decide::roster::Present;

/// How many bytes of control lines may wait. A client for which more would wait is closed.
const MAX_CONTROL_BYTES: usize = 256 * 1024;

/// When this many bytes of control lines wait, nothing is added that other clients cause: changes of presence are left
/// out, and a user who asks for an introduction is told that this client is busy. The remaining half is for what the
/// client asked for itself. So no other client can fill the queue up to the limit at which this client is closed.
const MAX_OF_OTHERS_BYTES: usize = MAX_CONTROL_BYTES / 2;

/// How many answers in parts may be open at once. A further question is answered with "busy".
const MAX_ANSWERS: usize = 8;

/// How many introductions are remembered of which it is not known whether the client has read them.
const MAX_UNREAD: usize = 64;

/// An answer that goes out in parts, as fast as the client reads them.
#[derive(Debug)]
pub(super) enum PartedAnswer {
    /// The answer to `users`: the names from the index `next` on.
    Users { request: u32, present: Present, next: usize },
    /// The answer to `history`: the messages of a room or of the lobby after `after` up to `until`.
    History { request: u32, room: Option<LogId>, after: Seq, until: Seq },
    /// The answer to `rooms`: the rooms from the index `next` on.
    Rooms { request: u32, rooms: Arc<[RoomSummary]>, next: usize },
    /// The answer to `bans`: the bans that are not sent yet.
    Bans { request: u32, bans: VecDeque<RestraintRow> },
    /// The answer to `mutes`: the mutes that are not sent yet.
    Mutes { request: u32, mutes: VecDeque<RestraintRow> },
    /// The answer to `ops`: the operators that are not sent yet.
    Ops { request: u32, ops: VecDeque<OperatorRow> },
}

/// The control queue is full.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Overflow;

/// What waits to be sent to one client, apart from messages.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    control: VecDeque<Bytes>,
    control_bytes: usize,
    presence_skipped: bool,
    /// The rooms whose changes of presence were left out.
    rooms_skipped: Vec<RoomName>,
    answers: VecDeque<PartedAnswer>,
    pings: u64,
    pongs: u64,
    introductions: u64,
    /// For each introduction that may not have been read yet: the number of the ping that was sent right after it.
    unread: VecDeque<u64>,
}

impl Outgoing {
    pub(super) fn push(&mut self, line: Bytes) -> Result<(), Overflow> {
        if self.control_bytes + line.len() > MAX_CONTROL_BYTES {
            return Err(Overflow);
        }
        self.control_bytes += line.len();
        self.control.push_back(line);
        Ok(())
    }

    /// Adds a line that goes out before everything that waits. There is only one such line on a connection, so it needs
    /// no limit.
    pub(super) fn push_first(&mut self, line: Bytes) {
        self.control_bytes += line.len();
        self.control.push_front(line);
    }

    pub(super) fn push_presence(&mut self, room: Option<&RoomName>, lines: &[Bytes]) {
        let len: usize = lines.iter().map(Bytes::len).sum();
        let is_skipped = match room {
            None => self.presence_skipped,
            Some(room) => self.rooms_skipped.contains(room),
        };
        if is_skipped || !self.has_room_for_others(len) {
            match room {
                None => self.presence_skipped = true,
                Some(room) if !is_skipped => self.rooms_skipped.push(room.clone()),
                Some(_) => {}
            }
            return;
        }
        self.control_bytes += len;
        self.control.extend(lines.iter().cloned());
    }

    pub(super) fn push_ping(&mut self) -> Result<(), Overflow> {
        self.push(codec::encode(&ServerMessage::Ping))?;
        self.pings += 1;
        Ok(())
    }

    /// Adds a ping that another client of the same user causes. The ping is left out if the half for others is full.
    pub(super) fn push_probe(&mut self) {
        let ping = codec::encode(&ServerMessage::Ping);
        if self.has_room_for_others(ping.len()) && self.push(ping).is_ok() {
            self.pings += 1;
        }
    }

    /// Adds an introduction and a ping. When the ping is answered, the introduction was read. Returns the number of the
    /// introduction on this connection, counted from 1; `None` if the half for others is full.
    pub(super) fn push_introduction(&mut self, line: Bytes) -> Option<u64> {
        let ping = codec::encode(&ServerMessage::Ping);
        if !self.has_room_for_others(line.len() + ping.len()) {
            return None;
        }
        self.push(line).and_then(|()| self.push(ping)).ok()?;
        self.pings += 1;
        self.introductions += 1;
        if self.unread.len() >= MAX_UNREAD {
            self.unread.pop_front();
        }
        self.unread.push_back(self.pings);
        Some(self.introductions)
    }

    /// Adds a line that another client causes; false if the half for others is full.
    pub(super) fn push_of_another(&mut self, line: Bytes) -> bool {
        self.has_room_for_others(line.len()) && self.push(line).is_ok()
    }

    fn has_room_for_others(&self, len: usize) -> bool {
        self.control_bytes + len <= MAX_OF_OTHERS_BYTES
    }

    /// A pong came. Returns whether it answers a ping; if it does not, it means nothing.
    pub(super) fn pong(&mut self) -> bool {
        if self.pongs == self.pings {
            return false;
        }
        self.pongs += 1;
        while self.unread.front().is_some_and(|&ping| ping <= self.pongs) {
            self.unread.pop_front();
        }
        true
    }

    pub(super) fn introductions_read(&self) -> u64 {
        self.introductions - self.unread.len() as u64
    }

    /// Takes an answer, or gives it back when too many are open.
    pub(super) fn push_answer(&mut self, answer: PartedAnswer) -> Result<(), PartedAnswer> {
        if self.answers.len() >= MAX_ANSWERS {
            return Err(answer);
        }
        self.answers.push_back(answer);
        Ok(())
    }

    /// Drops all open answers.
    pub(super) fn drop_answers(&mut self) {
        self.answers.clear();
    }

    /// Moves control lines to `out`, about `max_bytes` of them.
    pub(super) fn take_control(&mut self, max_bytes: usize, out: &mut Vec<Bytes>) {
        let mut taken = 0;
        while taken < max_bytes {
            let Some(line) = self.control.pop_front() else { break };
            taken += line.len();
            out.push(line);
        }
        self.control_bytes -= taken;
        if self.control.is_empty() {
            self.control = VecDeque::new();
            if std::mem::take(&mut self.presence_skipped) {
                out.push(codec::encode(&ServerMessage::PresenceSkipped { room: None }));
            }
            for room in std::mem::take(&mut self.rooms_skipped) {
                out.push(codec::encode(&ServerMessage::PresenceSkipped { room: Some(room) }));
            }
        }
    }

    /// Moves the next part of the oldest answer to `out`. If the log has to be read for it, gives what is to be read
    /// instead.
    pub(super) fn take_answer(&mut self, out: &mut Vec<Bytes>) -> Option<LogRead> {
        match self.answers.front_mut()? {
            PartedAnswer::Users { request, present: Present { names, away }, next } => {
                let end = names.len().min(*next + USERS_PER_MESSAGE);
                let part: Vec<UserName> =
                    names[*next..end].iter().map(|name| UserName::clone(name)).collect();
                let more = end < names.len();
                // Both lists are sorted in the same way.
                let is_in_part = |name: &&Arc<UserName>| part.binary_search(name).is_ok();
                let away = away.iter().filter(is_in_part).map(|name| UserName::clone(name)).collect();
                let mut line = BytesMut::new();
                let message = ServerMessage::Users { request: *request, names: part, away, more };
                codec::encode_into(&message, &mut line);
                out.push(line.freeze());
                *next = end;
                if !more {
                    self.answers.pop_front();
                }
                None
            }
            PartedAnswer::Rooms { request, rooms, next } => {
                let end = rooms.len().min(*next + ROOMS_PER_MESSAGE);
                let part = rooms[*next..end].to_vec();
                let more = end < rooms.len();
                *next = end;
                out.push(codec::encode(&ServerMessage::Rooms { request: *request, rooms: part, more }));
                if !more {
                    self.answers.pop_front();
                }
                None
            }
            PartedAnswer::Bans { request, bans } => {
                let (part, more) = next_part(bans, BANS_PER_MESSAGE);
                out.push(codec::encode(&ServerMessage::Bans { request: *request, bans: part, more }));
                if !more {
                    self.answers.pop_front();
                }
                None
            }
            PartedAnswer::Mutes { request, mutes } => {
                let (part, more) = next_part(mutes, MUTES_PER_MESSAGE);
                out.push(codec::encode(&ServerMessage::Mutes { request: *request, mutes: part, more }));
                if !more {
                    self.answers.pop_front();
                }
                None
            }
            PartedAnswer::Ops { request, ops } => {
                let (part, more) = next_part(ops, OPERATORS_PER_MESSAGE);
                out.push(codec::encode(&ServerMessage::Ops { request: *request, ops: part, more }));
                if !more {
                    self.answers.pop_front();
                }
                None
            }
            PartedAnswer::History { request, room, after, until } => {
                Some(LogRead::History { request: *request, room: *room, after: *after, until: *until })
            }
        }
    }

    /// A part of the oldest answer was read from the log and goes out. The rest follows `reached`; `None` means that
    /// this was the last part.
    pub(super) fn history_went_on(&mut self, request: u32, reached: Option<Seq>) {
        let Some(PartedAnswer::History { request: open, after, .. }) = self.answers.front_mut() else {
            return;
        };
        if *open != request {
            return;
        }
        match reached {
            Some(reached) => *after = reached,
            None => {
                self.answers.pop_front();
            }
        }
    }
}

/// Takes the rows of the next part of an answer, and returns them and whether more follow.
fn next_part<Row>(rows: &mut VecDeque<Row>, most: usize) -> (Vec<Row>, bool) {
    let part = rows.drain(..rows.len().min(most)).collect();
    (part, !rows.is_empty())
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::content::{ActTarget, ShortText};

    use super::*;

    #[test]
    fn the_queue_is_bounded_and_presence_is_left_out_first() {
        let mut outgoing = Outgoing::default();
        let line = Bytes::from(vec![b'x'; 1024]);
        let mut pushed = 0;
        for _ in 0..1000 {
            outgoing.push_presence(None, std::slice::from_ref(&line));
        }
        assert!(outgoing.control_bytes <= MAX_OF_OTHERS_BYTES);
        while outgoing.push(line.clone()).is_ok() {
            pushed += 1;
        }
        assert!(pushed >= 100);
        let mut out = Vec::new();
        outgoing.take_control(usize::MAX, &mut out);
        assert_eq!(out.last().unwrap(), &codec::encode(&ServerMessage::PresenceSkipped { room: None }));
        assert_eq!(outgoing.control_bytes, 0);
        outgoing.push_presence(None, std::slice::from_ref(&line));
        assert_eq!(outgoing.control_bytes, 1024, "from then on changes are told again");
    }

    #[test]
    fn lines_that_others_cause_leave_half_of_the_queue_to_the_client() {
        let mut outgoing = Outgoing::default();
        let line = Bytes::from(vec![b'x'; 3000]);
        let told = (0..1000).map_while(|_| outgoing.push_introduction(line.clone())).count();
        assert!(told > 30, "{told}");
        assert_eq!(outgoing.introductions, told as u64, "one that had no room is not counted");
        (0..10_000).for_each(|_| outgoing.push_probe());
        assert!(outgoing.control_bytes <= MAX_OF_OTHERS_BYTES);
        let own = Bytes::from(vec![b'x'; MAX_CONTROL_BYTES - MAX_OF_OTHERS_BYTES]);
        assert_eq!(outgoing.push(own), Ok(()));
        assert_eq!(outgoing.pings as usize, told + outgoing.control.len() - 1 - 2 * told);
    }

    #[test]
    fn an_introduction_is_read_when_the_ping_after_it_is_answered() {
        let mut outgoing = Outgoing::default();
        outgoing.push_ping().unwrap();
        assert_eq!(outgoing.push_introduction(Bytes::from_static(b"{}\n")), Some(1));
        assert_eq!(outgoing.introductions_read(), 0);
        assert!(outgoing.pong());
        assert_eq!(outgoing.introductions_read(), 0, "that was the ping before");
        assert!(outgoing.pong());
        assert_eq!(outgoing.introductions_read(), 1);
    }

    #[test]
    fn each_ping_is_answered_by_one_pong_and_further_ones_mean_nothing() {
        let mut outgoing = Outgoing::default();
        assert!(!outgoing.pong());
        for _ in 0..3 {
            outgoing.push_ping().unwrap();
        }
        let answers = (0..9).filter(|_| outgoing.pong()).count();
        assert_eq!(answers, 3);
        outgoing.push_introduction(Bytes::from_static(b"{}\n"));
        assert_eq!(outgoing.introductions_read(), 0, "it was not answered in advance");
        assert!(outgoing.pong());
        assert_eq!(outgoing.introductions_read(), 1);
    }

    #[test]
    fn a_long_list_of_mutes_goes_out_in_parts_that_fit_into_a_line() {
        let mut outgoing = Outgoing::default();
        // JSON writes each byte of this reason as six.
        let reason = ShortText::new("\u{1}".repeat(hobnob_protocol::MAX_TOPIC_BYTES)).ok();
        let row = |at| RestraintRow {
            what: ActTarget::new("x".repeat(128)).unwrap(),
            name: Some("x".repeat(32).parse().unwrap()),
            by: "boss".parse().unwrap(),
            at,
            until: Some(u64::MAX),
            reason: reason.clone(),
        };
        let mutes = (0..100).map(row).collect();
        outgoing.push_answer(PartedAnswer::Mutes { request: 7, mutes }).unwrap();
        let (mut out, mut told) = (Vec::new(), Vec::new());
        while !outgoing.answers.is_empty() {
            outgoing.take_answer(&mut out);
        }
        for line in &out {
            assert!(line.len() <= hobnob_protocol::MAX_LINE_BYTES, "{}", line.len());
            let ServerMessage::Mutes { request: 7, mutes, more } = serde_json::from_slice(line).unwrap()
            else {
                panic!("{line:?}");
            };
            told.extend(mutes.iter().map(|row| row.at));
            assert_eq!(more, told.len() < 100);
        }
        assert_eq!((out.len(), told), (3, (0..100).collect()));
    }
}
