//! What operators decided and what follows from it for everybody else: who is an operator, who is banned or muted, and
//! whether the lobby is slow or locked. One plain struct is changed by [`Moderation`]s in their order, and asked about
//! joins and texts. Whether an operator may act on a user is decided here and nowhere else ([`Rules::moderate`]). Every
//! server that applies the same moderations in the same order comes to the same answers. Therefore nothing here asks a
//! clock, a socket or chance: the time comes with each entry.
//!
//! This module knows keys, fingerprints, names and networks. It knows neither connections nor the log. The machine
//! finds out whom an act is about, and stores the [`Rules`] after each change, because a pruned log no longer holds the
//! acts.
//!
//! Times are in milliseconds since 1970-01-01 UTC.

mod banned;
mod bans;
mod carried_over;
mod lock;
mod moderation;
mod mutes;
mod operators;
mod range;
mod term;

use hobnob_protocol::content::ShortText;
use hobnob_protocol::key::{Fingerprint, PublicKey};
use hobnob_protocol::name::UserName;
use serde::{Deserialize, Serialize};

pub(crate) use banned::Banned;
pub(crate) use bans::Ban;
pub(crate) use moderation::{Denied, Moderation, Who};
pub(crate) use mutes::Muted;
pub(crate) use operators::{MAX_OPERATORS, OperatorRow};
pub(crate) use range::AddressRange;
pub(crate) use term::{Sentence, Term};

use crate::network::Network;
use bans::Bans;
use lock::Lock;
use mutes::Mutes;
use operators::Operators;

/// The limit of each list (bans, mutes, admitted keys). When the limit is reached, a further row is refused with
/// [`Denied::ListFull`]; rows that have ended do not count. All lists are stored as one record at each change, so this
/// limit also bounds what one act of an operator writes: some MiB at most. Other servers receive the acts; they receive
/// whole lists only in parts, see `carried_over`.
pub(crate) const MAX_ENTRIES: usize = 4096;

/// The greatest number of seconds between two texts of one key: an hour.
pub(crate) const MAX_SLOW_SECONDS: u32 = 3600;

/// What operators decided so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    #[serde(default)]
    operators: Operators,
    #[serde(default)]
    bans: Bans,
    #[serde(default)]
    mutes: Mutes,
    #[serde(default)]
    lock: Lock,
    /// Seconds between two texts of one key; 0 while the lobby is not slow.
    #[serde(default)]
    slow: u32,
    /// The topic of the lobby.
    #[serde(default)]
    topic: Option<ShortText>,
    /// The time of the newest entry, in milliseconds.
    #[serde(default)]
    now: u64,
}

/// An operator who does something.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Actor<'a> {
    /// The name others see.
    pub(crate) name: &'a UserName,
    /// The operator's key.
    pub(crate) key: &'a PublicKey,
}

/// A user who wants to join the lobby.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Visitor<'a> {
    /// The user's key.
    pub(crate) key: &'a PublicKey,
    /// The network from which he comes, if the server to which he connected knows it.
    pub(crate) network: Option<Network>,
    /// Since when the oldest name of the key belongs to it; `None` for a key without a name here.
    pub(crate) named_since: Option<u64>,
}

/// Why a newcomer is not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotAdmitted {
    /// The key is banned, or its address is, or it has no name here and its network is closed.
    Banned(Box<Sentence>),
    /// The lobby is locked, until the time given.
    Locked(Term),
}

/// Why a text is not said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotSaid {
    /// The author is muted.
    Muted(Box<Sentence>),
    /// The lobby is locked, and the author's name is too young.
    Locked(Term),
}

impl Rules {
    /// Sets the time. It usually goes on, and goes back when the clock of a server was set back. Returns true when ends
    /// of bans, mutes or the lock may have changed by that.
    pub(crate) fn is_now(&mut self, now: u64) -> bool {
        let went_back = term::went_back(self.now, now);
        if went_back {
            self.bans.clock_went_back(now);
            self.mutes.clock_went_back(now);
            self.lock.clock_went_back(now);
        }
        self.now = now;
        went_back
    }

    /// Sets the fingerprints that the operators' file lists, or the fingerprint of the user who hosts the lobby in his
    /// client. The list that was read last counts. Fingerprints beyond [`MAX_OPERATORS`] are left out; the reader of
    /// the file refuses longer files. Returns true when the list differs from the one before.
    pub(crate) fn set_listed(&mut self, listed: impl IntoIterator<Item = Fingerprint>) -> bool {
        self.operators.set_listed(listed)
    }

    /// Returns the list that was set last.
    pub(crate) fn listed(&self) -> Vec<Fingerprint> {
        self.operators.listed()
    }

    /// Finds a user to whom an operator did something, by the name that the user had then.
    pub(crate) fn known_as(&self, name: &UserName) -> Option<Who> {
        let muted = self.mutes.known_as(name).map(|key| (key.fingerprint(), Some(key)));
        let fingerprint = || self.operators.known_as(name).or_else(|| self.banned_as(name));
        let (fingerprint, key) = muted.or_else(|| fingerprint().map(|fingerprint| (fingerprint, None)))?;
        Some(Who { name: Some(name.clone()), fingerprint, key })
    }

    /// Returns the key that was banned under this name.
    pub(crate) fn banned_as(&self, name: &UserName) -> Option<Fingerprint> {
        self.bans.known_as(name)
    }

    /// Returns the topic of the lobby.
    pub(crate) fn topic(&self) -> Option<&ShortText> {
        self.topic.as_ref()
    }

    /// Whether this key may moderate.
    pub(crate) fn is_operator(&self, key: &PublicKey) -> bool {
        self.operators.is_operator(&key.fingerprint())
    }

    /// Whether a user may join now.
    ///
    /// # Errors
    /// Fails with the reason why the user may not join. Operators are always let in.
    pub(crate) fn admits(&self, visitor: &Visitor<'_>) -> Result<(), NotAdmitted> {
        let fingerprint = visitor.key.fingerprint();
        if self.operators.is_operator(&fingerprint) {
            return Ok(());
        }
        let has_name = visitor.named_since.is_some();
        if let Some(banned) = self.bans.find(&fingerprint, visitor.network, has_name, self.now) {
            return Err(NotAdmitted::Banned(Box::new(banned.clone())));
        }
        self.lock.admits(&fingerprint, visitor.named_since, self.now).map_err(NotAdmitted::Locked)
    }

    /// Whether this key is banned now.
    pub(crate) fn is_banned(&self, key: &PublicKey) -> bool {
        self.bans.has_keys() && self.bans.find(&key.fingerprint(), None, true, self.now).is_some()
    }

    /// Whether a member may say something now, apart from the limit of a slow lobby.
    ///
    /// # Errors
    /// Fails with the reason why the member may not. Operators may always speak.
    pub(crate) fn lets_speak(
        &self,
        key: &PublicKey,
        named_since: impl FnOnce() -> Option<u64>,
    ) -> Result<(), NotSaid> {
        if !self.restricts_texts() {
            return Ok(());
        }
        let fingerprint = key.fingerprint();
        if self.operators.is_operator(&fingerprint) {
            return Ok(());
        }
        if let Some(muted) = self.mutes.find(key, self.now) {
            return Err(NotSaid::Muted(Box::new(muted.clone())));
        }
        if self.lock.holds(self.now).is_some() {
            self.lock.admits(&fingerprint, named_since(), self.now).map_err(NotSaid::Locked)?;
        }
        Ok(())
    }

    /// Applies what an operator decided.
    ///
    /// # Errors
    /// Fails with the reason why the decision does not count. Then nothing has changed.
    pub(crate) fn moderate(&mut self, by: Actor<'_>, moderation: &Moderation) -> Result<(), Denied> {
        let rank = self.operators.rank(&by.key.fingerprint()).ok_or(Denied::NotOperator)?;
        if let Some(who) = moderation.acts_on() {
            self.may_act_on(by, rank, who, moderation)?;
        }
        let now = self.now;
        let sentence = |term: &Term, reason: &Option<_>| Sentence {
            by: by.name.clone(),
            at: now,
            until: term.end_from(now),
            reason: reason.clone(),
        };
        match moderation {
            Moderation::Kick { .. } => {}
            Moderation::Ban { who, network, term, reason } => {
                self.bans.ban_key(who, *network, sentence(term, reason), now)?;
                self.operators.remove_named(&who.fingerprint);
            }
            Moderation::BanAddress { range, term, reason } => {
                self.bans.ban_range(*range, sentence(term, reason), now)?;
            }
            Moderation::Unban(banned) => self.bans.unban(banned, now)?,
            Moderation::Mute { who, term, reason } => {
                let key = who.key.ok_or(Denied::NoSuchUser)?;
                self.mutes.mute(key, who.name.clone(), sentence(term, reason), now)?;
            }
            Moderation::Unmute(who) => self.mutes.unmute(&who.key.ok_or(Denied::NoSuchUser)?, now)?,
            Moderation::Slow(seconds) => self.set_slow(*seconds)?,
            Moderation::Lock(term) => self.lock.close(sentence(term, &None)),
            Moderation::Unlock => self.lock.open(now)?,
            Moderation::Admit(fingerprint) => self.lock.admit(fingerprint)?,
            Moderation::Op(who) => self.operators.name(who, by.name, now)?,
            Moderation::Deop(who) => self.operators.take_back(&who.fingerprint)?,
            Moderation::Topic(topic) => self.topic.clone_from(topic),
        }
        Ok(())
    }

    /// Returns all bans that hold, the oldest first.
    pub(crate) fn bans(&self) -> Vec<Ban> {
        self.bans.list(self.now)
    }

    /// Returns all mutes that hold, the oldest first.
    pub(crate) fn mutes(&self) -> Vec<Muted> {
        self.mutes.list(self.now)
    }

    /// Returns the address ranges that are banned now, for the code that closes connections before the handshake.
    pub(crate) fn banned_ranges(&self) -> Vec<(AddressRange, Term)> {
        self.bans.ranges(self.now)
    }

    /// Returns the keys that are banned now, and until when, for the relay.
    pub(crate) fn banned_keys(&self) -> Vec<(Fingerprint, Term)> {
        self.bans.keys(self.now)
    }

    /// Returns all operators, those of the file first.
    pub(crate) fn operators(&self) -> Vec<OperatorRow> {
        self.operators.list()
    }

    /// Seconds between two texts of one key; 0 while the lobby is not slow. The code that takes texts from clients
    /// enforces this limit.
    pub(crate) fn slow(&self) -> u32 {
        self.slow
    }

    /// Returns until when the lobby is locked, or `None` while it is open.
    #[cfg(test)]
    pub(crate) fn locked(&self) -> Option<Term> {
        self.lock.holds(self.now)
    }

    /// Whether this operator may act on this user. Nobody may do to himself what would keep him out or silent, and
    /// nobody may do it to an operator of the file. Operators of the file may kick one another.
    fn may_act_on(&self, by: Actor<'_>, rank: Rank, who: &Who, what: &Moderation) -> Result<(), Denied> {
        if who.fingerprint == by.key.fingerprint() && !matches!(what, Moderation::Deop(_)) {
            return Err(Denied::Oneself);
        }
        let is_kick = matches!(what, Moderation::Kick { .. });
        match self.operators.rank(&who.fingerprint) {
            Some(Rank::File) if !(is_kick && rank == Rank::File) => Err(Denied::InFile),
            _ => Ok(()),
        }
    }

    fn set_slow(&mut self, seconds: u32) -> Result<(), Denied> {
        if seconds > MAX_SLOW_SECONDS {
            return Err(Denied::Malformed);
        }
        self.slow = seconds;
        Ok(())
    }

    /// Whether any rule could keep a text from being said. This is asked for every text, and the answer is nearly
    /// always no.
    fn restricts_texts(&self) -> bool {
        !self.mutes.is_empty() || self.lock.holds(self.now).is_some()
    }
}

pub(crate) use operators::Rank;

#[cfg(test)]
mod tests;
