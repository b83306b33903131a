//! Sessions that strangers open; a stranger is a user whom this user has not answered yet. This file owns how many of
//! these sessions there may be and how often one key may open one; which keys may open none is in `sent_away`. It is
//! plain data with bounds; the caller tells the time, and it knows nothing of links or files.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use hobnob_protocol::ids::PairToken;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;
use thiserror::Error;
use tokio::time::Instant;

use super::sent_away::SentAway;
use crate::session::SessionId;

/// A stranger may open one session in this time, and a session that is over keeps its place for this long. Otherwise
/// somebody who opens and leaves sessions with ever new keys could fill a screen.
const BETWEEN: Duration = Duration::from_secs(10);

/// How many sessions a key that this user has answered may open within [`BETWEEN`]. A program that is restarted a few
/// times is no flood.
const MOST_OF_KNOWN: usize = 10;

/// After this time a session without an answer gives way to a newer one.
const GIVES_WAY_AFTER: Duration = Duration::from_secs(10 * 60);

/// The shortest time between two notices that somebody was refused.
const BETWEEN_TELLINGS: Duration = Duration::from_secs(60);

/// Why a user may not open a session with this user now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum StrangerRefused {
    /// As many sessions of strangers are open as may be.
    #[error("as many sessions of strangers are open as may be")]
    TooMany,
    /// This key has just opened another session.
    #[error("the same key has opened one just now")]
    TooOften,
    /// This user has left two of this key's sessions.
    #[error("you have left two of their sessions")]
    SentAway,
    /// The setting lets in only users who were asked about or are known, and this one was not let in.
    #[error("you did not let them in")]
    NotLetIn,
}

/// A session that a stranger opens, has open, or had open until just now.
#[derive(Debug)]
struct Opened {
    token: PairToken,
    key: PublicKey,
    at: Instant,
    /// The number of the session; `None` until it is up.
    session: Option<SessionId>,
    is_answered: bool,
    is_over: bool,
}

/// The sessions of strangers, and the keys that this user has sent away.
#[derive(Debug)]
pub(crate) struct Strangers {
    most: usize,
    opened: Vec<Opened>,
    /// Sessions that others opened under a name that has no pin, until this user says something in them.
    unanswered: HashSet<SessionId>,
    /// Sessions that end because of what the other side did, although this client ends them.
    ended_by_other: HashSet<SessionId>,
    /// When keys that this user has answered opened sessions.
    by_known: VecDeque<(PublicKey, Instant)>,
    /// The keys that may not open sessions.
    pub(crate) sent_away: SentAway,
    told: Option<Instant>,
}

impl Strangers {
    /// Makes the bounds; as many as `most` sessions of strangers may be open at once.
    #[must_use]
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            opened: Vec::new(),
            unanswered: HashSet::new(),
            ended_by_other: HashSet::new(),
            by_known: VecDeque::new(),
            sent_away: SentAway::default(),
            told: None,
        }
    }

    /// Whether to tell this user of a refusal, because it was not just told.
    pub(crate) fn is_time_to_tell(&mut self, now: Instant) -> bool {
        let due = self.told.is_none_or(|told| now.duration_since(told) >= BETWEEN_TELLINGS);
        if due {
            self.told = Some(now);
        }
        due
    }

    /// Checks whether a key that this user has answered could open a session now. Nothing is counted yet.
    ///
    /// # Errors
    /// Returns an error if it could not.
    pub(crate) fn known_may_open(&self, key: &PublicKey, now: Instant) -> Result<(), StrangerRefused> {
        let is_recent = |at: Instant| now.duration_since(at) < BETWEEN;
        let recent = self.by_known.iter().filter(|(by, at)| by == key && is_recent(*at)).count();
        if recent < MOST_OF_KNOWN { Ok(()) } else { Err(StrangerRefused::TooOften) }
    }

    /// Checks whether a stranger could open a session now, if `to_come` others are about to open one. Nothing is
    /// counted yet.
    ///
    /// # Errors
    /// Returns an error if he could not.
    pub(crate) fn may_open(
        &self,
        key: &PublicKey,
        to_come: usize,
        now: Instant,
    ) -> Result<(), StrangerRefused> {
        let is_recent = |at: Instant| now.duration_since(at) < BETWEEN;
        if self.sent_away.contains(key) {
            return Err(StrangerRefused::SentAway);
        }
        if self.opened.iter().any(|it| it.key == *key && is_recent(it.at)) {
            return Err(StrangerRefused::TooOften);
        }
        let unanswered = || self.opened.iter().filter(|it| !it.is_answered);
        let taken = unanswered().filter(|it| !it.is_over || is_recent(it.at)).count();
        let gives_way = |it: &&Opened| !it.is_over && now.duration_since(it.at) >= GIVES_WAY_AFTER;
        let room = self.most + unanswered().filter(gives_way).count();
        if taken + to_come < room { Ok(()) } else { Err(StrangerRefused::TooMany) }
    }

    /// Counts a session that a key which this user has answered opens.
    ///
    /// # Errors
    /// Returns an error if the key opens sessions too often.
    pub(crate) fn known_opens(&mut self, key: &PublicKey, now: Instant) -> Result<(), StrangerRefused> {
        while self.by_known.front().is_some_and(|(_, at)| now.duration_since(*at) >= BETWEEN) {
            self.by_known.pop_front();
        }
        self.known_may_open(key, now)?;
        self.by_known.push_back((*key, now));
        Ok(())
    }

    /// Counts a session that a stranger opens. Returns the session that has to give way to it, if there is one.
    ///
    /// # Errors
    /// Returns an error if the stranger may not open one.
    pub(crate) fn opens(
        &mut self,
        token: PairToken,
        key: &PublicKey,
        now: Instant,
    ) -> Result<Option<SessionId>, StrangerRefused> {
        self.may_open(key, 0, now)?;
        self.opened.retain(|it| !it.is_over || now.duration_since(it.at) < BETWEEN);
        let mut gives_way = None;
        if self.opened.iter().filter(|it| !it.is_answered).count() >= self.most {
            let is_old = |it: &Opened| now.duration_since(it.at) >= GIVES_WAY_AFTER;
            let oldest = self.opened.iter().position(|it| !it.is_answered && !it.is_over && is_old(it));
            // The caller ends this session.
            gives_way = oldest.and_then(|oldest| self.opened.remove(oldest).session);
        }
        self.opened.push(Opened {
            token,
            key: *key,
            at: now,
            session: None,
            is_answered: false,
            is_over: false,
        });
        Ok(gives_way)
    }

    /// Notes that a session is up with this number, and that the other user's name has no pin.
    pub(crate) fn up(&mut self, token: &PairToken, session: SessionId) {
        self.unanswered.insert(session);
        if let Some(opened) = self.opened.iter_mut().find(|it| it.token == *token) {
            opened.session = Some(session);
        }
    }

    /// Forgets a session that never opened, or that has become one of this user's own.
    pub(crate) fn never_opened(&mut self, token: &PairToken) {
        self.opened.retain(|it| it.token != *token);
    }

    /// Whether this session was opened by a user whose name has no pin and whom this user has not answered.
    #[must_use]
    pub(crate) fn is_unanswered(&self, session: SessionId) -> bool {
        self.unanswered.contains(&session)
    }

    /// Notes that this user has said something in a session.
    pub(crate) fn answered(&mut self, session: SessionId) {
        self.unanswered.remove(&session);
        if let Some(opened) = self.of(session) {
            opened.is_answered = true;
        }
    }

    /// Notes that this client ends a session because of what the other side did.
    pub(crate) fn ended_by_other(&mut self, session: SessionId) {
        self.ended_by_other.insert(session);
    }

    /// Whether this client ends a session because of what the other side did.
    #[must_use]
    pub(crate) fn is_ended_by_other(&self, session: SessionId) -> bool {
        self.ended_by_other.contains(&session)
    }

    /// Notes that a session is over.
    pub(crate) fn over(&mut self, session: SessionId) {
        self.unanswered.remove(&session);
        self.ended_by_other.remove(&session);
        if let Some(opened) = self.of(session) {
            opened.is_over = true;
            opened.session = None;
        }
    }

    /// Notes that this user leaves a session. Returns true if its key, that of a stranger, is refused from now on.
    pub(crate) fn left(&mut self, session: SessionId, name: &UserName, now: Instant) -> bool {
        let Some(key) = self.of(session).map(|it| it.key) else { return false };
        self.sent_away.left(key, name, now)
    }

    fn of(&mut self, session: SessionId) -> Option<&mut Opened> {
        self.opened.iter_mut().find(|it| it.session == Some(session))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> PublicKey {
        PublicKey::new([byte; 32])
    }

    fn token(byte: u8) -> PairToken {
        PairToken::new([byte; 16])
    }

    fn bobby() -> UserName {
        "bobby".parse().unwrap()
    }

    /// Opens a session of a stranger that comes up.
    fn open(
        strangers: &mut Strangers,
        number: u8,
        now: Instant,
    ) -> Result<Option<SessionId>, StrangerRefused> {
        let may = strangers.may_open(&key(number), 0, now);
        let opens = strangers.opens(token(number), &key(number), now);
        assert_eq!(may.err(), opens.err(), "the answer and what follows from it are the same");
        let gives_way = opens?;
        strangers.up(&token(number), SessionId(u32::from(number)));
        Ok(gives_way)
    }

    #[test]
    fn unanswered_sessions_of_strangers_are_limited_and_answered_ones_are_not_counted() {
        let (mut strangers, now) = (Strangers::new(2), Instant::now());
        open(&mut strangers, 1, now).unwrap();
        open(&mut strangers, 2, now).unwrap();
        assert_eq!(open(&mut strangers, 3, now), Err(StrangerRefused::TooMany));
        strangers.answered(SessionId(1));
        assert!(!strangers.is_unanswered(SessionId(1)) && strangers.is_unanswered(SessionId(2)));
        assert_eq!(open(&mut strangers, 3, now), Ok(None));
    }

    #[test]
    fn a_session_that_a_stranger_left_keeps_its_place_for_ten_seconds() {
        let (mut strangers, now) = (Strangers::new(2), Instant::now());
        for number in 1..=2 {
            open(&mut strangers, number, now).unwrap();
            strangers.over(SessionId(u32::from(number)));
        }
        assert_eq!(open(&mut strangers, 3, now), Err(StrangerRefused::TooMany));
        assert_eq!(open(&mut strangers, 3, now + BETWEEN), Ok(None));
    }

    #[test]
    fn a_stranger_opens_one_session_in_ten_seconds_and_a_known_key_a_few() {
        let (mut strangers, now) = (Strangers::new(16), Instant::now());
        open(&mut strangers, 1, now).unwrap();
        strangers.over(SessionId(1));
        assert_eq!(open(&mut strangers, 1, now + BETWEEN / 2), Err(StrangerRefused::TooOften));
        assert_eq!(open(&mut strangers, 1, now + BETWEEN), Ok(None));
        for _ in 0..MOST_OF_KNOWN {
            strangers.known_may_open(&key(9), now).unwrap();
            strangers.known_opens(&key(9), now).unwrap();
        }
        assert_eq!(strangers.known_may_open(&key(9), now), Err(StrangerRefused::TooOften));
        assert_eq!(strangers.known_opens(&key(9), now), Err(StrangerRefused::TooOften));
        assert_eq!(strangers.known_opens(&key(9), now + BETWEEN), Ok(()));
    }

    #[test]
    fn a_session_that_never_opened_is_not_counted() {
        let (mut strangers, now) = (Strangers::new(1), Instant::now());
        strangers.opens(token(1), &key(1), now).unwrap();
        assert_eq!(strangers.opens(token(2), &key(1), now), Err(StrangerRefused::TooOften));
        strangers.never_opened(&token(1));
        assert_eq!(strangers.opens(token(2), &key(1), now), Ok(None));
    }

    #[test]
    fn an_unanswered_session_gives_way_after_ten_minutes() {
        let (mut strangers, now) = (Strangers::new(2), Instant::now());
        open(&mut strangers, 1, now).unwrap();
        open(&mut strangers, 2, now + BETWEEN).unwrap();
        let later = now + GIVES_WAY_AFTER;
        assert_eq!(open(&mut strangers, 3, later), Ok(Some(SessionId(1))));
        strangers.over(SessionId(1));
        assert_eq!(open(&mut strangers, 4, later), Err(StrangerRefused::TooMany));
    }

    #[test]
    fn a_stranger_who_was_left_twice_opens_no_session_until_forgiven() {
        let (mut strangers, now) = (Strangers::new(16), Instant::now());
        let visit = |strangers: &mut Strangers, at: Instant| {
            open(strangers, 1, at).unwrap();
            let refused = strangers.left(SessionId(1), &bobby(), at);
            strangers.over(SessionId(1));
            refused
        };
        assert!(!visit(&mut strangers, now));
        let again = now + BETWEEN;
        assert!(visit(&mut strangers, again));
        let days_later = again + Duration::from_secs(3 * 24 * 3600);
        assert_eq!(open(&mut strangers, 1, days_later), Err(StrangerRefused::SentAway));
        assert!(strangers.sent_away.forgive(&bobby(), None));
        assert!(!visit(&mut strangers, again + BETWEEN));
    }
}
