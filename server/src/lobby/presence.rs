//! Who came and went since the others were last told, gathered once for all. A client that came meanwhile is told only
//! of what happened after that. This file knows no connection, no clock and no encoding.

use std::collections::HashMap;
use std::sync::OnceLock;

use bytes::Bytes;
use hobnob_protocol::message::Change;
use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;

/// Changes that nobody was told of yet, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Presence {
    changes: Vec<Option<Change>>,
    left: HashMap<UserName, usize>,
}

impl Presence {
    /// Notes that somebody came. If he left and came back since the last announcement, neither is announced.
    pub(super) fn joined(&mut self, name: UserName) {
        match self.left.remove(&name) {
            Some(index) => self.changes[index] = None,
            None => self.changes.push(Some(Change::Joined(name))),
        }
    }

    /// Notes that somebody left.
    pub(super) fn left(&mut self, name: UserName) {
        self.left.insert(name.clone(), self.changes.len());
        self.changes.push(Some(Change::Left(name)));
    }

    /// Returns the position after the newest change. A client that comes now is told only of what follows.
    pub(super) fn mark(&self) -> usize {
        self.changes.len()
    }

    /// Whether there is nothing to tell.
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Returns all changes in a room; no changes are left afterwards.
    pub(super) fn take_of(&mut self, room: &RoomName) -> News {
        News { room: Some(room.clone()), ..self.take() }
    }

    /// Returns all changes; no changes are left afterwards.
    pub(super) fn take(&mut self) -> News {
        self.left.clear();
        let (mut changes, mut marks) = (Vec::new(), Vec::new());
        for (mark, change) in std::mem::take(&mut self.changes).into_iter().enumerate() {
            if let Some(change) = change {
                changes.push(change);
                marks.push(mark);
            }
        }
        News { room: None, changes, marks, lines: OnceLock::new() }
    }
}

/// Changes of presence that are being told.
#[derive(Debug)]
pub(crate) struct News {
    /// The room in which they are; `None` for the lobby.
    room: Option<RoomName>,
    changes: Vec<Change>,
    /// For each change its position in [`Presence`]; changes that were undone are counted, too.
    marks: Vec<usize>,
    lines: OnceLock<NewsLines>,
}

/// The encoded lines of [`News`], kept so that they are made only once for everybody.
#[derive(Debug)]
pub(crate) struct NewsLines {
    /// All changes, one after the other, with one byte between them.
    pub(crate) body: Bytes,
    /// The end of each change in `body`.
    pub(crate) ends: Vec<usize>,
    /// The lines that hold all changes.
    pub(crate) whole: Vec<Bytes>,
}

impl News {
    /// Returns the room in which they are, or `None` for the lobby.
    pub(crate) fn room(&self) -> Option<&RoomName> {
        self.room.as_ref()
    }

    /// Returns all changes, oldest first.
    pub(crate) fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Returns how many of the changes a client that came at `mark` is not told of. For mark 0 there are none, because
    /// that client was there before.
    pub(crate) fn passed_over(&self, mark: usize) -> usize {
        self.marks.partition_point(|&at| at < mark)
    }

    /// Returns the lines that `encode` makes of the changes. `encode` is called only once, by the first caller.
    pub(crate) fn lines(&self, encode: impl FnOnce() -> NewsLines) -> &NewsLines {
        self.lines.get_or_init(encode)
    }
}

#[cfg(test)]
impl News {
    /// Changes of presence, for tests elsewhere.
    pub(crate) fn of(changes: impl IntoIterator<Item = Change>) -> Self {
        let mut presence = Presence::default();
        for change in changes {
            match change {
                Change::Joined(name) => presence.joined(name),
                Change::Left(name) => presence.left(name),
            }
        }
        presence.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> UserName {
        text.parse().unwrap()
    }

    #[test]
    fn a_newcomer_is_told_only_of_what_came_after() {
        let mut presence = Presence::default();
        presence.joined(name("anna"));
        let mark = presence.mark();
        presence.joined(name("bobby"));
        presence.left(name("anna"));
        let news = presence.take();
        let after = [Change::Joined(name("bobby")), Change::Left(name("anna"))];
        assert_eq!(news.changes()[news.passed_over(mark)..], after);
        assert_eq!(news.changes()[0], Change::Joined(name("anna")));
        assert_eq!(news.passed_over(0), 0);
        assert!(presence.is_empty());
    }

    #[test]
    fn nobody_is_told_of_a_user_who_leaves_and_comes_back_at_once() {
        let mut presence = Presence::default();
        presence.left(name("anna"));
        presence.joined(name("anna"));
        presence.joined(name("bobby"));
        let mark = presence.mark();
        presence.left(name("bobby"));
        let news = presence.take();
        assert_eq!(news.changes(), [Change::Joined(name("bobby")), Change::Left(name("bobby"))]);
        assert_eq!(news.passed_over(mark), 1, "what was undone keeps its number");
    }
}
