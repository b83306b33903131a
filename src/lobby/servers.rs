//! The servers of the lobby, in the order in which this client tries them: the servers that the user named, and those
//! that a server told when it let this client in. This is a plain list and knows no connection.

use std::time::Duration;

use hobnob_protocol::MAX_SERVERS;
use hobnob_protocol::candidate::Candidate;
use hobnob_protocol::ids::random_bytes;
use tokio::time::Instant;

use super::attempt::Foreign;

/// How long an address at which another key was seen is left alone.
const FOREIGN_REST: Duration = Duration::from_secs(5 * 60);

/// How long a told server that does not answer may take to come back before it counts as gone: the machine may restart.
const RESTART: Duration = Duration::from_secs(2 * 60);

/// The place of the server that was joined last, among those that are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    First,
    Last,
    Usual,
}

/// The addresses of the lobby's servers, each `HOST:PORT`.
#[derive(Debug)]
pub(super) struct Servers {
    named: Vec<String>,
    told: Vec<String>,
    /// The indices of the servers with which the next attempt begins; past the end it means the first server.
    next_named: usize,
    next_told: usize,
    /// The server that was joined last; empty if there is none.
    joined: String,
    place: Place,
    /// When the link was lost; until [`RESTART`] has passed, a told server that does not answer may come back.
    lost: Option<Instant>,
    /// The servers that had another key, and until when each is left alone.
    foreign: Vec<(Foreign, Instant)>,
}

impl Servers {
    /// Makes the list of the servers that the user named. Which one is tried first is left to chance, so that a
    /// thousand clients with the same list are spread over its servers.
    pub(super) fn named(named: Vec<String>) -> Self {
        let chance = u16::from_be_bytes(random_bytes::<2>());
        let next_named = usize::from(chance) % named.len().max(1);
        Self {
            named,
            told: Vec::new(),
            next_named,
            next_told: 0,
            joined: String::new(),
            place: Place::Usual,
            lost: None,
            foreign: Vec::new(),
        }
    }

    /// Returns the servers in the order in which they are tried: those that the user named come before those that a
    /// server told, so that told addresses cannot keep this client from a named one. Of each kind, the first is the one
    /// after the last that was dialled. Servers that had another key a short time ago are left out.
    pub(super) fn in_turn(&self, now: Instant) -> Vec<String> {
        let (mut all, mut told) = (self.named.clone(), self.told.clone());
        let (first_named, first_told) =
            (self.next_named % all.len().max(1), self.next_told % told.len().max(1));
        all.rotate_left(first_named);
        told.rotate_left(first_told);
        all.append(&mut told);
        match (self.place, all.iter().position(|server| *server == self.joined)) {
            (Place::First, Some(index)) => all[..=index].rotate_right(1),
            (Place::Last, Some(index)) => all[index..].rotate_left(1),
            _ => {}
        }
        let rests =
            |server: &String| self.foreign.iter().any(|(it, until)| it.address == *server && *until > now);
        if !all.iter().all(rests) {
            all.retain(|server| !rests(server));
        }
        all
    }

    /// Notes that a server let this client in and told the servers in `told`. The next time this server is tried first.
    pub(super) fn joined(&mut self, address: &str, told: &[Candidate]) {
        self.told.clear();
        let told = told.iter().take(MAX_SERVERS).map(ToString::to_string);
        for server in told.chain([address.to_owned()]) {
            if !self.named.contains(&server) && !self.told.contains(&server) {
                self.told.push(server);
            }
        }
        self.foreign.retain(|(it, _)| {
            it.address != address && (self.named.contains(&it.address) || self.told.contains(&it.address))
        });
        address.clone_into(&mut self.joined);
        self.place = Place::First;
        self.begin_after(address);
    }

    /// Notes that the connection to the joined server is lost. If there are other servers, they are tried before it.
    pub(super) fn lost(&mut self, now: Instant) {
        self.place = Place::Last;
        self.lost = Some(now);
    }

    /// Notes that an attempt has dialled these servers, in this order. The next attempt begins after them.
    pub(super) fn dialled(&mut self, servers: &[String]) {
        if servers.is_empty() {
            return;
        }
        self.place = Place::Usual;
        for server in servers {
            self.begin_after(server);
        }
    }

    fn begin_after(&mut self, server: &str) {
        if let Some(index) = self.named.iter().position(|named| named == server) {
            self.next_named = index + 1;
        } else if let Some(index) = self.told.iter().position(|told| told == server) {
            self.next_told = index + 1;
        }
    }

    /// Notes that a server has another key, so that its address is left alone for some time. Returns whether that is
    /// new.
    pub(super) fn note_foreign(&mut self, foreign: &Foreign, now: Instant) -> bool {
        let before = self.foreign.len();
        self.foreign.retain(|(it, _)| it.address != foreign.address);
        let is_new = self.foreign.len() == before;
        self.foreign.push((foreign.clone(), now + FOREIGN_REST));
        is_new
    }

    /// Returns a named server with another key if no server is left that may have the trusted one: all named servers
    /// and the one that was joined last had another key, and so had every told one that may still come back.
    pub(super) fn all_foreign(&self, now: Instant) -> Option<&Foreign> {
        let find = |server: &String| self.foreign.iter().map(|(it, _)| it).find(|it| it.address == *server);
        let may_come_back = self.lost.is_some_and(|lost| now < lost + RESTART);
        let told = self.told.iter().filter(|_| may_come_back);
        let is_left = told.chain([&self.joined]).any(|server| find(server).is_none());
        let mut named = self.named.iter().map(find);
        let first = named.next()??;
        (!is_left && named.all(|it| it.is_some())).then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::key::PublicKey;

    use super::*;

    fn now() -> Instant {
        Instant::now()
    }

    fn foreign(address: &str) -> Foreign {
        Foreign { address: address.to_owned(), seen: PublicKey::new([7; 32]) }
    }

    fn told(addresses: &[&str]) -> Vec<Candidate> {
        addresses.iter().map(|address| address.parse().unwrap()).collect()
    }

    #[test]
    fn a_lost_server_is_tried_last_and_each_server_only_once() {
        let mut servers = Servers::named(vec!["a:1".to_owned(), "b:1".to_owned()]);
        servers.joined("b:1", &told(&["c:1", "a:1"]));
        assert_eq!(servers.in_turn(now()), ["b:1", "a:1", "c:1"]);
        servers.lost(now());
        assert_eq!(servers.in_turn(now()), ["a:1", "c:1", "b:1"]);
        servers.joined("c:1", &told(&["c:1"]));
        servers.lost(now());
        assert_eq!(servers.in_turn(now()), ["a:1", "b:1", "c:1"]);
    }

    #[test]
    fn the_next_attempt_begins_after_the_last_servers_dialled_and_named_ones_come_first() {
        let mut servers = Servers::named(vec!["a:1".to_owned()]);
        servers.joined("a:1", &told(&["b:1", "c:1", "d:1"]));
        servers.lost(now());
        assert_eq!(servers.in_turn(now()), ["b:1", "c:1", "d:1", "a:1"]);
        servers.dialled(&["b:1".to_owned(), "c:1".to_owned()]);
        assert_eq!(servers.in_turn(now()), ["a:1", "d:1", "b:1", "c:1"]);
        servers.dialled(&["a:1".to_owned(), "d:1".to_owned()]);
        assert_eq!(servers.in_turn(now()), ["a:1", "b:1", "c:1", "d:1"]);
    }

    #[test]
    fn a_server_with_another_key_is_new_once_and_left_alone_for_some_time() {
        let mut servers = Servers::named(vec!["a:1".to_owned()]);
        servers.joined("a:1", &told(&["b:1"]));
        servers.lost(now());
        let begin = now();
        assert!(servers.note_foreign(&foreign("b:1"), begin));
        assert_eq!(servers.in_turn(begin), ["a:1"]);
        let later = begin + FOREIGN_REST;
        assert_eq!(servers.in_turn(later), ["b:1", "a:1"]);
        assert!(!servers.note_foreign(&foreign("b:1"), later));
        servers.joined("b:1", &told(&["b:1"]));
        assert_eq!(servers.in_turn(begin), ["b:1", "a:1"], "it has the lobby's key again");
    }

    #[test]
    fn servers_with_other_keys_are_all_there_is_only_if_no_other_address_is_left() {
        let mut servers = Servers::named(vec!["a:1".to_owned(), "b:1".to_owned()]);
        servers.joined("a:1", &told(&["c:1"]));
        servers.lost(now());
        servers.note_foreign(&foreign("b:1"), now());
        assert_eq!(servers.all_foreign(now()), None, "a may come back");
        servers.note_foreign(&foreign("a:1"), now());
        assert_eq!(servers.all_foreign(now()), None, "c was not tried");
        servers.dialled(&["c:1".to_owned()]);
        assert_eq!(servers.all_foreign(now()), None, "c refused, and may be restarting");
        assert_eq!(servers.all_foreign(now() + RESTART), Some(&foreign("a:1")), "c does not come back");
        servers.note_foreign(&foreign("c:1"), now());
        assert_eq!(servers.all_foreign(now()), Some(&foreign("a:1")));
    }

    #[test]
    fn a_told_server_that_was_joined_may_come_back_though_all_named_ones_have_other_keys() {
        let mut servers = Servers::named(vec!["a:1".to_owned()]);
        servers.joined("c:1", &told(&[]));
        servers.lost(now());
        servers.note_foreign(&foreign("a:1"), now());
        servers.dialled(&["a:1".to_owned(), "c:1".to_owned()]);
        assert_eq!(servers.all_foreign(now()), None);
        assert_eq!(servers.in_turn(now()), ["c:1"]);
        servers.note_foreign(&foreign("c:1"), now());
        assert_eq!(servers.all_foreign(now()), Some(&foreign("a:1")));
    }

    #[test]
    fn a_single_server_is_always_tried() {
        let mut servers = Servers::named(vec!["a:1".to_owned()]);
        for _ in 0..3 {
            assert_eq!(servers.in_turn(now()), ["a:1"]);
            servers.lost(now());
        }
    }

    #[test]
    fn clients_begin_with_a_random_server_of_the_list() {
        let first = || Servers::named(vec!["a:1".to_owned(), "b:1".to_owned()]).in_turn(now())[0].clone();
        let firsts: std::collections::BTreeSet<String> = (0..100).map(|_| first()).collect();
        assert_eq!(firsts.len(), 2);
    }
}
