//! How many clients there may be, in all and from one address. A plain count: who is admitted holds a
//! [`Place`], and gives it back by dropping it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use hobnob_protocol::message::RefusedCode;

/// Connections that are told why they are not let in, at once; others are closed without a word.
const MAX_TURNED_AWAY: usize = 64;

/// Counts who is here.
#[derive(Debug)]
pub(crate) struct Admission {
    max: usize,
    max_per_ip: usize,
    /// Held for a few lines.
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    turned_away: usize,
    by_ip: HashMap<IpAddr, usize>,
}

/// What becomes of a newcomer.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It may try to join.
    Admitted(Place),
    /// It is told this, and closed.
    TurnedAway(Place, RefusedCode),
    /// It is closed.
    Dropped,
}

/// One connection's place.
#[derive(Debug)]
pub(crate) struct Place {
    admission: Arc<Admission>,
    /// Where it is from; none when it is only being turned away.
    ip: Option<IpAddr>,
}

impl Admission {
    pub(crate) fn new(max: usize, max_per_ip: usize) -> Arc<Self> {
        Arc::new(Self { max, max_per_ip, counts: Mutex::default() })
    }

    /// Decides about a connection from `ip`; an IPv4 address counts as one however it is written.
    pub(crate) fn judge(self: &Arc<Self>, ip: IpAddr) -> Verdict {
        let ip = ip.to_canonical();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let from_ip = counts.by_ip.get(&ip).copied().unwrap_or_default();
        let code = match (counts.all < self.max, from_ip < self.max_per_ip) {
            (true, true) => {
                counts.all += 1;
                counts.by_ip.insert(ip, from_ip + 1);
                return Verdict::Admitted(Place { admission: Arc::clone(self), ip: Some(ip) });
            }
            (false, _) => RefusedCode::Full,
            (true, false) => RefusedCode::FullForAddress,
        };
        if counts.turned_away >= MAX_TURNED_AWAY {
            return Verdict::Dropped;
        }
        counts.turned_away += 1;
        Verdict::TurnedAway(Place { admission: Arc::clone(self), ip: None }, code)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.admission.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(ip) = self.ip else {
            counts.turned_away -= 1;
            return;
        };
        counts.all -= 1;
        if let Some(count) = counts.by_ip.get_mut(&ip) {
            *count -= 1;
            if *count == 0 {
                counts.by_ip.remove(&ip);
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
    fn caps_hold_in_all_and_for_one_address_and_places_come_back() {
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
        assert!(admission.counts.lock().unwrap().by_ip.len() <= 2);
    }

    #[test]
    fn a_crowd_past_the_cap_is_closed_without_a_word() {
        let admission = Admission::new(0, 0);
        let told: Vec<_> = (0..MAX_TURNED_AWAY).map(|_| admission.judge(ip("10.0.0.1"))).collect();
        assert!(matches!(admission.judge(ip("10.0.0.1")), Verdict::Dropped));
        drop(told);
        assert!(matches!(admission.judge(ip("10.0.0.1")), Verdict::TurnedAway(..)));
    }
}
