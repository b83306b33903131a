//! The banned addresses, for the code that accepts connections: a connection from a banned address is closed before a
//! handshake is spent on it. A few of these connections are let through nevertheless, because an operator may come from
//! there, and only a handshake shows that; users who are no operators are refused after the handshake. This file knows
//! nothing of why an address is banned.
//!
//! These few are counted by network, so that a flood from one computer in a wide range takes nothing from an operator
//! elsewhere in that range; and for all networks together, so that a flood from very many costs no more handshakes.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::decide::rules::{AddressRange, Term};
use crate::limits::allowance::{Allowance, Measure};
use crate::network::Network;

/// How many connections from each network in a banned range get a handshake at once; afterwards one more does in each
/// period of this length.
const AT_ONCE: u32 = 2;
const ONE_IN: Duration = Duration::from_secs(10);

/// How many networks are counted. A network beyond this limit has no limit of its own, but counts in the limit of all
/// networks together.
const MAX_NETWORKS: usize = 16 * 1024;

/// How many connections from all banned ranges together get a handshake at once; afterwards one more does in each
/// period of this length. This costs about a hundredth of a processor, and is as much as a hundred networks ask for
/// that never stop trying.
const OF_ALL_AT_ONCE: u32 = 16;
const OF_ALL_ONE_IN: Duration = Duration::from_millis(100);

/// The banned ranges, and how many connections were let through.
#[derive(Debug)]
pub(crate) struct BannedRanges(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    ranges: Vec<(AddressRange, Term)>,
    of_network: Allowance<Network>,
    of_all: Allowance<()>,
}

impl Default for BannedRanges {
    fn default() -> Self {
        let of_network = Measure { burst: AT_ONCE, every: ONE_IN, buckets: MAX_NETWORKS, when_crowded: true };
        let of_all = Measure { burst: OF_ALL_AT_ONCE, every: OF_ALL_ONE_IN, buckets: 1, when_crowded: false };
        let (of_network, of_all) = (Allowance::new(of_network), Allowance::new(of_all));
        Self(Mutex::new(Inner { ranges: Vec::new(), of_network, of_all }))
    }
}

impl BannedRanges {
    /// From now on these ranges are banned.
    pub(crate) fn set(&self, ranges: Vec<(AddressRange, Term)>) {
        self.lock().ranges = ranges;
    }

    /// Whether a connection from this address gets a handshake. `wall` is the time of the clock, in milliseconds.
    pub(crate) fn lets_pass(&self, ip: IpAddr, now: Instant, wall: u64) -> bool {
        let mut inner = self.lock();
        let holds = |term: &Term| term.as_end().is_none_or(|end| wall < end);
        if !inner.ranges.iter().any(|(range, term)| holds(term) && range.contains(ip)) {
            return true;
        }
        let network = Network::of(ip);
        if !inner.of_network.take(network, now) {
            return false;
        }
        let passes = inner.of_all.take((), now);
        if !passes {
            // The limit of all networks was reached, not that of this network. Its next attempt counts as its first.
            inner.of_network.give_back(&network);
        }
        passes
    }

    /// The client that came from this address is an operator's: what was counted against the address is given back, so
    /// that an operator may come and go as often as other users.
    pub(crate) fn is_an_operators(&self, ip: IpAddr) {
        self.lock().of_network.give_back(&Network::of(ip));
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(banned: &BannedRanges, ip: &str, now: Instant, wall: u64) -> usize {
        let ip = ip.parse().unwrap();
        (0..100).filter(|_| banned.lets_pass(ip, now, wall)).count()
    }

    fn of(range: &str, term: Term) -> BannedRanges {
        let banned = BannedRanges::default();
        banned.set(vec![(range.parse().unwrap(), term)]);
        banned
    }

    #[test]
    fn a_banned_network_gets_a_handshake_only_now_and_then_and_other_networks_always() {
        let (banned, now) = (of("192.0.2.0/24", Term::Millis(1000)), Instant::now());
        assert_eq!(passed(&banned, "192.0.2.9", now, 999), 2);
        assert_eq!(passed(&banned, "::ffff:192.0.2.9", now, 999), 0, "the same address");
        assert_eq!(passed(&banned, "192.0.3.9", now, 999), 100);
        assert_eq!(passed(&banned, "192.0.2.9", now + ONE_IN, 999), 1);
        assert_eq!(passed(&banned, "192.0.2.9", now + ONE_IN, 1000), 100, "the ban has ended");
    }

    #[test]
    fn an_operator_in_a_banned_range_may_come_and_go_as_often_as_others() {
        let (banned, now) = (of("192.0.2.0/24", Term::ForGood), Instant::now());
        let ip = "192.0.2.9".parse().unwrap();
        for number in 0..OF_ALL_AT_ONCE {
            assert!(banned.lets_pass(ip, now, 0), "{number}");
            banned.is_an_operators(ip);
        }
    }

    #[test]
    fn an_operator_in_a_wide_banned_range_gets_in_while_others_in_it_flood() {
        for (range, others, operator) in
            [("10.0.0.0/8", "10.9.9.", "10.1.2.3"), ("2001:db8::/32", "2001:db8:9::", "2001:db8:1::7")]
        {
            let (banned, start) = (of(range, Term::ForGood), Instant::now());
            let mut passed = 0;
            for second in 0..200_u64 {
                let now = start + Duration::from_secs(second);
                for n in 0..50 {
                    // All addresses of IPv6 are of one network.
                    let other = format!("{others}{n}").parse().unwrap();
                    (0..20).for_each(|_| _ = banned.lets_pass(other, now, 0));
                }
                // The operator tries once in ten seconds, as a client does that is not let in.
                if second % 10 == 9 {
                    let tried = now + Duration::from_millis(500);
                    passed += usize::from(banned.lets_pass(operator.parse().unwrap(), tried, 0));
                }
            }
            assert_eq!(passed, 20, "{range}");
        }
    }

    #[test]
    fn many_banned_networks_cost_little_memory_and_no_more_handshakes_than_a_few() {
        let (banned, start) = (of("10.0.0.0/8", Term::ForGood), Instant::now());
        let mut all = 0;
        for n in 0..40_000_u32 {
            let now = start + Duration::from_micros(u64::from(n) * 25);
            all += usize::from(banned.lets_pass(IpAddr::from((10 << 24 | n).to_be_bytes()), now, 0));
        }
        let most = OF_ALL_AT_ONCE as usize + 10;
        assert!((most - 1..=most).contains(&all), "{all} in a second");
        assert!(banned.lock().of_network.remembered() <= MAX_NETWORKS);
    }
}
