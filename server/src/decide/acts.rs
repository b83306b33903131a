//! The acts of operators, from the act that a client sends to the message in the log. This module finds out whom an act
//! is about, what stands in the log afterwards, and which connections are sent out. Whether the act may be done, the
//! [`rules`](super::rules) decide. Unlike the rules, this module also knows the roster.

use std::collections::BTreeSet;
use std::sync::Arc;

use hobnob_protocol::content::{Act, ActTarget, ShortText};
use hobnob_protocol::key::Fingerprint;
use hobnob_protocol::message::{NotAccepted, NotAcceptedCode, Refused, RefusedCode};
use hobnob_protocol::name::UserName;
use serde::{Deserialize, Serialize};

use super::effect::Effect;
use super::entry::ConnectionId;
use super::roster::Roster;
use super::rules::{Actor, Banned, Denied, Moderation, NotAdmitted, NotSaid, Rules, Sentence, Term, Who};
use super::sorted_map::SortedMap;

/// The rules, together with what the staged batch changed of them. When that batch cannot be stored, the changes are
/// taken back.
#[derive(Debug, Clone, Default)]
pub(super) struct StagedRules {
    rules: Rules,
    /// The rules before the first act of the staged batch; `None` when the staged batch has no act.
    before: Option<Box<Rules>>,
    /// Connections that were sent out and have not ended yet. Whatever comes from them is ignored.
    sent_out: SortedMap<ConnectionId, ()>,
    /// The connections in `sent_out` that the staged batch sent out.
    staged_out: Vec<ConnectionId>,
    /// Whether the rules have changed since [`take_changed`](Self::take_changed) was last called, so that they have to
    /// be stored.
    changed: bool,
}

/// The rules in the form in which they are saved.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SavedRules {
    rules: Rules,
    sent_out: BTreeSet<ConnectionId>,
}

impl StagedRules {
    pub(super) fn new(rules: Rules) -> Self {
        Self { rules, ..Self::default() }
    }

    /// Returns the whole state in the form in which it is saved. The caller makes sure that nothing is staged.
    pub(super) fn saved(&self) -> SavedRules {
        SavedRules { rules: self.rules.clone(), sent_out: self.sent_out.keys().copied().collect() }
    }

    /// Restores the state that was saved.
    pub(super) fn restored(saved: SavedRules) -> Self {
        let mut staged = Self::new(saved.rules);
        for id in saved.sent_out {
            staged.sent_out.insert(id, ());
        }
        staged
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    pub(super) fn is_now(&mut self, now: u64) {
        self.changed |= self.rules.is_now(now);
    }

    pub(super) fn set_listed(&mut self, listed: &[Fingerprint]) {
        self.changed |= self.rules.set_listed(listed.iter().cloned());
    }

    /// Takes over what operators decided before several servers shared an order, as far as it is not decided here
    /// already.
    pub(super) fn keep(&mut self, kept: &Rules) {
        self.changed |= self.rules.keep(kept);
    }

    /// Whether this connection was sent out, so that whatever comes from it is ignored.
    pub(super) fn is_out(&self, id: ConnectionId) -> bool {
        self.sent_out.contains_key(&id)
    }

    /// A connection has ended.
    pub(super) fn ended(&mut self, id: ConnectionId) {
        self.sent_out.remove(&id);
    }

    /// Returns the rules, if they have changed since the last call.
    pub(super) fn take_changed(&mut self) -> Option<Arc<Rules>> {
        std::mem::take(&mut self.changed).then(|| Arc::new(self.rules.clone()))
    }

    pub(super) fn commit(&mut self) {
        self.before = None;
        self.staged_out.clear();
    }

    /// The staged batch was not stored, so its acts are taken back. What the operators' file says stays as it is.
    pub(super) fn withdraw(&mut self) {
        for id in self.staged_out.drain(..) {
            self.sent_out.remove(&id);
        }
        if let Some(before) = self.before.take() {
            let after = std::mem::replace(&mut self.rules, *before);
            self.rules.set_listed(after.listed());
        }
    }

    pub(super) fn moderate(&mut self, by: Actor<'_>, moderation: &Moderation) -> Result<(), Denied> {
        if self.before.is_none() {
            self.before = Some(Box::new(self.rules.clone()));
        }
        self.rules.moderate(by, moderation)?;
        self.changed = true;
        Ok(())
    }

    pub(super) fn send_out(&mut self, id: ConnectionId) -> bool {
        let is_new = self.sent_out.insert(id, ()).is_none();
        if is_new {
            self.staged_out.push(id);
        }
        is_new
    }
}

/// An act of a client, after it was understood.
pub(super) struct Meant {
    pub(super) moderation: Moderation,
    /// The user whom the act is about, as the log names him.
    pub(super) name: Option<UserName>,
    pub(super) target: Option<ActTarget>,
}

/// Returns the answer to an act that is refused.
pub(super) fn denied_act(to: ConnectionId, id: u64, denied: Denied) -> Effect {
    let code = match denied {
        Denied::NotOperator => NotAcceptedCode::NotOperator,
        Denied::NoSuchUser => NotAcceptedCode::NoSuchUser,
        Denied::Oneself => NotAcceptedCode::Yourself,
        Denied::InFile => NotAcceptedCode::Protected,
        Denied::Unchanged => NotAcceptedCode::Unchanged,
        Denied::ListFull => NotAcceptedCode::ListFull,
        Denied::Malformed => NotAcceptedCode::BadAct,
    };
    Effect::Refused { to, id, code }
}

/// Returns the answer to a text that the rules keep from being said.
pub(super) fn not_said(to: ConnectionId, id: u64, why: NotSaid) -> Effect {
    let not_accepted = |code| NotAccepted { id, code, wait: None, by: None, reason: None, until: None };
    let answer = match why {
        NotSaid::Muted(sentence) => {
            let Sentence { by, until, reason, .. } = *sentence;
            NotAccepted { by: Some(by), reason, until, ..not_accepted(NotAcceptedCode::Muted) }
        }
        NotSaid::Locked(term) => {
            NotAccepted { until: term.as_end(), ..not_accepted(NotAcceptedCode::Locked) }
        }
    };
    Effect::NotSaid { to, answer: Box::new(answer) }
}

/// Returns what a newcomer is told whom the rules keep out.
pub(super) fn not_admitted(why: NotAdmitted) -> Refused {
    match why {
        NotAdmitted::Banned(sentence) => {
            let Sentence { by, until, reason, .. } = *sentence;
            Refused { code: RefusedCode::Banned, by: Some(by), reason, until }
        }
        NotAdmitted::Locked(term) => {
            Refused { code: RefusedCode::Locked, by: None, reason: None, until: term.as_end() }
        }
    }
}

/// Finds out what a client's act means, from the names and keys that are known here.
pub(super) fn meant(act: &Act, lasts: Option<u64>, roster: &Roster, rules: &Rules) -> Result<Meant, Denied> {
    let term = lasts.map_or(Term::ForGood, |seconds| Term::Millis(seconds.saturating_mul(1000)));
    let reason = act.text.clone();
    let plain = |moderation| Ok(Meant { moderation, name: None, target: None });
    let about = |who: Who, moderation: fn(Who) -> Moderation| Ok(Meant::about(&who.clone(), moderation(who)));
    match act.kind.as_str() {
        "topic" => plain(Moderation::Topic(reason)),
        "kick" => {
            let who = whom(act, roster, rules)?;
            if who.name.as_ref().and_then(|name| roster.named(name)).is_none() {
                return Err(Denied::NoSuchUser);
            }
            Ok(Meant::about(&who.clone(), Moderation::Kick { who, reason }))
        }
        "ban" => ban(act, term, reason, roster, rules),
        "unban" => {
            let banned = what_is_banned(act, roster, rules)?;
            let target = target(&banned)?;
            let name = act.name.clone().or_else(|| name_of(&banned, roster));
            Ok(Meant { moderation: Moderation::Unban(banned), name, target: Some(target) })
        }
        "mute" => {
            let who = whom(act, roster, rules)?;
            Ok(Meant::about(&who.clone(), Moderation::Mute { who, term, reason }))
        }
        "unmute" => about(whom(act, roster, rules)?, Moderation::Unmute),
        "op" => about(whom(act, roster, rules)?, Moderation::Op),
        "deop" => about(whom(act, roster, rules)?, Moderation::Deop),
        "slow" => {
            let seconds = act.target.as_ref().and_then(|target| target.as_str().parse().ok());
            let moderation = Moderation::Slow(seconds.ok_or(Denied::Malformed)?);
            Ok(Meant { moderation, name: None, target: act.target.clone() })
        }
        "lock" => plain(Moderation::Lock(term)),
        "unlock" => plain(Moderation::Unlock),
        "admit" => {
            let fingerprint: Fingerprint = parsed(act)?;
            let name = roster.known_by(&fingerprint).map(|(_, name)| name);
            Ok(Meant { moderation: Moderation::Admit(fingerprint), name, target: act.target.clone() })
        }
        _ => Err(Denied::Malformed),
    }
}

impl Meant {
    /// An act about a user stands in the log with that user's name and the fingerprint of his key.
    fn about(who: &Who, moderation: Moderation) -> Self {
        let target = ActTarget::new(who.fingerprint.to_string()).ok();
        Self { moderation, name: who.name.clone(), target }
    }
}

fn ban(
    act: &Act,
    term: Term,
    reason: Option<ShortText>,
    roster: &Roster,
    rules: &Rules,
) -> Result<Meant, Denied> {
    if act.name.is_none()
        && let Banned::Range(range) = parsed(act)?
    {
        let target = Some(target(&Banned::Range(range))?);
        return Ok(Meant { moderation: Moderation::BanAddress { range, term, reason }, name: None, target });
    }
    let who = whom(act, roster, rules)?;
    let here = who.name.as_ref().and_then(|name| roster.named(name));
    let here = here.or_else(|| roster.with_key(&who.fingerprint, who.key).first().copied());
    let network = here.and_then(|id| roster.member(id)).and_then(|member| member.network);
    Ok(Meant::about(&who.clone(), Moderation::Ban { who, network, term, reason }))
}

/// Finds out whom an act is about. An act that gives a name is about the user who is here under that name, or else
/// about the key to which the name belongs, or else about the key that had the name when an operator did something to
/// it. An act without a name gives a key by its fingerprint; the key's name here is looked up.
fn whom(act: &Act, roster: &Roster, rules: &Rules) -> Result<Who, Denied> {
    let Some(name) = &act.name else {
        let fingerprint: Fingerprint = parsed(act)?;
        let (key, name) = roster.known_by(&fingerprint).unzip();
        return Ok(Who { name, fingerprint, key });
    };
    if let Some(key) = roster.key_of(name) {
        let name = roster.spelling(name);
        return Ok(Who { name: Some(name), fingerprint: key.fingerprint(), key: Some(key) });
    }
    rules.known_as(name).ok_or(Denied::NoSuchUser)
}

/// Returns the name that a banned key has here.
fn name_of(banned: &Banned, roster: &Roster) -> Option<UserName> {
    match banned {
        Banned::Key(fingerprint) => roster.known_by(fingerprint).map(|(_, name)| name),
        Banned::Range(_) => None,
    }
}

fn what_is_banned(act: &Act, roster: &Roster, rules: &Rules) -> Result<Banned, Denied> {
    match &act.name {
        None => parsed(act),
        Some(name) => {
            let banned = rules.banned_as(name).map(Banned::Key);
            let owner = || roster.key_of(name).map(|key| Banned::Key(key.fingerprint()));
            banned.or_else(owner).ok_or(Denied::NoSuchUser)
        }
    }
}

fn parsed<T: std::str::FromStr>(act: &Act) -> Result<T, Denied> {
    act.target.as_ref().and_then(|target| target.as_str().parse().ok()).ok_or(Denied::Malformed)
}

fn target(banned: &Banned) -> Result<ActTarget, Denied> {
    ActTarget::new(banned.to_string()).map_err(|_| Denied::Malformed)
}
