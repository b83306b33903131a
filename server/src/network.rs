//! Which addresses count as one, wherever something is counted by address. A user who has one IPv6 address has all 2^64
//! addresses of its network and can use another one each time; therefore the network is counted. This file knows
//! neither sockets nor what is counted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// How many bits of an IPv6 address tell networks apart. A subscriber is given at least one whole network of this size.
const IPV6_NETWORK_BITS: u32 = 64;

/// The beginning of an IPv6 address into which a translator has put an IPv4 address (64:ff9b::/96, RFC 6052).
const TRANSLATED: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];

/// Addresses that count as one: an IPv4 address, however it is written, or an IPv6 /64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "IpAddr", into = "IpAddr")]
pub(crate) struct Network(IpAddr);

impl From<IpAddr> for Network {
    fn from(ip: IpAddr) -> Self {
        Self::of(ip)
    }
}

impl From<Network> for IpAddr {
    fn from(network: Network) -> Self {
        network.0
    }
}

impl Network {
    /// Returns the network that `ip` is in.
    pub(crate) fn of(ip: IpAddr) -> Self {
        Self(match ip.to_canonical() {
            IpAddr::V4(ip) => ip.into(),
            IpAddr::V6(ip) => match ip.segments() {
                [a, b, c, d, e, f, high, low] if [a, b, c, d, e, f] == TRANSLATED => {
                    Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)).into()
                }
                _ => Ipv6Addr::from(u128::from(ip) & (u128::MAX << IPV6_NETWORK_BITS)).into(),
            },
        })
    }

    /// For IPv4 the address itself; for IPv6 the first address of the network.
    pub(crate) fn ip(self) -> IpAddr {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::of(text.parse().unwrap())
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_as_one_and_a_neighbouring_network_as_another() {
        let home = network("2001:db8:1:2::1");
        for same in ["2001:db8:1:2::", "2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2:1234::5"] {
            assert_eq!(network(same), home, "{same}");
        }
        for other in ["2001:db8:1:3::1", "2001:db8:1:1:ffff::1", "2001:db8::1", "::1"] {
            assert_ne!(network(other), home, "{other}");
        }
    }

    #[test]
    fn an_ipv4_address_counts_as_one_however_it_is_written() {
        let plain = network("192.0.2.7");
        assert_eq!(network("::ffff:192.0.2.7"), plain);
        assert_eq!(network("64:ff9b::192.0.2.7"), plain);
        for other in ["192.0.2.8", "::ffff:192.0.2.8", "64:ff9b::192.0.2.8", "64:ff9b:1::192.0.2.7"] {
            assert_ne!(network(other), plain, "{other}");
        }
    }
}
