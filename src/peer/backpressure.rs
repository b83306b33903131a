//! The events of a peer link that wait for the app. While too many wait, nothing more is read from the other side. This
//! file knows no sockets.

use std::collections::VecDeque;

use super::allowance::Familiarity;
use super::event::PeerEventKind;
use super::outbox::{OUTBOX_BYTES, OUTBOX_TEXTS};
use crate::session::path::Path;

/// The events that wait for the app. The queue is as large as the outbox of the other side, which keeps everything that
/// is not acknowledged; for a stranger the queue is smaller. If a peer sends more, the link stops reading until the app
/// catches up.
#[derive(Debug)]
pub(super) struct EventQueue {
    events: VecDeque<PeerEventKind>,
    texts: usize,
    bytes: usize,
    most_texts: usize,
    most_bytes: usize,
    /// The path of the texts, as the app will know it when it has taken all waiting events.
    path: Option<Path>,
}

/// How many texts of a stranger may wait for the app before reading stops, and how many bytes: a screenful or two. The
/// app keeps up with a person who types, and sixteen strangers who flood do not fill the memory.
const STRANGER_TEXTS: usize = 100;
const STRANGER_BYTES: usize = 256 * 1024;

/// How many events other than texts may wait before reading stops. Each text of this side leads to one such event.
const MOST_EVENTS: usize = 4 * OUTBOX_TEXTS;

impl EventQueue {
    pub(super) fn of(familiarity: Familiarity) -> Self {
        let (most_texts, most_bytes) = match familiarity {
            Familiarity::Stranger => (STRANGER_TEXTS, STRANGER_BYTES),
            Familiarity::Known => (OUTBOX_TEXTS, OUTBOX_BYTES),
        };
        Self { events: VecDeque::new(), texts: 0, bytes: 0, most_texts, most_bytes, path: None }
    }

    /// Notes that the user has answered the other side.
    pub(super) fn acquaint(&mut self) {
        (self.most_texts, self.most_bytes) = (OUTBOX_TEXTS, OUTBOX_BYTES);
    }

    /// Adds an event. If the link comes up again before the app learned that it was down, the app hears of neither. If
    /// the path is a new one, the app hears only of that. If the app is already to be asked for an introduction, it is
    /// not asked a second time.
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

    /// Adds a change of the path; of several changes in a row only the last is kept.
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
    use hobnob_protocol::text::Text;
    use hobnob_protocol::verification::VerifyMessage;

    use super::*;

    #[test]
    fn losses_that_the_app_did_not_see_add_no_events() {
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
