//! How many questions for a private session may wait for an answer, so that strangers cannot take the places of others:
//! for each client that is asked, for each key that asks, and in all. Of the places for one asked client and of all
//! places, a quarter is for whoever comes first; of the rest each network has a small share, because new keys cost
//! nothing, and networks do not. Users who share an address with nobody that floods notice nothing of the shares. This
//! file only counts.

use std::collections::HashMap;
use std::hash::Hash;

use hobnob_protocol::key::PublicKey;

use crate::decide::ConnectionId;
use crate::network::Network;

/// How many questions may wait in all, and how many of them those of one network may be once a quarter of all waits.
const MOST: usize = 16 * 1024;
const OF_A_NETWORK: usize = 256;

/// How many questions of one key may wait, whoever is asked: a client whose network was away asks anew for all its
/// sessions.
const OF_A_KEY: usize = 256;

/// How many questions may wait for one client to say anything, and how many of them those of one network may be once a
/// quarter of them waits. The client answers within moments, so a user who is told `busy` here may try again at once.
const UNANSWERED: usize = 64;
const UNANSWERED_OF_A_NETWORK: usize = 4;

/// How many questions may wait for the decision of one client's user. hobnob's own client lets sixteen wait, and says
/// itself who gives way to whom, so it does not reach this limit.
const UNDECIDED: usize = 32;

/// Who asks: the key, and the network from which it comes, if that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) key: PublicKey,
    pub(crate) network: Option<Network>,
}

/// The places that are taken.
#[derive(Debug, Default)]
pub(super) struct Places {
    all: usize,
    of_key: Counts<PublicKey>,
    of_network: Counts<Option<Network>>,
    unanswered: Counts<ConnectionId>,
    unanswered_of_network: Counts<(ConnectionId, Option<Network>)>,
    undecided: Counts<ConnectionId>,
}

impl Places {
    /// Takes a place for a question to the client `asked`; false if there is none.
    pub(super) fn take(&mut self, from: &Origin, asked: ConnectionId) -> bool {
        let at_asked = (asked, from.network);
        let unanswered = (self.unanswered.of(&asked), self.unanswered_of_network.of(&at_asked));
        if self.of_key.of(&from.key) >= OF_A_KEY
            || !has_place((self.all, self.of_network.of(&from.network)), MOST, OF_A_NETWORK)
            || !has_place(unanswered, UNANSWERED, UNANSWERED_OF_A_NETWORK)
        {
            return false;
        }
        self.all += 1;
        self.of_key.up(from.key);
        self.of_network.up(from.network);
        self.unanswered.up(asked);
        self.unanswered_of_network.up(at_asked);
        true
    }

    /// The client has said that it asks its user. Returns false if as many questions wait for this user as may.
    pub(super) fn becomes_undecided(&mut self, from: &Origin, asked: ConnectionId) -> bool {
        if self.undecided.of(&asked) >= UNDECIDED {
            return false;
        }
        self.undecided.up(asked);
        self.answered(from, asked);
        true
    }

    /// Gives back the place of a question that is over.
    pub(super) fn give_back(&mut self, from: &Origin, asked: ConnectionId, is_undecided: bool) {
        self.all -= 1;
        self.of_key.down(&from.key);
        self.of_network.down(&from.network);
        match is_undecided {
            true => self.undecided.down(&asked),
            false => self.answered(from, asked),
        }
    }

    fn answered(&mut self, from: &Origin, asked: ConnectionId) {
        self.unanswered.down(&asked);
        self.unanswered_of_network.down(&(asked, from.network));
    }

    /// Whether no place is taken.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.all == 0
            && self.of_key.0.is_empty()
            && self.of_network.0.is_empty()
            && self.unanswered.0.is_empty()
            && self.unanswered_of_network.0.is_empty()
            && self.undecided.0.is_empty()
    }
}

/// Whether one more may have a place, when so many have one in all and so many of its network.
fn has_place((all, of_network): (usize, usize), most: usize, share: usize) -> bool {
    all < most && (all < most / 4 || of_network < share)
}

/// How many there are of each, of those of which there are any.
#[derive(Debug)]
struct Counts<K>(HashMap<K, usize>);

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash> Counts<K> {
    fn of(&self, key: &K) -> usize {
        self.0.get(key).copied().unwrap_or_default()
    }

    fn up(&mut self, key: K) {
        *self.0.entry(key).or_default() += 1;
    }

    fn down(&mut self, key: &K) {
        if let Some(count) = self.0.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    /// A key of its own for each number, from the network with this number.
    fn origin(key: u32, network: u32) -> Origin {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&key.to_be_bytes());
        let network = Some(Network::of(Ipv4Addr::from(network).into()));
        Origin { key: PublicKey::new(bytes), network }
    }

    /// Asks this client with new keys of this network as often as there is a place for it.
    fn fill(places: &mut Places, asked: u64, network: u32) -> usize {
        (0..1000)
            .take_while(|key| places.take(&origin(network * 1000 + key, network), ConnectionId(asked)))
            .count()
    }

    #[test]
    fn strangers_of_a_few_networks_leave_places_at_the_client_that_they_ask() {
        let mut places = Places::default();
        assert_eq!(fill(&mut places, 1, 1), 16);
        assert_eq!(fill(&mut places, 1, 2), 4);
        let known = origin(7, 3);
        assert!(places.take(&known, ConnectionId(1)));
        assert!(places.take(&origin(8, 1), ConnectionId(2)), "another client's places are other places");
        let all: usize = (4..100).map(|network| fill(&mut places, 1, network)).sum();
        assert_eq!(16 + 4 + 1 + all, UNANSWERED);
    }

    #[test]
    fn strangers_of_a_few_networks_leave_places_to_all_others() {
        let mut places = Places::default();
        let mut take =
            |number: u32, network| places.take(&origin(number, network), ConnectionId(number.into()));
        let taken = |number: &u32| take(*number, 1);
        assert_eq!((0..20_000).filter(taken).count(), MOST / 4);
        for network in 2..10 {
            assert_eq!((20_000..21_000).filter(|number| take(*number, network)).count(), OF_A_NETWORK);
        }
        assert!(take(30_000, 10));
        let full = (11..100_000).find(|network| !take(30_000 + network, *network));
        assert!(full.is_some(), "there is a limit for all");
        assert_eq!(places.all, MOST);
    }

    #[test]
    fn a_key_has_a_limit_and_so_has_the_user_who_decides() {
        let mut places = Places::default();
        let anna = origin(1, 1);
        assert_eq!((0..1000).filter(|asked| places.take(&anna, ConnectionId(*asked))).count(), OF_A_KEY);
        let bobby = ConnectionId(5000);
        let undecided = (100..200).filter(|key| {
            let from = origin(*key, 2);
            assert!(places.take(&from, bobby), "a question that is being decided takes no other's place");
            let waits = places.becomes_undecided(&from, bobby);
            if !waits {
                places.give_back(&from, bobby, false);
            }
            waits
        });
        assert_eq!(undecided.count(), UNDECIDED);
        (0..256).for_each(|asked| places.give_back(&anna, ConnectionId(asked), false));
        (100..132).for_each(|key| places.give_back(&origin(key, 2), bobby, true));
        assert!(places.is_empty());
    }
}
