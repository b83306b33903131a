//! What a full queue does to a peer link: events wait here for the app, and while too much waits nothing more is read from
//! the other side. Knows nothing of sockets.

use std::collections::VecDeque;

use super::allowance::Familiarity;
use super::event::PeerEventKind;
use super::outbox::{OUTBOX_BYTES, OUTBOX_TEXTS};
use crate::session::path::Path;

/// Events that wait for the app. Its bound is that of the other side's outbox: what one side may have
/// unacknowledged, the other keeps; a stranger has less. A peer that sends more is read no further until the
/// app catches up.
#[derive(Debug)]
pub(super) struct EventQueue {
    events: VecDeque<PeerEventKind>,
    texts: usize,
    bytes: usize,
    most_texts: usize,
    most_bytes: usize,
    /// How the words travel, as the app will know when it has taken everything.
    path: Option<Path>,
}

/// Texts of a stranger that wait for the app before reading stops, and their bytes: a screenful or two. The
/// app keeps up with a person, and sixteen who flood do not fill the memory.
const STRANGER_TEXTS: usize = 100;
const STRANGER_BYTES: usize = 256 * 1024;

/// Events besides texts that wait before reading stops: each text of ours makes one.
const MOST_EVENTS: usize = 4 * OUTBOX_TEXTS;

impl EventQueue {
    pub(super) fn of(familiarity: Familiarity) -> Self {
        let (most_texts, most_bytes) = match familiarity {
            Familiarity::Stranger => (STRANGER_TEXTS, STRANGER_BYTES),
            Familiarity::Known => (OUTBOX_TEXTS, OUTBOX_BYTES),
        };
        Self { events: VecDeque::new(), texts: 0, bytes: 0, most_texts, most_bytes, path: None }
    }

    /// The user has answered this one.
    pub(super) fn acquaint(&mut self) {
        (self.most_texts, self.most_bytes) = (OUTBOX_TEXTS, OUTBOX_BYTES);
    }

    /// Adds an event. A link that comes up again before the app learned that it was down leaves no
    /// trace, but for the way in which the words travel, and a wish already waiting is not repeated.
    pub(super) fn push(&mut self, event: PeerEventKind) {
        match &event {
            PeerEventKind::Up { path, .. } if self.events.back() == Some(&PeerEventKind::Down) => {
                self.events.pop_back();
                return self.push_moved(*path);
            }
            PeerEventKind::Moved { path } => return self.push_moved(*path),
            PeerEventKind::Up { path, .. } => self.path = Some(*path),
            PeerEventKind::WantsIntroduction if self.events.contains(&event) => return,
            PeerEventKind::Said { text, .. } => {
                self.texts += 1;
                self.bytes += text.as_str().len();
            }
            _ => {}
        }
        self.events.push_back(event);
    }

    /// Of several moves in a row, the last one tells all.
    fn push_moved(&mut self, path: Path) {
        if self.path == Some(path) {
            return;
        }
        self.path = Some(path);
        if let Some(PeerEventKind::Moved { path: waiting }) = self.events.back_mut() {
            *waiting = path;
        } else {
            self.events.push_back(PeerEventKind::Moved { path });
        }
    }

    pub(super) fn pop(&mut self) -> Option<PeerEventKind> {
        let event = self.events.pop_front();
        if let Some(PeerEventKind::Said { text, .. }) = &event {
            self.texts -= 1;
            self.bytes -= text.as_str().len();
        }
        event
    }

    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Whether more may be read from the other side.
    pub(super) fn has_room(&self) -> bool {
        self.texts <= self.most_texts && self.bytes <= self.most_bytes && self.events.len() <= MOST_EVENTS
    }
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::name::Text;
    use hobnob_protocol::verification::VerifyMessage;

    use super::*;

    #[test]
    fn a_loss_the_app_never_saw_leaves_no_trace() {
        let mut queue = EventQueue::of(Familiarity::Known);
        for _ in 0..1000 {
            queue.push(PeerEventKind::Down);
            queue.push(PeerEventKind::WantsIntroduction);
            queue.push(PeerEventKind::Up { key_exchange: String::new(), path: Path::Direct });
            queue.push(PeerEventKind::Down);
            queue.push(PeerEventKind::Up { key_exchange: String::new(), path: Path::Direct });
        }
        assert_eq!(queue.events.len(), 3);
    }

    #[test]
    fn a_peer_that_sends_more_than_its_window_is_read_no_further() {
        let mut queue = EventQueue::of(Familiarity::Known);
        let said = |number| PeerEventKind::Said { number, at: 0, text: Text::new("x").unwrap() };
        (0..OUTBOX_TEXTS as u64).for_each(|number| queue.push(said(number)));
        assert!(queue.has_room());
        queue.push(said(0));
        assert!(!queue.has_room());
        queue.pop();
        assert!(queue.has_room());

        let mut strangers = EventQueue::of(Familiarity::Stranger);
        let verify = || PeerEventKind::Verify(VerifyMessage::Unknown);
        (0..=MOST_EVENTS).for_each(|_| strangers.push(verify()));
        assert!(!strangers.has_room(), "a flood of other messages is read no further either");
        while strangers.pop().is_some() {}
        (0..=STRANGER_TEXTS as u64).for_each(|number| strangers.push(said(number)));
        assert!(!strangers.has_room());
        strangers.acquaint();
        assert!(strangers.has_room());
    }
}
