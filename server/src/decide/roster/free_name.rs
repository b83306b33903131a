//! Which form of the name that a newcomer wishes for is free: the wish itself, or the wish with a number. This file
//! owns where the next search for the same wish begins, and binds no name to a key.
//!
//! A name belongs to the key that first came with it. A newcomer who wishes for the name N gets the first of N, N_2,
//! N_3, … that belongs to no other key and is not in use. Finding that name costs the same for the thousandth newcomer
//! as for the first, because a search begins where the last search for the same wish ended.

use std::sync::{Arc, OnceLock};

use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::{MAX_NAME_CHARS, UserName};

use super::Roster;
use crate::decide::entry::ConnectionId;

/// The highest number that is tried after a name before a newcomer is refused.
const MAX_NUMBER: u32 = 10_000;

/// How many digits that number has.
const MAX_DIGITS: usize = 5;

/// For how many wishes it is remembered where the next search begins. When the limit is reached, all of them are
/// forgotten, and the next searches begin anew.
const MAX_HINTS: usize = 4096;

/// How many numbers that came free below the place where a search ended are remembered for one wish. When the limit is
/// reached, the next search begins at the smallest of them.
const MAX_FREED: usize = 64;

/// Where the next search for a free form of a wish begins. Numbers below `next` are taken, except perhaps those in
/// `freed`. If one that comes free took the search back, two newcomers and one who leaves would cost a walk past all
/// numbers that are taken.
#[derive(Debug, Clone)]
pub(super) struct Hint {
    next: u32,
    /// Numbers that came free before the end of the search, the lowest first.
    freed: Vec<u32>,
    forms: Arc<Forms>,
}

impl Hint {
    fn new(wish: &UserName) -> Self {
        Self { next: 1, freed: Vec::new(), forms: Arc::new(Forms::of(wish)) }
    }

    fn came_free(&mut self, number: u32) {
        let Err(at) = self.freed.binary_search(&number) else { return };
        if number >= self.next {
            return;
        }
        self.freed.insert(at, number);
        if self.freed.len() > MAX_FREED {
            self.next = self.freed[0];
            self.freed.clear();
        }
    }
}

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
        let forms = Forms::of(wish);
        owner
            .names
            .iter()
            .filter_map(|name| Some((name, forms.number_of(name)?)))
            .filter(|(name, _)| self.in_use.contains_key(*name) == in_use)
            .map(|(_, number)| number)
            .min()
    }

    /// Returns the smallest number whose form of `wish` belongs to nobody and is not in use.
    pub(super) fn free_number(&mut self, wish: &UserName) -> Option<u32> {
        let mut hint = self.hints.get(wish).cloned().unwrap_or_else(|| Hint::new(wish));
        let is_free = |number: &u32| {
            let name = form(wish, *number);
            !self.bindings.contains_key(&name) && !self.in_use.contains_key(&name)
        };
        let taken = hint.freed.iter().take_while(|number| !is_free(number)).count();
        hint.freed.drain(..taken);
        let free = hint.freed.first().copied().or_else(|| {
            let found = (hint.next..=MAX_NUMBER).find(is_free);
            hint.next = found.unwrap_or(MAX_NUMBER + 1);
            found
        });
        if self.hints.len() >= MAX_HINTS && self.hints.get(wish).is_none() {
            self.hints.clear();
        }
        self.hints.insert(wish.clone(), hint);
        free
    }

    /// `name` has become free for everybody: the next search for a wish that may lead to it tries it first.
    pub(super) fn came_free(&mut self, name: &UserName) {
        let mut came_free = |wish: &UserName, number: u32| {
            if let Some(hint) = self.hints.get_mut(wish) {
                hint.came_free(number);
            }
        };
        came_free(name, 1);
        let Some((base, digits)) = name.as_str().rsplit_once('_') else { return };
        let Ok(number) = digits.parse::<u32>() else { return };
        if let Ok(base) = base.parse::<UserName>() {
            came_free(&base, number);
        }
        // What stands before the number is not always the wish.
        let cut = self.hints.iter().filter(|(_, hint)| hint.forms.may_be_cut);
        let led_here = cut.filter_map(|(wish, hint)| Some((wish.clone(), hint.forms.number_of(name)?)));
        for (wish, number) in led_here.collect::<Vec<_>>() {
            if let Some(hint) = self.hints.get_mut(&wish) {
                hint.came_free(number);
            }
        }
    }
}

/// `wish` itself for the number 1, or `wish` with a number from 2 on.
pub(super) fn form(wish: &UserName, number: u32) -> UserName {
    if number <= 1 { wish.clone() } else { wish.numbered(number) }
}

/// The numbered forms of a wish. All forms whose numbers have as many digits begin alike, so what they begin with is
/// found once: a key may have many names that look like forms, and each of them would cost as much as making a name.
#[derive(Debug)]
struct Forms {
    wish: UserName,
    /// What stands before a number, folded, by how many digits the number has.
    stems: [OnceLock<Box<str>>; MAX_DIGITS],
    /// Whether the wish is cut to make room for some numbers, or loses a character before every number.
    may_be_cut: bool,
}

impl Forms {
    fn of(wish: &UserName) -> Self {
        let is_long = wish.as_str().chars().count() + 1 + MAX_DIGITS > MAX_NAME_CHARS;
        let last_may_go = wish.as_str().chars().next_back().is_some_and(|c| !c.is_ascii());
        Self { wish: wish.clone(), stems: Default::default(), may_be_cut: is_long || last_may_go }
    }

    /// Returns the number that makes `name` out of the wish.
    fn number_of(&self, name: &UserName) -> Option<u32> {
        if self.wish == *name {
            return Some(1);
        }
        let (stem, digits) = name.folded().rsplit_once('_')?;
        if digits.starts_with('0') {
            return None;
        }
        let number = digits.parse().ok().filter(|number| (2..=MAX_NUMBER).contains(number))?;
        (self.stem(digits.len())? == stem).then_some(number)
    }

    fn stem(&self, digits: usize) -> Option<&str> {
        let stem = self.stems.get(digits.checked_sub(1)?)?;
        // With one digit the smallest number after a name is 2.
        let smallest = 10_u32.pow(digits as u32 - 1).max(2);
        let first = || self.wish.numbered(smallest).folded().rsplit_once('_').map(|(stem, _)| stem.into());
        Some(stem.get_or_init(|| first().unwrap_or_default()))
    }
}
