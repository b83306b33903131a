//! What was said in the lobby since this user's last run: gathered while it comes, told when all of it is there. Owns
//! what is counted, and how long lines wait for it. Knows nothing of how it is fetched.

use std::collections::VecDeque;
use std::time::Duration;

use hobnob_protocol::BACKLOG_ON_JOIN;
use tokio::time::Instant;

use crate::client::State;
use crate::data::history::entry::{Kept, Mark};
use crate::lobby::event::Joined;
use crate::lobby::sequence::Resumed;
use crate::session::{LinkState, SessionId};
use crate::show::{Message, Notice, saying};
use crate::timestamp::Timestamp;

/// Messages that are shown of those that were missed, and of those before where fewer were.
const SHOWN: usize = BACKLOG_ON_JOIN as usize;

/// Messages that were kept and not read, and are looked through for the user's name. As many as are fetched.
const LOOKED_THROUGH: usize = 10_000;

/// How long lines wait for what was missed to be there. It is a second's work; a server that announces messages and
/// sends none holds nobody up longer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was missed, while it comes.
#[derive(Debug)]
pub(crate) struct Missed {
    mark: Mark,
    /// The newest number there was when this run began.
    until: u64,
    /// Messages by others, and those of them that name this user.
    count: u64,
    mentions: u64,
    /// The newest ones.
    newest: VecDeque<Message>,
    /// When lines are taken whatever has come.
    patience: Instant,
}

/// What is still to be read of what was missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unread {
    /// The number of the next one.
    pub(crate) next: u64,
    /// The number of the last one.
    pub(crate) until: u64,
}

impl State {
    /// The run begins: `mark` says how far this user had come, where the server goes on from there. A run that was
    /// `told_where` to begin neither looks at a mark nor begins one.
    pub(crate) fn begin_reading(&mut self, mark: Option<Mark>, joined: &Joined, told_where: bool) {
        let welcome = &joined.welcome;
        // What comes after the place where the server begins is heard from here on.
        self.keeping.enter(joined.server, welcome.log, welcome.start);
        if told_where {
            return;
        }
        let same = |mark: &Mark| mark.log == welcome.log && joined.resumed != Resumed::Elsewhere;
        let Some(mark) = mark.filter(same) else {
            if mark.is_some() {
                self.emit(saying::Lobby::AnotherLog.into());
            }
            return self.keeping.begin_mark(welcome.log, welcome.head);
        };
        let until = welcome.head.seq.0;
        // What is between the last message that was fetched and the first that comes is not fetched, but counted.
        let gone = welcome.start.seq.0.saturating_sub(mark.fetched);
        let patience = Instant::now() + PATIENCE;
        let mut missed = Missed { mark, until, count: gone, mentions: 0, newest: VecDeque::new(), patience };
        self.count_unread_before(&mut missed);
        self.missed = Some(missed);
        if welcome.start.seq.0 >= until {
            self.show_missed();
        }
    }

    /// What an earlier run fetched, and nobody read.
    fn count_unread_before(&mut self, missed: &mut Missed) {
        let Mark { read, fetched, .. } = missed.mark;
        if read >= fetched {
            return;
        }
        for kept in self.kept_of_lobby((read + 1, fetched), LOOKED_THROUGH) {
            let message = self.lobby_message_again(&kept);
            self.count_missed(missed, &message);
        }
    }

    /// Adds a message of the lobby to what was missed. False where it is none of that: it is to be shown as it comes.
    pub(crate) fn gather_missed(&mut self, message: &Message) -> bool {
        // Where a server leaves out the last of it, what comes next ends it.
        if self.missed.as_ref().is_some_and(|missed| message.seq.is_some_and(|seq| seq > missed.until)) {
            self.show_missed();
        }
        let Some(mut missed) =
            self.missed.take_if(|missed| message.seq.is_some_and(|seq| seq <= missed.until))
        else {
            return false;
        };
        self.count_missed(&mut missed, message);
        // What a person is not shown anyway takes no place among the last ones.
        if !message.ignored || !self.screen.is_terminal() {
            if missed.newest.len() == SHOWN {
                missed.newest.pop_front();
            }
            missed.newest.push_back(message.clone());
        }
        let is_last = message.seq == Some(missed.until);
        self.missed = Some(missed);
        if is_last {
            self.show_missed();
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

    /// All of it is there, or is waited for no longer.
    pub(crate) fn show_missed(&mut self) {
        let Some(missed) = self.missed.take() else { return };
        let Missed { mark, until, count, mentions, newest, .. } = missed;
        let from = mark.read + 1;
        if count > 0 {
            let (session, since) = (SessionId::LOBBY, Some(Timestamp(mark.at)));
            self.emit(Notice::Missed { session, count, mentions, from, since });
            self.unread = Some(Unread { next: from, until });
        }
        let read = self.kept_of_lobby((1, mark.fetched), SHOWN - newest.len());
        let read: Vec<Message> = read.iter().map(|kept| self.lobby_message_again(kept)).collect();
        let mut is_drawn = count == 0 || !self.screen.is_terminal();
        for message in read.into_iter().chain(newest) {
            if !is_drawn && message.seq >= Some(from) {
                is_drawn = true;
                self.emit(Notice::Unread { session: SessionId::LOBBY, count: None });
            }
            self.recent.keep(message.clone());
            self.emit(Notice::Message(message));
        }
    }

    /// Shows again what came in a session while it was not current, the newest of it, under a line that says so.
    pub(crate) fn show_unread(&mut self, session: SessionId, unread: u64) {
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
        self.emit(Notice::Unread { session, count: Some((unread, shown.len() as u64)) });
        for message in shown {
            self.emit(Notice::Message(Message { replayed: true, ..message }));
        }
    }

    fn is_by_oneself(&self, message: &Message) -> bool {
        message.from == self.me.name
    }

    /// The newest kept messages of the lobby with these numbers; none where they cannot be read, which the log tells.
    fn kept_of_lobby(&self, numbers: (u64, u64), count: usize) -> Vec<Kept> {
        let Some((server, log)) = self.keeping.log() else { return Vec::new() };
        self.keeping.history.newest_of_log(&server, &log, numbers, count).unwrap_or_else(|err| {
            tracing::warn!(%err, "what was kept of the lobby cannot be read");
            Vec::new()
        })
    }

    /// Whether lines wait for what was missed.
    pub(crate) fn is_catching_up(&self) -> bool {
        self.missed.is_some() && self.sessions.lobby_state() == LinkState::Up
    }

    /// When they wait no longer.
    pub(crate) fn missed_deadline(&self) -> Option<Instant> {
        self.missed.as_ref().map(|missed| missed.patience)
    }

    /// Tells what is there of what was missed, when its time is over.
    pub(crate) fn missed_time(&mut self, now: Instant) {
        if self.missed_deadline().is_some_and(|patience| patience <= now) {
            self.show_missed();
        }
    }

    /// The run ends: a script has read what came, a person where something was typed.
    pub(crate) fn end_reading(&mut self) {
        if self.missed.is_some() {
            // Not all came: the next run begins where this one did.
            return;
        }
        let has_read = !self.screen.is_terminal() || self.user.has_typed;
        self.keeping.set_mark(if has_read { None } else { Some(0) });
    }
}
