//! Every text of this run that was neither acknowledged nor reported as not sent. This file owns the numbers of texts
//! on their way out, and the bound on how many may wait. It knows nothing of links.

use std::collections::BTreeMap;
use std::time::Duration;

use hobnob_protocol::text::Text;
use thiserror::Error;
use tokio::time::Instant;

use crate::client::stalls::Stalls;
use crate::input::request::RequestId;
use crate::session::SessionId;

/// How many texts may wait at once. This is enough for an hour's talk while a server is down.
const MAX_TEXTS: usize = 10_000;

/// How many bytes of text may wait at once.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// A text that has not been answered for after this time is counted in the prompt. A server that works answers within a
/// second.
const SLOW: Duration = Duration::from_secs(3);

/// Too many texts wait already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("too many texts wait to be sent already")]
pub struct LedgerFull;

/// A text that waits for its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outstanding {
    /// The session it goes to.
    pub session: SessionId,
    /// What is said, which the user is shown again if it is reported as not sent.
    pub text: Text,
    /// The request to answer when the text is settled, if a request asked for it.
    pub asked: Option<RequestId>,
    /// When it was said.
    pub since: Instant,
    /// Whether the link was up while the text waited, so that the text may have arrived.
    pub in_flight: bool,
    /// Whether its author sees only the command that said it, and is shown the text itself when it is acknowledged.
    pub shown_when_sent: bool,
}

impl Outstanding {
    /// Makes a text that was typed as a line now, and not said by a command.
    #[must_use]
    pub fn new(session: SessionId, text: Text, asked: Option<RequestId>, in_flight: bool) -> Self {
        Self { session, text, asked, since: Instant::now(), in_flight, shown_when_sent: false }
    }
}

/// The texts that wait, by their number.
#[derive(Debug, Default)]
pub struct Ledger {
    last: u64,
    bytes: usize,
    open: BTreeMap<u64, Outstanding>,
    /// How long each private session has waited for an acknowledgement.
    stalls: Stalls,
}

impl Ledger {
    /// Adds a text and returns its number; numbers grow from 1. `in_flight` says whether the link is up.
    ///
    /// # Errors
    /// Returns an error if too many texts wait.
    pub fn enter(
        &mut self,
        session: SessionId,
        text: Text,
        asked: Option<RequestId>,
        in_flight: bool,
    ) -> Result<u64, LedgerFull> {
        let bytes = text.as_str().len();
        if self.open.len() >= MAX_TEXTS || self.bytes + bytes > MAX_BYTES {
            return Err(LedgerFull);
        }
        self.next_number();
        self.bytes += bytes;
        self.open.insert(self.last, Outstanding::new(session, text, asked, in_flight));
        Ok(self.last)
    }

    /// Returns the next number, which no text has, for an act that goes out together with the texts.
    pub(crate) fn next_number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Returns the session of the text with this number, as long as it waits for its answer.
    #[must_use]
    pub(crate) fn session_of(&self, id: u64) -> Option<SessionId> {
        self.open.get(&id).map(|it| it.session)
    }

    /// Whether a text of this session waits for its answer.
    #[must_use]
    pub(crate) fn has_of(&self, session: SessionId) -> bool {
        self.open.values().any(|it| it.session == session)
    }

    /// Notes that the author of this text is shown it when it is acknowledged.
    pub(crate) fn show_when_sent(&mut self, id: u64) {
        if let Some(text) = self.open.get_mut(&id) {
            text.shown_when_sent = true;
        }
    }

    /// Removes a text because it was answered for; `None` if it was removed before.
    pub fn settle(&mut self, id: u64) -> Option<Outstanding> {
        let settled = self.open.remove(&id)?;
        self.bytes -= settled.text.as_str().len();
        Some(settled)
    }

    /// Removes a text because it was acknowledged; `None` if it was answered for before.
    pub fn acknowledge(&mut self, id: u64) -> Option<Outstanding> {
        let settled = self.settle(id)?;
        let session = settled.session;
        // Only private sessions are in `stalls`. In the lobby and in rooms, where many texts may wait, each
        // acknowledgement would search all of them.
        if self.stalls.knows(session) {
            let others_wait = self.open.values().any(|text| text.session == session);
            self.stalls.acknowledged(session, others_wait, Instant::now());
        }
        Some(settled)
    }

    /// Removes and returns all texts of a session, oldest first.
    pub fn take_session(&mut self, session: SessionId) -> Vec<Outstanding> {
        let ids: Vec<u64> =
            self.open.iter().filter(|(_, text)| text.session == session).map(|(id, _)| *id).collect();
        ids.into_iter().filter_map(|id| self.settle(id)).collect()
    }

    /// Removes and returns all texts, oldest first.
    pub fn take_all(&mut self) -> Vec<Outstanding> {
        self.bytes = 0;
        std::mem::take(&mut self.open).into_values().collect()
    }

    /// Returns the text with this number, as long as it waits for its answer.
    #[must_use]
    pub(crate) fn text(&self, id: u64) -> Option<&Text> {
        self.open.get(&id).map(|it| &it.text)
    }

    /// Whether this text waits for its answer.
    #[must_use]
    pub fn is_open(&self, id: u64) -> bool {
        self.open.contains_key(&id)
    }

    /// Notes that a text was entered for a peer, who has to acknowledge it before long. Texts in the lobby and in rooms
    /// wait for the server for as long as it takes.
    pub(crate) fn peer_is_to_acknowledge(&mut self, session: SessionId, is_up: bool) {
        self.stalls.waits(session, is_up, Instant::now());
    }

    /// Forgets a session that is over.
    pub(crate) fn over(&mut self, session: SessionId) {
        self.stalls.over(session);
    }

    /// Notes that the link of this session is down; the peer is not to blame for missing acknowledgements meanwhile.
    pub(crate) fn ground(&mut self, session: SessionId) {
        self.stalls.down(session, Instant::now());
    }

    /// Returns when a private session will have acknowledged nothing for too long.
    #[must_use]
    pub(crate) fn stall_deadline(&self) -> Option<Instant> {
        self.stalls.deadline()
    }

    /// Removes and returns the texts of every private session that has acknowledged nothing for too long, oldest first.
    pub(crate) fn take_stalled(&mut self, now: Instant) -> Vec<Outstanding> {
        self.stalls.take_overdue(now).into_iter().flat_map(|session| self.take_session(session)).collect()
    }

    /// Notes that the link of this session is up, so that its waiting texts go out.
    pub fn fly(&mut self, session: SessionId) {
        self.stalls.up(session, Instant::now());
        self.open.values_mut().filter(|text| text.session == session).for_each(|text| text.in_flight = true);
    }

    /// Returns how many texts have waited for longer than usual.
    #[must_use]
    pub fn slow(&self, now: Instant) -> usize {
        self.open.values().take_while(|text| text.since + SLOW <= now).count()
    }

    /// Returns when there will be more of these.
    #[must_use]
    pub fn next_slow(&self, now: Instant) -> Option<Instant> {
        self.open.values().map(|text| text.since + SLOW).find(|slow| *slow > now)
    }

    /// How many texts wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether no text waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Text {
        Text::new(text).unwrap()
    }

    #[test]
    fn a_text_can_be_settled_only_once() {
        let mut ledger = Ledger::default();
        let id = ledger.enter(SessionId(0), text("a"), None, true).unwrap();
        assert_eq!(ledger.settle(id).unwrap().text, text("a"));
        assert_eq!(ledger.settle(id), None);
        assert!(ledger.is_empty() && ledger.bytes == 0);
    }

    #[test]
    fn the_texts_of_an_ended_session_are_taken_out_in_order() {
        let mut ledger = Ledger::default();
        for (session, word) in [(1, "a"), (2, "x"), (1, "b")] {
            ledger.enter(SessionId(session), text(word), None, true).unwrap();
        }
        let taken: Vec<Text> = ledger.take_session(SessionId(1)).into_iter().map(|it| it.text).collect();
        assert_eq!(taken, [text("a"), text("b")]);
        assert_eq!(ledger.len(), 1);
    }

    #[test]
    fn the_ledger_is_bounded_in_texts_and_in_bytes() {
        let mut ledger = Ledger::default();
        for _ in 0..MAX_TEXTS {
            ledger.enter(SessionId(0), text("a"), None, true).unwrap();
        }
        assert_eq!(ledger.enter(SessionId(0), text("a"), None, true), Err(LedgerFull));
        let mut ledger = Ledger::default();
        let long = "x".repeat(16 * 1024);
        for _ in 0..1024 {
            ledger.enter(SessionId(0), text(&long), None, true).unwrap();
        }
        assert_eq!(ledger.enter(SessionId(0), text("a"), None, true), Err(LedgerFull));
    }

    #[tokio::test(start_paused = true)]
    async fn texts_that_wait_for_long_are_counted_and_texts_in_flight_are_marked() {
        let mut ledger = Ledger::default();
        let start = Instant::now();
        ledger.enter(SessionId(0), text("a"), None, true).unwrap();
        tokio::time::advance(Duration::from_secs(1)).await;
        ledger.enter(SessionId(1), text("b"), None, false).unwrap();
        assert_eq!((ledger.slow(start), ledger.next_slow(start)), (0, Some(start + SLOW)));
        assert_eq!(ledger.slow(start + SLOW), 1);
        assert_eq!(ledger.next_slow(start + SLOW), Some(start + SLOW + Duration::from_secs(1)));
        assert_eq!(ledger.slow(start + SLOW * 2), 2);
        let flown = |ledger: &Ledger| ledger.open.values().map(|it| it.in_flight).collect::<Vec<_>>();
        assert_eq!(flown(&ledger), [true, false]);
        ledger.fly(SessionId(1));
        assert_eq!(flown(&ledger), [true, true]);
    }
}
