//! The numbers of one log, the lobby's or a room's: its newest message, and which posts have a number. This file owns
//! staging: the numbers of the newest batch can be taken back until the batch is stored. It knows neither who is in the
//! lobby nor who may speak.

use hobnob_protocol::chain::{self, LobbyMessage, Position, Seq};
use hobnob_protocol::content::Content;
use hobnob_protocol::name::UserName;
use serde::{Deserialize, Serialize};

use super::posts::{Posts, SavedPosts, Taken};
use super::roster::Member;

/// The numbers of one log.
#[derive(Debug, Clone)]
pub(super) struct Numbering {
    /// The newest message, stored or staged.
    head: Position,
    /// The newest message that is stored.
    stored: Position,
    posts: Posts,
}

/// The numbers of a log as they are saved.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SavedNumbering {
    head: Position,
    posts: SavedPosts,
}

/// What became of a text or act.
#[derive(Debug)]
pub(super) enum Numbered {
    /// It is new, and this is its message.
    New(LobbyMessage),
    /// It has this number already.
    Known(Seq),
    /// It has no number, and a later text of its run has one, so it gets none.
    TooLate,
}

impl Numbering {
    /// Makes the numbers of a log that goes up to `head` and remembers these posts.
    pub(super) fn new(head: Position, posts: Posts) -> Self {
        Self { head, stored: head, posts }
    }

    /// Gives the next number to what `author` says under `id` at the time `at`, if it is new.
    pub(super) fn number(&mut self, author: &Member, id: u64, content: &Content, at: u64) -> Numbered {
        let (key, run) = (author.key, author.run);
        let seq = self.head.seq.next();
        match self.posts.take((key, run), id, seq) {
            Taken::New => {}
            Taken::Known(seq) => return Numbered::Known(seq),
            Taken::TooLate => return Numbered::TooLate,
        }
        let (name, content) = (UserName::clone(&author.name), content.clone());
        let mut message = LobbyMessage { seq, at, name, key, run, id, content, hash: self.head.hash };
        message.hash = chain::link(&self.head.hash, &message);
        self.head = Position { seq, hash: message.hash };
        Numbered::New(message)
    }

    /// Returns what became of the text or act that `author` sent before under `id`, or `None` if it would be new.
    pub(super) fn known(&self, author: &Member, id: u64) -> Option<Numbered> {
        match self.posts.look((author.key, author.run), id, self.head.seq.next()) {
            Taken::New => None,
            Taken::Known(seq) => Some(Numbered::Known(seq)),
            Taken::TooLate => Some(Numbered::TooLate),
        }
    }

    /// Takes a message that has its number already, if it is the next message. Returns whether it is.
    pub(super) fn keep(&mut self, message: &LobbyMessage) -> bool {
        let is_next = self.head.advance(message).is_ok();
        if is_next {
            self.posts.note((message.key, message.run), message.id, message.seq);
        }
        is_next
    }

    /// Returns all numbers in the form in which they are saved. The caller makes sure that nothing is staged.
    pub(super) fn saved(&self) -> SavedNumbering {
        SavedNumbering { head: self.head, posts: self.posts.saved() }
    }

    /// Restores the numbers that were saved.
    pub(super) fn restored(saved: SavedNumbering) -> Self {
        Self::new(saved.head, Posts::restored(saved.posts))
    }

    /// Returns the newest message, stored or staged.
    pub(super) fn head(&self) -> Position {
        self.head
    }

    /// Returns the newest message that is stored.
    pub(super) fn stored(&self) -> Position {
        self.stored
    }

    /// The staged messages are stored.
    pub(super) fn commit(&mut self) {
        self.stored = self.head;
    }

    /// The staged messages were not stored: their numbers, and those in their authors' runs, are free again.
    pub(super) fn withdraw<'a>(&mut self, staged: impl IntoIterator<Item = &'a LobbyMessage>) {
        for message in staged {
            self.posts.give_back((message.key, message.run), self.stored.seq.next());
        }
        self.head = self.stored;
    }

    /// Forgets posts that are too old. Only some calls do so, since it takes time.
    pub(super) fn sweep(&mut self) {
        self.posts.sweep(self.head.seq);
    }
}
