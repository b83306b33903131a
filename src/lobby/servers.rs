//! The servers of the lobby, in the order in which this client tries them: the servers that the user named, and those
//! that a server told when it let this client in. This is a plain list and knows no connection.

use hobnob_protocol::MAX_SERVERS;
use hobnob_protocol::candidate::Candidate;
use hobnob_protocol::ids::random_bytes;

/// The addresses of the lobby's servers, each `HOST:PORT`.
#[derive(Debug)]
pub(super) struct Servers {
    named: Vec<String>,
    told: Vec<String>,
    /// The index of the server that is tried first; past the end it means the first server.
    first: usize,
}

impl Servers {
    /// Makes the list of the servers that the user named. Which one is tried first is left to chance, so that a
    /// thousand clients with the same list are spread over its servers.
    pub(super) fn named(named: Vec<String>) -> Self {
        let chance = u16::from_be_bytes(random_bytes::<2>());
        let first = usize::from(chance) % named.len().max(1);
        Self { named, told: Vec::new(), first }
    }

    /// Returns all servers; the one to be tried first comes first.
    pub(super) fn in_turn(&self) -> Vec<String> {
        let mut all = self.all();
        let first = self.first % all.len().max(1);
        all.rotate_left(first);
        all
    }

    /// Notes that a server let this client in and told the servers in `told`. The next time this server is tried first.
    pub(super) fn joined(&mut self, address: &str, told: &[Candidate]) {
        self.told = told.iter().take(MAX_SERVERS).map(ToString::to_string).collect();
        self.first = self.all().iter().position(|server| server == address).unwrap_or(0);
    }

    /// Notes that the connection to the joined server is lost. If there are other servers, they are tried before it.
    pub(super) fn lost(&mut self) {
        self.first += 1;
    }

    fn all(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for server in self.named.iter().chain(&self.told) {
            if !all.contains(server) {
                all.push(server.clone());
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(addresses: &[&str]) -> Vec<Candidate> {
        addresses.iter().map(|address| address.parse().unwrap()).collect()
    }

    #[test]
    fn a_lost_server_is_tried_last_and_each_server_only_once() {
        let mut servers = Servers::named(vec!["a:1".to_owned(), "b:1".to_owned()]);
        servers.joined("b:1", &told(&["c:1", "a:1"]));
        assert_eq!(servers.in_turn(), ["b:1", "c:1", "a:1"]);
        servers.lost();
        assert_eq!(servers.in_turn(), ["c:1", "a:1", "b:1"]);
        servers.joined("c:1", &told(&["c:1"]));
        servers.lost();
        assert_eq!(servers.in_turn(), ["a:1", "b:1", "c:1"]);
    }

    #[test]
    fn a_single_server_is_always_tried() {
        let mut servers = Servers::named(vec!["a:1".to_owned()]);
        for _ in 0..3 {
            assert_eq!(servers.in_turn(), ["a:1"]);
            servers.lost();
        }
    }

    #[test]
    fn clients_begin_with_a_random_server_of_the_list() {
        let first = || Servers::named(vec!["a:1".to_owned(), "b:1".to_owned()]).in_turn()[0].clone();
        let firsts: std::collections::BTreeSet<String> = (0..100).map(|_| first()).collect();
        assert_eq!(firsts.len(), 2);
    }
}
