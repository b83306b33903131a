//! Messages that name this user: the last ones of all runs, and those among the missed messages, each together with its
//! neighbours. This file owns how far back this user has walked, and how much fits on a page. It does not know by which
//! command it is asked.

use crate::client::State;
use crate::client::found;
use crate::data::history::HistoryError;
use crate::data::history::entry::Kept;
use crate::data::history::question::Before;
use crate::session::SessionId;
use crate::show::Message;
use crate::show::kept::KeptMessage;

/// How many messages are read from the history at once.
const AT_ONCE: usize = 500;

/// How many messages are looked through for one page. If more were missed, the next page goes on after them.
const LOOKED_THROUGH: usize = 50_000;

/// How far back a user has walked through the messages that name him.
#[derive(Debug, Clone, Copy, Default)]
pub struct Walk {
    before: Before,
    /// How many messages were shown that are not kept on this machine.
    unkept: usize,
}

/// How much of a log is still to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// Nothing is left to be shown.
    Nothing,
    /// This many messages are left.
    Some(u64),
    /// There may be more; nobody has looked.
    NotCounted,
}

/// A page of messages that name this user, in groups of those that follow each other.
#[derive(Debug)]
pub(crate) struct Page {
    columns: usize,
    rows: usize,
    used: usize,
    groups: Vec<Vec<Message>>,
    /// How many messages did not fit, after the page was full.
    left: u64,
    is_full: bool,
    /// Whether there are messages that do not name this user.
    has_neighbours: bool,
    /// How many more messages may be looked at.
    patience: usize,
}

impl Page {
    /// Makes an empty page of this size.
    pub(crate) fn new(columns: usize, rows: usize) -> Self {
        Self {
            columns,
            rows,
            used: 0,
            groups: Vec::new(),
            left: 0,
            is_full: false,
            has_neighbours: false,
            patience: LOOKED_THROUGH,
        }
    }

    /// Whether messages that do not name this user stand beside those that do.
    pub(crate) fn has_neighbours(&self) -> bool {
        self.has_neighbours
    }

    /// Returns the groups, and how much is left after them.
    pub(crate) fn take(self) -> (Vec<Vec<Message>>, Left) {
        let left = match (self.left, self.patience) {
            (_, 0) => Left::NotCounted,
            (0, _) => Left::Nothing,
            (left, _) => Left::Some(left),
        };
        (self.groups, left)
    }

    /// Begins a group with these messages, or adds them to the last group. Returns false if they do not fit and the
    /// page already has a group.
    fn add(&mut self, messages: Vec<Message>, begins: bool) -> bool {
        let gap = usize::from(begins && !self.groups.is_empty());
        let needed = gap + messages.iter().map(|it| rows_of(it, self.columns)).sum::<usize>();
        if self.used + needed > self.rows && !self.groups.is_empty() {
            return false;
        }
        self.used += needed;
        match self.groups.last_mut().filter(|_| !begins) {
            Some(group) => group.extend(messages),
            None => self.groups.push(messages),
        }
        true
    }
}

/// Returns about how many rows a message takes. The space in front of its text is counted as the name and a time.
pub(crate) fn rows_of(message: &Message, columns: usize) -> usize {
    let before = message.from.as_str().len() + "00:00│: ".len();
    let room = columns.saturating_sub(before).max(1);
    message.text.split('\n').map(|line| line.chars().count().div_ceil(room).max(1)).sum()
}

impl State {
    /// Returns the next messages of a walk back through the messages that name this user, at most `count`, the newest
    /// last, and the walk that goes on before them.
    pub(crate) fn mentions_before(
        &self,
        walk: Walk,
        count: usize,
    ) -> (Result<Vec<KeptMessage>, HistoryError>, Walk) {
        let kept = match self.kept_mentions(walk.before, count) {
            Ok(kept) => kept,
            Err(err) => return (Err(err), walk),
        };
        let kept = kept.into_iter().map(|kept| (found::shown(&kept), Some(kept)));
        let unkept = self.unkept_mentions().into_iter().rev().skip(walk.unkept).take(count);
        let mut all: Vec<(KeptMessage, Option<Kept>)> = kept.chain(unkept.map(|it| (it, None))).collect();
        all.sort_by_key(|(message, _)| message.at);
        all.drain(..all.len().saturating_sub(count));
        let mut reached = walk;
        for (_, kept) in &all {
            match kept {
                Some(kept) => reached.before = reached.before.down_to(kept),
                None => reached.unkept += 1,
            }
        }
        (Ok(all.into_iter().map(|(message, _)| message).collect()), reached)
    }

    fn kept_mentions(&self, before: Before, count: usize) -> Result<Vec<Kept>, HistoryError> {
        let words = self.user.preferences.highlight.words().iter().map(String::as_str);
        let names = [self.me.name.as_str(), self.keeping.own_name().as_str()].into_iter().chain(words);
        let is_wanted = |kept: &Kept| {
            let by_oneself = kept.own || self.keeping.is_own(&kept.key);
            !by_oneself && !self.is_ignored(kept) && self.is_named(kept.text.as_str())
        };
        self.keeping.history.newest_with_any(names, before, count, &is_wanted)
    }

    /// Returns such messages that this run has seen and does not keep, the oldest first.
    fn unkept_mentions(&self) -> Vec<KeptMessage> {
        let is_wanted = |message: &&Message| {
            message.from != self.me.name
                && !self.keeping.keeps(message.session)
                && !message.key.is_some_and(|key| self.user.ignores(&key))
                && self.is_named(&message.text)
        };
        let mut found: Vec<&Message> = self.recent.all().filter(is_wanted).collect();
        // The messages of a session that is over are no longer in memory, except for the last one that named this user.
        let last = self.user.last_mention.as_ref().filter(|_| !self.keeping.history.is_on());
        let last = last.filter(is_wanted).filter(|last| !found.contains(last));
        found.extend(last);
        found.sort_by_key(|message| message.at);
        found.into_iter().map(|message| self.again(message)).collect()
    }

    /// Fills a page with missed messages that name this user: first those of the current session, then those of the
    /// others.
    pub(crate) fn read_missed_mentions(&mut self, page: &mut Page) -> Result<(), HistoryError> {
        for session in self.unread_sessions() {
            self.read_mentions_of(session, page)?;
        }
        Ok(())
    }

    fn read_mentions_of(&mut self, session: SessionId, page: &mut Page) -> Result<(), HistoryError> {
        let Some(unread) = self.unread.get(&session).copied() else { return Ok(()) };
        let (Some(mut from), Some((server, log))) = (unread.not_looked_through(), self.keeping.log(session))
        else {
            return Ok(());
        };
        let mut before = self.kept_of_log(session, (1, from - 1), 1).pop();
        // The message after one that names this user belongs to the same group.
        let mut goes_on = false;
        while from <= unread.until && page.patience > 0 {
            let count = AT_ONCE.min(page.patience);
            let kept = self.keeping.history.oldest_of_log(&server, &log, (from, unread.until), count)?;
            let Some(last) = kept.last() else { break };
            page.patience -= kept.len();
            from = last.number + 1;
            for kept in kept {
                if self.is_ignored(&kept) {
                    continue;
                }
                let message = self.logged_message_again(session, &kept);
                if self.is_mention(&kept) {
                    let lead = before.take().filter(|_| !goes_on);
                    let lead = lead.map(|kept| self.logged_message_again(session, &kept));
                    let lead = lead.filter(|it| !it.ignored);
                    let has_lead = lead.is_some();
                    let group = lead.into_iter().chain([message]).collect();
                    page.is_full |= !page.is_full && !page.add(group, !goes_on);
                    if page.is_full {
                        page.left += 1;
                    } else {
                        page.has_neighbours |= has_lead;
                        self.looked_through(session, kept.number);
                    }
                    goes_on = !page.is_full;
                } else if std::mem::take(&mut goes_on) && page.add(vec![message], false) {
                    // This message was shown, so no other group begins with it.
                    before = None;
                    page.has_neighbours = true;
                } else {
                    before = Some(kept);
                }
            }
        }
        if !page.is_full {
            self.looked_through(session, if page.patience > 0 { unread.until } else { from - 1 });
        }
        Ok(())
    }

    fn is_mention(&self, kept: &Kept) -> bool {
        !self.keeping.is_own(&kept.key) && self.is_named(kept.text.as_str())
    }

    fn looked_through(&mut self, session: SessionId, until: u64) {
        if let Some(unread) = self.unread.get_mut(&session) {
            unread.looked_through = until;
        }
    }
}
