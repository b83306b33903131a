//! The lives of the servers of a lobby: which are under way, and how far each of their batches counts. A server that
//! starts begins a life with a number nobody had; a life that others declared over stays over, whatever of it comes
//! late. Plain data; knows no clock: who is silent for too long is seen by the servers, and said by an entry.

use std::collections::{BTreeMap, VecDeque};

use hobnob_order::ServerId;
use hobnob_protocol::MAX_SERVERS;
use hobnob_protocol::name::Candidate;
use serde::{Deserialize, Serialize};

/// Lives that are over and remembered for it. A batch comes late by seconds, and a life ends once in a while; past this
/// many the oldest is forgotten. Only its first batch could count then, if that came so late.
const MAX_OVER: usize = 4096;

/// Lives that may be under way at once: many more servers than a stream has readers. Past it no further one begins.
const MAX_LIVING: usize = 1024;

/// The number of a server that is alone.
const ALONE: ServerId = ServerId(0);

/// One life.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Life {
    /// The number of its last batch.
    last: u64,
    /// Where clients reach the server, if it says so.
    at: Vec<Candidate>,
}

/// Which lives there are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lives {
    #[serde(with = "numbered")]
    living: BTreeMap<ServerId, Life>,
    /// The oldest first.
    #[serde(with = "listed")]
    over: VecDeque<ServerId>,
}

impl Lives {
    /// Whether a batch counts; one that does is the last of its server from now on. The first begins a life.
    pub(super) fn count(&mut self, server: ServerId, number: u64) -> bool {
        let counts = match self.living.get(&server) {
            Some(life) => number > life.last,
            // A server that is alone has one life, which a machine may come to know in its middle.
            None if server == ALONE => number > 0,
            None => number == 1 && self.living.len() < MAX_LIVING && !self.over.contains(&server),
        };
        if counts {
            self.living.entry(server).or_default().last = number;
        }
        counts
    }

    /// Ends a life, if `last` still is its last batch. One of which more has come since is not silent.
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

    /// The lives that are under way, each with its last batch.
    pub(super) fn living(&self) -> impl Iterator<Item = (ServerId, u64)> {
        self.living.iter().map(|(server, life)| (*server, life.last))
    }

    /// Where clients reach a server from now on.
    pub(super) fn serves(&mut self, server: ServerId, at: &[Candidate]) {
        if let Some(life) = self.living.get_mut(&server) {
            life.at = at.iter().take(MAX_SERVERS).cloned().collect();
        }
    }

    /// Where clients reach the servers, as many as a client is told.
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

/// A map of servers as a list of pairs.
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

/// Servers as a list of numbers.
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
    fn only_a_life_of_which_nothing_more_came_is_ended_and_it_stays_over() {
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
    fn clients_are_told_of_the_servers_that_are_there_and_say_where() {
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
    fn memory_is_bounded() {
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
    fn it_is_read_back_as_it_was_saved() {
        let mut lives = Lives::default();
        lives.count(ONE, 1);
        lives.count(ServerId(u64::MAX), 1);
        lives.end(ONE, 1);
        lives.serves(ServerId(u64::MAX), &["chat.example:1".parse().unwrap()]);
        let saved = serde_json::to_string(&lives).unwrap();
        assert_eq!(serde_json::from_str::<Lives>(&saved).unwrap(), lives);
    }
}
