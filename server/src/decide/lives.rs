//! The lives of the servers of a lobby: which are under way, and up to which of its batches each has come. A server
//! that starts begins a life with a number that no server had before. A life that others declared over stays over, and
//! batches of it that come later are ignored. This file holds plain data that knows no clock: the servers notice which
//! server is silent for too long, and say so in an entry.

use std::collections::{BTreeMap, VecDeque};

use hobnob_order::ServerId;
use hobnob_protocol::MAX_SERVERS;
use hobnob_protocol::candidate::Candidate;
use serde::{Deserialize, Serialize};

/// How many lives that are over are remembered. Batches come late by seconds, and lives end rarely. When the limit is
/// reached, the oldest of these lives is forgotten; then a very late first batch of that life would begin it again.
const MAX_OVER: usize = 4096;

/// How many lives may be under way at once: many more than a stream has readers. When the limit is reached, no further
/// life begins.
const MAX_LIVING: usize = 1024;

/// The number of a server that is alone in its lobby.
const ALONE: ServerId = ServerId(0);

/// One life of a server, from its first batch until it is declared over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Life {
    /// The number of the life's last batch.
    last: u64,
    /// The addresses at which clients reach the server, if it has published any.
    at: Vec<Candidate>,
}

/// All lives that are under way, and those that are over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lives {
    #[serde(with = "numbered")]
    living: BTreeMap<ServerId, Life>,
    /// The lives that are over, the oldest first.
    #[serde(with = "listed")]
    over: VecDeque<ServerId>,
}

impl Lives {
    /// Whether a batch counts. A batch that counts becomes the last one of its server; the first batch begins a life.
    pub(super) fn count(&mut self, server: ServerId, number: u64) -> bool {
        let counts = match self.living.get(&server) {
            Some(life) => number > life.last,
            // A server that is alone has only one life, and a machine that is made anew may see that life from its
            // middle on.
            None if server == ALONE => number > 0,
            None => number == 1 && self.living.len() < MAX_LIVING && !self.over.contains(&server),
        };
        if counts {
            self.living.entry(server).or_default().last = number;
        }
        counts
    }

    /// Ends a life, if `last` is still its last batch. A server of which a later batch has come is not silent.
    pub(super) fn end(&mut self, server: ServerId, last: u64) -> bool {
        if self.living.get(&server).is_none_or(|life| life.last != last) {
            return false;
        }
        self.living.remove(&server);
        if self.over.len() == MAX_OVER {
            self.over.pop_front();
        }
        self.over.push_back(server);
        true
    }

    /// Returns the lives that are under way, each with the number of its last batch.
    pub(super) fn living(&self) -> impl Iterator<Item = (ServerId, u64)> {
        self.living.iter().map(|(server, life)| (*server, life.last))
    }

    /// Notes the addresses at which clients reach a server from now on.
    pub(super) fn serves(&mut self, server: ServerId, at: &[Candidate]) {
        if let Some(life) = self.living.get_mut(&server) {
            life.at = at.iter().take(MAX_SERVERS).cloned().collect();
        }
    }

    /// Returns the addresses at which clients reach the servers, up to the number that a client is told.
    pub(super) fn addresses(&self) -> Vec<Candidate> {
        let mut all: Vec<Candidate> = Vec::new();
        for at in self.living.values().flat_map(|life| &life.at) {
            if all.len() < MAX_SERVERS && !all.contains(at) {
                all.push(at.clone());
            }
        }
        all
    }
}

/// Writes a map of servers as a list of pairs.
mod numbered {
    use std::collections::BTreeMap;

    use hobnob_order::ServerId;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Life;

    pub(super) fn serialize<S: Serializer>(map: &BTreeMap<ServerId, Life>, to: S) -> Result<S::Ok, S::Error> {
        map.iter().map(|(server, life)| (server.0, life)).collect::<Vec<_>>().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeMap<ServerId, Life>, D::Error> {
        let pairs = Vec::<(u64, Life)>::deserialize(from)?;
        Ok(pairs.into_iter().map(|(server, life)| (ServerId(server), life)).collect())
    }
}

/// Writes servers as a list of numbers.
mod listed {
    use std::collections::VecDeque;

    use hobnob_order::ServerId;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(list: &VecDeque<ServerId>, to: S) -> Result<S::Ok, S::Error> {
        list.iter().map(|server| server.0).collect::<Vec<_>>().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<VecDeque<ServerId>, D::Error> {
        Ok(Vec::<u64>::deserialize(from)?.into_iter().map(ServerId).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: ServerId = ServerId(1);

    #[test]
    fn a_life_begins_with_its_first_batch_and_each_batch_counts_once() {
        let mut lives = Lives::default();
        assert!(!lives.count(ONE, 2), "its beginning is missing");
        assert!(lives.count(ONE, 1) && lives.count(ONE, 2));
        assert!(!lives.count(ONE, 2) && !lives.count(ONE, 1));
        assert!(lives.count(ONE, 9), "those between had nothing that counts any more");
    }

    #[test]
    fn only_a_silent_life_is_ended_and_it_stays_over() {
        let mut lives = Lives::default();
        lives.count(ONE, 1);
        lives.count(ONE, 2);
        assert!(!lives.end(ONE, 1), "it was heard since");
        assert!(lives.end(ONE, 2));
        assert!(!lives.end(ONE, 2), "it is over already");
        assert!(!lives.count(ONE, 3) && !lives.count(ONE, 1), "late batches of it do not count");
        assert_eq!(lives.living().count(), 0);
    }

    #[test]
    fn clients_are_told_the_addresses_of_the_servers_that_are_there() {
        let mut lives = Lives::default();
        let at = |address: &str| vec![address.parse::<Candidate>().unwrap()];
        lives.serves(ONE, &at("gone.example:1"));
        assert_eq!(lives.addresses(), [], "it is not there");
        for n in 1..=MAX_SERVERS as u64 + 1 {
            lives.count(ServerId(n), 1);
            lives.serves(ServerId(n), &at(&format!("s{n}.example:1")));
        }
        assert_eq!(lives.addresses().len(), MAX_SERVERS);
        lives.end(ONE, 1);
        assert!(!lives.addresses().contains(&at("s1.example:1")[0]));
    }

    #[test]
    fn the_numbers_of_lives_under_way_and_of_lives_over_are_bounded() {
        let mut lives = Lives::default();
        for n in 0..MAX_OVER as u64 + 10 {
            lives.count(ServerId(n), 1);
            lives.end(ServerId(n), 1);
        }
        assert_eq!(lives.over.len(), MAX_OVER);
        let begun = (0..MAX_LIVING as u64 + 10).filter(|n| lives.count(ServerId(1_000_000 + n), 1)).count();
        assert_eq!(begun, MAX_LIVING);
    }

    #[test]
    fn lives_are_read_back_as_they_were_saved() {
        let mut lives = Lives::default();
        lives.count(ONE, 1);
        lives.count(ServerId(u64::MAX), 1);
        lives.end(ONE, 1);
        lives.serves(ServerId(u64::MAX), &["chat.example:1".parse().unwrap()]);
        let saved = serde_json::to_string(&lives).unwrap();
        assert_eq!(serde_json::from_str::<Lives>(&saved).unwrap(), lives);
    }
}
