//! Decides which of two connections of one session is used. Both sides dial, so two connections may complete at nearly
//! the same moment, and a new one may come before the old one is found dead. A relayed session also looks for a direct
//! path. The chooser decides and says `chosen`; the follower only gets connections that were chosen. This file knows no
//! socket.

use std::time::Duration;

use super::greet::Role;
use crate::session::path::Path;

/// If a connection completes this soon after the one in use, the other end dialled it at the same time, and it is not
/// needed.
const CHOICE_SETTLES: Duration = Duration::from_secs(1);

/// Whether a connection by `path` that has just completed takes the place of the connection in use. `in_use` is the
/// path of that connection and how long it has been used; `None` if there is no connection. A direct connection is
/// better than a relayed one.
pub(super) fn takes_over(role: Role, path: Path, in_use: Option<(Path, Duration)>) -> bool {
    match (role, in_use, path) {
        (Role::Follower, _, _) | (_, None, _) | (_, Some((Path::Relay, _)), Path::Direct) => true,
        (_, Some((Path::Direct, _)), Path::Relay) => false,
        (_, Some((_, time)), _) => time >= CHOICE_SETTLES,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(1);

    #[test]
    fn the_chooser_keeps_the_first_of_two_simultaneous_connections_and_takes_a_later_one() {
        for path in [Path::Direct, Path::Relay] {
            let takes = |in_use| takes_over(Role::Chooser, path, in_use);
            assert!(takes(None));
            assert!(!takes(Some((path, Duration::ZERO))));
            assert!(!takes(Some((path, CHOICE_SETTLES - SOON))));
            assert!(takes(Some((path, CHOICE_SETTLES))));
        }
    }

    #[test]
    fn the_chooser_goes_from_the_relay_to_a_direct_connection_and_never_back() {
        for time in [Duration::ZERO, CHOICE_SETTLES] {
            assert!(takes_over(Role::Chooser, Path::Direct, Some((Path::Relay, time))));
            assert!(!takes_over(Role::Chooser, Path::Relay, Some((Path::Direct, time))));
        }
    }

    #[test]
    fn the_follower_takes_the_connection_that_was_chosen() {
        for in_use in [None, Some((Path::Direct, Duration::ZERO)), Some((Path::Relay, CHOICE_SETTLES))] {
            assert!(takes_over(Role::Follower, Path::Relay, in_use));
        }
    }
}
