//! Sessions with rooms: how a session begins, goes on after a lost link, and ends. This file owns what is known of a
//! room before the server has answered, and how long the last texts of a room that is being left are waited for. The
//! lobby's link carries the texts; a text for a room goes out with the room's name, or not at all.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use hobnob_protocol::BACKLOG_ON_JOIN;
use hobnob_protocol::chain::{Position, Seq};
use hobnob_protocol::content::ShortText;
use hobnob_protocol::message::{ClientMessage, Cursor, JoinRoom, JoinedRoom, NotJoinedCode, RoomSummary};
use hobnob_protocol::room::RoomName;
use tokio::time::Instant;

use crate::client::State;
use crate::client::command_error::CommandError;
use crate::client::missed::Begun;
use crate::client::old_messages::{OldMessages, Wanted};
use crate::client::questions::{Open, Question};
use crate::data::history::entry::Mark;
use crate::lobby::link::MOST_MISSED;
use crate::lobby::sequence::Resumed;
use crate::session::{LinkState, RoomSession, SessionId};
use crate::show::unsent::Unsent;
use crate::show::{ClosedReason, Failure, Notice, RoomClosed, RoomOpened, RoomRow, failing};

/// How long the last texts of a room that is being left are waited for.
const FAREWELL: Duration = Duration::from_secs(5);

/// The command that joins rooms, by its name in errors.
pub(crate) const JOIN: &str = "join";

/// How long a list of rooms is fresh enough for completion.
const FRESH: Duration = Duration::from_secs(3);

/// How many rooms of one answer are taken; after that no more parts are waited for. This is ten times what a server has
/// by default.
const MOST_ROOMS: usize = 10_000;

/// What is known of rooms, apart from their sessions.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    /// How far this user had read in rooms for which the server has not answered yet.
    marks: HashMap<SessionId, Mark>,
    /// Rooms in which more was missed than is fetched. They are joined again nearer to their newest message.
    shortened: HashSet<SessionId>,
    /// Rooms that are being left, and until when their last texts are waited for.
    leaving: HashMap<SessionId, Instant>,
    /// Where a script wants to begin in rooms that it has not joined yet.
    since: HashMap<RoomName, u64>,
    /// The rooms that may be completed, which are those the server has told.
    known: BTreeSet<RoomName>,
    /// When the server was last asked for its rooms.
    asked: Option<Instant>,
    changes: u64,
}

impl Rooms {
    /// Makes the rooms of a script that wants to begin after these numbers.
    #[must_use]
    pub(crate) fn beginning(since: HashMap<RoomName, u64>) -> Self {
        Self { since, ..Self::default() }
    }

    /// The rooms that may be completed, in order.
    pub(crate) fn known(&self) -> impl Iterator<Item = &RoomName> {
        self.known.iter()
    }

    /// Whether the server has still to answer for a room that this user was in before.
    #[must_use]
    pub(crate) fn are_awaited(&self) -> bool {
        !self.marks.is_empty()
    }

    /// Returns a counter of the changes to the known rooms.
    #[must_use]
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }
}

impl State {
    /// Returns the room of a session; `None` for the lobby and private sessions.
    #[must_use]
    pub(crate) fn room_of(&self, session: SessionId) -> Option<RoomName> {
        self.sessions.room(session).map(|it| it.room.clone())
    }

    /// Returns the session with a room or with the lobby; `None` for a room that this user is not in.
    #[must_use]
    pub(crate) fn session_in(&self, room: Option<&RoomName>) -> Option<SessionId> {
        room.map_or(Some(SessionId::LOBBY), |room| self.sessions.with_room(room))
    }

    /// Joins a room. Its session is current at once: a text typed from now on is meant for the room, waits for the
    /// server's answer, and goes nowhere else.
    pub(crate) fn join_room(&mut self, room: RoomName) -> SessionId {
        let session = self.sessions.add_room(RoomSession::joining(room.clone()));
        self.sessions.switch(session);
        let since = self.rooms.since.get(&room).copied().map(Seq);
        let mark = self.keeping.room_mark(&room).filter(|_| since.is_none());
        let cursor = mark.map(|Mark { log, fetched, hash, .. }| Cursor {
            log,
            position: Position { seq: Seq(fetched), hash },
        });
        self.rooms.marks.extend(mark.map(|mark| (session, mark)));
        self.ask_for_room(session, room, cursor, since);
        session
    }

    fn ask_for_room(
        &mut self,
        session: SessionId,
        room: RoomName,
        cursor: Option<Cursor>,
        since: Option<Seq>,
    ) {
        let request = self.questions.ask(Question::Join(session), Some(JOIN));
        self.lobby.join(JoinRoom { request, room, cursor, since, backlog: BACKLOG_ON_JOIN });
    }

    /// Joins a room again if more was missed in it than is fetched. It is then read from nearer to its newest message,
    /// and the messages in between are counted. Returns whether this was done.
    fn begins_nearer(&mut self, session: SessionId, joined: &JoinedRoom) -> bool {
        let head = joined.head.seq.0;
        let is_too_much = head.saturating_sub(joined.start.seq.0) > MOST_MISSED;
        if !is_too_much || !self.rooms.marks.contains_key(&session) || !self.rooms.shortened.insert(session) {
            return false;
        }
        self.lobby.part(joined.room.clone());
        self.ask_for_room(session, joined.room.clone(), None, Some(Seq(head - MOST_MISSED)));
        true
    }

    /// Returns to a room that this user was in at the end of an earlier run. The first hello has named it.
    pub(crate) fn return_to_room(&mut self, room: RoomName, mark: Mark) {
        let session = self.sessions.add_room(RoomSession::joining(room));
        self.rooms.marks.insert(session, mark);
    }

    /// Handles that this client is in a room, as the server says in answer to a command or after a new connection.
    pub(crate) fn room_joined(&mut self, joined: &JoinedRoom, resumed: Resumed) {
        let is_join = |question: &Question| matches!(question, Question::Join(_));
        let asked = joined.request.map(|request| self.questions.close_if(request, is_join));
        let session = match asked {
            Some(Some(Open { question: Question::Join(session), .. })) => Some(session),
            Some(_) => None,
            None => self.sessions.with_room(&joined.room),
        };
        let known = session.filter(|session| self.sessions.room(*session).is_some());
        let Some(session) = known else {
            // The join was given up, so nothing more is to be heard of the room.
            return self.lobby.part(joined.room.clone());
        };
        if resumed != Resumed::Elsewhere && self.begins_nearer(session, joined) {
            return;
        }
        let Some(room) = self.sessions.room_mut(session) else { return };
        let is_first = !std::mem::replace(&mut room.joined, true);
        room.room = joined.room.clone();
        let had_heard = self.keeping.has_heard(session);
        if let Some(server) = self.keeping.server() {
            self.keeping.enter(session, server, joined.log, joined.start, Some(joined.room.clone()));
        }
        self.heads.reach(session, joined.head.seq.0);
        self.ledger.fly(session);
        if is_first {
            self.room_begins(session, joined, resumed);
        } else {
            match resumed {
                Resumed::Elsewhere => self.room_made_anew(session, joined, had_heard),
                Resumed::After { .. } => self.tell_of_gap(session, resumed),
            }
            self.topic_is(session, joined.topic.as_ref().map(ShortText::as_str));
        }
    }

    /// Handles a room that is not the one this user was in: the room had gone, and a user who came back first made it
    /// again. The messages up to now are asked for, because the server begins after them.
    fn room_made_anew(&mut self, session: SessionId, joined: &JoinedRoom, had_heard: bool) {
        if had_heard {
            self.tell_of_other_log(session);
        }
        let head = joined.head.seq;
        if head.0 == 0 {
            return;
        }
        let count = u32::try_from(BACKLOG_ON_JOIN).unwrap_or(u32::MAX);
        let (old, Wanted { limit, .. }) = OldMessages::last(session, count, head.0);
        let (room, before) = (Some(joined.room.clone()), Some(head.next()));
        let request = self.questions.ask(Question::History(Box::new(old)), None);
        self.lobby.ask(ClientMessage::History { request, limit, room, before });
    }

    fn room_begins(&mut self, session: SessionId, joined: &JoinedRoom, resumed: Resumed) {
        self.emit(Notice::RoomOpened(RoomOpened::new(session, joined.room.clone())));
        self.topic_is(session, joined.topic.as_ref().map(ShortText::as_str));
        let since = self.rooms.since.remove(&joined.room);
        if let Some(since) = since {
            self.tell_of_since(session, since, joined.head.seq.0, joined.start.seq.0);
        }
        let (log, head, start) = (joined.log, joined.head, joined.start);
        let mark = self.rooms.marks.remove(&session);
        self.begin_reading_log(session, Begun { log, head, start, resumed }, mark, since.is_some());
        self.tell_summaries();
        // From now on later runs begin in this room, too.
        if since.is_none() {
            self.keeping.set_mark(session, Some(0));
        }
        if self.rooms.known.insert(joined.room.clone()) {
            self.rooms.changes += 1;
        }
        self.watch_room_joined(session);
    }

    /// Handles that the server does not let this client into a room.
    pub(crate) fn room_not_joined(&mut self, request: Option<u32>, room: &RoomName, code: NotJoinedCode) {
        let failing = failing::Room::NotJoined { room, code };
        match request {
            Some(request) => {
                let Some(open) = self.questions.close(request) else { return };
                if let Question::Join(session) = open.question {
                    // The texts that were said after the question got the same answer.
                    let unsaid = self.ledger.take_session(session);
                    self.report_all_unsent(unsaid, &Unsent::Failed(&failing));
                }
                self.give_up(open, failing.into());
            }
            None => {
                let Some(session) = self.sessions.with_room(room) else { return };
                self.room_over(session, ClosedReason::Gone, &Unsent::Failed(&failing));
                self.fail(failing);
            }
        }
    }

    /// Ends the session of a room that could not be joined.
    pub(crate) fn join_failed(&mut self, session: SessionId, error: CommandError) {
        self.fail(Failure::from(error.clone()).of_command(JOIN));
        self.room_over(session, ClosedReason::Failed, &Unsent::Failed(&error));
    }

    /// Leaves a room: at once, or when its last texts are answered for.
    pub(crate) fn leave_room(&mut self, session: SessionId) {
        self.rooms.leaving.insert(session, Instant::now() + FAREWELL);
        self.settle_leaving();
    }

    /// Ends the sessions with rooms that are being left, if nothing is left to wait for.
    pub(crate) fn settle_leaving(&mut self) {
        if self.rooms.leaving.is_empty() {
            return;
        }
        let (now, is_up) = (Instant::now(), self.sessions.lobby_state() == LinkState::Up);
        let is_over = |(session, until): (&SessionId, &Instant)| {
            let is_said = !self.ledger.has_of(*session);
            (is_said || !is_up || *until <= now).then_some(*session)
        };
        let over: Vec<SessionId> = self.rooms.leaving.iter().filter_map(is_over).collect();
        for session in over {
            self.note_read(session);
            self.keeping.leave_room(session);
            self.room_over(session, ClosedReason::Ended, &Unsent::RoomLeft);
        }
    }

    /// Returns when a room is left even if some of its texts are not answered for.
    pub(crate) fn leaving_deadline(&self) -> Option<Instant> {
        self.rooms.leaving.values().min().copied()
    }

    /// Ends a session with a room that is over: the texts that were still to be said there are reported and not said.
    /// Messages that were only counted there are shown first. If the session was current, no session is current
    /// afterwards; the caller decides what follows.
    fn room_over(&mut self, session: SessionId, reason: ClosedReason, why: &Unsent<'_>) {
        self.show_unseen_before_end(session);
        let unsaid = self.ledger.take_session(session);
        self.report_unanswered(unsaid, why);
        self.recent.forget(session);
        self.keeping.close(session);
        self.topics.forget(session);
        self.heads.forget(session);
        self.missed.remove(&session);
        self.unread.remove(&session);
        self.backlogs.remove(&session);
        self.first_unread.remove(&session);
        self.rooms.marks.remove(&session);
        self.rooms.leaving.remove(&session);
        self.rooms.shortened.remove(&session);
        let Some(RoomSession { room, .. }) = self.sessions.remove_room(session) else { return };
        // The server is told even if the room was not joined, because an answer may be on its way.
        self.lobby.part(room.clone());
        self.emit(Notice::RoomClosed(RoomClosed::new(session, room, reason)));
        self.tell_summaries();
    }

    /// Asks which rooms there are, only for completion. A script completes nothing and does not ask.
    pub(crate) fn learn_rooms(&mut self) {
        if self.screen.is_terminal() {
            self.rooms.asked = Some(Instant::now());
            let request = self.questions.ask(Question::Rooms { rooms: Vec::new(), shown: false }, None);
            self.lobby.ask(ClientMessage::Rooms { request });
        }
    }

    /// Asks again which rooms there are, because this user is about to name one; not if that was just done.
    pub(crate) fn refresh_rooms(&mut self) {
        let is_fresh = self.rooms.asked.is_some_and(|asked| asked.elapsed() < FRESH);
        if !is_fresh && self.sessions.lobby_state() == LinkState::Up {
            self.learn_rooms();
        }
    }

    /// Takes a part of the answer that lists the rooms.
    pub(crate) fn rooms_listed(&mut self, request: u32, part: Vec<RoomSummary>, more: bool) {
        let open = self.questions.get_mut(request);
        let Some(Open { question: Question::Rooms { rooms, .. }, .. }) = open else { return };
        rooms.extend(part.into_iter().map(|RoomSummary { name, users, topic }| RoomRow {
            name,
            users,
            topic: topic.map(|topic| topic.as_str().to_owned()),
        }));
        if more && rooms.len() < MOST_ROOMS {
            return;
        }
        let closed = self.questions.close(request);
        let Some(Open { question: Question::Rooms { mut rooms, shown }, .. }) = closed else { return };
        rooms.sort_by(|a, b| a.name.cmp(&b.name));
        self.rooms.known = rooms.iter().map(|row| row.name.clone()).collect();
        self.rooms.changes += 1;
        if shown {
            self.emit(Notice::Rooms { rooms });
        }
    }
}
