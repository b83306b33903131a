//! How many clients there may be, in all and from one address (for IPv6, from one network). This module only counts:
//! each admitted client holds a [`Slot`] and gives it back by dropping it.

mod access_denied;
pub(crate) mod banned_ranges;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use hobnob_protocol::message::RefusedCode;

use crate::network::Network;

pub(crate) use access_denied::AccessDenied;

/// How many connections may be told at the same time why they are not let in. Further ones are closed without an
/// explanation.
const MAX_BEING_TOLD: usize = 64;

/// Counts the clients that are here.
#[derive(Debug)]
pub(crate) struct Admission {
    max: usize,
    max_per_ip: usize,
    /// The lock is held only for a few lines.
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    being_told: usize,
    by_network: HashMap<Network, usize>,
}

/// What becomes of a newcomer.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// The newcomer may try to join.
    Admitted(Slot),
    /// The newcomer is told this reason and is closed.
    TurnedAway(Slot, RefusedCode),
    /// The connection is closed at once.
    Dropped,
}

/// The slot of one connection among those that may be open; given back when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    admission: Arc<Admission>,
    /// The network it comes from; `None` for a connection that is only being turned away.
    network: Option<Network>,
}

impl Admission {
    pub(crate) fn new(max: usize, max_per_ip: usize) -> Arc<Self> {
        Arc::new(Self { max, max_per_ip, counts: Mutex::default() })
    }

    /// Decides about a connection from `ip`.
    pub(crate) fn judge(self: &Arc<Self>, ip: IpAddr) -> Verdict {
        let network = Network::of(ip);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let from_here = counts.by_network.get(&network).copied().unwrap_or_default();
        let code = match (counts.all < self.max, from_here < self.max_per_ip) {
            (true, true) => {
                counts.all += 1;
                counts.by_network.insert(network, from_here + 1);
                return Verdict::Admitted(Slot { admission: Arc::clone(self), network: Some(network) });
            }
            (false, _) => RefusedCode::Full,
            (true, false) => RefusedCode::FullForAddress,
        };
        if counts.being_told >= MAX_BEING_TOLD {
            return Verdict::Dropped;
        }
        counts.being_told += 1;
        Verdict::TurnedAway(Slot { admission: Arc::clone(self), network: None }, code)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut counts = self.admission.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(network) = self.network else {
            counts.being_told -= 1;
            return;
        };
        counts.all -= 1;
        if let Some(count) = counts.by_network.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                counts.by_network.remove(&network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_limits_for_all_clients_and_for_one_address_hold_and_slots_are_given_back() {
        let admission = Admission::new(3, 2);
        let first = admission.judge(ip("10.0.0.1"));
        let _second = admission.judge(ip("::ffff:10.0.0.1"));
        assert!(matches!(first, Verdict::Admitted(_)));
        assert!(matches!(
            admission.judge(ip("10.0.0.1")),
            Verdict::TurnedAway(_, RefusedCode::FullForAddress)
        ));
        let _third = admission.judge(ip("10.0.0.2"));
        assert!(matches!(admission.judge(ip("10.0.0.3")), Verdict::TurnedAway(_, RefusedCode::Full)));
        drop(first);
        assert!(matches!(admission.judge(ip("10.0.0.1")), Verdict::Admitted(_)));
        assert!(admission.counts.lock().unwrap().by_network.len() <= 2);
    }

    #[test]
    fn clients_that_differ_only_within_one_ipv6_network_are_counted_together() {
        let admission = Admission::new(100, 2);
        let verdicts: Vec<_> = (1..=9).map(|n| admission.judge(ip(&format!("2001:db8::{n}")))).collect();
        let admitted = verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Admitted(_))).count();
        assert_eq!(admitted, 2);
        assert!(matches!(admission.judge(ip("2001:db8:0:1::1")), Verdict::Admitted(_)));
    }

    #[test]
    fn clients_far_beyond_the_limit_are_closed_without_an_explanation() {
        let admission = Admission::new(0, 0);
        let told: Vec<_> = (0..MAX_BEING_TOLD).map(|_| admission.judge(ip("10.0.0.1"))).collect();
        assert!(matches!(admission.judge(ip("10.0.0.1")), Verdict::Dropped));
        drop(told);
        assert!(matches!(admission.judge(ip("10.0.0.1")), Verdict::TurnedAway(..)));
    }
}
