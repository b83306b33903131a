//! What this user is told when a name looks like another. This file owns when that is shown at once, when it is only
//! counted, and when it is shown after all; programs get each once. Which names look alike is in
//! [`super::look_alikes`], and how many notices are too many is in [`super::repeats`].

use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;

use crate::client::State;
use crate::client::look_alikes::{Unshown, odd_character};
use crate::show::{Message, Notice, Repeated, saying};

impl State {
    /// Notes that a name was met, with its key if that is known. The name may be completed from now on. If it looks
    /// like another name, the user is told, or it is counted and told by [`warn_of`](Self::warn_of).
    ///
    /// The likeness to each acquaintance is counted apart, so that many harmless pairs do not hide the one that
    /// matters.
    pub(crate) fn meet(&mut self, name: &UserName, key: Option<&PublicKey>) {
        if self.known_names.contains(name) {
            return;
        }
        self.known_names.add(name);
        let Some(likeness) = self.look_alikes.meet(name, key) else { return };
        let kind = likeness.acquaintance.clone().map_or(Repeated::LookAlike, Repeated::LooksLike);
        let notice = self.looks_like(name, &likeness.other);
        match self.emit_unless_repeated(kind, 1, &notice) {
            true => self.look_alikes.note_shown(name, &likeness),
            false => self.look_alikes.hold(name, &likeness),
        }
    }

    /// Tells the user that a name looks like another if he was not shown that so far. The user of that name is about to
    /// say something, or wants to talk in private. This is one line for each name, before a line that is shown anyway.
    pub(crate) fn warn_of(&mut self, name: &UserName, key: &PublicKey) {
        let unshown = self.look_alikes.take_unshown(name, key);
        self.warn(name, unshown);
    }

    /// Does what [`warn_of`](Self::warn_of) does for a message that is about to be shown. In front of one that was said
    /// before this user came, only a likeness to somebody whom he knows is told.
    pub(crate) fn warn_before(&mut self, message: &Message) {
        let Some(key) = message.key.filter(|_| !message.ignored && !self.is_by_oneself(message)) else {
            return;
        };
        let unshown = match message.replayed {
            true => self.look_alikes.take_like_acquaintance(&message.from, &key),
            false => self.look_alikes.take_unshown(&message.from, &key),
        };
        self.warn(&message.from, unshown);
    }

    /// Shows a message that came before, behind a warning of its author's name if one is due.
    pub(crate) fn show_old_message(&mut self, message: Message) {
        let message = Message { replayed: true, ..message };
        self.warn_before(&message);
        self.emit(Notice::Message(message));
    }

    fn warn(&mut self, name: &UserName, unshown: Option<Unshown>) {
        let Some(Unshown { other, was_found }) = unshown else { return };
        let notice = self.looks_like(name, &other);
        match was_found {
            true => self.screen.emit_to_people(&notice),
            false => self.screen.emit(&notice),
        }
    }

    fn looks_like(&self, name: &UserName, other: &UserName) -> Notice {
        let (odd, is_own) = (odd_character(name, other), *other == self.me.name);
        saying::Lobby::LooksLike { name, odd, other, is_own }.into()
    }
}
