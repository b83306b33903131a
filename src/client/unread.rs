//! The missed messages that are still to be read, in the lobby and in rooms, and the next page of them. This file owns
//! which messages are counted as missed: those of others who are not ignored. It does not know by which command they
//! are read, nor how they were fetched.

use crate::client::State;
use crate::client::mentions::{Left, rows_of};
use crate::data::history::HistoryError;
use crate::session::SessionId;
use crate::show::{Message, Notice, saying};

/// How many messages are counted at most to say how many are left. One start fetches a fifth of it.
const COUNTED: u64 = 50_000;

/// How many messages are read from the history at once.
const AT_ONCE: usize = 100;

/// The missed messages of one log that are still to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unread {
    /// The number of the next message.
    pub(crate) next: u64,
    /// The number of the last message.
    pub(crate) until: u64,
    /// The messages up to this number were looked through for those that name this user.
    pub(crate) looked_through: u64,
    /// How many messages of others, also of ignored ones, were given to the history to be kept.
    given: u64,
    /// The numbers among them that were never fetched.
    gap: Option<Gap>,
    /// The first of the messages that a person was shown when he came, until he is told so.
    shown_from: Option<u64>,
}

/// Numbers of a log that were not fetched when this user came. Nobody knows which of them are messages of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gap {
    first: u64,
    last: u64,
    /// How many messages are fetched at most, if it is for this that these were not. Otherwise the server did not have
    /// them any more.
    most: Option<u64>,
}

impl Gap {
    /// Returns the gap between the last message that was `fetched` in earlier runs and the first one of this run, which
    /// came after `start`; `None` if there is none. A run fetches at most `most` messages, up to the number `until`.
    #[must_use]
    pub(crate) fn between(fetched: u64, start: u64, until: u64, most: u64) -> Option<Self> {
        let most = (until.saturating_sub(start) >= most).then_some(most);
        (start > fetched).then(|| Self { first: fetched + 1, last: start, most })
    }

    /// Returns how many numbers are in the gap.
    #[must_use]
    pub(crate) fn count(&self) -> u64 {
        self.last + 1 - self.first
    }
}

impl Unread {
    /// Makes the unread messages from `next` to `until`, both included.
    #[must_use]
    pub(crate) fn new(next: u64, until: u64) -> Self {
        Self { next, until, looked_through: 0, given: 0, gap: None, shown_from: None }
    }

    /// Notes how many of the messages are by others and were given to the history, and which of them were not fetched.
    #[must_use]
    pub(crate) fn of_which(self, given: u64, gap: Option<Gap>) -> Self {
        Self { given, gap, ..self }
    }

    /// Notes that the messages from this number on were shown when this user came.
    pub(super) fn note_shown_from(&mut self, number: u64) {
        self.shown_from = Some(number);
    }

    /// How many numbers are left.
    #[must_use]
    pub(crate) fn left(&self) -> u64 {
        (self.until + 1).saturating_sub(self.next)
    }

    /// Returns the number of the first message that is still to be looked through for this user's name; `None` if all
    /// were.
    #[must_use]
    pub(crate) fn not_looked_through(&self) -> Option<u64> {
        let from = self.next.max(self.looked_through + 1);
        (from <= self.until).then_some(from)
    }

    /// Returns the gap, as far as it is before the message with this number, if the message is behind its beginning.
    /// `\\history` may have fetched the end of the gap meanwhile. The gap is returned once.
    fn take_gap_before(&mut self, number: u64) -> Option<Gap> {
        let gap = self.gap.take_if(|gap| gap.first <= number)?;
        (gap.first < number).then(|| Gap { last: gap.last.min(number - 1), ..gap })
    }
}

/// What is kept of messages that are still to be read.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    /// The messages of others.
    by_others: u64,
    /// Those of them who are not ignored.
    heard: u64,
    /// Whether there may be more messages than were counted: because of the limit, or because the disk has not taken
    /// all of them yet.
    is_cut: bool,
}

impl State {
    /// Returns the sessions that have missed messages to be read, in the order in which they are read: the current one
    /// first.
    pub(crate) fn unread_sessions(&self) -> Vec<SessionId> {
        let current = self.sessions.current();
        let mut sessions: Vec<SessionId> = self.unread.keys().copied().collect();
        sessions.sort_by_key(|session| (Some(*session) != current, *session));
        sessions
    }

    /// Returns the session in which missed messages are read next. A session in which others have said nothing that is
    /// left counts as read.
    ///
    /// # Errors
    /// Fails if the history cannot be read.
    pub(crate) fn next_unread(&mut self) -> Result<Option<SessionId>, HistoryError> {
        for session in self.unread_sessions() {
            let Some(unread) = self.unread.get(&session).copied() else { continue };
            let Tally { by_others, heard, is_cut } = self.tally(session, (unread.next, unread.until))?;
            if heard > 0 || is_cut || unread.given > by_others || unread.gap.is_some() {
                return Ok(Some(session));
            }
            self.all_read(session, unread);
        }
        Ok(None)
    }

    /// Shows the next missed messages of a session, as many as fit into these columns and rows, but at least one, and
    /// moves the mark behind them. Returns how many messages of others are left.
    ///
    /// # Errors
    /// Fails if the history cannot be read. Nothing is shown then, and the mark stays.
    pub(crate) fn read_missed(
        &mut self,
        session: SessionId,
        size: (usize, usize),
    ) -> Result<Left, HistoryError> {
        let Some(mut unread) = self.unread.get(&session).copied() else { return Ok(Left::Nothing) };
        let before = self.tally(session, (unread.next, unread.until))?;
        let (page, read) = self.next_page(session, unread, size)?;
        let left = self.tally(session, (read + 1, unread.until))?;
        let lost = if before.is_cut { 0 } else { unread.given.saturating_sub(before.by_others) };
        if lost > 0 {
            self.emit(saying::History::MissedNotKept { count: lost, others_follow: !page.is_empty() }.into());
        }
        for message in page {
            let number = message.seq.unwrap_or_default();
            self.tell_of_gap_before(&mut unread, number);
            if unread.shown_from.take_if(|first| *first <= number).is_some() {
                self.emit(saying::History::ShownAtStart.into());
            }
            self.emit(Notice::Message(message));
        }
        if left.heard == 0 && !left.is_cut {
            let end = unread.until + 1;
            self.tell_of_gap_before(&mut unread, end);
            self.all_read(session, unread);
            self.count_as_read(session, unread.until, 0);
            return Ok(Left::Nothing);
        }
        if !left.is_cut {
            self.count_as_read(session, read, left.heard);
        }
        self.unread.insert(session, Unread { next: read + 1, given: left.by_others, ..unread });
        self.keeping.set_mark(session, Some(read));
        Ok(if left.is_cut { Left::NotCounted } else { Left::Some(left.heard) })
    }

    /// Returns the messages that fit into these columns and rows, but at least one, and the number of the last one. The
    /// first one is by somebody else; this user's own texts are among the others, to which they may belong.
    fn next_page(
        &self,
        session: SessionId,
        unread: Unread,
        (columns, rows): (usize, usize),
    ) -> Result<(Vec<Message>, u64), HistoryError> {
        let (mut page, mut used, mut read) = (Vec::new(), 0, unread.next.saturating_sub(1));
        let Some((server, log)) = self.keeping.log(session) else { return Ok((page, unread.until)) };
        let hides = self.screen.is_terminal();
        loop {
            let numbers = (read + 1, unread.until);
            let kept = self.keeping.history.oldest_of_log(&server, &log, numbers, AT_ONCE)?;
            if kept.is_empty() {
                return Ok((page, read));
            }
            for kept in kept {
                let message = self.logged_message_again(session, &kept);
                let is_hidden = message.ignored && hides;
                if !is_hidden && (!page.is_empty() || !self.is_by_oneself(&message)) {
                    used += rows_of(&message, columns);
                    if used > rows && !page.is_empty() {
                        return Ok((page, read));
                    }
                    page.push(message);
                }
                read = kept.number;
            }
        }
    }

    /// Counts what is kept of the messages with these numbers (first and last).
    fn tally(&self, session: SessionId, numbers: (u64, u64)) -> Result<Tally, HistoryError> {
        let Some((server, log)) = self.keeping.log(session) else { return Ok(Tally::default()) };
        let (authors, is_written) = self.keeping.history.authors_of_log(&server, &log, numbers, COUNTED)?;
        let is_cut = !is_written || authors.values().sum::<u64>() >= COUNTED;
        let mut tally = Tally { is_cut, ..Tally::default() };
        for (key, count) in authors.into_iter().filter(|(key, _)| !self.keeping.is_own(key)) {
            tally.by_others += count;
            tally.heard += if self.user.ignores(&key) { 0 } else { count };
        }
        Ok(tally)
    }

    /// Notes that the messages of a session are on the screen from the one with this number on. If others have said
    /// nothing before it that is still to be read, nothing is left for `\\missed`.
    pub(super) fn is_shown_from(&mut self, session: SessionId, number: u64) {
        let Some(unread) = self.unread.get(&session) else { return };
        let before = self.tally(session, (unread.next, number.saturating_sub(1)));
        let is_nothing = |tally: Tally| tally.heard == 0 && !tally.is_cut;
        // If the history cannot be read, others may have said something.
        if unread.gap.is_none() && before.is_ok_and(is_nothing) {
            self.unread.remove(&session);
        }
    }

    /// Says that messages are missing before the one with this number, if they were never fetched.
    fn tell_of_gap_before(&mut self, unread: &mut Unread, number: u64) {
        if let Some(gap) = unread.take_gap_before(number) {
            self.emit(saying::History::NotFetched { count: gap.count(), most: gap.most }.into());
        }
    }

    /// Notes that everything that was missed in a session is read, as far as it has come.
    fn all_read(&mut self, session: SessionId, unread: Unread) {
        self.unread.remove(&session);
        let until = unread.until.min(self.keeping.heard_until(session));
        self.keeping.set_mark(session, Some(until));
    }

    /// Takes what was shown of a session from the count of unread messages in the prompt: those up to the number `read`.
    /// `left` others are to be read by `\\missed`, and those that came in this run stay counted.
    fn count_as_read(&mut self, session: SessionId, read: u64, left: u64) {
        let until = self.unread.get(&session).map_or(read, |unread| unread.until);
        let kept = self.recent.last(session, usize::MAX);
        let is_heard = |message: &&Message| {
            let is_ignored = message.key.is_some_and(|key| self.user.ignores(&key));
            !is_ignored && !self.is_by_oneself(message)
        };
        let heard: Vec<&Message> = kept.iter().filter(|it| it.seq > Some(read)).filter(is_heard).collect();
        let mentions = heard.iter().filter(|message| self.is_named(&message.text)).count();
        let first_later = heard.iter().filter_map(|message| message.seq).find(|seq| *seq > until);
        let later = heard.iter().filter(|message| message.seq > Some(until)).count();
        match first_later {
            Some(first) => drop(self.first_unread.insert(session, first)),
            None => drop(self.first_unread.remove(&session)),
        }
        self.sessions.set_read(session, left + later as u64, mentions as u64);
    }

    /// Whether this user said a message, in this client or, in the lobby and in rooms, in another one with the same
    /// key. In private, two clients of one user are two users.
    pub(crate) fn is_by_oneself(&self, message: &Message) -> bool {
        match message.key.filter(|_| self.sessions.is_log(message.session)) {
            Some(key) => self.keeping.is_own(&key),
            None => message.from == self.me.name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_has_the_numbers_that_no_run_has_fetched() {
        assert_eq!(Gap::between(7, 7, 9, 10), None);
        assert_eq!(Gap::between(7, 5, 9, 10), None);
        let gone = Gap::between(7, 9, 12, 10).unwrap();
        assert_eq!((gone.count(), gone.most), (2, None));
        let too_much = Gap::between(7, 1_007, 1_017, 10).unwrap();
        assert_eq!((too_much.count(), too_much.most), (1_000, Some(10)));
    }

    #[test]
    fn a_gap_is_told_once_and_only_as_far_as_nothing_was_fetched_later() {
        let unread = Unread::new(5, 40).of_which(20, Gap::between(9, 19, 40, 100));
        for (number, count, is_told) in
            [(9, None, false), (10, None, true), (15, Some(5), true), (30, Some(10), true)]
        {
            let mut unread = unread;
            assert_eq!(unread.take_gap_before(number).map(|gap| gap.count()), count, "{number}");
            assert_eq!(unread.gap.is_none(), is_told, "{number}");
        }
    }
}
