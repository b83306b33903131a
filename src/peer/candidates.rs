//! Where this client may be reached: what it tells the lobby, and the lobby its peers. Owns the
//! choice and order of its own addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hobnob_protocol::MAX_CANDIDATES;
use hobnob_protocol::name::Candidate;

/// The addresses to tell for a listener at `listening`: first `advertise`, then the loopback (a peer
/// on this machine), then every interface that is up. A listener on one address is reached there
/// alone. At most [`MAX_CANDIDATES`], none twice.
#[must_use]
pub fn gather(advertise: &[Candidate], listening: SocketAddr) -> Vec<Candidate> {
    let own = if listening.ip().is_unspecified() { interfaces() } else { vec![listening.ip()] };
    arrange(advertise, listening, &own)
}

fn arrange(advertise: &[Candidate], listening: SocketAddr, own: &[IpAddr]) -> Vec<Candidate> {
    let (any, port) = (listening.ip().is_unspecified(), listening.port());
    let loopback = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
    let local = loopback.iter().filter(|_| any).chain(own);
    let local = local.filter(|ip| !any || listening.is_ipv6() || ip.is_ipv4());
    let mut candidates = Vec::new();
    for candidate in
        advertise.iter().cloned().chain(local.map(|&ip| Candidate::from(SocketAddr::new(ip, port))))
    {
        if candidates.len() < MAX_CANDIDATES && !candidates.contains(&candidate) {
            candidates.push(candidate);
        }
    }
    candidates
}

/// The addresses of the interfaces that are up. Link-local IPv6 ones are left out: they mean nothing
/// without the name of the interface, which differs on every host.
fn interfaces() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        tracing::warn!(%error, "the network interfaces cannot be listed");
        Vec::new()
    });
    let is_useful = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => !ip.is_unspecified(),
        IpAddr::V6(ip) => !ip.is_unspecified() && !ip.is_unicast_link_local(),
    };
    let up = interfaces.iter().filter(|interface| interface.is_oper_up());
    up.map(if_addrs::Interface::ip).filter(is_useful).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(advertise: &[&str], listening: &str, own: &[&str], expected: &[&str]) {
        let advertise: Vec<Candidate> = advertise.iter().map(|text| text.parse().unwrap()).collect();
        let own: Vec<IpAddr> = own.iter().map(|text| text.parse().unwrap()).collect();
        let got = arrange(&advertise, listening.parse().unwrap(), &own);
        assert_eq!(got.iter().map(Candidate::as_str).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn advertised_addresses_come_first_and_none_twice() {
        check(
            &["chat.example.org:7000", "127.0.0.1:5"],
            "[::]:5",
            &["127.0.0.1", "192.0.2.7", "2001:db8::7"],
            &["chat.example.org:7000", "127.0.0.1:5", "[::1]:5", "192.0.2.7:5", "[2001:db8::7]:5"],
        );
    }

    #[test]
    fn a_listener_is_not_told_of_where_it_does_not_listen() {
        check(&[], "0.0.0.0:5", &["192.0.2.7", "2001:db8::7"], &["127.0.0.1:5", "192.0.2.7:5"]);
        check(&["a.example:1"], "192.0.2.7:5", &["192.0.2.7"], &["a.example:1", "192.0.2.7:5"]);
    }

    #[test]
    fn a_host_with_many_addresses_tells_the_first() {
        let own: Vec<IpAddr> = (0..100).map(|last| IpAddr::from([192, 0, 2, last])).collect();
        assert_eq!(arrange(&[], "[::]:5".parse().unwrap(), &own).len(), MAX_CANDIDATES);
    }

    #[test]
    fn this_host_has_addresses() {
        let candidates = gather(&[], "[::]:5".parse().unwrap());
        assert_eq!(candidates[0].as_str(), "127.0.0.1:5");
        assert!(candidates.iter().all(|candidate| !candidate.as_str().contains("fe80")));
    }
}
