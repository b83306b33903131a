//! How often one link may dial. A user who is known is dialled as often as `redial` says. A stranger is dialled a few
//! times for each introduction, and these dials are spread over the addresses in a way that does not depend on what
//! answers there. This file has plain numbers and no sockets.

use std::collections::HashMap;
use std::net::SocketAddr;

/// How many connections are begun for one introduction of a stranger. The same number is allowed again when a stranger
/// who was met is lost, at the address where the two met.
pub(super) const STRANGER_DIALS_EACH: usize = 8;

/// Whether this user knows the other side of a session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Familiarity {
    /// A key that this user has not answered. Its owner asked for the session, so what it may cost this client is
    /// bounded.
    #[default]
    Stranger,
    /// A key that is pinned, or whose owner this user forked, accepted or wrote to.
    Known,
}

/// The dials that one link has left.
#[derive(Debug)]
pub(super) struct Allowance {
    familiarity: Familiarity,
    left: usize,
    /// How often one address may be tried.
    each: usize,
    tries: HashMap<SocketAddr, usize>,
}

impl Allowance {
    /// Makes the allowance for an introduction with `targets` addresses.
    pub(super) fn new(familiarity: Familiarity, targets: usize) -> Self {
        let mut allowance = Self { familiarity, left: 0, each: 0, tries: HashMap::new() };
        allowance.renew(targets);
        allowance
    }

    /// Starts counting anew, because the link was introduced again, or was up and is lost.
    pub(super) fn renew(&mut self, targets: usize) {
        self.left = STRANGER_DIALS_EACH;
        self.each = (STRANGER_DIALS_EACH / targets.max(1)).max(1);
        self.tries.clear();
    }

    /// Removes the bound, because the user has answered.
    pub(super) fn acquaint(&mut self) {
        self.familiarity = Familiarity::Known;
        self.tries = HashMap::new();
    }

    pub(super) fn familiarity(&self) -> Familiarity {
        self.familiarity
    }

    pub(super) fn is_strangers(&self) -> bool {
        self.familiarity == Familiarity::Stranger
    }

    /// Whether `target` may be dialled once more. If this link's own bounds allow it, `has_place` is asked for a place
    /// among the dials to all strangers.
    pub(super) fn take(&mut self, target: SocketAddr, has_place: impl FnOnce() -> bool) -> bool {
        if !self.is_strangers() {
            return true;
        }
        let tried = self.tries.get(&target).copied().unwrap_or(0);
        if self.left == 0 || tried >= self.each || !has_place() {
            return false;
        }
        self.left -= 1;
        self.tries.insert(target, tried + 1);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(port: usize) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], u16::try_from(port).unwrap()))
    }

    /// How often each of `count` addresses is dialled in a thousand rounds, where those below `busy` hang and
    /// are therefore asked for once only.
    fn dials(count: usize, busy: usize) -> Vec<usize> {
        let mut allowance = Allowance::new(Familiarity::Stranger, count);
        let mut dials = vec![0; count];
        for round in 0..1000 {
            for (index, dials) in dials.iter_mut().enumerate() {
                if (index >= busy || round == 0) && allowance.take(target(index + 1), || true) {
                    *dials += 1;
                }
            }
        }
        dials
    }

    #[test]
    fn a_stranger_is_dialled_at_most_eight_times_however_many_addresses_it_names() {
        for count in 1..=32 {
            let sum: usize = dials(count, 0).into_iter().sum();
            assert!(sum <= STRANGER_DIALS_EACH && sum >= count.min(5), "{count} addresses: {sum}");
        }
    }

    #[test]
    fn the_dials_of_one_address_do_not_reveal_whether_another_answers() {
        for count in 2..=8 {
            for busy in 0..count {
                assert_eq!(
                    dials(count, busy).last(),
                    dials(count, 0).last(),
                    "{count} addresses, {busy} busy"
                );
            }
        }
    }

    #[test]
    fn a_dial_without_a_place_uses_up_nothing_and_a_known_user_needs_no_place() {
        let mut allowance = Allowance::new(Familiarity::Stranger, 1);
        assert!((0..100).all(|_| !allowance.take(target(1), || false)));
        assert_eq!((0..100).filter(|_| allowance.take(target(1), || true)).count(), STRANGER_DIALS_EACH);
        allowance.renew(1);
        assert!(allowance.take(target(1), || true), "a new introduction allows dials again");
        allowance.acquaint();
        assert!((0..100).all(|_| allowance.take(target(1), || false)));
    }
}
