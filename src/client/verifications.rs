//! The verifications of peers' keys in this run, one for each private session at most. Owns how long the words may take,
//! and how many verifications of one key may come to nothing before it has to rest. Plain and bounded; is told the time.
//! How one goes stands in [`crate::session::verification`], and what follows from it in [`super::verifying`].

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use hobnob_protocol::name::PublicKey;
use hobnob_protocol::verification::{VerifyMessage, Words};
use tokio::time::Instant;

use crate::session::SessionId;
use crate::session::verification::{Heard, NoWords, Outcome, Parties, Verification};

/// The words are there after two round trips. A side whose hobnob knows no verification never answers.
const WORDS_WITHIN: Duration = Duration::from_secs(20);

/// A script goes on when the other's user has not answered for this long; the verification goes on, too.
const SCRIPT_WAITS: Duration = Duration::from_secs(120);

/// So many verifications of one key may be cancelled within [`RESTS_FOR`]. Each that comes as far as the words is a
/// guess for whoever sits between the two, so there are not many.
const MOST_CANCELLED: usize = 3;

/// After that many it rests for this long.
const RESTS_FOR: Duration = Duration::from_secs(60 * 60);

/// Cancelled verifications that are remembered, of all keys. For more, the oldest are forgotten.
const MOST_REMEMBERED: usize = 1000;

/// A command that waits for something, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaited {
    Words,
    Outcome(Instant),
}

#[derive(Debug)]
struct Entry {
    verification: Verification,
    /// By when the words have to be there, until they are.
    words_by: Option<Instant>,
    awaited: Option<Awaited>,
    /// What the link was handed to say.
    passed_on: Vec<VerifyMessage>,
}

/// The verifications of this run.
#[derive(Debug, Default)]
pub(crate) struct Verifications {
    entries: BTreeMap<SessionId, Entry>,
    cancelled: VecDeque<(PublicKey, Instant)>,
}

impl Verifications {
    /// Whether a key has to rest.
    pub(super) fn rests(&self, key: &PublicKey, now: Instant) -> bool {
        let recent =
            |(cancelled, at): &&(PublicKey, Instant)| cancelled == key && now.duration_since(*at) < RESTS_FOR;
        self.cancelled.iter().filter(recent).count() >= MOST_CANCELLED
    }

    /// The verification of a session, which is there from its first use on.
    fn entry(&mut self, session: SessionId, parties: Parties) -> &mut Entry {
        self.entries.entry(session).or_insert_with(|| Entry {
            verification: Verification::new(parties),
            words_by: None,
            awaited: None,
            passed_on: Vec::new(),
        })
    }

    /// This user asks for one in a session where none is under way.
    pub(super) fn ask(&mut self, session: SessionId, parties: Parties, now: Instant) {
        let entry = self.entry(session, parties);
        entry.verification.ask();
        entry.words_by = Some(now + WORDS_WITHIN);
        entry.awaited = Some(Awaited::Words);
    }

    /// The other side says something. One that has to rest, or is ignored, is told that nothing comes of its question.
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

    /// What is under way in a session is cancelled. False where nothing is.
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

    /// The words that are compared in a session.
    #[must_use]
    pub(crate) fn words(&self, session: SessionId) -> Option<Words> {
        self.entries.get(&session)?.verification.words()
    }

    /// The first session in which words are compared, and the words.
    #[must_use]
    pub(crate) fn first_words(&self) -> Option<(SessionId, Words)> {
        self.entries.iter().find_map(|(session, entry)| Some((*session, entry.verification.words()?)))
    }

    /// Whether a command still waits for something in this session.
    #[must_use]
    pub(crate) fn is_awaited(&self, session: SessionId) -> bool {
        self.entries.get(&session).is_some_and(|entry| entry.awaited.is_some())
    }

    /// The sessions in which a verification is under way.
    pub(super) fn open(&self) -> Vec<SessionId> {
        self.sessions(|entry| entry.verification.is_open())
    }

    /// This user says whether the words are the same. After a yes a command waits for the other's answer.
    ///
    /// # Errors
    /// When there are no words.
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

    /// It is over. Whether a command waited for it.
    pub(super) fn over(&mut self, session: SessionId) -> bool {
        self.entries.get_mut(&session).is_some_and(|entry| {
            entry.words_by = None;
            entry.awaited.take().is_some()
        })
    }

    /// No command waits for anything in this session any more.
    pub(super) fn stop_waiting(&mut self, session: SessionId) {
        if let Some(entry) = self.entries.get_mut(&session) {
            entry.awaited = None;
        }
    }

    /// Forgets a session that is over.
    pub(super) fn remove(&mut self, session: SessionId) {
        self.entries.remove(&session);
    }

    /// What the link has to be handed, where that has changed.
    pub(super) fn take_unsaid(&mut self, session: SessionId) -> Option<Vec<VerifyMessage>> {
        let entry = self.entries.get_mut(&session)?;
        let said = entry.verification.said();
        (entry.passed_on != said).then(|| {
            entry.passed_on = said.to_vec();
            entry.passed_on.clone()
        })
    }

    /// When something is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.entries.values().flat_map(|entry| [entry.words_by, entry.patient_until()]).flatten().min()
    }

    /// The sessions whose words did not come in time.
    pub(super) fn late(&self, now: Instant) -> Vec<SessionId> {
        self.sessions(|entry| entry.words_by.is_some_and(|by| by <= now))
    }

    /// The sessions in which a command has waited for the other's answer for as long as it may.
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
    use hobnob_protocol::name::{Commitment, PairToken};

    use super::*;

    #[test]
    fn a_key_whose_verifications_were_cancelled_three_times_rests_for_an_hour() {
        let (mut verifications, now) = (Verifications::default(), Instant::now());
        let (bobby, carmen) = (PublicKey::new([1; 32]), PublicKey::new([2; 32]));
        for minute in 0..3 {
            assert!(!verifications.rests(&bobby, now));
            verifications.note_cancelled(bobby, now + Duration::from_secs(60 * minute));
        }
        assert!(verifications.rests(&bobby, now + Duration::from_secs(120)));
        assert!(!verifications.rests(&carmen, now));
        assert!(!verifications.rests(&bobby, now + RESTS_FOR), "the first of the three is an hour old");
        for _ in 0..2 * MOST_REMEMBERED {
            verifications.note_cancelled(carmen, now);
        }
        assert_eq!(verifications.cancelled.len(), MOST_REMEMBERED);
    }

    #[test]
    fn a_flood_of_questions_ends_in_three_cancelled_ones_and_says_little() {
        let (mut verifications, now) = (Verifications::default(), Instant::now());
        let peer = PublicKey::new([1; 32]);
        let parties = Parties { session: PairToken::new([7; 16]), own: PublicKey::new([2; 32]), peer };
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
