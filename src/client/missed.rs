//! What was said in the lobby and in rooms since this user was last there: gathered while it comes, told when all of it
//! is there. Owns what is counted, and how long lines wait for it. Knows nothing of how it is fetched.

use std::collections::VecDeque;

use hobnob_protocol::BACKLOG_ON_JOIN;
use hobnob_protocol::chain::Position;
use hobnob_protocol::name::LogId;
use tokio::time::Instant;

use crate::client::State;
use crate::client::summaries::{PATIENCE, Summary};
use crate::data::history::entry::{Kept, Mark};
use crate::lobby::event::Joined;
use crate::lobby::sequence::Resumed;
use crate::session::{LinkState, SessionId};
use crate::show::{Message, Notice};
use crate::timestamp::Timestamp;

/// Messages that are shown of those that were missed, and of those before where fewer were.
const SHOWN: usize = BACKLOG_ON_JOIN as usize;

/// Messages that were kept and not read, and are looked through for the user's name. As many as are fetched.
const LOOKED_THROUGH: usize = 10_000;

/// What was missed in one log, while it comes.
#[derive(Debug)]
pub(crate) struct Missed {
    mark: Mark,
    /// The newest number there was when this user came.
    until: u64,
    /// Messages by others, and those of them that name this user.
    count: u64,
    mentions: u64,
    /// The newest ones.
    newest: VecDeque<Message>,
    /// When lines are taken whatever has come.
    patience: Instant,
}

/// What is still to be read of what was missed in one log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unread {
    /// The number of the next one.
    pub(crate) next: u64,
    /// The number of the last one.
    pub(crate) until: u64,
    /// Up to this number it was looked through for what names this user.
    pub(crate) looked_through: u64,
}

impl Unread {
    /// All from `next` to `until`, both included.
    #[must_use]
    pub(crate) fn new(next: u64, until: u64) -> Self {
        Self { next, until, looked_through: 0 }
    }

    /// How many numbers are left.
    #[must_use]
    pub(crate) fn left(&self) -> u64 {
        (self.until + 1).saturating_sub(self.next)
    }

    /// From which number on it is still to be looked for what names this user; none where that is done.
    #[must_use]
    pub(crate) fn not_looked_through(&self) -> Option<u64> {
        let from = self.next.max(self.looked_through + 1);
        (from <= self.until).then_some(from)
    }
}

/// Where a log is read from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Begun {
    /// Which log it is.
    pub(crate) log: LogId,
    /// Its newest message.
    pub(crate) head: Position,
    /// What follows comes after this one.
    pub(crate) start: Position,
    /// How that continues what was read before.
    pub(crate) resumed: Resumed,
}

impl State {
    /// The run begins: `mark` says how far this user had come in the lobby, where the server goes on from there. A run
    /// that was `told_where` to begin neither looks at a mark nor begins one.
    pub(crate) fn begin_reading(&mut self, mark: Option<Mark>, joined: &Joined, told_where: bool) {
        let welcome = &joined.welcome;
        // What comes after the place where the server begins is heard from here on.
        self.keeping.enter(SessionId::LOBBY, joined.server, welcome.log, welcome.start, None);
        let (log, head, start) = (welcome.log, welcome.head, welcome.start);
        let begun = Begun { log, head, start, resumed: joined.resumed };
        self.begin_reading_log(SessionId::LOBBY, begun, mark, told_where);
    }

    /// The same for the lobby or a room.
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
            // Where nothing had been said, nothing is different now.
            if mark.is_some_and(|mark| mark.fetched > 0) {
                self.tell_of_other_log(session);
            }
            self.backlogs.insert(session, begun.head.seq.0);
            return self.keeping.begin_mark(session, begun.head);
        };
        let until = begun.head.seq.0;
        // What is between the last message that was fetched and the first that comes is not fetched, but counted.
        let gone = begun.start.seq.0.saturating_sub(mark.fetched);
        let patience = Instant::now() + PATIENCE;
        let mut missed = Missed { mark, until, count: gone, mentions: 0, newest: VecDeque::new(), patience };
        self.count_unread_before(session, &mut missed);
        self.missed.insert(session, missed);
        if begun.start.seq.0 >= until {
            self.show_missed(session);
        }
    }

    /// What an earlier run fetched, and nobody read.
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

    /// Adds a message of the lobby or a room to what was missed there. False where it is none of that: it is to be shown
    /// as it comes.
    pub(crate) fn gather_missed(&mut self, message: &Message) -> bool {
        let (session, Some(seq)) = (message.session, message.seq) else { return false };
        match self.missed.get(&session) {
            None => return false,
            // Where a server leaves out the last of it, what comes next ends it.
            Some(missed) if seq > missed.until => {
                self.show_missed(session);
                return false;
            }
            Some(_) => {}
        }
        let Some(mut missed) = self.missed.remove(&session) else { return false };
        self.count_missed(&mut missed, message);
        // What a person is not shown anyway takes no place among the last ones.
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
        let by_other = message.key.is_none_or(|key| !self.keeping.is_own(&key));
        if by_other && !message.ignored {
            missed.count += 1;
            missed.mentions += u64::from(self.is_named(&message.text));
        }
    }

    /// An entry of a log that is no text came; where it is the last that was waited for, all is there.
    pub(crate) fn passed_over(&mut self, session: SessionId, seq: u64) {
        if self.missed.get(&session).is_some_and(|missed| seq >= missed.until) {
            self.show_missed(session);
        }
    }

    /// All of it is there, or is waited for no longer.
    pub(crate) fn show_missed(&mut self, session: SessionId) {
        let Some(missed) = self.missed.remove(&session) else { return };
        let Missed { mark, until, count, mentions, .. } = missed;
        let from = mark.read + 1;
        let room = self.room_of(session);
        if count > 0 {
            let since = Some(Timestamp(mark.at));
            self.summarise(Summary { session, room: room.clone(), count, mentions, from, since });
            self.unread.insert(session, Unread::new(from, until));
        }
        self.show_newest(session, missed);
        self.tell_summaries();
    }

    /// The newest of what was missed, under a line, after what was read before.
    fn show_newest(&mut self, session: SessionId, missed: Missed) {
        let Missed { mark, count, mentions, newest, .. } = missed;
        let (from, room) = (mark.read + 1, self.room_of(session));
        // What was missed elsewhere is counted, and shown to a person who goes there.
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
                let (room, count) = (room.clone(), None);
                self.emit(Notice::Unread { session, room, count, is_over: false, reads_on: false });
            }
            self.recent.keep(message.clone());
            self.emit(Notice::Message(message));
        }
    }

    /// Shows again what came in a session while it was not current, the newest of it, under a line that says so.
    /// Where the session `is_over`, the line names no command, since none shows more of it.
    pub(crate) fn show_unread(&mut self, session: SessionId, unread: u64, is_over: bool) {
        let first = self.first_unread.remove(&session);
        let is_unread = |message: &&Message| {
            let ignored = message.key.is_some_and(|key| self.user.ignores(&key));
            !ignored && !self.is_by_oneself(message)
        };
        let newest = self.recent.last(session, usize::MAX);
        let most = usize::try_from(unread).unwrap_or(usize::MAX).min(SHOWN);
        let mut shown: Vec<Message> = newest.iter().rev().filter(is_unread).take(most).cloned().collect();
        if shown.is_empty() {
            return;
        }
        shown.reverse();
        let room = self.room_of(session);
        let count = Some((unread, shown.len() as u64));
        let reads_on = !is_over && unread > shown.len() as u64 && self.reads_on_from(session, first);
        self.emit(Notice::Unread { session, room, count, is_over, reads_on });
        // What begins with the first of these is all on the screen: `\\missed` has nothing more to show of it.
        let first = shown.first().and_then(|message| message.seq);
        if first.zip(self.unread.get(&session)).is_some_and(|(first, unread)| first <= unread.next) {
            self.unread.remove(&session);
        }
        for message in shown {
            self.emit(Notice::Message(Message { replayed: true, ..message }));
        }
    }

    /// What is unread in a log and not shown may be read by `\\missed`, from the first message on.
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

    /// Whether a message was there before this user first came to its log: nobody waits for it to be read.
    pub(super) fn was_said_before(&self, message: &Message) -> bool {
        let backlog = self.backlogs.get(&message.session);
        message.replayed && message.seq.zip(backlog).is_some_and(|(seq, until)| seq <= *until)
    }

    /// Remembers where what is unread in a log begins.
    pub(super) fn note_first_unread(&mut self, message: &Message) {
        if let Some(seq) = message.seq
            && self.sessions.current() != Some(message.session)
        {
            self.first_unread.entry(message.session).or_insert(seq);
        }
    }

    fn is_by_oneself(&self, message: &Message) -> bool {
        message.from == self.me.name
    }

    /// The newest kept messages of a log with these numbers; none where they cannot be read, which the log tells.
    pub(super) fn kept_of_log(&self, session: SessionId, numbers: (u64, u64), count: usize) -> Vec<Kept> {
        let Some((server, log)) = self.keeping.log(session) else { return Vec::new() };
        self.keeping.history.newest_of_log(&server, &log, numbers, count).unwrap_or_else(|err| {
            tracing::warn!(%err, "what was kept of a log cannot be read");
            Vec::new()
        })
    }

    /// Whether lines wait for what was missed.
    pub(crate) fn is_catching_up(&self) -> bool {
        !self.missed.is_empty() && self.sessions.lobby_state() == LinkState::Up
    }

    /// When they wait no longer.
    pub(crate) fn missed_deadline(&self) -> Option<Instant> {
        self.missed.values().map(|missed| missed.patience).chain(self.summaries.deadline()).min()
    }

    /// Tells what is there of what was missed, when its time is over.
    pub(crate) fn missed_time(&mut self, now: Instant) {
        let over = self.missed.iter().filter(|(_, missed)| missed.patience <= now);
        let over: Vec<SessionId> = over.map(|(session, _)| *session).collect();
        over.into_iter().for_each(|session| self.show_missed(session));
        self.summaries_time(now);
    }

    /// The run ends.
    pub(crate) fn end_reading(&mut self) {
        self.keeping.logs().into_iter().for_each(|session| self.note_read(session));
    }

    /// Notes how far a log was read: a script has read what came, a person where something was typed. A room that has
    /// something unread in it was not looked at, nor a lobby in which something was only counted.
    pub(crate) fn note_read(&self, session: SessionId) {
        if self.missed.contains_key(&session) {
            // Not all came: the next run begins where this one did.
            return;
        }
        let was_seen = match session {
            SessionId::LOBBY => !self.sessions.has_unseen(session),
            _ => self.sessions.unread(session) == 0,
        };
        let has_read = !self.screen.is_terminal() || (self.user.has_typed && was_seen);
        self.keeping.set_mark(session, if has_read { None } else { Some(0) });
    }
}
