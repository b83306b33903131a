//! The summaries of everything that was missed: one row for each log and only a few rows in all, below the messages
//! that are shown of it. This file owns how long the summaries wait for these messages. It matters only at a terminal;
//! a program is told of each log as soon as it is known.

use std::time::Duration;

use hobnob_protocol::room::RoomName;
use tokio::time::Instant;

use crate::client::State;
use crate::session::SessionId;
use crate::show::{Notice, saying};
use crate::timestamp::Timestamp;

/// How long lines wait for the missed messages, which usually take a second. A server that announces messages and does
/// not send them holds nobody up for longer.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How many rows there are. If more logs have something, the last row sums up the rest.
const ROWS: usize = 4;

/// If more than this was missed, the messages that name the user are not found at a glance.
const AT_A_GLANCE: u64 = 20;

/// The summary of what was missed in one log.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) session: SessionId,
    /// The room, if it is the log of a room.
    pub(crate) room: Option<RoomName>,
    pub(crate) count: u64,
    /// How many of the messages name this user.
    pub(crate) mentions: u64,
    /// The number of the first message.
    pub(crate) from: u64,
    /// When this user was last there.
    pub(crate) since: Option<Timestamp>,
}

impl Summary {
    fn notice(self) -> Notice {
        let Self { session, room, count, mentions, from, since } = self;
        Notice::Missed { session, room, count, mentions, from, since }
    }
}

/// The summaries that are to be shown when everything is there.
#[derive(Debug, Default)]
pub(crate) struct Summaries {
    waiting: Vec<Summary>,
    /// When the summaries are shown, whatever is still to come.
    until: Option<Instant>,
}

impl Summaries {
    /// Returns when the summaries are shown, whatever is still to come.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.until
    }
}

impl State {
    /// Adds the summary of a log in which something was missed.
    pub(super) fn summarise(&mut self, summary: Summary) {
        if !self.screen.is_terminal() {
            return self.emit(summary.notice());
        }
        self.summaries.until.get_or_insert_with(|| Instant::now() + PATIENCE);
        self.summaries.waiting.push(summary);
    }

    /// Shows the summaries, if no missed messages are waited for any more.
    pub(super) fn tell_summaries(&mut self) {
        if self.missed.is_empty() && !self.rooms.are_awaited() {
            self.tell_all_summaries();
        }
    }

    /// Shows the summaries that are there, if the time is over.
    pub(super) fn summaries_time(&mut self, now: Instant) {
        if self.summaries.until.is_some_and(|until| until <= now) {
            self.tell_all_summaries();
        }
    }

    fn tell_all_summaries(&mut self) {
        self.summaries.until = None;
        let mut waiting = std::mem::take(&mut self.summaries.waiting);
        let total: u64 = waiting.iter().map(|it| it.count).sum();
        let mentions: u64 = waiting.iter().map(|it| it.mentions).sum();
        // The order is: the lobby, then rooms in which this user is named, then rooms in which most was said.
        waiting.sort_by_key(|it| (it.room.is_some(), std::cmp::Reverse((it.mentions, it.count)), it.session));
        let shown = if waiting.len() > ROWS { ROWS - 1 } else { ROWS };
        let rest = waiting.split_off(waiting.len().min(shown));
        waiting.into_iter().for_each(|summary| self.emit(summary.notice()));
        if !rest.is_empty() {
            let (count, mentions) =
                rest.iter().fold((0, 0), |(count, mentions), it| (count + it.count, mentions + it.mentions));
            self.emit(saying::History::MissedInOthers { rooms: rest.len(), count, mentions }.into());
        }
        if mentions > 0 && total > AT_A_GLANCE {
            self.emit(saying::History::MentionsMissed.into());
        }
    }
}
