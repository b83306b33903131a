//! What this user is told when a name looks like another. This file owns when that is shown at once, when it is only
//! counted, and when it is shown after all; programs get each once. Which names look alike is in
//! [`super::look_alikes`], and how many notices are too many is in [`super::repeats`].

use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;

use crate::client::State;
use crate::client::look_alikes::{Likeness, odd_character};
use crate::show::{Notice, Repeated, saying};

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
        let Some(Likeness { other, concerns_acquaintance }) = self.look_alikes.meet(name, key) else {
            return;
        };
        let kind = match concerns_acquaintance {
            true => Repeated::LooksLike(other.clone()),
            false => Repeated::LookAlike,
        };
        let notice = self.looks_like(name, &other);
        if !self.emit_unless_repeated(kind, 1, &notice) {
            self.look_alikes.hold(name, &other);
        }
    }

    /// Tells the user that a name looks like another if that was only counted so far. The user of that name is about to
    /// say something, or wants to talk in private. This is one line for each name, before a line that is shown anyway.
    pub(crate) fn warn_of(&mut self, name: &UserName) {
        if let Some(other) = self.look_alikes.take_held(name) {
            let notice = self.looks_like(name, &other);
            self.screen.emit_to_people(&notice);
        }
    }

    fn looks_like(&self, name: &UserName, other: &UserName) -> Notice {
        let (odd, is_own) = (odd_character(name, other), *other == self.me.name);
        saying::Lobby::LooksLike { name, odd, other, is_own }.into()
    }
}
