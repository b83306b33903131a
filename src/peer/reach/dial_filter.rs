//! Which addresses this client dials when others name them. Anybody in the lobby may name addresses, and a server may
//! name any address under anybody's name. So a user is never dialled at an address by which this client could be turned
//! against its own machine or its own networks, and strangers are dialled a bounded number of times. This file only
//! decides; it opens no socket.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use hobnob_protocol::candidate::Candidate;
use hobnob_protocol::key::PublicKey;
use tokio::time::Instant;

use super::relay::RelayServer;

/// How many connections may be begun for all strangers together, in any [`STRANGER_SLOT`].
const STRANGER_DIALS: usize = 64;

/// How long a connection that was begun for a stranger holds its place, whatever became of it: as long as an attempt
/// may last. So at most [`STRANGER_DIALS`] are under way at any time, and no more are begun within this time. The
/// places that are free do not tell a stranger whether something answered.
const STRANGER_SLOT: Duration = hobnob_protocol::HANDSHAKE_TIMEOUT;

/// What an address is, seen from the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::peer) enum Kind {
    /// The address leads back to the machine that dials it.
    Loopback,
    /// The address means something only nearby: private (RFC 1918), link-local, carrier-grade NAT, ULA.
    Private,
    /// The address means the same everywhere.
    Public,
    /// Nobody can be at this address: unspecified, multicast, broadcast, reserved.
    Nowhere,
}

/// Sorts an address. An address that carries an IPv4 address inside (mapped, NAT64, 6to4) is of the kind of that IPv4
/// address.
pub(in crate::peer) fn kind(ip: IpAddr) -> Kind {
    match ip.to_canonical() {
        IpAddr::V4(ip) => kind_of_v4(ip),
        IpAddr::V6(ip) => kind_of_v6(ip),
    }
}

fn kind_of_v4(ip: Ipv4Addr) -> Kind {
    let [first, second, ..] = ip.octets();
    let is_carriers = first == 100 && (64..128).contains(&second);
    match first {
        0 | 224..=255 => Kind::Nowhere,
        127 => Kind::Loopback,
        _ if ip.is_private() || ip.is_link_local() || is_carriers => Kind::Private,
        _ => Kind::Public,
    }
}

fn kind_of_v6(ip: Ipv6Addr) -> Kind {
    let parts = ip.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        kind_of_v4(Ipv4Addr::new(a, b, c, d))
    };
    match parts {
        _ if ip.is_loopback() => Kind::Loopback,
        _ if ip.is_unspecified() || ip.is_multicast() => Kind::Nowhere,
        // These hold an IPv4 address inside an IPv6 one: the obsolete `::a.b.c.d`, NAT64, and 6to4 in the next arm.
        [0, 0, 0, 0, 0, 0, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        [0x2002, high, low, ..] => v4(high, low),
        // NAT64 with a prefix of the network's own may lead anywhere in that network.
        [0x64, 0xff9b, 1, ..] => Kind::Private,
        _ if ip.is_unicast_link_local() || ip.is_unique_local() => Kind::Private,
        // Site-local addresses are obsolete; where they are still used, they are private.
        [first, ..] if first & 0xffc0 == 0xfec0 => Kind::Private,
        _ => Kind::Public,
    }
}

/// A network of one of this machine's interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::peer) struct Network {
    pub(in crate::peer) ip: IpAddr,
    /// How many bits of the address name the network.
    pub(in crate::peer) bits: u32,
}

impl Network {
    fn contains(&self, ip: IpAddr) -> bool {
        match (self.ip, ip.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(ip)) => {
                same_bits(own.to_bits().into(), ip.to_bits().into(), 32, self.bits)
            }
            (IpAddr::V6(own), IpAddr::V6(ip)) => same_bits(own.to_bits(), ip.to_bits(), 128, self.bits),
            _ => false,
        }
    }
}

/// Whether the first `bits` of two addresses of `length` bits are the same.
fn same_bits(one: u128, other: u128, length: u32, bits: u32) -> bool {
    let rest = length.saturating_sub(bits);
    (one ^ other).checked_shr(rest).unwrap_or(0) == 0
}

/// The networks of the interfaces that are up.
pub(in crate::peer) fn own_networks() -> Vec<Network> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        tracing::warn!(%error, "the network interfaces cannot be listed");
        Vec::new()
    });
    let up = interfaces.iter().filter(|interface| interface.is_oper_up());
    up.map(|interface| match &interface.addr {
        if_addrs::IfAddr::V4(addr) => Network { ip: addr.ip.into(), bits: addr.prefixlen.into() },
        if_addrs::IfAddr::V6(addr) => Network { ip: addr.ip.into(), bits: addr.prefixlen.into() },
    })
    .collect()
}

/// What is left of the addresses that somebody named.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::peer) struct Admitted {
    /// The addresses to dial, in the order in which they were named, none twice.
    pub(in crate::peer) targets: Vec<SocketAddr>,
    /// How many addresses are not dialled, because of their kind or because they are host names, which only the client
    /// of their owner looks up.
    pub(in crate::peer) passed_over: usize,
}

/// Decides which of `candidates` may be dialled by a client that reaches its lobby at `lobby` and is in `networks`. A
/// loopback address is dialled only if the lobby is reached by one. A private address is dialled only if it is where
/// the lobby is or in a network of this machine. Public addresses are always dialled, host names never.
pub(in crate::peer) fn admit(
    candidates: &[Candidate],
    lobby: Option<SocketAddr>,
    networks: &[Network],
) -> Admitted {
    let mut admitted = Admitted::default();
    for candidate in candidates {
        let target = candidate.as_str().parse().ok().and_then(|addr| allow(addr, lobby, networks));
        match target {
            Some(target) if admitted.targets.contains(&target) => {}
            Some(target) => admitted.targets.push(target),
            None => admitted.passed_over += 1,
        }
    }
    admitted
}

/// Returns the address as it is to be dialled, if the filter lets it pass.
pub(in crate::peer) fn allow(
    addr: SocketAddr,
    lobby: Option<SocketAddr>,
    networks: &[Network],
) -> Option<SocketAddr> {
    let lobbys = lobby.map(|lobby| kind(lobby.ip()));
    let is_allowed = match kind(addr.ip()) {
        Kind::Public => true,
        Kind::Nowhere => false,
        Kind::Loopback => lobbys == Some(Kind::Loopback),
        Kind::Private => {
            lobbys == Some(Kind::Private) || networks.iter().any(|network| network.contains(addr.ip()))
        }
    };
    if !is_allowed { None } else { with_zone(addr, lobby) }
}

/// Adds the zone to a link-local IPv6 address. Such an address means something only together with an interface of this
/// machine: the interface by which the lobby is reached, if the lobby itself has a link-local address. The zone that
/// another machine names has a meaning only there.
fn with_zone(addr: SocketAddr, lobby: Option<SocketAddr>) -> Option<SocketAddr> {
    let is_link_local = |addr: &SocketAddr| matches!(addr.ip(), IpAddr::V6(ip) if ip.is_unicast_link_local());
    match (addr, lobby) {
        (SocketAddr::V6(mut here), Some(lobby @ SocketAddr::V6(there)))
            if is_link_local(&addr) && is_link_local(&lobby) =>
        {
            here.set_scope_id(there.scope_id());
            Some(here.into())
        }
        _ if is_link_local(&addr) => None,
        _ => Some(addr),
    }
}

/// What the links of one process share: the address by which the lobby is reached, and the places for connections to
/// strangers.
#[derive(Debug, Default)]
pub struct DialFilter {
    /// These are standard mutexes: they are held for a few lines, never across an await.
    lobby: Mutex<Option<SocketAddr>>,
    /// All servers of a lobby have one key.
    lobby_key: OnceLock<PublicKey>,
    begun: Mutex<VecDeque<Instant>>,
}

impl DialFilter {
    /// Notes the address by which the lobby is reached from now on. Before this is known, only public addresses and
    /// those of this machine's own networks are dialled.
    pub fn lobby_is_at(&self, lobby: SocketAddr) {
        *self.lobby.lock().unwrap_or_else(PoisonError::into_inner) = Some(lobby);
    }

    /// Notes the key of the lobby's server. Before this is known, nothing is relayed.
    pub fn lobby_has_key(&self, key: PublicKey) {
        // All servers that let this client in have one key, so a second call changes nothing.
        let _known_already = self.lobby_key.set(key);
    }

    /// Returns the lobby's server, once it was reached.
    pub(in crate::peer) fn server(&self) -> Option<RelayServer> {
        Some(RelayServer { at: self.lobby()?, key: *self.lobby_key.get()? })
    }

    fn lobby(&self) -> Option<SocketAddr> {
        *self.lobby.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls [`admit`] with the present lobby and networks.
    pub(in crate::peer) fn admit(&self, candidates: &[Candidate]) -> Admitted {
        admit(candidates, self.lobby(), &own_networks())
    }

    /// Calls [`allow`] with the present lobby and networks.
    pub(in crate::peer) fn allow(&self, addr: SocketAddr) -> Option<SocketAddr> {
        allow(addr, self.lobby(), &own_networks())
    }

    /// Takes one of the places for connections to strangers, if one is free.
    pub(in crate::peer) fn take_place(&self, now: Instant) -> bool {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        while begun.front().is_some_and(|&at| now.saturating_duration_since(at) >= STRANGER_SLOT) {
            begun.pop_front();
        }
        let is_free = begun.len() < STRANGER_DIALS;
        if is_free {
            begun.push_back(now);
        }
        is_free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_the_same_kind_however_it_is_embedded_in_ipv6() {
        let kinds = [
            (
                Kind::Loopback,
                "127.0.0.1 127.9.9.9 ::1 ::ffff:127.0.0.1 64:ff9b::7f00:1 2002:7f00:1::5 ::7f00:1",
            ),
            (Kind::Private, "10.1.2.3 172.31.0.1 192.168.4.4 169.254.169.254 100.64.0.1 100.127.255.255"),
            (Kind::Private, "fe80::1 fd00::1 fc12::1 fec0::1 ::ffff:10.0.0.1 64:ff9b::a00:1 64:ff9b:1::5"),
            (
                Kind::Public,
                "192.0.2.1 8.8.8.8 100.63.0.1 100.128.0.1 172.32.0.1 2001:db8::1 64:ff9b::808:808",
            ),
            (Kind::Nowhere, "0.0.0.0 0.1.2.3 224.0.0.1 255.255.255.255 240.0.0.1 :: ff02::1 ::ffff:0.0.0.0"),
        ];
        for (expected, ips) in kinds {
            for text in ips.split(' ') {
                assert_eq!(kind(ip(text)), expected, "{text}");
            }
        }
    }

    const NAMED: [&str; 9] = [
        "127.0.0.1:22",
        "[::ffff:127.0.0.1]:22",
        "10.9.9.9:80",
        "192.168.7.20:80",
        "100.64.3.3:1",
        "[fd00::5]:1",
        "203.0.113.5:443",
        "intranet.example:80",
        "localhost:22",
    ];

    #[track_caller]
    fn check(lobby: &str, expected: &[&str]) {
        let named: Vec<Candidate> = NAMED.iter().map(|text| text.parse().unwrap()).collect();
        let networks = [
            Network { ip: ip("127.0.0.1"), bits: 8 },
            Network { ip: ip("192.168.7.3"), bits: 24 },
            Network { ip: ip("2001:db8::3"), bits: 64 },
        ];
        let admitted = admit(&named, lobby.parse().ok(), &networks);
        let expected: Vec<SocketAddr> = expected.iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(admitted.targets, expected);
        assert_eq!(admitted.passed_over, NAMED.len() - expected.len());
    }

    #[test]
    fn only_addresses_of_the_lobbys_kind_or_of_own_networks_are_dialled_and_never_names() {
        let loopback = ["127.0.0.1:22", "[::ffff:127.0.0.1]:22", "192.168.7.20:80", "203.0.113.5:443"];
        check("127.0.0.1:43210", &loopback);
        check("[::1]:43210", &loopback);
        check(
            "10.0.0.1:43210",
            &["10.9.9.9:80", "192.168.7.20:80", "100.64.3.3:1", "[fd00::5]:1", "203.0.113.5:443"],
        );
        for lobby in ["198.51.100.1:43210", "[2001:db8:9::1]:43210", "not known yet"] {
            check(lobby, &["192.168.7.20:80", "203.0.113.5:443"]);
        }
    }

    #[test]
    fn a_link_local_address_gets_the_zone_by_which_the_lobby_is_reached_or_is_passed_over() {
        let named: Vec<Candidate> = vec!["[fe80::5%9]:7".parse().unwrap()];
        let near = admit(&named, Some("[fe80::1%3]:43210".parse().unwrap()), &[]);
        assert_eq!(near.targets, ["[fe80::5%3]:7".parse().unwrap()]);
        let far = admit(&named, Some("[fd00::1]:43210".parse().unwrap()), &[]);
        assert_eq!(far, Admitted { targets: Vec::new(), passed_over: 1 });
    }

    #[test]
    fn a_network_contains_the_addresses_with_its_prefix() {
        let network = |text: &str, bits| Network { ip: ip(text), bits };
        assert!(network("10.1.2.3", 8).contains(ip("10.9.9.9")));
        assert!(!network("10.1.2.3", 32).contains(ip("10.1.2.4")));
        assert!(network("fd00::1", 64).contains(ip("fd00::9:9")));
        assert!(!network("fd00::1", 64).contains(ip("fd00:0:0:1::1")));
        assert!(network("10.1.2.3", 24).contains(ip("::ffff:10.1.2.9")));
        assert!(network("::", 0).contains(ip("fd00::1")) && network("10.0.0.0", 0).contains(ip("9.9.9.9")));
    }

    #[tokio::test(start_paused = true)]
    async fn all_strangers_share_a_limited_number_of_places_and_each_place_is_held_for_a_while() {
        let filter = DialFilter::default();
        let taken = (0..1000).filter(|_| filter.take_place(Instant::now())).count();
        assert_eq!(taken, STRANGER_DIALS);
        tokio::time::advance(STRANGER_SLOT - Duration::from_millis(1)).await;
        assert!(!filter.take_place(Instant::now()));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!((0..1000).filter(|_| filter.take_place(Instant::now())).count(), STRANGER_DIALS);
    }
}
