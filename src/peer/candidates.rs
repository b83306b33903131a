//! The addresses at which this client may be reached. The client tells them to the lobby, and the lobby tells them to
//! peers. This file chooses and orders the client's own addresses, and looks up the host names that the user
//! advertises.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use hobnob_protocol::MAX_CANDIDATES;
use hobnob_protocol::candidate::Candidate;
use tokio::time::{Instant, timeout_at};

use super::reach::dial_filter::{Kind, kind};

/// How many addresses the client tells; the server adds the address from which it sees the client.
const MOST_TOLD: usize = MAX_CANDIDATES - 1;

/// How long the look-up of all advertised host names may take; the connection to the lobby waits for it. A name that is
/// not found in this time is left out until the next connection to the lobby.
const LOOK_UP_WITHIN: Duration = Duration::from_secs(2);

/// How many addresses one host name may stand for; the others are ignored.
const ADDRESSES_PER_NAME: usize = 4;

/// This client's own addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnAddresses {
    /// The addresses to tell, the most useful first.
    pub candidates: Vec<Candidate>,
    /// How many addresses were left out because there are too many.
    pub left_out: usize,
}

/// An address of one of this machine's interfaces.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Interface {
    name: String,
    ip: IpAddr,
}

/// Collects the addresses to tell, for a listener at `listening` of a client that reaches the lobby from its own
/// address `via`. First come the addresses of `advertise`; their host names are looked up here, because nobody else
/// looks them up. If the lobby is reached by the loopback, the loopback comes next, for peers on this machine. Then
/// come all interfaces that are up, beginning with the interface by which the lobby is reached. If the listener listens
/// on one address only, only that address is told. No address is told twice.
pub async fn gather(advertise: &[Candidate], listening: SocketAddr, via: Option<SocketAddr>) -> OwnAddresses {
    let advertised = resolve(advertise).await;
    let own = if listening.ip().is_unspecified() { interfaces() } else { Vec::new() };
    arrange(&advertised, listening, via.map(|via| via.ip().to_canonical()), own)
}

async fn resolve(advertise: &[Candidate]) -> Vec<SocketAddr> {
    let mut resolved = Vec::new();
    let by = Instant::now() + LOOK_UP_WITHIN;
    for candidate in advertise {
        if let Ok(addr) = candidate.as_str().parse::<SocketAddr>() {
            resolved.push(without_zone(addr));
            continue;
        }
        match timeout_at(by, tokio::net::lookup_host(candidate.as_str())).await {
            Ok(Ok(addrs)) => resolved.extend(addrs.take(ADDRESSES_PER_NAME)),
            Ok(Err(error)) => tracing::warn!(%candidate, %error, "the name to advertise is not found"),
            Err(_elapsed) => tracing::warn!(%candidate, "the name to advertise is not found in time"),
        }
    }
    resolved
}

/// Removes the zone of an address: it is this machine's own name for an interface, and means nothing elsewhere.
fn without_zone(addr: SocketAddr) -> SocketAddr {
    match addr {
        SocketAddr::V6(addr) => SocketAddrV6::new(*addr.ip(), addr.port(), 0, 0).into(),
        SocketAddr::V4(_) => addr,
    }
}

fn arrange(
    advertised: &[SocketAddr],
    listening: SocketAddr,
    via: Option<IpAddr>,
    mut own: Vec<Interface>,
) -> OwnAddresses {
    let (any, port) = (listening.ip().is_unspecified(), listening.port());
    let vias = own.iter().find(|interface| Some(interface.ip) == via).map(|interface| interface.name.clone());
    own.sort_by_key(|interface| rank(interface, via, vias.as_deref()));
    let loopback = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
    let tells_loopback = any && via.is_none_or(|via| kind(via) == Kind::Loopback);
    let only = [listening.ip()];
    let local = loopback.iter().filter(|_| tells_loopback).chain(only.iter().filter(|_| !any));
    let local = local.copied().chain(own.iter().map(|interface| interface.ip));
    let local = local.filter(|ip| !any || listening.is_ipv6() || ip.is_ipv4());
    let local = local.filter(|&ip| ip.is_ipv4() || Some(ip) == via || !is_link_local(ip));
    let local = local.filter(|&ip| tells_loopback || !any || kind(ip) != Kind::Loopback);
    let local = local.map(|ip| SocketAddr::new(ip, port));
    let mut found = OwnAddresses::default();
    for candidate in advertised.iter().copied().chain(local).map(Candidate::from) {
        if found.candidates.contains(&candidate) {
            continue;
        }
        if found.candidates.len() < MOST_TOLD {
            found.candidates.push(candidate);
        } else {
            found.left_out += 1;
        }
    }
    found
}

/// Returns the rank of an address; a smaller rank is told first. The order is: the address by which the lobby is
/// reached, other addresses of that interface, public addresses, private addresses, link-local addresses. The bridges
/// to virtual machines and containers have private addresses, so these are the ones that are left out when there are
/// too many.
fn rank(interface: &Interface, via: Option<IpAddr>, vias: Option<&str>) -> u8 {
    match kind(interface.ip) {
        _ if Some(interface.ip) == via => 0,
        _ if vias == Some(interface.name.as_str()) => 1,
        Kind::Public => 2,
        Kind::Private if !is_link_local(interface.ip) => 3,
        _ => 4,
    }
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// The addresses of the interfaces that are up.
fn interfaces() -> Vec<Interface> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        tracing::warn!(%error, "the network interfaces cannot be listed");
        Vec::new()
    });
    let up = interfaces.into_iter().filter(if_addrs::Interface::is_oper_up);
    let useful = up.filter(|interface| !interface.ip().is_unspecified());
    useful.map(|interface| Interface { ip: interface.ip(), name: interface.name }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(ips: &[&str]) -> Vec<Interface> {
        // Each text is written `NAME=ADDRESS`.
        let one = |text: &&str| {
            let (name, ip) = text.split_once('=').unwrap();
            Interface { name: name.to_owned(), ip: ip.parse().unwrap() }
        };
        ips.iter().map(one).collect()
    }

    #[track_caller]
    fn check(advertise: &[&str], listening: &str, via: Option<&str>, ips: &[&str], expected: &[&str]) {
        let advertise: Vec<SocketAddr> =
            advertise.iter().map(|text| without_zone(text.parse().unwrap())).collect();
        let via = via.map(|text| text.parse().unwrap());
        let got = arrange(&advertise, listening.parse().unwrap(), via, own(ips));
        assert_eq!(got.candidates.iter().map(Candidate::as_str).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn advertised_addresses_come_first_and_no_address_comes_twice() {
        check(
            &["198.51.100.4:7000", "127.0.0.1:5"],
            "[::]:5",
            Some("127.0.0.1"),
            &["lo=127.0.0.1", "eth0=192.0.2.7", "eth0=2001:db8::7"],
            &["198.51.100.4:7000", "127.0.0.1:5", "[::1]:5", "192.0.2.7:5", "[2001:db8::7]:5"],
        );
    }

    #[test]
    fn only_addresses_at_which_the_listener_listens_are_told() {
        let ips = ["eth0=192.0.2.7", "eth0=2001:db8::7"];
        check(&[], "0.0.0.0:5", None, &ips, &["127.0.0.1:5", "192.0.2.7:5"]);
        check(&["198.51.100.4:1"], "192.0.2.7:5", None, &[], &["198.51.100.4:1", "192.0.2.7:5"]);
        check(&[], "127.0.0.1:5", Some("192.0.2.7"), &[], &["127.0.0.1:5"]);
    }

    #[test]
    fn the_loopback_address_is_told_only_if_the_lobby_is_reached_over_it() {
        let ips = ["lo=127.0.0.1", "lo=::1", "eth0=192.168.1.7"];
        check(&[], "[::]:5", Some("192.168.1.7"), &ips, &["192.168.1.7:5"]);
        check(&[], "[::]:5", Some("::1"), &ips, &["127.0.0.1:5", "[::1]:5", "192.168.1.7:5"]);
    }

    #[test]
    fn among_forty_bridges_the_interface_that_reaches_the_lobby_is_told_first() {
        let mut ips: Vec<String> = (0..40).map(|last| format!("br{last}=172.17.{last}.1")).collect();
        let others =
            ["eth0=192.168.1.7", "eth0=2001:db8::7", "wg0=203.0.113.9", "eth1=169.254.3.4", "eth0=fe80::7"];
        ips.extend(others.map(str::to_owned));
        let ips: Vec<&str> = ips.iter().map(String::as_str).collect();
        let via = "192.168.1.7".parse().ok();
        let got = arrange(&[], "[::]:5".parse().unwrap(), via, own(&ips));
        let told: Vec<&str> = got.candidates.iter().map(Candidate::as_str).collect();
        assert_eq!(told[..3], ["192.168.1.7:5", "[2001:db8::7]:5", "203.0.113.9:5"]);
        assert_eq!(
            (told.len(), got.left_out),
            (MOST_TOLD, 44 - MOST_TOLD),
            "only the link-local IPv6 address is not told at all"
        );
    }

    #[test]
    fn a_link_local_address_is_told_without_its_zone_and_only_if_the_lobby_is_reached_over_it() {
        let ips = ["eth0=fe80::7", "eth1=fe80::8"];
        check(&["[fe80::7%3]:9"], "[::]:5", Some("fe80::7"), &ips, &["[fe80::7]:9", "[fe80::7]:5"]);
        check(&[], "[::]:5", Some("2001:db8::7"), &ips, &[]);
    }

    #[tokio::test]
    async fn an_advertised_host_name_is_resolved_by_this_client() {
        let names = ["localhost:7".parse().unwrap(), "no-such-host.invalid:7".parse().unwrap()];
        let got = gather(&names, "127.0.0.1:5".parse().unwrap(), None).await;
        let told: Vec<&str> = got.candidates.iter().map(Candidate::as_str).collect();
        assert!(told.contains(&"127.0.0.1:7") && told.contains(&"127.0.0.1:5"), "{told:?}");
        assert!(told.iter().all(|text| text.parse::<SocketAddr>().is_ok()), "{told:?}");
    }
}
