//! What the app asks of one link, apart from its texts: that texts were shown, where the other side may be reached now,
//! that the session is to end. The app leaves this here at any time and never waits; the task of the link collects it
//! when it is woken. This file knows no socket and no text.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hobnob_protocol::MAX_CANDIDATES;
use hobnob_protocol::candidate::Candidate;
use hobnob_protocol::message::Introduction;
use hobnob_protocol::verification::VerifyMessage;
use tokio::sync::Notify;

/// Where the other side may be reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reachable {
    /// The addresses to dial.
    pub(super) candidates: Vec<Candidate>,
    /// The server that relays, if it is not the server that this client is connected to.
    pub(super) relay: Option<Candidate>,
}

impl Reachable {
    pub(super) fn of(introduction: &Introduction) -> Self {
        let mut candidates = introduction.candidates.clone();
        candidates.truncate(MAX_CANDIDATES);
        Self { candidates, relay: introduction.relay.clone() }
    }
}

/// The requests of the app. Only the newest of each kind is kept, so the size is bounded.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    /// A standard mutex: held for a few lines, never across an await.
    asked: Mutex<Asked>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Asked {
    shown: u64,
    /// The link need not be woken for texts with lower numbers that were shown: it looks by itself soon.
    hushed_below: u64,
    reachable: Option<Reachable>,
    leave: bool,
    acquainted: bool,
    verify: Option<Vec<VerifyMessage>>,
}

/// What the app has asked since the link last looked.
#[derive(Debug)]
pub(super) struct News {
    /// The number of the last text that the user was shown.
    pub(super) shown: u64,
    /// Where the other side may be reached now.
    pub(super) reachable: Option<Reachable>,
    pub(super) is_leaving: bool,
    /// Whether the user has answered the user who opened the session.
    pub(super) is_acquainted: bool,
    /// All that this side has said in the present verification of keys.
    pub(super) verify: Option<Vec<VerifyMessage>>,
}

impl Mailbox {
    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // Called by the app.

    pub(super) fn show(&self, number: u64) {
        let mut asked = self.asked();
        asked.shown = asked.shown.max(number);
        let is_hushed = number < asked.hushed_below;
        drop(asked);
        if !is_hushed {
            self.wake();
        }
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

    /// Wakes the task of the link, so that it looks for work.
    pub(super) fn wake(&self) {
        self.changed.notify_one();
    }

    // Called by both sides.

    pub(super) fn is_leaving(&self) -> bool {
        self.asked().leave
    }

    // Called by the link.

    /// Waits until the task is woken; a call that came since this last returned counts. Cancel-safe.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    pub(super) fn shown(&self) -> u64 {
        self.asked().shown
    }

    /// Collects what was asked. From now on everything wakes the link again.
    pub(super) fn news(&self) -> News {
        let mut asked = self.asked();
        asked.hushed_below = 0;
        News {
            shown: asked.shown,
            reachable: asked.reachable.take(),
            is_leaving: asked.leave,
            is_acquainted: asked.acquainted,
            verify: asked.verify.take(),
        }
    }

    /// Leaves the link asleep for texts that are shown, if their numbers are lower than `number`. The link has to call
    /// [`news`](Self::news) soon, and to have done so before, so that nothing that was shown meanwhile is forgotten.
    pub(super) fn hush_below(&self, number: u64) {
        self.asked().hushed_below = number;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_the_newest_addresses_and_the_newest_shown_number_are_kept() {
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
        assert_eq!((news.reachable, news.is_leaving), (None, true), "addresses are collected only once");
    }

    #[tokio::test(start_paused = true)]
    async fn a_text_that_is_shown_wakes_a_link_unless_the_link_said_that_it_looks_by_itself() {
        let mailbox = Mailbox::default();
        let is_woken = async || tokio::time::timeout(Duration::from_secs(1), mailbox.changed()).await.is_ok();
        mailbox.show(1);
        assert!(is_woken().await);
        assert_eq!(mailbox.news().shown, 1);
        mailbox.hush_below(65);
        mailbox.show(2);
        mailbox.show(64);
        assert!(!is_woken().await);
        mailbox.show(65);
        assert!(is_woken().await, "so many texts are acknowledged at once");
        mailbox.leave();
        assert!(is_woken().await, "everything else wakes the link");
        assert_eq!(mailbox.news().shown, 65);
        mailbox.show(66);
        assert!(is_woken().await, "the link has looked, and did not hush it again");
    }
}
