//! What the app asks of one link, besides its texts: what was shown, where the other may be reached now,
//! to leave. The app leaves it here at any time and never waits; the link's task collects it when it is
//! woken. Knows no socket and no text.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hobnob_protocol::MAX_CANDIDATES;
use hobnob_protocol::message::Introduction;
use hobnob_protocol::name::Candidate;
use hobnob_protocol::verification::VerifyMessage;
use tokio::sync::Notify;

/// Where the other side may be reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reachable {
    /// By dialling it.
    pub(super) candidates: Vec<Candidate>,
    /// Through the server there, where it is another than this client's own.
    pub(super) relay: Option<Candidate>,
}

impl Reachable {
    pub(super) fn of(introduction: &Introduction) -> Self {
        let mut candidates = introduction.candidates.clone();
        candidates.truncate(MAX_CANDIDATES);
        Self { candidates, relay: introduction.relay.clone() }
    }
}

/// Bounded by what is in it: the newest of everything, whatever was asked before.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    /// A standard mutex: held for a few lines, never across an await.
    asked: Mutex<Asked>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Asked {
    shown: u64,
    reachable: Option<Reachable>,
    leave: bool,
    acquainted: bool,
    verify: Option<Vec<VerifyMessage>>,
}

/// What the app has asked since the link looked last.
#[derive(Debug)]
pub(super) struct News {
    /// The last text the user was shown.
    pub(super) shown: u64,
    /// Where the other may be reached now.
    pub(super) reachable: Option<Reachable>,
    pub(super) is_leaving: bool,
    /// The user has answered whoever opened the session.
    pub(super) is_acquainted: bool,
    /// All that this side has said in the present verification of keys.
    pub(super) verify: Option<Vec<VerifyMessage>>,
}

impl Mailbox {
    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // The app's side.

    pub(super) fn show(&self, number: u64) {
        let mut asked = self.asked();
        asked.shown = asked.shown.max(number);
        drop(asked);
        self.wake();
    }

    pub(super) fn offer(&self, reachable: Reachable) {
        self.asked().reachable = Some(reachable);
        self.wake();
    }

    pub(super) fn leave(&self) {
        self.asked().leave = true;
        self.wake();
    }

    pub(super) fn acquaint(&self) {
        self.asked().acquainted = true;
        self.wake();
    }

    pub(super) fn verify(&self, said: Vec<VerifyMessage>) {
        self.asked().verify = Some(said);
        self.wake();
    }

    /// Lets the link's task look at what there is to do.
    pub(super) fn wake(&self) {
        self.changed.notify_one();
    }

    // Both sides'.

    pub(super) fn is_leaving(&self) -> bool {
        self.asked().leave
    }

    // The link's side.

    /// Waits until the task was woken since the last time this returned. Cancel-safe.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    pub(super) fn shown(&self) -> u64 {
        self.asked().shown
    }

    pub(super) fn news(&self) -> News {
        let mut asked = self.asked();
        News {
            shown: asked.shown,
            reachable: asked.reachable.take(),
            is_leaving: asked.leave,
            is_acquainted: asked.acquainted,
            verify: asked.verify.take(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_of_everything_is_kept() {
        let mailbox = Mailbox::default();
        let candidate = |port: usize| format!("192.0.2.7:{port}").parse::<Candidate>().unwrap();
        for port in 1..=1000 {
            mailbox.offer(Reachable { candidates: vec![candidate(port)], relay: Some(candidate(port)) });
            mailbox.show(port as u64 % 700);
        }
        let news = mailbox.news();
        assert_eq!((news.shown, news.is_leaving), (699, false));
        let newest = Reachable { candidates: vec![candidate(1000)], relay: Some(candidate(1000)) };
        assert_eq!(news.reachable, Some(newest));
        mailbox.leave();
        let news = mailbox.news();
        assert_eq!((news.reachable, news.is_leaving), (None, true), "addresses are collected once");
    }
}
