//! Which form of the name that a newcomer wishes for is free: the wish itself, or the wish with a number. This file
//! owns where the next search for the same wish begins, and binds no name to a key.
//!
//! A name belongs to the key that first came with it. A newcomer who wishes for the name N gets the first of N, N_2,
//! N_3, … that belongs to no other key and is not in use. Finding that name costs the same for the thousandth newcomer
//! as for the first, because a search begins where the last search for the same wish ended.

use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;

use super::Roster;
use crate::decide::entry::ConnectionId;

/// The highest number that is tried after a name before a newcomer is refused.
const MAX_NUMBER: u32 = 10_000;

/// For how many wishes it is remembered where the next search begins. When the limit is reached, all of them are
/// forgotten, and the next searches begin anew.
const MAX_HINTS: usize = 4096;

impl Roster {
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

    /// Returns the smallest number whose form of `wish` belongs to `key` and whose use is as `in_use` says.
    pub(super) fn own_number(&self, wish: &UserName, key: &PublicKey, in_use: bool) -> Option<u32> {
        let owner = self.owners.get(key)?;
        owner
            .names
            .iter()
            .filter(|&name| self.in_use.contains_key(name) == in_use)
            .filter_map(|name| number_of(wish, name))
            .min()
    }

    /// Returns the smallest number whose form of `wish` belongs to nobody and is not in use.
    pub(super) fn free_number(&mut self, wish: &UserName) -> Option<u32> {
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
    pub(super) fn lower_hints(&mut self, name: &UserName) {
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
pub(super) fn form(wish: &UserName, number: u32) -> UserName {
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
