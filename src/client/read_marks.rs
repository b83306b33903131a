//! When it is noted how far this user has read in the lobby, in rooms and in private: when a room is left, at the end
//! of the run, and for a person also with each line, since a run may end without being asked. This file owns what
//! counts as read. It does not know how marks are stored.

use std::time::Duration;

use tokio::time::Instant;

use crate::client::State;
use crate::session::SessionId;

/// The shortest time between two notes, so that a paste of ten thousand lines is not noted ten thousand times.
const APART: Duration = Duration::from_secs(1);

/// When it was noted how far this user has read.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    last: Option<Instant>,
    /// When the next note is due, if a line was entered soon after the last one.
    due: Option<Instant>,
}

impl State {
    /// Notes how far a person who has just entered a line has read, so that it does not count as missed if the run is
    /// killed. If this was done a moment ago, it is done in a moment.
    pub(crate) fn note_entered(&mut self, now: Instant) {
        if !self.screen.is_terminal() || !self.user.has_typed {
            return;
        }
        match self.notes.last.map(|last| last + APART).filter(|next| now < *next) {
            Some(next) => self.notes.due = Some(next),
            None => self.note_all(now),
        }
    }

    /// Returns when the next note is due.
    pub(super) fn notes_deadline(&self) -> Option<Instant> {
        self.notes.due
    }

    /// Makes the note that is due.
    pub(super) fn notes_time(&mut self, now: Instant) {
        if self.notes.due.is_some_and(|due| due <= now) {
            self.note_all(now);
        }
    }

    fn note_all(&mut self, now: Instant) {
        self.notes = Notes { last: Some(now), due: None };
        for session in self.keeping.logs() {
            let is_gathered = !self.missed.contains_key(&session);
            if is_gathered && self.has_read(session) && self.keeping.has_come_further(session) {
                self.keeping.set_mark(session, None);
            }
        }
        for session in self.keeping.private_sessions() {
            self.note_private_read(session);
        }
    }

    /// Notes at the end of the run how far each log was read.
    pub(crate) fn end_reading(&mut self) {
        self.keeping.logs().into_iter().for_each(|session| self.note_read(session));
        self.keeping.private_sessions().into_iter().for_each(|session| self.note_private_read(session));
    }

    /// Notes that a person has read a private session, unless something is unread in it. Scripts have no such marks,
    /// because they are not told of what they have not read.
    pub(super) fn note_private_read(&mut self, session: SessionId) {
        if self.screen.is_terminal() && self.has_read(session) {
            self.keeping.read_private(session);
        }
    }

    /// Notes how far a log was read, because its session ends.
    pub(super) fn note_read(&mut self, session: SessionId) {
        if self.missed.contains_key(&session) {
            // Not everything came, so the next run begins where this one did.
            return;
        }
        let read = if self.has_read(session) { None } else { Some(0) };
        self.keeping.set_mark(session, read);
    }

    /// Whether everything that came in a log was read. A script has read it; a person has if something was typed. A
    /// room with unread messages does not count as read, and neither does a lobby in which messages were only counted.
    fn has_read(&self, session: SessionId) -> bool {
        let was_seen = match session {
            SessionId::LOBBY => !self.sessions.has_unseen(session),
            _ => self.sessions.unread(session) == 0,
        };
        !self.screen.is_terminal() || (self.user.has_typed && was_seen)
    }
}
