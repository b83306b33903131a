//! The verifications of peers' keys in this run, at most one for each private session. This file owns how long the
//! words may take, and how many verifications of one key may fail before the key has to rest. It is plain data with
//! bounds; the caller tells the time. How a verification goes is in [`crate::session::verification`], and what follows
//! from it in [`super::verifying`].

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use hobnob_protocol::key::PublicKey;
use hobnob_protocol::verification::{VerifyMessage, Words};
use tokio::time::Instant;

use crate::session::SessionId;
use crate::session::verification::{Heard, NoWords, Outcome, Parties, Verification};

/// How long it may take until the words are there, which is after two round trips. A side whose hobnob knows no
/// verification never answers.
const WORDS_WITHIN: Duration = Duration::from_secs(20);

/// How long a script waits for the answer of the other user. Then the script goes on, and so does the verification.
const SCRIPT_WAITS: Duration = Duration::from_secs(120);

/// How many verifications of one key may be cancelled within [`RESTS_FOR`]. Each one that reaches the words is a guess
/// for an attacker between the two users, so only a few are allowed.
const MOST_CANCELLED: usize = 3;

/// How long a key has to rest after that.
const RESTS_FOR: Duration = Duration::from_secs(60 * 60);

/// How many cancelled verifications of all keys are remembered. If there are more, the oldest are forgotten.
const MOST_REMEMBERED: usize = 1000;

/// What a command waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaited {
    Words,
    Outcome(Instant),
}

#[derive(Debug)]
struct Entry {
    verification: Verification,
    /// When the words have to be there; `None` once they are.
    words_by: Option<Instant>,
    awaited: Option<Awaited>,
    /// The messages that were handed to the link.
    passed_on: Vec<VerifyMessage>,
}

/// The verifications of this run.
#[derive(Debug, Default)]
pub(crate) struct Verifications {
    entries: BTreeMap<SessionId, Entry>,
    cancelled: VecDeque<(PublicKey, Instant)>,
}

impl Verifications {
    /// Whether a key has to rest now.
    pub(super) fn rests(&self, key: &PublicKey, now: Instant) -> bool {
        let recent =
            |(cancelled, at): &&(PublicKey, Instant)| cancelled == key && now.duration_since(*at) < RESTS_FOR;
        self.cancelled.iter().filter(recent).count() >= MOST_CANCELLED
    }

    /// Returns the verification of a session, and makes it at its first use.
    fn entry(&mut self, session: SessionId, parties: Parties) -> &mut Entry {
        self.entries.entry(session).or_insert_with(|| Entry {
            verification: Verification::new(parties),
            words_by: None,
            awaited: None,
            passed_on: Vec::new(),
        })
    }

    /// Begins a verification for this user, in a session where none is under way.
    pub(super) fn ask(&mut self, session: SessionId, parties: Parties, now: Instant) {
        let entry = self.entry(session, parties);
        entry.verification.ask();
        entry.words_by = Some(now + WORDS_WITHIN);
        entry.awaited = Some(Awaited::Words);
    }

    /// Handles a message of the other side. If the key has to rest or is ignored, a question of it is declined.
    pub(super) fn hear(
        &mut self,
        session: SessionId,
        parties: Parties,
        message: &VerifyMessage,
        is_ignored: bool,
        now: Instant,
    ) -> Heard {
        let declines = is_ignored || self.rests(&parties.peer, now);
        let entry = self.entry(session, parties);
        if let Some(commitment) = entry.verification.would_begin(message) {
            if declines {
                entry.verification.decline(commitment);
                return Heard::Nothing;
            }
            entry.words_by = Some(now + WORDS_WITHIN);
        }
        let heard = entry.verification.hear(message);
        match heard {
            Heard::Words(_) => (entry.words_by, entry.awaited) = (None, None),
            Heard::Over(Outcome::Cancelled) => self.note_cancelled(parties.peer, now),
            Heard::Over(Outcome::Verified | Outcome::Refused) | Heard::Nothing => {}
        }
        heard
    }

    /// Cancels the verification of a session. Returns false if none is under way.
    pub(super) fn cancel(&mut self, session: SessionId, key: PublicKey, now: Instant) -> bool {
        let open = |entry: &&mut Entry| entry.verification.is_open();
        let Some(entry) = self.entries.get_mut(&session).filter(open) else { return false };
        entry.verification.cancel();
        self.note_cancelled(key, now);
        true
    }

    fn note_cancelled(&mut self, key: PublicKey, now: Instant) {
        if self.cancelled.len() == MOST_REMEMBERED {
            self.cancelled.pop_front();
        }
        self.cancelled.push_back((key, now));
    }

    /// Returns the words that are compared in a session.
    #[must_use]
    pub(crate) fn words(&self, session: SessionId) -> Option<Words> {
        self.entries.get(&session)?.verification.words()
    }

    /// Returns the first session in which words are compared, and the words.
    #[must_use]
    pub(crate) fn first_words(&self) -> Option<(SessionId, Words)> {
        self.entries.iter().find_map(|(session, entry)| Some((*session, entry.verification.words()?)))
    }

    /// Whether a command still waits for something in this session.
    #[must_use]
    pub(crate) fn is_awaited(&self, session: SessionId) -> bool {
        self.entries.get(&session).is_some_and(|entry| entry.awaited.is_some())
    }

    /// Returns the sessions in which a verification is under way.
    pub(super) fn open(&self) -> Vec<SessionId> {
        self.sessions(|entry| entry.verification.is_open())
    }

    /// Takes this user's answer whether the words are the same. After a yes a command waits for the answer of the other
    /// user.
    ///
    /// # Errors
    /// Returns an error if there are no words.
    pub(super) fn answer(
        &mut self,
        session: SessionId,
        same: bool,
        now: Instant,
    ) -> Result<Option<Outcome>, NoWords> {
        let entry = self.entries.get_mut(&session).ok_or(NoWords)?;
        let outcome = entry.verification.answer(same)?;
        if outcome.is_none() {
            entry.awaited = Some(Awaited::Outcome(now + SCRIPT_WAITS));
        }
        Ok(outcome)
    }

    /// Notes that a verification is over. Returns whether a command waited for it.
    pub(super) fn over(&mut self, session: SessionId) -> bool {
        self.entries.get_mut(&session).is_some_and(|entry| {
            entry.words_by = None;
            entry.awaited.take().is_some()
        })
    }

    /// Notes that no command waits for anything in this session any more.
    pub(super) fn stop_waiting(&mut self, session: SessionId) {
        if let Some(entry) = self.entries.get_mut(&session) {
            entry.awaited = None;
        }
    }

    /// Forgets a session that is over.
    pub(super) fn remove(&mut self, session: SessionId) {
        self.entries.remove(&session);
    }

    /// Returns the messages for the link, if they have changed.
    pub(super) fn take_unsaid(&mut self, session: SessionId) -> Option<Vec<VerifyMessage>> {
        let entry = self.entries.get_mut(&session)?;
        let said = entry.verification.said();
        (entry.passed_on != said).then(|| {
            entry.passed_on = said.to_vec();
            entry.passed_on.clone()
        })
    }

    /// Returns when something is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.entries.values().flat_map(|entry| [entry.words_by, entry.patient_until()]).flatten().min()
    }

    /// Returns the sessions whose words did not come in time.
    pub(super) fn late(&self, now: Instant) -> Vec<SessionId> {
        self.sessions(|entry| entry.words_by.is_some_and(|by| by <= now))
    }

    /// Returns the sessions in which a command has waited for the other user's answer for as long as it may.
    pub(super) fn overdue(&self, now: Instant) -> Vec<SessionId> {
        self.sessions(|entry| entry.patient_until().is_some_and(|by| by <= now))
    }

    fn sessions(&self, wanted: impl Fn(&Entry) -> bool) -> Vec<SessionId> {
        self.entries.iter().filter(|(_, entry)| wanted(entry)).map(|(session, _)| *session).collect()
    }
}

impl Entry {
    fn patient_until(&self) -> Option<Instant> {
        match self.awaited {
            Some(Awaited::Outcome(until)) => Some(until),
            Some(Awaited::Words) | None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::ids::PairToken;
    use hobnob_protocol::verification::Commitment;

    use super::*;

    #[test]
    fn a_key_with_three_cancelled_verifications_cannot_verify_for_an_hour() {
        let (mut verifications, now) = (Verifications::default(), Instant::now());
        let (bobby, carmen) = (PublicKey::new([1; 32]), PublicKey::new([2; 32]));
        for minute in 0..3 {
            assert!(!verifications.rests(&bobby, now));
            verifications.note_cancelled(bobby, now + Duration::from_secs(60 * minute));
        }
        assert!(verifications.rests(&bobby, now + Duration::from_secs(120)));
        assert!(!verifications.rests(&carmen, now));
        assert!(
            !verifications.rests(&bobby, now + RESTS_FOR),
            "the first of the three cancelled ones is an hour old"
        );
        for _ in 0..2 * MOST_REMEMBERED {
            verifications.note_cancelled(carmen, now);
        }
        assert_eq!(verifications.cancelled.len(), MOST_REMEMBERED);
    }

    #[test]
    fn a_flood_of_verification_questions_is_cancelled_three_times_and_then_ignored() {
        let (mut verifications, now) = (Verifications::default(), Instant::now());
        let peer = PublicKey::new([1; 32]);
        let parties = Parties { token: PairToken::new([7; 16]), own: PublicKey::new([2; 32]), peer };
        let mut over = 0;
        for number in 0..10_000_u32 {
            let mut bytes = [0; 32];
            bytes[..4].copy_from_slice(&number.to_be_bytes());
            let ask = VerifyMessage::Ask { commitment: Commitment::new(bytes) };
            match verifications.hear(SessionId(1), parties, &ask, false, now) {
                Heard::Over(Outcome::Cancelled) => over += 1,
                Heard::Nothing => {}
                heard => panic!("{heard:?}"),
            }
            assert!(verifications.entries[&SessionId(1)].verification.said().len() <= 2);
        }
        assert_eq!(over, MOST_CANCELLED);
        assert!(verifications.rests(&peer, now) && verifications.open().is_empty());
    }
}
