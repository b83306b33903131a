//! Who is in the lobby under which name, and which name belongs to which key. The one home of both facts. A plain
//! struct that is told the time; whether others were told of somebody already is noted here for questions alone,
//! no decision asks for it.
//!
//! A name belongs to the key that first came with it. Who wishes for N gets the first of N, N_2, N_3,
//! … that belongs to nobody else and is not in use. Finding it costs the same for the thousandth
//! newcomer as for the first: a search begins where the last one for the same wish ended.

use std::collections::BTreeMap;
use std::sync::Arc;

use hobnob_protocol::away::AwayText;
use hobnob_protocol::name::{Candidate, PublicKey, RunId, UserName};

use super::entry::{ConnectionId, Newcomer};
use super::posts::Party;
use super::table::Table;

/// Numbers tried after a name before a newcomer is refused.
const MAX_NUMBER: u32 = 10_000;

/// Names that belong to somebody, in all. Past it a newcomer has its name only while it is here.
const MAX_BINDINGS: usize = 1_000_000;

/// Names that belong to one key, for the same reason and with the same consequence.
const MAX_BINDINGS_PER_KEY: usize = 256;

/// Wishes whose next number is remembered; past it all are forgotten and searched again.
const MAX_HINTS: usize = 4096;

/// A name and the key it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameBinding {
    /// The name as it was first written.
    pub name: UserName,
    /// Whose it is.
    pub key: PublicKey,
    /// When its user was last in the lobby, in milliseconds since 1970-01-01 UTC.
    pub seen: u64,
    /// Whether its key ever said anything in the lobby.
    pub spoke: bool,
}

/// Somebody in the lobby.
#[derive(Debug)]
pub(crate) struct Member {
    /// The name others see.
    pub(crate) name: Arc<UserName>,
    /// Who it is.
    pub(crate) key: PublicKey,
    /// Which run of the client.
    pub(crate) run: RunId,
    /// Since when, in milliseconds since 1970-01-01 UTC.
    pub(crate) since: u64,
    /// Where peers reach the client.
    pub(crate) candidates: Vec<Candidate>,
    /// Whether others see it already: not before its name is stored.
    pub(crate) entered: bool,
    /// Why it is away, while it is.
    pub(crate) away: Option<AwayText>,
    /// It has said something, and that is noted at its key's names.
    spoke: bool,
}

/// Who is here, as `users` tells it.
#[derive(Debug, Clone)]
pub(crate) struct Present {
    /// The names, sorted.
    pub(crate) names: Arc<[Arc<UserName>]>,
    /// Those of them who are away, sorted.
    pub(crate) away: Arc<[Arc<UserName>]>,
}

/// A place in the roster that was given to somebody.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Admitted {
    /// The name others see.
    pub(crate) name: Arc<UserName>,
    /// Whose it is now, if it belongs to anybody, and whether it belonged to nobody before.
    pub(crate) binding: Option<(NameBinding, bool)>,
}

#[derive(Debug)]
struct Binding {
    key: PublicKey,
    seen: u64,
}

/// A key that has names.
#[derive(Debug, Default)]
struct Owner {
    names: Vec<UserName>,
    spoke: bool,
}

/// Every numbered form of a name is taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoNameLeft;

/// Who is here, and whose names are whose.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    members: Table<ConnectionId, Member>,
    /// Sorted, because it is shown so.
    in_use: BTreeMap<Arc<UserName>, ConnectionId>,
    runs: Table<Party, ConnectionId>,
    /// Sorted, so that what expires does so in one order everywhere.
    bindings: BTreeMap<UserName, Binding>,
    owners: Table<PublicKey, Owner>,
    /// For a wish: a number below which no form of it is free for a stranger.
    hints: Table<UserName, u32>,
    /// Those who entered, until somebody comes, goes, is away or is back.
    shown: Option<Present>,
}

impl Roster {
    /// Nobody is here; these names belong to somebody.
    pub(crate) fn new(names: impl IntoIterator<Item = NameBinding>) -> Self {
        let mut roster = Self::default();
        for NameBinding { name, key, seen, spoke } in names {
            let owner = roster.owners.or_default(key);
            owner.names.push(name.clone());
            owner.spoke |= spoke;
            roster.bindings.insert(name, Binding { key, seen });
        }
        roster
    }

    /// Gives the newcomer a name and a place. Others see it after [`enter`](Self::enter). Without `keep` a name that
    /// belongs to nobody does so afterwards.
    pub(crate) fn admit(
        &mut self,
        id: ConnectionId,
        newcomer: &Newcomer,
        keep: bool,
        now: u64,
    ) -> Result<Admitted, NoNameLeft> {
        let Newcomer { wish, key, run, candidates } = newcomer.clone();
        let number = match (self.own_number(&wish, &key, false), self.free_number(&wish)) {
            (Some(own), Some(free)) => own.min(free),
            (Some(number), None) | (None, Some(number)) => number,
            (None, None) => return Err(NoNameLeft),
        };
        let name = Arc::new(form(&wish, number));
        let binding = self.bind(&name, key, keep, now);
        self.in_use.insert(Arc::clone(&name), id);
        self.runs.insert((key, run), id);
        let (name_shown, since) = (Arc::clone(&name), now);
        let member = Member {
            name: name_shown,
            key,
            run,
            since,
            candidates,
            entered: false,
            away: None,
            spoke: false,
        };
        self.members.insert(id, member);
        Ok(Admitted { name, binding })
    }

    /// From now on others see this member.
    pub(crate) fn enter(&mut self, id: ConnectionId) -> Option<&Member> {
        let member = self.members.get_mut(&id)?;
        member.entered = true;
        self.shown = None;
        Some(member)
    }

    /// Takes a member out; its name stays its key's, and is given with the time at which its user was last here.
    pub(crate) fn remove(&mut self, id: ConnectionId, now: u64) -> Option<(Member, Option<NameBinding>)> {
        let member = self.members.remove(&id)?;
        self.in_use.remove(&member.name);
        if self.runs.get(&(member.key, member.run)) == Some(&id) {
            self.runs.remove(&(member.key, member.run));
        }
        self.shown = None;
        let seen = match self.bindings.get_mut(&*member.name) {
            Some(binding) if binding.key == member.key => {
                binding.seen = now;
                let spoke = self.owners.get(&member.key).is_some_and(|owner| owner.spoke);
                Some(NameBinding { name: (*member.name).clone(), key: member.key, seen: now, spoke })
            }
            _ => {
                self.lower_hints(&member.name);
                None
            }
        };
        Some((member, seen))
    }

    /// A member says something. Gives the names of its key if that is the first it ever said.
    pub(crate) fn speaks(&mut self, id: ConnectionId) -> Vec<NameBinding> {
        let Some(member) = self.members.get_mut(&id).filter(|member| !member.spoke) else {
            return Vec::new();
        };
        member.spoke = true;
        let key = member.key;
        let Some(owner) = self.owners.get_mut(&key).filter(|owner| !owner.spoke) else { return Vec::new() };
        owner.spoke = true;
        let bound = |name: &UserName| {
            let seen = self.bindings.get(name)?.seen;
            Some(NameBinding { name: name.clone(), key, seen, spoke: true })
        };
        owner.names.iter().filter_map(bound).collect()
    }

    /// Frees the names whose users were last here before `oldest`, or before `unspoken` where their keys never spoke,
    /// and says which.
    pub(crate) fn expire(&mut self, oldest: u64, unspoken: u64) -> Vec<UserName> {
        let (in_use, owners) = (&self.in_use, &self.owners);
        let spoke = |key: &PublicKey| owners.get(key).is_some_and(|owner| owner.spoke);
        let is_past =
            |binding: &Binding| binding.seen < oldest || (binding.seen < unspoken && !spoke(&binding.key));
        let expired: Vec<(UserName, PublicKey)> = self
            .bindings
            .iter()
            .filter(|(name, binding)| is_past(binding) && !in_use.contains_key(*name))
            .map(|(name, binding)| (name.clone(), binding.key))
            .collect();
        for (name, key) in &expired {
            self.bindings.remove(name);
            if let Some(owner) = self.owners.get_mut(key) {
                owner.names.retain(|other| other != name);
                if owner.names.is_empty() {
                    self.owners.remove(key);
                }
            }
        }
        if !expired.is_empty() {
            self.hints.clear();
        }
        expired.into_iter().map(|(name, _)| name).collect()
    }

    /// All who entered.
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

    /// A member by its connection.
    pub(crate) fn member(&self, id: ConnectionId) -> Option<&Member> {
        self.members.get(&id)
    }

    /// A member that entered, by its name.
    pub(crate) fn by_name(&self, name: &UserName) -> Option<(ConnectionId, &Member)> {
        let id = *self.in_use.get(name)?;
        let member = self.members.get(&id).filter(|member| member.entered)?;
        Some((id, member))
    }

    /// The connection that this run of this key has already.
    pub(crate) fn by_run(&self, key: PublicKey, run: RunId) -> Option<ConnectionId> {
        self.runs.get(&(key, run)).copied()
    }

    /// Another client of the same key whose name the newcomer would get if it were gone.
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

    /// How many are here.
    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// Binds a name to a key unless it is bound already, to that key. Gives the binding, unless it is not to be kept
    /// or there are too many, and whether it is new.
    fn bind(&mut self, name: &UserName, key: PublicKey, keep: bool, now: u64) -> Option<(NameBinding, bool)> {
        let is_new = match self.bindings.get_mut(name) {
            Some(binding) => {
                binding.seen = now;
                false
            }
            None => {
                let owned = self.owners.get(&key).map_or(0, |owner| owner.names.len());
                if !keep || self.bindings.len() >= MAX_BINDINGS || owned >= MAX_BINDINGS_PER_KEY {
                    return None;
                }
                self.owners.or_default(key).names.push(name.clone());
                self.bindings.insert(name.clone(), Binding { key, seen: now });
                true
            }
        };
        let spoke = self.owners.get(&key).is_some_and(|owner| owner.spoke);
        Some((NameBinding { name: name.clone(), key, seen: now, spoke }, is_new))
    }

    /// The smallest number whose form of `wish` belongs to `key` and is, or is not, in use.
    fn own_number(&self, wish: &UserName, key: &PublicKey, in_use: bool) -> Option<u32> {
        let owner = self.owners.get(key)?;
        owner
            .names
            .iter()
            .filter(|name| self.in_use.contains_key(*name) == in_use)
            .filter_map(|name| number_of(wish, name))
            .min()
    }

    /// The smallest number whose form of `wish` belongs to nobody and is not in use.
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

    /// `name` is free for anybody: searches that began after it begin there again.
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
            // A longer wish is cut to make room for its number: any of those may have led here.
            if name.as_str().chars().count() >= hobnob_protocol::name::MAX_NAME_CHARS {
                self.hints.clear();
            }
        }
    }
}

/// `wish` itself, or with a number from 2 on.
fn form(wish: &UserName, number: u32) -> UserName {
    if number <= 1 { wish.clone() } else { wish.numbered(number) }
}

/// The number with which `wish` becomes `name`.
fn number_of(wish: &UserName, name: &UserName) -> Option<u32> {
    if wish == name {
        return Some(1);
    }
    let (_, digits) = name.as_str().rsplit_once('_')?;
    let number = digits.parse().ok().filter(|number| (2..=MAX_NUMBER).contains(number))?;
    (wish.numbered(number) == *name).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u16) -> PublicKey {
        let mut bytes = [0; 32];
        bytes[..2].copy_from_slice(&n.to_be_bytes());
        PublicKey::new(bytes)
    }

    fn newcomer(wish: &str, n: u16, run: u8) -> Newcomer {
        Newcomer {
            wish: wish.parse().unwrap(),
            key: key(n),
            run: RunId::new([run; 8]),
            candidates: Vec::new(),
        }
    }

    #[track_caller]
    fn join(roster: &mut Roster, id: u64, wish: &str, n: u16, run: u8) -> String {
        roster.admit(ConnectionId(id), &newcomer(wish, n, run), true, 0).unwrap();
        roster.enter(ConnectionId(id)).unwrap().name.to_string()
    }

    #[test]
    fn a_second_user_with_the_same_name_gets_a_number_and_keeps_it() {
        let mut roster = Roster::default();
        assert_eq!(join(&mut roster, 1, "anna", 1, 1), "anna");
        assert_eq!(join(&mut roster, 2, "ANNA", 2, 1), "ANNA_2");
        assert_eq!(join(&mut roster, 3, "anna", 3, 1), "anna_3");
        roster.remove(ConnectionId(1), 0);
        roster.remove(ConnectionId(2), 0);
        assert_eq!(join(&mut roster, 4, "anna", 4, 1), "anna_4");
        assert_eq!(join(&mut roster, 5, "anna", 2, 2), "anna_2");
        assert_eq!(join(&mut roster, 6, "anna", 1, 2), "anna");
    }

    #[test]
    fn the_same_key_in_a_second_client_gets_the_next_number() {
        let mut roster = Roster::default();
        assert_eq!(join(&mut roster, 1, "anna", 1, 1), "anna");
        assert_eq!(roster.rival(&"anna".parse().unwrap(), &key(1)), Some(ConnectionId(1)));
        assert_eq!(roster.rival(&"anna".parse().unwrap(), &key(2)), None);
        assert_eq!(join(&mut roster, 2, "anna", 1, 2), "anna_2");
        roster.remove(ConnectionId(1), 0);
        assert_eq!(roster.rival(&"anna".parse().unwrap(), &key(1)), None);
        assert_eq!(join(&mut roster, 3, "anna", 1, 3), "anna");
    }

    #[test]
    fn a_name_unseen_for_long_is_free_again_unless_in_use() {
        let mut roster = Roster::default();
        join(&mut roster, 1, "anna", 1, 1);
        join(&mut roster, 2, "bobby", 2, 1);
        roster.remove(ConnectionId(1), 100);
        assert_eq!(roster.expire(100, 0), []);
        assert_eq!(roster.expire(101, 0), ["anna".parse().unwrap()]);
        assert_eq!(join(&mut roster, 3, "anna", 3, 1), "anna");
    }

    #[test]
    fn a_binding_is_new_once_and_its_date_changes() {
        let mut roster = Roster::default();
        let binding = |seen| NameBinding { name: "anna".parse().unwrap(), key: key(1), seen, spoke: false };
        let first = roster.admit(ConnectionId(1), &newcomer("anna", 1, 1), true, 5).unwrap();
        assert_eq!(first.binding, Some((binding(5), true)));
        assert_eq!(roster.remove(ConnectionId(1), 6).unwrap().1, Some(binding(6)));
        let mut again = Roster::new([binding(5)]);
        let second = again.admit(ConnectionId(1), &newcomer("anna", 1, 1), true, 7).unwrap();
        assert_eq!(second.binding, Some((binding(7), false)));
    }

    #[test]
    fn ten_thousand_of_one_name_get_ten_thousand_names_and_then_nobody() {
        let mut roster = Roster::default();
        let started = std::time::Instant::now();
        for n in 0..10_000 {
            roster.admit(ConnectionId(u64::from(n)), &newcomer("anna", n, 1), true, 0).unwrap();
        }
        assert!(started.elapsed().as_secs() < 5, "the search must not begin at one every time");
        assert_eq!(roster.len(), 10_000);
        assert_eq!(
            roster.admit(ConnectionId(10_001), &newcomer("anna", 10_001, 1), true, 0),
            Err(NoNameLeft)
        );
    }

    #[test]
    fn one_key_owns_a_bounded_number_of_names_and_an_unowned_one_is_free_when_left() {
        let mut roster = Roster::default();
        let admit = |n: u64| roster.admit(ConnectionId(n), &newcomer("anna", 1, n as u8), true, 0).unwrap();
        let owned = (0..300).map(admit).filter(|admitted| admitted.binding.is_some()).count();
        assert_eq!(owned, MAX_BINDINGS_PER_KEY);
        let (left, seen) = roster.remove(ConnectionId(280), 0).unwrap();
        assert_eq!(seen, None);
        assert_eq!(left.name.as_str(), "anna_281");
        assert_eq!(join(&mut roster, 1000, "anna", 2, 1), "anna_281");
    }

    #[test]
    fn only_who_has_entered_is_shown() {
        let mut roster = Roster::default();
        roster.admit(ConnectionId(1), &newcomer("bobby", 1, 1), true, 0).unwrap();
        assert!(roster.present().names.is_empty());
        assert!(roster.by_name(&"bobby".parse().unwrap()).is_none());
        roster.enter(ConnectionId(1));
        join(&mut roster, 2, "anna", 2, 1);
        let shown = |names: &[Arc<UserName>]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
        assert_eq!(shown(&roster.present().names), ["anna", "bobby"]);
        roster.set_away(ConnectionId(1), Some(AwayText::new("lunch").unwrap()));
        assert_eq!(shown(&roster.present().away), ["bobby"]);
        roster.set_away(ConnectionId(1), None);
        assert!(roster.present().away.is_empty());
    }
}
