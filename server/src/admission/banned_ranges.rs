//! The banned addresses, for the code that accepts connections: a connection from a banned address is closed before a
//! handshake is spent on it. A few of these connections are let through nevertheless, because an operator may come from
//! there, and only a handshake shows that; users who are no operators are refused after the handshake. Knows nothing of
//! why an address is banned.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::decide::rules::{AddressRange, MAX_ENTRIES, Term};
use crate::limits::allowance::{Allowance, Measure};

/// From each range, one connection is let through in this time.
const ONE_IN: Duration = Duration::from_secs(5);

/// From all ranges together, this many connections are let through at once, and after that one in this time.
const AT_ONCE: u32 = 4;
const OF_ALL_ONE_IN: Duration = Duration::from_secs(2);

/// The banned ranges, and how many connections were let through.
#[derive(Debug)]
pub(crate) struct BannedRanges(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    ranges: Vec<(AddressRange, Term)>,
    of_range: Allowance<AddressRange>,
    of_all: Allowance<()>,
}

impl Default for BannedRanges {
    fn default() -> Self {
        let (buckets, when_crowded) = (MAX_ENTRIES, false);
        let of_range = Allowance::new(Measure { burst: 1, every: ONE_IN, buckets, when_crowded });
        let of_all =
            Allowance::new(Measure { burst: AT_ONCE, every: OF_ALL_ONE_IN, buckets: 1, when_crowded });
        Self(Mutex::new(Inner { ranges: Vec::new(), of_range, of_all }))
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
        let banned = inner.ranges.iter().find(|(range, term)| holds(term) && range.contains(ip));
        let Some((range, _)) = banned.copied() else { return true };
        inner.of_range.take(range, now) && inner.of_all.take((), now)
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

    #[test]
    fn a_banned_range_gets_one_handshake_in_a_while_and_other_addresses_are_not_affected() {
        let (banned, now) = (BannedRanges::default(), Instant::now());
        banned.set(vec![("192.0.2.0/24".parse().unwrap(), Term::Millis(1000))]);
        assert_eq!(passed(&banned, "192.0.2.9", now, 999), 1);
        assert_eq!(passed(&banned, "::ffff:192.0.2.7", now, 999), 0, "the same range");
        assert_eq!(passed(&banned, "192.0.3.9", now, 999), 100);
        assert_eq!(passed(&banned, "192.0.2.9", now + ONE_IN, 999), 1);
        assert_eq!(passed(&banned, "192.0.2.9", now + ONE_IN, 1000), 100, "the ban has ended");
    }

    #[test]
    fn many_banned_ranges_cost_no_more_handshakes_than_a_few() {
        let (banned, now) = (BannedRanges::default(), Instant::now());
        let ranges = (0..50).map(|n| (format!("10.0.{n}.0/24").parse().unwrap(), Term::ForGood));
        banned.set(ranges.collect());
        let all: usize = (0..50).map(|n| passed(&banned, &format!("10.0.{n}.1"), now, 0)).sum();
        assert_eq!(all, AT_ONCE as usize);
    }
}
