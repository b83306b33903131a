//! Who is in the lobby under which name, and which name belongs to which key. No other module holds these two facts. A
//! plain struct that is told two times: one for its members, and one for the dates of names. Whether a member was
//! announced to the others (`entered`) matters only for questions; no decision reads it.
//!
//! How a name comes to belong to a key, and when it is free again, is in `bindings`; which name a newcomer gets is in
//! `free_name`.

mod bindings;
mod free_name;
mod saved;

use std::sync::Arc;

use hobnob_order::ServerId;
use hobnob_protocol::away::AwayText;
use hobnob_protocol::candidate::Candidate;
use hobnob_protocol::ids::RunId;
use hobnob_protocol::key::{Fingerprint, PublicKey};
use hobnob_protocol::name::UserName;

pub(crate) use self::bindings::MOST_EXPIRED;
use self::free_name::{Hint, form};
pub(super) use self::saved::SavedRoster;
use super::binding::NameBinding;
use super::entry::{ConnectionId, Newcomer};
use super::posts::Party;
use super::sorted_map::SortedMap;
use crate::network::Network;

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
    members: SortedMap<ConnectionId, Member>,
    /// The names of the members, shared with them. They are shown in their order.
    in_use: SortedMap<Arc<UserName>, ConnectionId>,
    runs: SortedMap<Party, ConnectionId>,
    /// Names expire in their order, which is the same on every server.
    bindings: SortedMap<Arc<UserName>, Binding>,
    owners: SortedMap<PublicKey, Owner>,
    /// The date on which users are seen now, in milliseconds since 1970-01-01 UTC. It never goes back.
    today: u64,
    /// For a wish, where the search for a form that is free for a stranger begins.
    hints: SortedMap<UserName, Hint>,
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

    /// Gives the newcomer a name and a place. The others see the newcomer after [`enter`](Self::enter). Without `keep`,
    /// a free name is only lent: it is not bound to the newcomer's key.
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
            self.came_free(&member.name);
            return Some((member, None));
        }
        let seen = self.see(&member.name);
        Some((member, seen))
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

    /// Returns the connections of a server, in the order of their members' names.
    pub(crate) fn of_server(&self, server: ServerId) -> Vec<ConnectionId> {
        self.in_use.values().copied().filter(|id| id.server() == server).collect()
    }

    /// Returns how many members are here.
    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// Returns the name in the memory of the one that belongs to somebody, if it is written alike.
    fn shared(&self, name: UserName) -> Arc<UserName> {
        let bound = self.bindings.get_key_value(&name).map(|(bound, _)| bound);
        match bound.filter(|bound| bound.as_str() == name.as_str()) {
            Some(bound) => Arc::clone(bound),
            None => Arc::new(name),
        }
    }
}

#[cfg(test)]
mod tests;
