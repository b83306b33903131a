//! The users who want a private session with this user and wait for an answer, those whom this user turned away lately,
//! and those who were let in a moment ago. This is plain data with bounds; the caller tells the time, and it knows
//! nothing of links.

use std::collections::VecDeque;
use std::time::Duration;

use hobnob_protocol::INTRODUCTION_LIFETIME;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;
use tokio::time::Instant;

/// How long a user waits for this user's answer before he is declined.
const WAITS_FOR: Duration = Duration::from_secs(120);

/// How many users may wait at once; any further one is answered with `busy`. A user whose key is known takes the place
/// of a stranger.
const MOST_WAITING: usize = 16;

/// How long a user who was declined has to wait before he may ask again.
const DECLINED_FOR: Duration = Duration::from_secs(10 * 60);

/// How many questions are shown at once, and how often one more is shown after that. So somebody who asks with one key
/// after another and leaves again cannot fill the screen. At this pace every user who waits is shown before he is
/// declined.
const SHOWN_AT_ONCE: u32 = 5;
const SHOWN_ONE_IN: Duration = Duration::from_secs(5);

/// How many names are remembered of users who left before they were answered.
const MOST_GONE: usize = 64;

/// How long the introduction of a user who was accepted may take before this user is told that none has come.
const COMES_WITHIN: Duration = Duration::from_secs(5);

/// How many declined keys are remembered. Each takes an answer of this user, or two minutes.
const MOST_DECLINED: usize = 1000;

/// How many keys may be remembered that were let in and whose introduction is on its way. The server asks for only a
/// few at once; the introduction of a key that finds no room here is judged by the rules again.
const MOST_WELCOME: usize = 256;

/// A user who waits for this user's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Knock {
    /// The number that the server gave to the question.
    pub(crate) ask: u64,
    /// The name of the user.
    pub(crate) name: UserName,
    /// The key of the user.
    pub(crate) key: PublicKey,
    until: Instant,
    /// Whether the key is one that this user has answered before.
    is_known: bool,
    /// Whether this user was told.
    is_shown: bool,
}

/// Why a user may not even wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KnockRefused {
    /// This key was declined lately.
    Declined,
    /// As many users wait as may.
    Busy,
}

/// A key that was let in and whose introduction is on its way.
#[derive(Debug)]
struct Welcome {
    key: PublicKey,
    at: Instant,
    is_stranger: bool,
}

/// The users who wait, who were declined, or who are about to come.
#[derive(Debug, Default)]
pub(crate) struct Knocks {
    waiting: Vec<Knock>,
    declined: VecDeque<(PublicKey, Instant)>,
    welcome: VecDeque<Welcome>,
    /// Those whom this user has accepted and who were not introduced yet, the latest last, with the time at which he is
    /// told so.
    accepted: Vec<(UserName, PublicKey, Instant)>,
    /// The names of users who left while they waited, the latest last.
    gone: VecDeque<UserName>,
    /// How many of them left before this user was told of them; this number is still to be told.
    gone_unseen: u64,
    /// When as many questions as ever may be shown at once again.
    shown_freely_at: Option<Instant>,
}

impl Knocks {
    /// Adds a user who wants to be let in, and waits. If this key waits already, its newest question is the one that
    /// counts, because the user may have lost the link and come back; the time goes on. If as many wait as may, a user
    /// with a known key takes the place of the stranger who has waited for longest. Returns the question that no longer
    /// waits.
    ///
    /// # Errors
    /// Returns the reason if this user is not asked.
    pub(crate) fn knock(
        &mut self,
        ask: u64,
        name: &UserName,
        key: &PublicKey,
        is_known: bool,
        now: Instant,
    ) -> Result<Option<u64>, KnockRefused> {
        self.declined.retain(|(_, at)| now.duration_since(*at) < DECLINED_FOR);
        if self.declined.iter().any(|(declined, _)| declined == key) {
            return Err(KnockRefused::Declined);
        }
        if let Some(knock) = self.waiting.iter_mut().find(|knock| knock.key == *key) {
            let earlier = std::mem::replace(&mut knock.ask, ask);
            if knock.name != *name {
                (knock.name, knock.is_shown) = (name.clone(), false);
            }
            return Ok((earlier != ask).then_some(earlier));
        }
        let mut gives_way = None;
        if self.waiting.len() >= MOST_WAITING {
            let stranger = self.waiting.iter().position(|knock| is_known && !knock.is_known);
            gives_way = Some(self.waiting.remove(stranger.ok_or(KnockRefused::Busy)?).ask);
        }
        self.gone.retain(|gone| gone != name);
        let (name, until) = (name.clone(), now + WAITS_FOR);
        self.waiting.push(Knock { ask, name, key: *key, until, is_known, is_shown: false });
        Ok(gives_way)
    }

    /// Returns the users of whom this user is to be told now: those with known keys, and then strangers, in the order
    /// in which they asked.
    pub(crate) fn take_unshown(&mut self, now: Instant) -> Vec<(UserName, PublicKey)> {
        let mut shown = Vec::new();
        let mut unshown: Vec<&mut Knock> = self.waiting.iter_mut().filter(|knock| !knock.is_shown).collect();
        unshown.sort_by_key(|knock| !knock.is_known);
        for knock in unshown {
            let freely_at = self.shown_freely_at.map_or(now, |at| at.max(now)) + SHOWN_ONE_IN;
            if freely_at > now + SHOWN_ONE_IN * SHOWN_AT_ONCE {
                break;
            }
            (self.shown_freely_at, knock.is_shown) = (Some(freely_at), true);
            shown.push((knock.name.clone(), knock.key));
        }
        shown
    }

    /// Returns the names of the users who wait and of whom this user was told, and how many others wait.
    pub(crate) fn waiting(&self) -> (Vec<UserName>, usize) {
        let shown = self.waiting.iter().filter(|knock| knock.is_shown).map(|knock| knock.name.clone());
        let shown: Vec<UserName> = shown.collect();
        let others = self.waiting.len() - shown.len();
        (shown, others)
    }

    /// Returns how many users left before this user was told of them, if it is time to tell that.
    pub(crate) fn take_gone_unseen(&mut self, now: Instant) -> Option<u64> {
        if self.gone_unseen == 0 || self.next_shown_at(now) > now {
            return None;
        }
        self.shown_freely_at = Some(self.shown_freely_at.map_or(now, |at| at.max(now)) + SHOWN_ONE_IN);
        Some(std::mem::take(&mut self.gone_unseen))
    }

    /// Returns when one more question may be shown.
    fn next_shown_at(&self, now: Instant) -> Instant {
        let full = SHOWN_ONE_IN * (SHOWN_AT_ONCE - 1);
        self.shown_freely_at.and_then(|at| at.checked_sub(full)).map_or(now, |at| at.max(now))
    }

    /// Removes a user who waited and has left the lobby.
    pub(crate) fn left(&mut self, name: &UserName) {
        let Some(knock) = self.take(name) else { return };
        self.gone_unseen += u64::from(!knock.is_shown);
        remember(&mut self.gone, MOST_GONE, knock.name);
    }

    /// Whether a user of this name waited and has left.
    pub(crate) fn has_left(&self, name: &UserName) -> bool {
        self.gone.contains(name)
    }

    /// Removes and returns the user with this name who waits.
    pub(crate) fn take(&mut self, name: &UserName) -> Option<Knock> {
        let at = self.waiting.iter().position(|knock| knock.name == *name)?;
        Some(self.waiting.remove(at))
    }

    /// Notes that this user has accepted a user who waited, whose introduction is to come. If as many are still to come
    /// as are remembered, the one who was accepted first is forgotten. Returns that user, who has not come.
    pub(crate) fn note_accepted(&mut self, name: UserName, key: PublicKey, now: Instant) -> Option<UserName> {
        self.note_welcome(key, false, now);
        self.accepted.retain(|(_, accepted, _)| *accepted != key);
        let first = (self.accepted.len() >= MOST_WAITING).then(|| self.accepted.remove(0).0);
        self.accepted.push((name, key, now + COMES_WITHIN));
        first
    }

    /// This user asks for a session with this user, who need not be told anything else.
    pub(crate) fn answered_by_fork(&mut self, name: &UserName) {
        self.take(name);
        self.accepted.retain(|(accepted, ..)| accepted != name);
    }

    /// A user with this key was introduced.
    pub(crate) fn comes(&mut self, key: &PublicKey) {
        self.accepted.retain(|(_, accepted, _)| accepted != key);
    }

    /// Removes and returns the users who were accepted and were not introduced in time: their questions were over.
    pub(crate) fn take_not_come(&mut self, now: Instant) -> Vec<UserName> {
        self.accepted.extract_if(.., |(_, _, by)| *by <= now).map(|(name, ..)| name).collect()
    }

    /// Notes that this key was declined and may not ask again for a while.
    pub(crate) fn note_declined(&mut self, key: PublicKey, now: Instant) {
        remember(&mut self.declined, MOST_DECLINED, (key, now));
    }

    /// Notes that this key may be introduced now; it may be that of a stranger.
    pub(crate) fn note_welcome(&mut self, key: PublicKey, is_stranger: bool, now: Instant) {
        remember(&mut self.welcome, MOST_WELCOME, Welcome { key, at: now, is_stranger });
    }

    /// Whether this key may be introduced. Each time that it was let in counts for one introduction.
    pub(crate) fn take_welcome(&mut self, key: &PublicKey, now: Instant) -> bool {
        self.forget_expired(now);
        let at = self.welcome.iter().position(|welcome| welcome.key == *key);
        at.and_then(|at| self.welcome.remove(at)).is_some()
    }

    /// Returns how many strangers were let in and are still to come; `None` if this key is one of them.
    pub(crate) fn strangers_to_come(&mut self, key: &PublicKey, now: Instant) -> Option<usize> {
        self.forget_expired(now);
        let strangers = || self.welcome.iter().filter(|welcome| welcome.is_stranger);
        (!strangers().any(|welcome| welcome.key == *key)).then(|| strangers().count())
    }

    fn forget_expired(&mut self, now: Instant) {
        self.welcome.retain(|welcome| now.duration_since(welcome.at) <= INTRODUCTION_LIFETIME);
    }

    /// Allows this key to ask again at once.
    pub(crate) fn forgive(&mut self, key: &PublicKey) {
        self.declined.retain(|(declined, _)| declined != key);
    }

    /// Returns when the next user has waited for long enough.
    #[must_use]
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let now = Instant::now();
        let is_unshown = self.gone_unseen > 0 || self.waiting.iter().any(|knock| !knock.is_shown);
        let shown = is_unshown.then(|| self.next_shown_at(now));
        let come = self.accepted.iter().map(|(_, _, by)| *by);
        self.waiting.iter().map(|knock| knock.until).chain(shown).chain(come).min()
    }

    /// Removes and returns the users who have waited for long enough.
    pub(crate) fn take_overdue(&mut self, now: Instant) -> Vec<Knock> {
        self.waiting.extract_if(.., |knock| knock.until <= now).collect()
    }

    /// Forgets the users who wait, because the server has forgotten its questions.
    pub(crate) fn forget_waiting(&mut self) {
        self.waiting.clear();
        self.accepted.clear();
    }
}

fn remember<T>(kept: &mut VecDeque<T>, most: usize, it: T) {
    if kept.len() == most {
        kept.pop_front();
    }
    kept.push_back(it);
}

#[cfg(test)]
mod tests;
