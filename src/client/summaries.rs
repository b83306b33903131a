//! What is told of all that was missed, one row a log and few rows in all, once everything that is shown of it stands
//! above. Owns for how long that waits. At a terminal alone; a program is told of each log as soon as it is known.

use std::time::Duration;

use hobnob_protocol::room::RoomName;
use tokio::time::Instant;

use crate::client::State;
use crate::session::SessionId;
use crate::show::{Notice, saying};
use crate::timestamp::Timestamp;

/// How long lines wait for what was missed to be there. It is a second's work; a server that announces messages and
/// sends none holds nobody up longer.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Rows for logs; where more logs have something, the last row sums up the rest.
const ROWS: usize = 4;

/// More than this was missed, so that what names the user is not found at a glance.
const AT_A_GLANCE: u64 = 20;

/// What was missed in one log.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) session: SessionId,
    /// The room, for one.
    pub(crate) room: Option<RoomName>,
    pub(crate) count: u64,
    /// How many of them name this user.
    pub(crate) mentions: u64,
    /// The number of the first one.
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

/// What is to be told when all is there.
#[derive(Debug, Default)]
pub(crate) struct Summaries {
    waiting: Vec<Summary>,
    /// When it is told whatever is still to come.
    until: Option<Instant>,
}

impl Summaries {
    /// When what is there is told.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.until
    }
}

impl State {
    /// Something was missed in a log.
    pub(super) fn summarise(&mut self, summary: Summary) {
        if !self.screen.is_terminal() {
            return self.emit(summary.notice());
        }
        self.summaries.until.get_or_insert_with(|| Instant::now() + PATIENCE);
        self.summaries.waiting.push(summary);
    }

    /// Tells what was missed, where nothing more is to be shown of it.
    pub(super) fn tell_summaries(&mut self) {
        if self.missed.is_empty() && !self.rooms.are_awaited() {
            self.tell_all_summaries();
        }
    }

    /// Tells what is there, when its time is over.
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
        // The lobby, then where this user is named, then where most was said.
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
