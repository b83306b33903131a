//! What a private session reports to the app, and the queue it waits in. Knows nothing of sockets.

use std::collections::VecDeque;

use hobnob_protocol::name::Text;
use thiserror::Error;

use super::allowance::Familiarity;
use super::outbox::{OUTBOX_BYTES, OUTBOX_TEXTS};
use crate::session::link_id::LinkId;

/// Something happened in a private session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerEvent {
    /// On which link.
    pub link: LinkId,
    /// What.
    pub kind: PeerEventKind,
}

/// What happened. `Left`, `Ended`, `Failed` and `Gone` are final: each session reports exactly one of
/// them, last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerEventKind {
    /// The link is up: for the first time, or again.
    Up {
        /// The key exchange, as TLS names it.
        key_exchange: String,
    },
    /// The link is lost and being rebuilt.
    Down,
    /// The other said something. To be answered with
    /// [`PeerLinkHandle::shown`](super::PeerLinkHandle::shown).
    Said {
        /// Its number: 1, 2, 3 … without a gap.
        number: u64,
        /// When it was typed, in milliseconds since 1970-01-01 UTC.
        at: u64,
        /// What.
        text: Text,
    },
    /// The other was shown this text.
    Delivered {
        /// What the app called it.
        local_id: u64,
    },
    /// These texts were never acknowledged and will not be; comes before the final event.
    Undelivered {
        /// What the app called them, oldest first.
        local_ids: Vec<u64>,
    },
    /// The known addresses do not answer: the lobby may know better ones.
    WantsIntroduction,
    /// The other ended the session.
    Left,
    /// This side ended the session.
    Ended,
    /// The session never opened.
    Failed {
        /// Why.
        reason: PeerFailure,
    },
    /// The link is lost for good.
    Gone {
        /// Why.
        reason: GoneReason,
    },
}

/// Why a session never opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PeerFailure {
    /// None of its addresses answered, and it did not call.
    #[error("none of their addresses answers")]
    Unreachable,
    /// Somebody else answered at its address, and nobody with the right key anywhere.
    #[error("somebody with another key answers at their address")]
    WrongKey,
    /// It speaks another version of the protocol.
    #[error("they speak version {0} of the protocol")]
    Protocol(u32),
    /// Addresses were told, and this client dials none of them.
    #[error(
        "none of the addresses they tell is dialled from here: this client dials no host names of others, and \
         loopback, private and link-local addresses only where it reaches the lobby by such or is in their network"
    )]
    NotDialled,
    /// It had ended the session by then, or never knew of it.
    #[error("they do not take the session")]
    NotTaken,
}

/// Why a link is lost for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum GoneReason {
    /// The address that answered before refuses: the other's process has ended.
    #[error("their program has ended")]
    ProcessEnded,
    /// Nothing was heard for [`GONE_AFTER`](super::GONE_AFTER).
    #[error("nothing was heard of them for ten minutes")]
    Silence,
}

/// Events that wait for the app. Its bound is that of the other side's outbox: what one side may have
/// unacknowledged, the other keeps; a stranger has less. A peer that sends more is read no further until the
/// app catches up.
#[derive(Debug)]
pub(super) struct Backlog {
    events: VecDeque<PeerEventKind>,
    texts: usize,
    bytes: usize,
    most_texts: usize,
    most_bytes: usize,
}

/// Texts of a stranger that wait for the app before reading stops, and their bytes: a screenful or two. The
/// app keeps up with a person, and sixteen who flood do not fill the memory.
const STRANGER_TEXTS: usize = 100;
const STRANGER_BYTES: usize = 256 * 1024;

/// Events besides texts that wait before reading stops: each text of ours makes one.
const MOST_EVENTS: usize = 4 * OUTBOX_TEXTS;

impl Backlog {
    pub(super) fn of(familiarity: Familiarity) -> Self {
        let (most_texts, most_bytes) = match familiarity {
            Familiarity::Stranger => (STRANGER_TEXTS, STRANGER_BYTES),
            Familiarity::Known => (OUTBOX_TEXTS, OUTBOX_BYTES),
        };
        Self { events: VecDeque::new(), texts: 0, bytes: 0, most_texts, most_bytes }
    }

    /// The user has answered this one.
    pub(super) fn acquaint(&mut self) {
        (self.most_texts, self.most_bytes) = (OUTBOX_TEXTS, OUTBOX_BYTES);
    }

    /// Adds an event. A link that comes up again before the app learned that it was down leaves no
    /// trace, and a wish already waiting is not repeated.
    pub(super) fn push(&mut self, event: PeerEventKind) {
        match &event {
            PeerEventKind::Up { .. } if self.events.back() == Some(&PeerEventKind::Down) => {
                self.events.pop_back();
                return;
            }
            PeerEventKind::WantsIntroduction if self.events.contains(&event) => return,
            PeerEventKind::Said { text, .. } => {
                self.texts += 1;
                self.bytes += text.as_str().len();
            }
            _ => {}
        }
        self.events.push_back(event);
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
    use super::*;

    #[test]
    fn a_loss_the_app_never_saw_leaves_no_trace() {
        let mut backlog = Backlog::of(Familiarity::Known);
        for _ in 0..1000 {
            backlog.push(PeerEventKind::Down);
            backlog.push(PeerEventKind::WantsIntroduction);
            backlog.push(PeerEventKind::Up { key_exchange: String::new() });
            backlog.push(PeerEventKind::Down);
            backlog.push(PeerEventKind::Up { key_exchange: String::new() });
        }
        assert_eq!(backlog.events.len(), 3);
    }

    #[test]
    fn a_peer_that_sends_more_than_its_window_is_read_no_further() {
        let mut backlog = Backlog::of(Familiarity::Known);
        let said = |number| PeerEventKind::Said { number, at: 0, text: Text::new("x").unwrap() };
        (0..OUTBOX_TEXTS as u64).for_each(|number| backlog.push(said(number)));
        assert!(backlog.has_room());
        backlog.push(said(0));
        assert!(!backlog.has_room());
        backlog.pop();
        assert!(backlog.has_room());

        let mut strangers = Backlog::of(Familiarity::Stranger);
        (0..=STRANGER_TEXTS as u64).for_each(|number| strangers.push(said(number)));
        assert!(!strangers.has_room());
        strangers.acquaint();
        assert!(strangers.has_room());
    }
}
