//! Who is in the lobby under which name, and which name belongs to which key. No other module holds these two facts. A
//! plain struct that is told two times: one for its members, and one for the dates of names. Whether a member was
//! announced to the others (`entered`) matters only for questions; no decision reads it.
//!
//! A name belongs to the key that first came with it. A newcomer who wishes for the name N gets the first of N, N_2,
//! N_3, … that belongs to no other key and is not in use. Finding that name costs the same for the thousandth newcomer
//! as for the first, because a search begins where the last search for the same wish ended.

mod saved;

use std::sync::Arc;

use hobnob_order::ServerId;
use hobnob_protocol::away::AwayText;
use hobnob_protocol::candidate::Candidate;
use hobnob_protocol::ids::RunId;
use hobnob_protocol::key::{Fingerprint, PublicKey};
use hobnob_protocol::name::UserName;

pub(super) use self::saved::SavedRoster;
use super::binding::NameBinding;
use super::entry::{ConnectionId, Newcomer};
use super::posts::Party;
use super::table::Table;
use crate::network::Network;

/// The highest number that is tried after a name before a newcomer is refused.
const MAX_NUMBER: u32 = 10_000;

/// How many names can belong to keys in all. When the limit is reached, a newcomer has his name only while he is here.
const MAX_BINDINGS: usize = 1_000_000;

/// How many names can belong to one key. When the limit is reached, the key has a further name only while its client is
/// here.
const MAX_BINDINGS_PER_KEY: usize = 256;

/// While a member is here, the date of its name is stored again after this many milliseconds: a day, since names are
/// kept for days.
const SEEN_AGAIN_AFTER: u64 = 24 * 3600 * 1000;

/// For how many wishes it is remembered where the next search begins. When the limit is reached, all of them are
/// forgotten, and the next searches begin anew.
const MAX_HINTS: usize = 4096;

/// Somebody in the lobby.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// The name others see.
    pub(crate) name: Arc<UserName>,
    /// The key that says who the member is.
    pub(crate) key: PublicKey,
    /// The run of the client.
    pub(crate) run: RunId,
    /// When the member came, in milliseconds since 1970-01-01 UTC.
    pub(crate) since: u64,
    /// The addresses at which peers reach the client.
    pub(crate) candidates: Box<[Candidate]>,
    /// Whether the others were told of this member. They are told only after its name is stored.
    pub(crate) entered: bool,
    /// The network from which the member comes, if that is known.
    pub(crate) network: Option<Network>,
    /// Why the member is away; `None` while it is not away.
    pub(crate) away: Option<AwayText>,
    /// Whether the member has said something. Then that is noted at the names of its key.
    spoke: bool,
}

/// Who is here, as the answer to `users` tells it.
#[derive(Debug, Clone)]
pub(crate) struct Present {
    /// The names of all members, sorted.
    pub(crate) names: Arc<[Arc<UserName>]>,
    /// The names of those members who are away, sorted.
    pub(crate) away: Arc<[Arc<UserName>]>,
}

/// The name and place that a newcomer got.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Admitted {
    /// The name others see.
    pub(crate) name: Arc<UserName>,
    /// The name and the key to which it now belongs, and whether it belonged to nobody before. `None` if the name is
    /// not kept or nothing of its binding changed.
    pub(crate) binding: Option<(NameBinding, bool)>,
}

#[derive(Debug, Clone, Copy)]
struct Binding {
    key: PublicKey,
    seen: u64,
    since: u64,
}

/// A key to which names belong.
#[derive(Debug, Clone, Default)]
struct Owner {
    /// Sorted, so that the names are told in the same order on every server. Nearly always there is one.
    names: Box<[Arc<UserName>]>,
    spoke: bool,
}

impl Owner {
    fn add(&mut self, name: Arc<UserName>) {
        let (Ok(at) | Err(at)) = self.names.binary_search(&name);
        let mut names = std::mem::take(&mut self.names).into_vec();
        names.insert(at, name);
        self.names = names.into();
    }

    /// Whether the key still has a name then.
    fn lose(&mut self, name: &UserName) -> bool {
        let names = std::mem::take(&mut self.names).into_iter();
        self.names = names.filter(|other| **other != *name).collect();
        !self.names.is_empty()
    }
}

/// No name can be given, because every numbered form of it is taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoNameLeft;

/// The members of the lobby, and the names and the keys to which they belong.
#[derive(Debug, Clone, Default)]
pub(crate) struct Roster {
    members: Table<ConnectionId, Member>,
    /// The names of the members, shared with them. They are shown in their order.
    in_use: Table<Arc<UserName>, ConnectionId>,
    runs: Table<Party, ConnectionId>,
    /// Names expire in their order, which is the same on every server.
    bindings: Table<Arc<UserName>, Binding>,
    owners: Table<PublicKey, Owner>,
    /// The date on which users are seen now, in milliseconds since 1970-01-01 UTC. It never goes back.
    today: u64,
    /// For a wish, a number below which no form of the wish is free for a stranger.
    hints: Table<UserName, u32>,
    /// The answer to `users`, kept until somebody comes, goes, is away or is back.
    shown: Option<Present>,
}

impl Roster {
    /// Makes a roster without members, in which these names belong to their keys.
    pub(crate) fn new(names: impl IntoIterator<Item = NameBinding>) -> Self {
        let mut roster = Self::default();
        for NameBinding { name, key, seen, spoke, since } in names {
            roster.today = roster.today.max(seen);
            let (name, owner) = (Arc::new(name), roster.owners.or_default(key));
            owner.add(Arc::clone(&name));
            owner.spoke |= spoke;
            roster.bindings.insert(name, Binding { key, seen, since });
        }
        roster
    }

    /// A name belongs to the key to which it belonged before, unless it belongs to a key already. Returns the binding
    /// if it is new.
    pub(super) fn keep(&mut self, binding: &NameBinding) -> Option<NameBinding> {
        let NameBinding { name, key, seen, spoke, since } = binding;
        if self.bindings.contains_key(name) || self.bindings.len() >= MAX_BINDINGS {
            return None;
        }
        self.today = self.today.max(*seen);
        let (name, owner) = (Arc::new(name.clone()), self.owners.or_default(*key));
        owner.add(Arc::clone(&name));
        owner.spoke |= spoke;
        self.bindings.insert(name, Binding { key: *key, seen: *seen, since: *since });
        self.hints.clear();
        Some(binding.clone())
    }

    /// Gives the newcomer a name and a place. The others see the newcomer after [`enter`](Self::enter). Without `keep`,
    /// a name that belongs to nobody still belongs to nobody afterwards.
    pub(crate) fn admit(
        &mut self,
        id: ConnectionId,
        newcomer: &Newcomer,
        keep: bool,
        since: u64,
    ) -> Result<Admitted, NoNameLeft> {
        let Newcomer { wish, key, run, candidates } = newcomer.clone();
        let number = match (self.own_number(&wish, &key, false), self.free_number(&wish)) {
            (Some(own), Some(free)) => own.min(free),
            (Some(number), None) | (None, Some(number)) => number,
            (None, None) => return Err(NoNameLeft),
        };
        let name = self.shared(form(&wish, number));
        let binding = self.bind(&name, key, keep, since);
        self.in_use.insert(Arc::clone(&name), id);
        self.runs.insert((key, run), id);
        let name_shown = Arc::clone(&name);
        let member = Member {
            name: name_shown,
            key,
            run,
            since,
            candidates: candidates.into(),
            network: None,
            entered: false,
            away: None,
            spoke: false,
        };
        self.members.insert(id, member);
        Ok(Admitted { name, binding })
    }

    /// From now on the others see this member.
    pub(crate) fn enter(&mut self, id: ConnectionId) -> Option<&Member> {
        let member = self.members.get_mut(&id)?;
        member.entered = true;
        self.shown = None;
        Some(member)
    }

    /// Takes a member out. Its name stays with its key. Returns the binding of the name if its date changed, since the
    /// user was seen now.
    pub(crate) fn remove(&mut self, id: ConnectionId) -> Option<(Member, Option<NameBinding>)> {
        let member = self.members.remove(&id)?;
        self.in_use.remove(&member.name);
        if self.runs.get(&(member.key, member.run)) == Some(&id) {
            self.runs.remove(&(member.key, member.run));
        }
        self.shown = None;
        if self.bindings.get(&member.name).is_none_or(|binding| binding.key != member.key) {
            self.lower_hints(&member.name);
            return Some((member, None));
        }
        let seen = self.see(&member.name);
        Some((member, seen))
    }

    /// From now on users are seen on this date, unless the date before was later. Returns the names of members whose
    /// date is a day old, with the new date: if the server ends by a fault, these members must not count as absent.
    pub(crate) fn is_now(&mut self, date: u64) -> Vec<NameBinding> {
        self.today = self.today.max(date);
        let long_ago = self.today.saturating_sub(SEEN_AGAIN_AFTER);
        let is_due = |(_, binding): &(&Arc<UserName>, &Binding)| binding.seen <= long_ago;
        let in_use = |name: &Arc<UserName>| self.in_use.get_key_value(name).map(|(name, _)| Arc::clone(name));
        let due: Vec<Arc<UserName>> =
            self.bindings.iter().filter(is_due).filter_map(|(name, _)| in_use(name)).collect();
        due.iter().filter_map(|name| self.see(name)).collect()
    }

    /// The user of a bound name is here. Returns the binding if that changes its date.
    fn see(&mut self, name: &UserName) -> Option<NameBinding> {
        let binding = self.bindings.get_mut(name).filter(|binding| binding.seen < self.today)?;
        binding.seen = self.today;
        let Binding { key, seen, since } = *binding;
        Some(NameBinding { name: name.clone(), key, seen, spoke: self.spoke(&key), since })
    }

    fn spoke(&self, key: &PublicKey) -> bool {
        self.owners.get(key).is_some_and(|owner| owner.spoke)
    }

    /// A member says something. Returns all names of the member's key if the key never spoke before.
    pub(crate) fn speaks(&mut self, id: ConnectionId) -> Vec<NameBinding> {
        let Some(member) = self.members.get_mut(&id).filter(|member| !member.spoke) else {
            return Vec::new();
        };
        member.spoke = true;
        let key = member.key;
        let Some(owner) = self.owners.get_mut(&key).filter(|owner| !owner.spoke) else { return Vec::new() };
        owner.spoke = true;
        let bound = |name: &Arc<UserName>| {
            let Binding { seen, since, .. } = *self.bindings.get(name)?;
            Some(NameBinding { name: UserName::clone(name), key, seen, spoke: true, since })
        };
        owner.names.iter().filter_map(bound).collect()
    }

    /// Frees names that are not in use, and gives them. A name is freed if its user was last here before `oldest`, or
    /// if its key never spoke and its user was last here before `unspoken`.
    pub(crate) fn expire(&mut self, oldest: u64, unspoken: u64) -> Vec<UserName> {
        let (in_use, owners) = (&self.in_use, &self.owners);
        let spoke = |key: &PublicKey| owners.get(key).is_some_and(|owner| owner.spoke);
        let is_past =
            |binding: &Binding| binding.seen < oldest || (binding.seen < unspoken && !spoke(&binding.key));
        let expired: Vec<(Arc<UserName>, PublicKey)> = self
            .bindings
            .iter()
            .filter(|(name, binding)| is_past(binding) && !in_use.contains_key(*name))
            .map(|(name, binding)| (Arc::clone(name), binding.key))
            .collect();
        for (name, key) in &expired {
            self.bindings.remove(name);
            if self.owners.get_mut(key).is_some_and(|owner| !owner.lose(name)) {
                self.owners.remove(key);
            }
        }
        if !expired.is_empty() {
            self.hints.clear();
        }
        expired.into_iter().map(|(name, _)| UserName::clone(&name)).collect()
    }

    /// Returns all members of whom the others were told.
    pub(crate) fn present(&mut self) -> Present {
        let (in_use, members) = (&self.in_use, &self.members);
        let shown = self.shown.get_or_insert_with(|| {
            let entered = |id| members.get(id).filter(|member| member.entered);
            let those = |wanted: fn(&Member) -> bool| {
                let rows = in_use.iter().filter(|(_, id)| entered(id).is_some_and(wanted));
                rows.map(|(name, _)| Arc::clone(name)).collect()
            };
            Present { names: those(|_| true), away: those(|member| member.away.is_some()) }
        });
        shown.clone()
    }

    /// Notes that a member is away, or back.
    pub(crate) fn set_away(&mut self, id: ConnectionId, away: Option<AwayText>) {
        if let Some(member) = self.members.get_mut(&id) {
            member.away = away;
            self.shown = None;
        }
    }

    /// Notes the network from which a member comes.
    pub(crate) fn comes_from(&mut self, id: ConnectionId, network: Option<Network>) {
        if let Some(member) = self.members.get_mut(&id) {
            member.network = network;
        }
    }

    /// Returns since when the oldest name of a key belongs to it, or `None` for a key without names.
    pub(crate) fn named_since(&self, key: &PublicKey) -> Option<u64> {
        let names = &self.owners.get(key)?.names;
        names.iter().filter_map(|name| self.bindings.get(name)).map(|binding| binding.since).min()
    }

    /// Returns the connection of the member who has this name, whether the others see the member already or not.
    pub(crate) fn named(&self, name: &UserName) -> Option<ConnectionId> {
        self.in_use.get(name).copied()
    }

    /// Returns the key of the member who has this name, or else the key to which the name belongs.
    pub(crate) fn key_of(&self, name: &UserName) -> Option<PublicKey> {
        let here = self.named(name).and_then(|id| self.members.get(&id)).map(|member| member.key);
        here.or_else(|| self.bindings.get(name).map(|binding| binding.key))
    }

    /// Returns the key of this fingerprint and a name of it: of whoever is here, or of the one to whom the name
    /// belongs. Goes through all names that belong to anybody.
    pub(crate) fn known_by(&self, fingerprint: &Fingerprint) -> Option<(PublicKey, UserName)> {
        let mut here = self.in_use.iter().filter_map(|(name, id)| Some((name, self.members.get(id)?)));
        let here = here.find(|(_, member)| member.key.fingerprint() == *fingerprint);
        let bound = || self.bindings.iter().find(|(_, binding)| binding.key.fingerprint() == *fingerprint);
        here.map(|(name, member)| (member.key, UserName::clone(name)))
            .or_else(|| bound().map(|(name, binding)| (binding.key, UserName::clone(name))))
    }

    /// Returns a name as its user writes it.
    pub(crate) fn spelling(&self, name: &UserName) -> UserName {
        let here = self.in_use.get_key_value(name).map(|(name, _)| UserName::clone(name));
        let bound = || self.bindings.get_key_value(name).map(|(name, _)| UserName::clone(name));
        here.or_else(bound).unwrap_or_else(|| name.clone())
    }

    /// Returns the members for whom `is_so` holds, in the order of their names.
    pub(crate) fn those(&self, is_so: impl Fn(&Member) -> bool) -> Vec<ConnectionId> {
        let ids = self.in_use.values().copied();
        ids.filter(|id| self.members.get(id).is_some_and(&is_so)).collect()
    }

    /// Returns the members with the key of this fingerprint, in the order of their names. Quicker if the key is known.
    pub(crate) fn with_key(&self, fingerprint: &Fingerprint, key: Option<PublicKey>) -> Vec<ConnectionId> {
        match key {
            Some(key) => self.those(|member| member.key == key),
            None => self.those(|member| member.key.fingerprint() == *fingerprint),
        }
    }

    /// Returns a member by its connection.
    pub(crate) fn member(&self, id: ConnectionId) -> Option<&Member> {
        self.members.get(&id)
    }

    /// Returns a member of whom the others were told, by its name.
    pub(crate) fn by_name(&self, name: &UserName) -> Option<(ConnectionId, &Member)> {
        let id = *self.in_use.get(name)?;
        let member = self.members.get(&id).filter(|member| member.entered)?;
        Some((id, member))
    }

    /// Returns the connection that this run of this key already has.
    pub(crate) fn by_run(&self, key: PublicKey, run: RunId) -> Option<ConnectionId> {
        self.runs.get(&(key, run)).copied()
    }

    /// Returns another client of the same key whose name the newcomer would get if that client were gone.
    pub(crate) fn rival(&mut self, wish: &UserName, key: &PublicKey) -> Option<ConnectionId> {
        let rival = self.own_number(wish, key, true)?;
        let instead = match (self.own_number(wish, key, false), self.free_number(wish)) {
            (Some(own), Some(free)) => own.min(free),
            (own, free) => own.or(free).unwrap_or(u32::MAX),
        };
        if rival > instead {
            return None;
        }
        self.in_use.get(&form(wish, rival)).copied()
    }

    /// Returns the connections of a server, in the order of their members' names.
    pub(crate) fn of_server(&self, server: ServerId) -> Vec<ConnectionId> {
        self.in_use.values().copied().filter(|id| id.server() == server).collect()
    }

    /// Returns how many members are here.
    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// Binds a name to a key. If the name is bound already, the caller makes sure that it is bound to this key. Returns
    /// the binding if something of it is new, and whether the whole binding is new. There is no binding when the name
    /// is not to be kept or a limit is reached.
    fn bind(
        &mut self,
        name: &Arc<UserName>,
        key: PublicKey,
        keep: bool,
        since: u64,
    ) -> Option<(NameBinding, bool)> {
        if self.bindings.contains_key(name) {
            return self.see(name).map(|binding| (binding, false));
        }
        let owned = self.owners.get(&key).map_or(0, |owner| owner.names.len());
        if !keep || self.bindings.len() >= MAX_BINDINGS || owned >= MAX_BINDINGS_PER_KEY {
            return None;
        }
        let seen = self.today;
        self.owners.or_default(key).add(Arc::clone(name));
        self.bindings.insert(Arc::clone(name), Binding { key, seen, since });
        Some((NameBinding { name: UserName::clone(name), key, seen, spoke: self.spoke(&key), since }, true))
    }

    /// Returns the name in the memory of the one that belongs to somebody, if it is written alike.
    fn shared(&self, name: UserName) -> Arc<UserName> {
        let bound = self.bindings.get_key_value(&name).map(|(bound, _)| bound);
        match bound.filter(|bound| bound.as_str() == name.as_str()) {
            Some(bound) => Arc::clone(bound),
            None => Arc::new(name),
        }
    }

    /// Returns the smallest number whose form of `wish` belongs to `key` and whose use is as `in_use` says.
    fn own_number(&self, wish: &UserName, key: &PublicKey, in_use: bool) -> Option<u32> {
        let owner = self.owners.get(key)?;
        owner
            .names
            .iter()
            .filter(|&name| self.in_use.contains_key(name) == in_use)
            .filter_map(|name| number_of(wish, name))
            .min()
    }

    /// Returns the smallest number whose form of `wish` belongs to nobody and is not in use.
    fn free_number(&mut self, wish: &UserName) -> Option<u32> {
        let from = self.hints.get(wish).copied().unwrap_or(1);
        let free = (from..=MAX_NUMBER).find(|&number| {
            let name = form(wish, number);
            !self.bindings.contains_key(&name) && !self.in_use.contains_key(&name)
        });
        if self.hints.len() >= MAX_HINTS && self.hints.get(wish).is_none() {
            self.hints.clear();
        }
        self.hints.insert(wish.clone(), free.unwrap_or(MAX_NUMBER + 1));
        free
    }

    /// `name` has become free for everybody, so searches that would begin after it begin at it again.
    fn lower_hints(&mut self, name: &UserName) {
        let mut lower = |wish: &UserName, number: u32| {
            if let Some(hint) = self.hints.get_mut(wish) {
                *hint = number.min(*hint);
            }
        };
        lower(name, 1);
        let Some((base, digits)) = name.as_str().rsplit_once('_') else { return };
        if let (Ok(base), Ok(number)) = (base.parse::<UserName>(), digits.parse::<u32>()) {
            lower(&base, number);
            // A wish that is too long is cut to make room for its number, so any longer wish may have led to this name.
            if name.as_str().chars().count() >= hobnob_protocol::name::MAX_NAME_CHARS {
                self.hints.clear();
            }
        }
    }
}

/// `wish` itself for the number 1, or `wish` with a number from 2 on.
fn form(wish: &UserName, number: u32) -> UserName {
    if number <= 1 { wish.clone() } else { wish.numbered(number) }
}

/// Returns the number that makes `name` out of `wish`.
fn number_of(wish: &UserName, name: &UserName) -> Option<u32> {
    if wish == name {
        return Some(1);
    }
    let (_, digits) = name.as_str().rsplit_once('_')?;
    let number = digits.parse().ok().filter(|number| (2..=MAX_NUMBER).contains(number))?;
    (wish.numbered(number) == *name).then_some(number)
}

#[cfg(test)]
mod tests;
