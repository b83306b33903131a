//! What is said where this user is not: shown as it comes, or only counted in the prompt, as this user likes it; and how
//! much of it the terminal's title tells. Every session that is not the current one is elsewhere, of whatever kind.

use crate::client::State;
use crate::config::preferences::Others;
use crate::session::SessionId;
use crate::show::{Message, Notice};

impl State {
    /// Shows a message that came in, or leaves it to the prompt that counts it.
    pub(super) fn show_or_count(&mut self, message: Message) {
        let is_counted = self.is_only_counted(message.session);
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

    /// Tells the terminal's title what is unread.
    pub(crate) fn show_title(&mut self) {
        if !self.screen.is_terminal() {
            return;
        }
        let unread = match self.user.preferences.title {
            true => self.sessions.rows().iter().filter(|row| !row.current).map(|row| row.unread).sum(),
            // A title that was wanted until now is taken off.
            false => 0,
        };
        self.screen.show_title(unread);
    }
}
