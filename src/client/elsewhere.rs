//! What is said in sessions that are not current. It is shown as it comes, or only counted in the prompt, as this user
//! likes it. This file also tells the terminal's title how much is unread.

use crate::client::State;
use crate::client::missed::SHOWN;
use crate::config::preferences::Others;
use crate::session::SessionId;
use crate::show::{Message, Notice};

/// How many unread messages are shown at once.
const AT_ONCE: u64 = SHOWN as u64;

impl State {
    /// Shows an incoming message, or leaves it to the prompt, which counts it.
    pub(super) fn show_or_count(&mut self, message: Message) {
        let is_counted = self.is_only_counted(message.session);
        if is_counted && !message.ignored && !self.is_by_oneself(&message) {
            self.sessions.note_unseen(message.session);
        }
        let notice = Notice::Message(message);
        match is_counted {
            true => self.screen.emit_unseen(&notice),
            false => self.emit(notice),
        }
    }

    fn is_only_counted(&self, session: SessionId) -> bool {
        let elsewhere = self.sessions.current() != Some(session);
        elsewhere && self.screen.is_terminal() && self.user.preferences.others == Others::Count
    }

    /// Shows what was only counted in a session that is about to end, because nothing would show it afterwards.
    pub(super) fn show_unseen_before_end(&mut self, session: SessionId) {
        if self.sessions.has_unseen(session) {
            self.show_unread(session, self.sessions.unread(session), true);
        }
    }

    /// Shows what was only counted in a private session that is about to end. Returns how many messages stay unread:
    /// all of them are read if all were shown now.
    pub(super) fn unread_after_end(&mut self, session: SessionId) -> u64 {
        let unread = self.sessions.unread(session);
        let has_unseen = self.sessions.has_unseen(session);
        self.show_unseen_before_end(session);
        if has_unseen && unread <= AT_ONCE {
            self.sessions.set_read(session, 0, 0);
            return 0;
        }
        unread
    }

    /// Makes the lobby current again, because the session that was current is over or is being left. What was only
    /// counted in the lobby is shown, as for a person who goes there by a command.
    pub(crate) fn fall_back_to_lobby(&mut self) {
        let unread = self.sessions.unread(SessionId::LOBBY);
        let has_unseen = self.sessions.has_unseen(SessionId::LOBBY);
        self.sessions.switch(SessionId::LOBBY);
        if has_unseen {
            self.show_unread(SessionId::LOBBY, unread, false);
        } else {
            self.first_unread.remove(&SessionId::LOBBY);
        }
    }

    /// Tells the terminal's title what is unread, and whether the lobby is down.
    pub(crate) fn show_title(&mut self) {
        if !self.screen.is_terminal() {
            return;
        }
        let unread = match self.user.preferences.title {
            true => self.sessions.rows().iter().filter(|row| !row.current).map(|row| row.unread).sum(),
            // If the title is not wanted any more, it is removed.
            false => 0,
        };
        self.screen.show_title(unread, self.sessions.is_down(SessionId::LOBBY));
    }
}
