//! Who came and went since the others were last told. Changes are encoded once for all; whoever came
//! in between is told only of what happened after. Knows no connection and no clock.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use hobnob_protocol::CHANGES_PER_MESSAGE;
use hobnob_protocol::name::UserName;
use serde::Serialize;

/// What a `presence` line holds around its changes.
const BEFORE: &[u8] = br#"{"type":"presence","changes":["#;
const AFTER: &[u8] = b"]}\n";

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
enum Came {
    Joined(#[serde(serialize_with = "shared")] Arc<UserName>),
    Left(#[serde(serialize_with = "shared")] Arc<UserName>),
}

fn shared<S: serde::Serializer>(name: &Arc<UserName>, serializer: S) -> Result<S::Ok, S::Error> {
    name.serialize(serializer)
}

/// Changes nobody was told of yet, oldest first.
#[derive(Debug, Default)]
pub(super) struct Presence {
    changes: Vec<Option<Came>>,
    left: HashMap<Arc<UserName>, usize>,
}

impl Presence {
    /// Somebody is there. Who went and came back in the meantime was never away.
    pub(super) fn joined(&mut self, name: Arc<UserName>) {
        match self.left.remove(&name) {
            Some(index) => self.changes[index] = None,
            None => self.changes.push(Some(Came::Joined(name))),
        }
    }

    /// Somebody is gone.
    pub(super) fn left(&mut self, name: Arc<UserName>) {
        self.left.insert(Arc::clone(&name), self.changes.len());
        self.changes.push(Some(Came::Left(name)));
    }

    /// The place after the newest change: who comes now is told only of what follows.
    pub(super) fn mark(&self) -> usize {
        self.changes.len()
    }

    /// Whether there is nothing to tell.
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// All changes, encoded; none are left.
    pub(super) fn take(&mut self) -> News {
        self.left.clear();
        let mut body = BytesMut::new();
        let mut spans = Vec::new();
        for (index, change) in std::mem::take(&mut self.changes).into_iter().enumerate() {
            let Some(change) = change else { continue };
            if !body.is_empty() {
                body.put_u8(b',');
            }
            let start = body.len();
            serde_json::to_writer((&mut body).writer(), &change).expect("a name is JSON");
            spans.push(Span { index, start, end: body.len() });
        }
        let mut news = News { body: body.freeze(), spans, whole: Vec::new() };
        news.whole = news.lines_after(0);
        news
    }
}

#[derive(Debug)]
struct Span {
    index: usize,
    start: usize,
    end: usize,
}

/// Encoded changes.
#[derive(Debug)]
pub(super) struct News {
    body: Bytes,
    spans: Vec<Span>,
    whole: Vec<Bytes>,
}

impl News {
    /// The lines for somebody who came at `mark`; 0 for who was there before.
    pub(super) fn lines(&self, mark: usize) -> std::borrow::Cow<'_, [Bytes]> {
        if mark == 0 { (&self.whole).into() } else { self.lines_after(mark).into() }
    }

    fn lines_after(&self, mark: usize) -> Vec<Bytes> {
        let from = self.spans.partition_point(|span| span.index < mark);
        self.spans[from..]
            .chunks(CHANGES_PER_MESSAGE)
            .map(|spans| {
                let changes = &self.body[spans[0].start..spans[spans.len() - 1].end];
                Bytes::from([BEFORE, changes, AFTER].concat())
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::message::{Change, ServerMessage};

    use super::*;

    fn name(text: &str) -> Arc<UserName> {
        Arc::new(text.parse().unwrap())
    }

    fn read(lines: &[Bytes]) -> Vec<Change> {
        lines
            .iter()
            .flat_map(|line| match serde_json::from_slice(line).unwrap() {
                ServerMessage::Presence { changes } => changes,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn a_newcomer_is_told_only_of_what_came_after() {
        let mut presence = Presence::default();
        presence.joined(name("anna"));
        let mark = presence.mark();
        presence.joined(name("bobby"));
        presence.left(name("anna"));
        let news = presence.take();
        let (anna, bobby) = (|| (*name("anna")).clone(), (*name("bobby")).clone());
        let after = vec![Change::Joined(bobby), Change::Left(anna())];
        assert_eq!(read(&news.lines(mark)), after);
        assert_eq!(read(&news.lines(0)), [vec![Change::Joined(anna())], after].concat());
        assert!(presence.is_empty());
    }

    #[test]
    fn who_comes_back_at_once_was_never_away() {
        let mut presence = Presence::default();
        presence.left(name("anna"));
        presence.joined(name("anna"));
        assert!(presence.take().lines(0).is_empty());
    }

    #[test]
    fn many_changes_are_cut_into_messages() {
        let mut presence = Presence::default();
        for n in 0..1201 {
            presence.joined(name(&format!("u{n}")));
        }
        let news = presence.take();
        assert_eq!(news.lines(0).len(), 3);
        assert_eq!(read(&news.lines(0)).len(), 1201);
        assert_eq!(read(&news.lines(700)).len(), 501);
    }
}
