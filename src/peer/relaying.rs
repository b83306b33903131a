//! When a session goes to the relay, and when a relayed session looks for a direct path. This file has plain numbers
//! and no sockets. Times are awake times, as in [`super::redial`], which has the times of direct dials while there is
//! no connection.

use std::time::Duration;

use super::redial::{REBUILDING_PAUSES, STEADY_AFTER};
use crate::session::path::PathChoice;

/// How long the session tries a direct path before it tries the relay as well. A dial over a long distance takes half a
/// second with its handshake, and the side that was forked begins to dial after one second.
const RELAY_AFTER: Duration = Duration::from_millis(1500);

/// The pause after a server has said that it relays nothing. It may be restarted with another setting.
const OFF_PAUSE: Duration = Duration::from_secs(60);

/// While a session is relayed, it looks for a direct path every second at first, and later less often.
const SEARCH_EVERY_AT_FIRST: Duration = Duration::from_secs(1);
const AT_FIRST: Duration = Duration::from_secs(10);
const SEARCH_EVERY: Duration = Duration::from_secs(60);

/// After its relayed connection was closed, the other side is gone when it has missed this many visits. A visit waits
/// for half a minute, and a client that still runs comes within 18 s, which is its longest pause.
const MISSED_IS_GONE: u32 = 2;

/// Why a visit to the relay failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Visit {
    /// The server does not answer.
    Away,
    /// The server relays nothing.
    Off,
    /// The other side did not come in time.
    Alone,
    /// Something else went wrong.
    Failed,
}

/// The visits of one session to the relay, and its search for a direct path.
#[derive(Debug)]
pub(super) struct Relaying {
    choice: PathChoice,
    /// When the next visit begins; `None` while a visit is under way, while there is a connection, or if no visit is
    /// allowed.
    due: Option<Duration>,
    /// Visits begun since the session was last steady.
    visits: usize,
    /// Whether the last connection of the session was relayed.
    is_carried: bool,
    search: Option<Search>,
    last: Option<Visit>,
    /// How many visits the other side has missed since it closed the relayed connection; `None` if the connection ended
    /// in another way, or if the server was away since.
    missed: Option<u32>,
}

#[derive(Debug)]
struct Search {
    since: Duration,
    next: Duration,
}

impl Relaying {
    /// A session opens at `now`. If the other side tells no address, the first visit does not wait for dials.
    pub(super) fn opening(choice: PathChoice, now: Duration, tells_addresses: bool) -> Self {
        let mut relaying =
            Self { choice, due: None, visits: 0, is_carried: false, search: None, last: None, missed: None };
        relaying.wait(now, if tells_addresses { RELAY_AFTER } else { Duration::ZERO });
        relaying
    }

    fn wait(&mut self, now: Duration, direct_first: Duration) {
        self.due = match self.choice {
            PathChoice::Auto => Some(now + direct_first),
            PathChoice::Direct => None,
            PathChoice::Relay => Some(now),
        };
    }

    /// Returns when the next visit is due, while there is no connection.
    pub(super) fn due(&self) -> Option<Duration> {
        self.due
    }

    /// Begins a visit, if it is time to.
    pub(super) fn begin_visit(&mut self, now: Duration) -> bool {
        let is_due = self.due.is_some_and(|due| now >= due);
        if is_due {
            self.due = None;
            self.visits = self.visits.saturating_add(1);
        }
        is_due
    }

    /// Notes that a visit failed. `jitter` is 0.8 to 1.2.
    pub(super) fn visited(&mut self, visit: Visit, now: Duration, jitter: f64) {
        self.last = Some(visit);
        self.missed = match visit {
            // The server may have closed the connection, so the other side may still be there.
            Visit::Away => None,
            Visit::Alone => self.missed.map(|missed| missed + 1),
            Visit::Off | Visit::Failed => self.missed,
        };
        let pause = match visit {
            Visit::Off => OFF_PAUSE,
            // The visit itself has taken long enough.
            Visit::Alone => REBUILDING_PAUSES[0],
            Visit::Away | Visit::Failed => self.pause(),
        };
        self.due = Some(now + pause.mul_f64(jitter));
    }

    fn pause(&self) -> Duration {
        REBUILDING_PAUSES[self.visits.saturating_sub(1).min(REBUILDING_PAUSES.len() - 1)]
    }

    /// Whether the other side has ended: its connection to the relay was closed, which does not happen when only the
    /// network is lost, and it has not come back since, although the server answered.
    pub(super) fn is_abandoned(&self) -> bool {
        self.missed.is_some_and(|missed| missed >= MISSED_IS_GONE)
    }

    /// Notes that a connection is lost, which had lived for `lived`. `was_closed` says whether it was closed or fell
    /// silent.
    pub(super) fn lost(&mut self, now: Duration, lived: Duration, was_closed: bool, jitter: f64) {
        self.search = None;
        self.missed = (self.is_carried && was_closed).then_some(0);
        if lived >= STEADY_AFTER {
            self.visits = 0;
        }
        match (self.is_carried, self.visits) {
            (false, _) => self.wait(now, RELAY_AFTER),
            (true, 0) => self.wait(now, Duration::ZERO),
            (true, _) => self.wait(now + self.pause().mul_f64(jitter), Duration::ZERO),
        }
    }

    /// Notes that the relay carries the session from `now` on.
    pub(super) fn carried(&mut self, now: Duration) {
        (self.due, self.last, self.is_carried, self.missed) = (None, None, true, None);
        self.search = (self.choice == PathChoice::Auto).then_some(Search { since: now, next: now });
    }

    /// Notes that a direct connection carries the session.
    pub(super) fn direct(&mut self) {
        (self.due, self.last, self.is_carried, self.search) = (None, None, false, None);
        self.missed = None;
    }

    /// Whether the last connection of the session was relayed.
    pub(super) fn is_carried(&self) -> bool {
        self.is_carried
    }

    /// Returns when to look for a direct path next, while the session is relayed.
    pub(super) fn search_due(&self) -> Option<Duration> {
        self.search.as_ref().map(|search| search.next)
    }

    /// Begins to look for a direct path, if it is time to. `Some(true)` means that the addresses of the other side are
    /// old by now and newer ones should be asked for.
    pub(super) fn begin_search(&mut self, now: Duration, jitter: f64) -> Option<bool> {
        let search = self.search.as_mut().filter(|search| now >= search.next)?;
        let is_first = now.saturating_sub(search.since) < AT_FIRST;
        search.next = now + if is_first { SEARCH_EVERY_AT_FIRST } else { SEARCH_EVERY.mul_f64(jitter) };
        Some(!is_first)
    }

    /// Makes the search begin at once, because there are new addresses.
    pub(super) fn hurry_search(&mut self, now: Duration) {
        if let Some(search) = &mut self.search {
            search.next = search.next.min(now);
        }
    }

    pub(super) fn choice(&self) -> PathChoice {
        self.choice
    }

    /// Returns why the last visit failed; `None` if none has failed since the session last had a connection.
    pub(super) fn last(&self) -> Option<Visit> {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(secs: f64) -> Duration {
        Duration::from_secs_f64(secs)
    }

    #[test]
    fn the_path_setting_decides_when_the_relay_is_visited() {
        for (choice, tells, due) in [
            (PathChoice::Auto, true, Some(11.5)),
            (PathChoice::Auto, false, Some(10.0)),
            (PathChoice::Direct, true, None),
            (PathChoice::Relay, true, Some(10.0)),
        ] {
            let relaying = Relaying::opening(choice, secs(10.0), tells);
            assert_eq!(relaying.due(), due.map(secs), "{choice:?}");
        }
    }

    #[test]
    fn visits_to_an_absent_server_become_rarer_and_a_visit_without_the_peer_is_repeated_soon() {
        let mut relaying = Relaying::opening(PathChoice::Relay, secs(0.0), false);
        let mut now = secs(0.0);
        for pause in [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0] {
            assert!(
                relaying.begin_visit(now) && !relaying.begin_visit(now),
                "only one visit is made at a time"
            );
            relaying.visited(Visit::Away, now, 1.0);
            assert_eq!(relaying.due(), Some(now + secs(pause)));
            now += secs(pause);
        }
        relaying.visited(Visit::Alone, now, 1.0);
        assert_eq!(relaying.due(), Some(now + secs(0.5)));
        relaying.visited(Visit::Off, now, 1.0);
        assert_eq!(relaying.due(), Some(now + OFF_PAUSE));
    }

    #[test]
    fn a_direct_connection_is_sought_every_second_and_later_every_minute() {
        let mut relaying = Relaying::opening(PathChoice::Auto, secs(0.0), true);
        relaying.carried(secs(2.0));
        let mut found = Vec::new();
        while let Some(due) = relaying.search_due().filter(|due| *due < secs(150.0)) {
            found.push((due.as_secs(), relaying.begin_search(due, 1.0).unwrap()));
        }
        let first = (2..12).map(|at| (at, false));
        assert_eq!(found, first.chain([(12, true), (72, true), (132, true)]).collect::<Vec<_>>());
        relaying.hurry_search(secs(150.0));
        assert_eq!(relaying.search_due(), Some(secs(150.0)));
        relaying.direct();
        assert_eq!((relaying.search_due(), relaying.due()), (None, None));
    }

    #[test]
    fn a_peer_that_closed_and_does_not_return_has_ended_but_a_silent_one_has_not() {
        let visits = |is_carried: bool, was_closed: bool, visits: &[Visit]| {
            let mut relaying = Relaying::opening(PathChoice::Auto, secs(0.0), true);
            match is_carried {
                true => relaying.carried(secs(2.0)),
                false => relaying.direct(),
            }
            relaying.lost(secs(20.0), secs(18.0), was_closed, 1.0);
            visits.iter().for_each(|visit| relaying.visited(*visit, secs(50.0), 1.0));
            relaying
        };
        use Visit::{Alone, Away, Failed};
        for (is_carried, was_closed, many, is_over) in [
            (true, true, &[Alone, Alone][..], true),
            (true, true, &[Alone, Failed, Alone], true),
            (true, true, &[Alone], false),
            (true, false, &[Alone, Alone, Alone], false),
            (true, true, &[Away, Alone, Alone, Alone], false),
            (true, true, &[Alone, Away, Alone], false),
            (false, true, &[Alone, Alone, Alone], false),
        ] {
            let relaying = visits(is_carried, was_closed, many);
            assert_eq!(relaying.is_abandoned(), is_over, "{is_carried} {was_closed} {many:?}");
        }
        let mut back = visits(true, true, &[Alone]);
        back.carried(secs(51.0));
        back.visited(Alone, secs(90.0), 1.0);
        assert!(!back.is_abandoned(), "the peer came to the relay");
    }

    #[test]
    fn with_the_path_relay_no_direct_connection_is_sought() {
        let mut relaying = Relaying::opening(PathChoice::Relay, secs(0.0), true);
        relaying.carried(secs(1.0));
        assert_eq!(relaying.search_due(), None);
    }

    #[test]
    fn after_a_loss_the_path_that_carried_the_session_is_tried_first() {
        let mut relaying = Relaying::opening(PathChoice::Auto, secs(0.0), true);
        relaying.direct();
        relaying.lost(secs(60.0), secs(50.0), false, 1.0);
        assert_eq!(relaying.due(), Some(secs(61.5)));
        relaying.carried(secs(62.0));
        relaying.lost(secs(90.0), secs(28.0), false, 1.0);
        assert_eq!(relaying.due(), Some(secs(90.0)));
        // A relay whose connections break each time is not visited in a tight loop.
        for (at, due) in [(90.0, 90.5), (91.0, 92.0), (93.0, 95.0)] {
            assert!(relaying.begin_visit(secs(91.0).max(secs(at))));
            relaying.carried(secs(at));
            relaying.lost(secs(at), secs(0.1), false, 1.0);
            assert_eq!(relaying.due(), Some(secs(due)));
        }
    }
}
