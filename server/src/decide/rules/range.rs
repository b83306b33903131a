//! A range of addresses that an operator names: one address, or a network as `ADDRESS/BITS`. This file owns how a range
//! is written and which addresses are in it; it knows nothing of bans.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// The fewest bits a range may have. A range with fewer bits is a typing error that would close the lobby to half the
/// world.
const WIDEST_IPV4: u8 = 8;
const WIDEST_IPV6: u8 = 16;

/// An IPv6 address stands for all addresses of its /64, since they count as one.
const IPV6_NETWORK_BITS: u8 = 64;

/// Addresses that share their first bits. The bits after them are 0, so that equal ranges are equal values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct AddressRange {
    first: IpAddr,
    bits: u8,
}

/// Why a text is no range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum RangeError {
    /// The text has another form.
    #[error("expected an address such as 192.0.2.7 or 2001:db8::7, or a network such as 192.0.2.0/24")]
    Form,
    /// The range contains too many addresses.
    #[error("a network of IPv4 has at least {WIDEST_IPV4} bits, one of IPv6 at least {WIDEST_IPV6}")]
    TooWide,
}

impl AddressRange {
    /// Makes the range that contains `ip` and the addresses with the same first `bits` bits.
    fn new(ip: IpAddr, bits: u8) -> Result<Self, RangeError> {
        let (first, most, least) = match ip {
            IpAddr::V4(ip) => (IpAddr::V4(masked_ipv4(ip, bits)), 32, WIDEST_IPV4),
            IpAddr::V6(ip) => (IpAddr::V6(masked_ipv6(ip, bits)), 128, WIDEST_IPV6),
        };
        match bits {
            bits if bits > most => Err(RangeError::Form),
            bits if bits < least => Err(RangeError::TooWide),
            bits => Ok(Self { first, bits }),
        }
    }

    /// Whether an address is in the range, in whichever form the address is written.
    pub(crate) fn contains(&self, ip: IpAddr) -> bool {
        match (self.first, ip.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(ip)) => masked_ipv4(ip, self.bits) == first,
            (IpAddr::V6(first), IpAddr::V6(ip)) => masked_ipv6(ip, self.bits) == first,
            _ => false,
        }
    }
}

fn masked_ipv4(ip: Ipv4Addr, bits: u8) -> Ipv4Addr {
    let mask = u32::MAX.checked_shl(32_u32.saturating_sub(bits.into())).unwrap_or(0);
    Ipv4Addr::from(u32::from(ip) & mask)
}

fn masked_ipv6(ip: Ipv6Addr, bits: u8) -> Ipv6Addr {
    let mask = u128::MAX.checked_shl(128_u32.saturating_sub(bits.into())).unwrap_or(0);
    Ipv6Addr::from(u128::from(ip) & mask)
}

impl FromStr for AddressRange {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, RangeError> {
        let (ip, bits) = match text.split_once('/') {
            Some((ip, bits)) => (ip, Some(bits.parse::<u8>().map_err(|_| RangeError::Form)?)),
            None => (text, None),
        };
        let written: IpAddr = ip.parse().map_err(|_| RangeError::Form)?;
        let ip = written.to_canonical();
        // When an IPv4 address is written as an IPv6 address, its bits are counted from the beginning of the long form.
        let bits = match (bits, written, ip) {
            (None, _, IpAddr::V4(_)) => 32,
            (None, _, IpAddr::V6(_)) => IPV6_NETWORK_BITS,
            (Some(bits), IpAddr::V6(_), IpAddr::V4(_)) => bits.checked_sub(96).ok_or(RangeError::TooWide)?,
            (Some(bits), _, _) => bits,
        };
        Self::new(ip, bits)
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.first, self.bits) {
            (IpAddr::V4(ip), 32) => write!(f, "{ip}"),
            (ip, bits) => write!(f, "{ip}/{bits}"),
        }
    }
}

impl Serialize for AddressRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AddressRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> AddressRange {
        text.parse().unwrap()
    }

    #[test]
    fn a_range_holds_the_addresses_that_share_its_first_bits() {
        for (text, inside, outside) in [
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("192.0.2.7/24", "192.0.2.255", "192.0.3.0"),
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("2001:db8:1:2::7", "2001:db8:1:2:ffff::", "2001:db8:1:3::"),
            ("2001:db8:1:2::7/128", "2001:db8:1:2::7", "2001:db8:1:2::8"),
            ("::ffff:192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("::ffff:192.0.2.7/120", "::ffff:192.0.2.9", "192.0.3.9"),
        ] {
            assert!(range(text).contains(inside.parse().unwrap()), "{inside} in {text}");
            assert!(!range(text).contains(outside.parse().unwrap()), "{outside} in {text}");
        }
    }

    #[test]
    fn equal_ranges_are_equal_however_they_are_written() {
        assert_eq!(range("192.0.2.7/24"), range("192.0.2.99/24"));
        assert_eq!(range("192.0.2.7"), range("::ffff:192.0.2.7"));
        assert_eq!(range("192.0.2.7/24").to_string(), "192.0.2.0/24");
        assert_eq!(range("2001:db8::1").to_string(), "2001:db8::/64");
        assert_eq!(range("192.0.2.7").to_string(), "192.0.2.7");
    }

    #[test]
    fn texts_that_are_no_range_and_ranges_of_half_the_world_are_refused() {
        for text in
            ["", "anna", "192.0.2.7/33", "192.0.2.7/", "192.0.2/24", "::1/129", "192.0.2.7/-1", "1.2.3.4/999"]
        {
            assert_eq!(text.parse::<AddressRange>(), Err(RangeError::Form), "{text}");
        }
        for text in ["0.0.0.0/0", "10.0.0.0/7", "::/0", "2000::/15", "::ffff:0.0.0.0/96", "::ffff:1.2.3.4/90"]
        {
            assert_eq!(text.parse::<AddressRange>(), Err(RangeError::TooWide), "{text}");
        }
    }
}
