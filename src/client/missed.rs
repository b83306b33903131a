//! What was said in the lobby and in rooms since this user was last there. The messages are gathered while they come,
//! and shown when all are there. This file owns what is counted, and how long lines wait for it. It does not know how
//! the messages are fetched.

use std::collections::VecDeque;

use hobnob_protocol::BACKLOG_ON_JOIN;
use hobnob_protocol::chain::{LogId, Position};
use tokio::time::Instant;

use crate::client::State;
use crate::client::summaries::{PATIENCE, Summary};
use crate::client::unread::{Gap, Unread};
use crate::data::history::entry::{Kept, Mark};
use crate::lobby::event::Joined;
use crate::lobby::link::MOST_MISSED;
use crate::lobby::sequence::Resumed;
use crate::session::{LinkState, SessionId};
use crate::show::{Message, Notice};
use crate::timestamp::Timestamp;

/// How many of the missed messages are shown. If fewer were missed, older ones are shown before them.
pub(super) const SHOWN: usize = BACKLOG_ON_JOIN as usize;

/// How many messages that were kept and not read are looked through for the user's name. This is as many as are
/// fetched.
const LOOKED_THROUGH: usize = 10_000;

/// The missed messages of one log, while they come.
#[derive(Debug)]
pub(crate) struct Missed {
    mark: Mark,
    /// The newest number in the log when this user came.
    until: u64,
    /// The messages of other users who are not ignored; below, how many of them name this user.
    count: u64,
    mentions: u64,
    /// The messages of other users, also of ignored ones, that were fetched in this run or before.
    fetched: u64,
    /// The messages that no run has fetched.
    gap: Option<Gap>,
    /// The newest of the messages.
    newest: VecDeque<Message>,
    /// From this time on lines are taken, whatever has come.
    patience: Instant,
}

/// From where a log is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Begun {
    /// The id of the log.
    pub(crate) log: LogId,
    /// The position of the newest message in the log.
    pub(crate) head: Position,
    /// The position after which messages follow.
    pub(crate) start: Position,
    /// Whether the log continues what was read before, and how many messages are missing in between.
    pub(crate) resumed: Resumed,
}

impl State {
    /// Begins to read the lobby's log. `mark` says how far this user had read, if the server goes on from there. A run
    /// that was `told_where` to begin neither uses a mark nor begins one.
    pub(crate) fn begin_reading(&mut self, mark: Option<Mark>, joined: &Joined, told_where: bool) {
        let welcome = &joined.welcome;
        // The messages after the position at which the server begins are heard from here on.
        self.keeping.enter(SessionId::LOBBY, joined.server, welcome.log, welcome.start, None);
        let (log, head, start) = (welcome.log, welcome.head, welcome.start);
        let begun = Begun { log, head, start, resumed: joined.resumed };
        self.begin_reading_log(SessionId::LOBBY, begun, mark, told_where);
    }

    /// Begins to read the log of the lobby or a room.
    pub(crate) fn begin_reading_log(
        &mut self,
        session: SessionId,
        begun: Begun,
        mark: Option<Mark>,
        told_where: bool,
    ) {
        if told_where {
            return;
        }
        let same = |mark: &Mark| mark.log == begun.log && begun.resumed != Resumed::Elsewhere;
        let Some(mark) = mark.filter(same) else {
            // If nothing was said in the log before, it makes no difference that it is another one.
            if mark.is_some_and(|mark| mark.fetched > 0) {
                self.tell_of_other_log(session);
            }
            self.backlogs.insert(session, begun.head.seq.0);
            return self.keeping.begin_mark(session, begun.head);
        };
        let until = begun.head.seq.0;
        // The messages between the last one that was fetched and the first one that comes are counted and not fetched.
        let gap = Gap::between(mark.fetched, begun.start.seq.0, until, MOST_MISSED);
        let count = gap.as_ref().map_or(0, Gap::count);
        let (newest, patience) = (VecDeque::new(), Instant::now() + PATIENCE);
        let mut missed = Missed { mark, until, count, mentions: 0, fetched: 0, gap, newest, patience };
        self.count_unread_before(session, &mut missed);
        self.missed.insert(session, missed);
        if begun.start.seq.0 >= until {
            self.show_missed(session);
        }
    }

    /// Counts the messages that an earlier run fetched and nobody read.
    fn count_unread_before(&mut self, session: SessionId, missed: &mut Missed) {
        let Mark { read, fetched, .. } = missed.mark;
        if read >= fetched {
            return;
        }
        for kept in self.kept_of_log(session, (read + 1, fetched), LOOKED_THROUGH) {
            let message = self.logged_message_again(session, &kept);
            self.count_missed(missed, &message);
        }
    }

    /// Adds a message of the lobby or a room to the missed ones. Returns false if it does not belong to them and is to
    /// be shown as it comes.
    pub(crate) fn gather_missed(&mut self, message: &Message) -> bool {
        let (session, Some(seq)) = (message.session, message.seq) else { return false };
        match self.missed.get(&session) {
            None => return false,
            // If a server leaves out the last missed message, the next message ends the wait.
            Some(missed) if seq > missed.until => {
                self.show_missed(session);
                return false;
            }
            Some(_) => {}
        }
        let Some(mut missed) = self.missed.remove(&session) else { return false };
        self.count_missed(&mut missed, message);
        // A message that a person is not shown does not count as one of the newest.
        if !message.ignored || !self.screen.is_terminal() {
            if missed.newest.len() == SHOWN {
                missed.newest.pop_front();
            }
            missed.newest.push_back(message.clone());
        }
        let is_last = seq == missed.until;
        self.missed.insert(session, missed);
        if is_last {
            self.show_missed(session);
        }
        true
    }

    fn count_missed(&self, missed: &mut Missed, message: &Message) {
        if message.key.is_some_and(|key| self.keeping.is_own(&key)) {
            return;
        }
        missed.fetched += 1;
        if !message.ignored {
            missed.count += 1;
            missed.mentions += u64::from(self.is_named(&message.text));
        }
    }

    /// Notes a message of a log that is no text. If it is the last one that was waited for, everything is there.
    pub(crate) fn passed_over(&mut self, session: SessionId, seq: u64) {
        if self.missed.get(&session).is_some_and(|missed| seq >= missed.until) {
            self.show_missed(session);
        }
    }

    /// Shows what was missed in a log, because everything is there or is not waited for any longer.
    pub(crate) fn show_missed(&mut self, session: SessionId) {
        let Some(missed) = self.missed.remove(&session) else { return };
        let Missed { mark, until, count, mentions, fetched, gap, .. } = missed;
        let from = mark.read + 1;
        let room = self.room_of(session);
        if count > 0 {
            let since = Some(Timestamp(mark.at));
            self.summarise(Summary { session, room: room.clone(), count, mentions, from, since });
            self.unread.insert(session, Unread::new(from, until).of_which(fetched, gap));
        }
        self.show_newest(session, missed);
        self.tell_summaries();
    }

    /// Shows the newest of the missed messages under a separating line, after what was read before.
    fn show_newest(&mut self, session: SessionId, missed: Missed) {
        let Missed { mark, count, mentions, newest, .. } = missed;
        let (from, room) = (mark.read + 1, self.room_of(session));
        // Messages missed in another session are counted, and shown when the person goes there.
        if self.screen.is_terminal() && self.sessions.current() != Some(session) && room.is_some() {
            let before = self.kept_of_log(session, (from, mark.fetched), SHOWN - newest.len());
            let before: Vec<Message> =
                before.iter().map(|kept| self.logged_message_again(session, kept)).collect();
            before.into_iter().chain(newest).for_each(|message| self.recent.keep(message));
            return self.sessions.count_missed(session, count, mentions);
        }
        let read = self.kept_of_log(session, (1, mark.fetched), SHOWN - newest.len());
        let read: Vec<Message> = read.iter().map(|kept| self.logged_message_again(session, kept)).collect();
        let mut is_drawn = count == 0 || !self.screen.is_terminal();
        for message in read.into_iter().chain(newest) {
            if !is_drawn && message.seq >= Some(from) {
                is_drawn = true;
                if let (Some(unread), Some(first)) = (self.unread.get_mut(&session), message.seq) {
                    unread.note_shown_from(first);
                }
                let (room, count) = (room.clone(), None);
                self.emit(Notice::Unread { session, room, count, is_over: false, reads_on: false });
            }
            self.recent.keep(message.clone());
            self.emit(Notice::Message(message));
        }
    }

    /// Shows the newest messages again that came while their session was not current, under a separating line. If the
    /// session `is_over`, the line names no command, because no command shows more of it.
    pub(crate) fn show_unread(&mut self, session: SessionId, unread: u64, is_over: bool) {
        let first = self.first_unread.remove(&session);
        let (shown, others) = self.newest_unread(session, unread);
        if others == 0 {
            return;
        }
        let room = self.room_of(session);
        let reads_on = !is_over && unread > others && self.reads_on_from(session, first);
        let count = Some((unread, others));
        self.emit(Notice::Unread { session, room, count, is_over, reads_on });
        if let Some(first) = shown.first().and_then(|message| message.seq) {
            self.is_shown_from(session, first);
        }
        for message in shown {
            self.emit(Notice::Message(Message { replayed: true, ..message }));
        }
    }

    /// Returns the newest messages of a session, and how many of them are by others: as many as are unread, but at most
    /// as many as are shown. What this user said meanwhile in another client stands between them and does not count.
    fn newest_unread(&self, session: SessionId, unread: u64) -> (Vec<Message>, u64) {
        let most = unread.min(SHOWN as u64);
        let (mut shown, mut others) = (Vec::new(), 0);
        for message in self.recent.last(session, usize::MAX).into_iter().rev() {
            if others == most {
                break;
            }
            let is_ignored = message.key.is_some_and(|key| self.user.ignores(&key));
            let is_own = self.is_by_oneself(&message);
            // What was said in this client was seen when it was typed.
            let is_typed_here = is_own && message.from == self.me.name;
            if !is_ignored && !is_typed_here {
                others += u64::from(!is_own);
                shown.push(message);
            }
        }
        shown.reverse();
        (shown, others)
    }

    /// Lets `\\missed` read the unread messages of a log that are not shown, from the first one on. Returns whether it
    /// can.
    fn reads_on_from(&mut self, session: SessionId, first: Option<u64>) -> bool {
        let until = self.heads.of(session);
        if self.keeping.history.is_on()
            && self.keeping.log(session).is_some()
            && let Some(next) = first
        {
            let unread = self.unread.entry(session).or_insert(Unread::new(next, until));
            unread.until = unread.until.max(until);
        }
        self.unread.contains_key(&session)
    }

    /// Whether a message was in its log before this user first came there, so that it does not count as unread.
    pub(super) fn was_said_before(&self, message: &Message) -> bool {
        let backlog = self.backlogs.get(&message.session);
        message.replayed && message.seq.zip(backlog).is_some_and(|(seq, until)| seq <= *until)
    }

    /// Remembers where the unread messages of a log begin.
    pub(super) fn note_first_unread(&mut self, message: &Message) {
        if let Some(seq) = message.seq
            && self.sessions.current() != Some(message.session)
        {
            self.first_unread.entry(message.session).or_insert(seq);
        }
    }

    /// Returns the newest kept messages of a log with numbers in this range; none if they cannot be read, which the
    /// diagnostics tell.
    pub(super) fn kept_of_log(&self, session: SessionId, numbers: (u64, u64), count: usize) -> Vec<Kept> {
        let Some((server, log)) = self.keeping.log(session) else { return Vec::new() };
        self.keeping.history.newest_of_log(&server, &log, numbers, count).unwrap_or_else(|err| {
            tracing::warn!(%err, "what was kept of a log cannot be read");
            Vec::new()
        })
    }

    /// Whether lines wait for missed messages.
    pub(crate) fn is_catching_up(&self) -> bool {
        !self.missed.is_empty() && self.sessions.lobby_state() == LinkState::Up
    }

    /// Returns when lines wait no longer, or when it is to be noted how far this user has read.
    pub(crate) fn missed_deadline(&self) -> Option<Instant> {
        let gathering = self.missed.values().map(|missed| missed.patience);
        gathering.chain(self.summaries.deadline()).chain(self.notes_deadline()).min()
    }

    /// Shows the missed messages that are there, if the time is over, and notes how far this user has read, if that is
    /// due.
    pub(crate) fn missed_time(&mut self, now: Instant) {
        let over = self.missed.iter().filter(|(_, missed)| missed.patience <= now);
        let over: Vec<SessionId> = over.map(|(session, _)| *session).collect();
        over.into_iter().for_each(|session| self.show_missed(session));
        self.summaries_time(now);
        self.notes_time(now);
    }
}
