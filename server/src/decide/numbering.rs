//! The numbers of one log, the lobby's or a room's: its newest message, and which posts have a number. Owns staging:
//! what was decided of the newest batch until it is stored. Knows neither who is in nor who may speak.

use hobnob_protocol::chain::{self, LobbyMessage, Position};
use hobnob_protocol::content::Content;
use hobnob_protocol::name::{Seq, UserName};
use serde::{Deserialize, Serialize};

use super::posts::{Posts, SavedPosts, Taken};
use super::roster::Member;

/// One log's numbers.
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

/// What became of something that was said.
#[derive(Debug)]
pub(super) enum Numbered {
    /// It is new, and this is the message.
    New(LobbyMessage),
    /// It has this number already.
    Known(Seq),
    /// It has none, and a later one of its run has.
    TooLate,
}

impl Numbering {
    /// The numbers of a log that goes up to `head` and remembers these posts.
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

    /// What became of what `author` said under `id` before; `None` where it would be new.
    pub(super) fn known(&self, author: &Member, id: u64) -> Option<Numbered> {
        match self.posts.look((author.key, author.run), id, self.head.seq.next()) {
            Taken::New => None,
            Taken::Known(seq) => Some(Numbered::Known(seq)),
            Taken::TooLate => Some(Numbered::TooLate),
        }
    }

    /// A message that has its number already goes in if it is the next one.
    pub(super) fn keep(&mut self, message: &LobbyMessage) -> bool {
        let is_next = self.head.advance(message).is_ok();
        if is_next {
            self.posts.note((message.key, message.run), message.id, message.seq);
        }
        is_next
    }

    /// All of it, where nothing is staged.
    pub(super) fn saved(&self) -> SavedNumbering {
        SavedNumbering { head: self.head, posts: self.posts.saved() }
    }

    /// What was saved.
    pub(super) fn restored(saved: SavedNumbering) -> Self {
        Self::new(saved.head, Posts::restored(saved.posts))
    }

    /// The newest message, stored or staged.
    pub(super) fn head(&self) -> Position {
        self.head
    }

    /// The newest message that is stored.
    pub(super) fn stored(&self) -> Position {
        self.stored
    }

    /// What was staged is stored.
    pub(super) fn commit(&mut self) {
        self.stored = self.head;
    }

    /// The messages that are staged were not stored: their numbers and those of their authors are free again.
    pub(super) fn withdraw<'a>(&mut self, staged: impl IntoIterator<Item = &'a LobbyMessage>) {
        for message in staged {
            self.posts.give_back((message.key, message.run), self.stored.seq.next());
        }
        self.head = self.stored;
    }

    /// Forgets posts that are too old, once in a while.
    pub(super) fn sweep(&mut self) {
        self.posts.sweep(self.head.seq);
    }
}
