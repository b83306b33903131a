//! The addresses at which peers reach a client, as the others are told them: those that the client names, and the one
//! at which the server sees it. This file owns how many of them are kept. It only decides about addresses and connects
//! to none.

use std::net::{IpAddr, SocketAddr};

use hobnob_protocol::MAX_CANDIDATES;
use hobnob_protocol::candidate::Candidate;

/// How many bytes of addresses are kept for one client and told to the users who are introduced to it. An IPv6 address
/// with its port has at most 47 bytes, so 32 of these fit; beside most of them, two of the longest host names fit as
/// well. Without this limit a client could fill the queues of others with host names, each of which may have 253 bytes.
const MAX_BYTES: usize = 2048;

/// Returns the addresses of `named` that fit, in their order, followed by the address at which the client is
/// `observed`, if the client says at which `port` it listens. The observed address always fits, because it is the one
/// that surely leads to the client.
pub(super) fn candidates(named: &[Candidate], port: Option<u16>, observed: IpAddr) -> Vec<Candidate> {
    let port = port.filter(|&port| port != 0);
    let seen_at: Option<Candidate> = port.map(|port| SocketAddr::new(observed, port).into());
    let (mut places, mut room) = (MAX_CANDIDATES, MAX_BYTES);
    if let Some(seen_at) = &seen_at {
        places -= 1;
        room -= seen_at.as_str().len();
    }
    let mut kept: Vec<Candidate> = Vec::with_capacity(named.len().min(places) + 1);
    for candidate in named {
        let len = candidate.as_str().len();
        if kept.len() < places
            && len <= room
            && !kept.contains(candidate)
            && Some(candidate) != seen_at.as_ref()
        {
            room -= len;
            kept.push(candidate.clone());
        }
    }
    kept.extend(seen_at);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEEN: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn named(texts: impl IntoIterator<Item = String>) -> Vec<Candidate> {
        texts.into_iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn named_addresses_are_kept_once_and_the_observed_address_comes_last() {
        let both = named(["10.0.0.1:7".into(), "192.0.2.1:7".into(), "10.0.0.1:7".into()]);
        let kept = candidates(&both, Some(7), SEEN);
        assert_eq!(kept, named(["10.0.0.1:7".into(), "192.0.2.1:7".into()]));
        assert_eq!(candidates(&both, None, SEEN).len(), 2);
        assert_eq!(candidates(&[], Some(0), SEEN), []);
    }

    #[test]
    fn as_many_of_the_longest_ip_addresses_as_a_client_may_name_all_fit() {
        let address = |n| format!("[2001:db8:1111:2222:3333:4444:5555:{n:x}]:65535");
        let kept = candidates(&named((0xff00..0xff00 + 31).map(address)), Some(7), SEEN);
        assert_eq!(kept.len(), MAX_CANDIDATES);
    }

    #[test]
    fn long_names_are_kept_as_long_as_they_fit_and_the_observed_address_always() {
        let name = |n| format!("{}{n:02}:65535", "x".repeat(250));
        let short = ["10.0.0.1:7".to_owned()];
        let kept = candidates(&named((0..31).map(name).chain(short)), Some(7), SEEN);
        assert!(kept.iter().map(|candidate| candidate.as_str().len()).sum::<usize>() <= MAX_BYTES);
        assert_eq!(kept.len(), 9, "seven names, and what still fits: {kept:?}");
        assert_eq!(kept.last().unwrap().as_str(), "192.0.2.1:7");
    }
}
