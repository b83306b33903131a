//! Which of two connections of one session carries the words. Both sides dial, so that two connections may complete at
//! nearly the same moment, and a new one may come while the old one has not been found dead yet. The chooser decides and
//! says `chosen`; the follower is handed only connections that were chosen. Knows no socket.

use std::time::Duration;

use super::greet::Role;

/// A connection that completes this soon after the one in use was dialled at the same time from the other end, and is not
/// needed.
const CHOICE_SETTLES: Duration = Duration::from_secs(1);

/// Whether a connection that has just completed takes the place of the one in use, which has carried the words for so long;
/// `None` where there is none.
pub(super) fn takes_over(role: Role, in_use_for: Option<Duration>) -> bool {
    match role {
        Role::Chooser => in_use_for.is_none_or(|time| time >= CHOICE_SETTLES),
        Role::Follower => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chooser_keeps_the_first_of_two_that_come_together_and_takes_a_later_one() {
        assert!(takes_over(Role::Chooser, None));
        assert!(!takes_over(Role::Chooser, Some(Duration::ZERO)));
        assert!(!takes_over(Role::Chooser, Some(CHOICE_SETTLES - Duration::from_millis(1))));
        assert!(takes_over(Role::Chooser, Some(CHOICE_SETTLES)));
    }

    #[test]
    fn the_follower_takes_what_was_chosen() {
        for in_use_for in [None, Some(Duration::ZERO), Some(CHOICE_SETTLES)] {
            assert!(takes_over(Role::Follower, in_use_for));
        }
    }
}
