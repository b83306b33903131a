//! When to dial, and when to give up. This file has plain numbers and no sockets. Time here is *awake* time
//! ([`AwakeClock`]): the time in which this process could run.

use std::time::Duration;

use tokio::time::Instant;

/// A session that does not open within this time has failed. All attempts together get as much time as one handshake
/// may take, because a user is waiting.
pub const OPEN_WITHIN: Duration = Duration::from_secs(10);

/// If every address of the other side refuses connections, its own dial gets this much time: it begins after
/// [`REVERSE_DIAL_AFTER`], and the other side may have to receive its introduction first.
const REFUSED_OPEN_WITHIN: Duration = Duration::from_secs(4);

/// The side that was forked dials too if no connection came in this time, because the forker may be unable to reach it.
const REVERSE_DIAL_AFTER: Duration = Duration::from_secs(1);

/// The pauses between dials while a session opens. They are short, because the other side's listener refuses only until
/// the other side has received its introduction, which may happen at any moment.
const OPENING_PAUSES: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(300),
];

/// The pauses between dials while a lost link is rebuilt; the last pause repeats.
pub(super) const REBUILDING_PAUSES: [Duration; 6] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(15),
];

/// After a loss, the side that had been dialled waits this long, so that the side that had dialled goes first.
const ACCEPTED_WAITS: Duration = Duration::from_millis(500);

/// A link that held for this long was sound, and after its loss the pauses begin anew. If it is lost sooner, the pauses
/// go on from where they were, so that a peer that breaks every connection is not dialled in a tight loop.
pub(super) const STEADY_AFTER: Duration = Duration::from_secs(5);

/// A session is over if its link cannot be rebuilt for this long. It is enough to carry a laptop from one room to
/// another.
pub const GONE_AFTER: Duration = Duration::from_secs(10 * 60);

/// A session is over if the address that answered before refuses connections for this long, because the listener lives
/// as long as the other user's process.
pub const REFUSED_GONE_AFTER: Duration = Duration::from_secs(5);

/// If more time than this passes between two looks at the clock, this process was stopped.
const LONGEST_STEP: Duration = Duration::from_secs(2);

/// Counts the time in which this process could run, so that a process that was suspended (by Ctrl-Z, or because a
/// laptop slept) does not take its own absence for an absence of the other side. The clock has to be looked at once a
/// second or more often.
#[derive(Debug)]
pub(super) struct AwakeClock {
    looked: Instant,
    awake: Duration,
}

impl AwakeClock {
    /// Makes a clock that starts at zero.
    #[must_use]
    pub(super) fn new(now: Instant) -> Self {
        Self { looked: now, awake: Duration::ZERO }
    }

    /// Returns the awake time until `now`.
    pub(super) fn look(&mut self, now: Instant) -> Duration {
        self.awake += now.saturating_duration_since(self.looked).min(LONGEST_STEP);
        self.looked = now;
        self.awake
    }
}

/// Why a session gave up dialling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GaveUp {
    /// The time is up.
    TooLong,
    /// Connections were refused for long enough: by every address while the session opened, or later by the address
    /// that had answered before.
    Refused,
}

/// The dials of one session while it has no connection.
#[derive(Debug)]
pub(super) struct Redial {
    opening: bool,
    /// When the connection was lost, or the session began.
    since: Duration,
    next: Duration,
    /// Rounds begun since the link was last steady.
    rounds: u32,
    /// Connections lost since the link was last steady.
    losses: u32,
    refused_since: Option<Duration>,
    refused_last: Duration,
}

impl Redial {
    /// A session opens at `now`; the side that forked dials at once.
    #[must_use]
    pub(super) fn opening(now: Duration, forked: bool) -> Self {
        let next = if forked { now } else { now + REVERSE_DIAL_AFTER };
        Self { opening: true, since: now, next, rounds: 0, losses: 0, refused_since: None, refused_last: now }
    }

    /// Notes that a connection is lost at `now`, which had lived for `lived`. `jitter` is 0.8 to 1.2.
    pub(super) fn lost(&mut self, now: Duration, lived: Duration, dialled: bool, jitter: f64) {
        self.opening = false;
        self.since = now;
        self.refused_since = None;
        if lived >= STEADY_AFTER {
            self.rounds = 0;
            self.losses = 0;
        }
        self.rounds = self.rounds.max(self.losses);
        self.losses = self.losses.saturating_add(1);
        self.next = match self.rounds {
            0 if dialled => now,
            0 => now + ACCEPTED_WAITS,
            _ => now + self.pause(jitter),
        };
    }

    /// Notes that the link is up. The rounds that it took to open the session are forgotten; the rounds of rebuilding
    /// are forgotten only when the link has held (see [`STEADY_AFTER`]).
    pub(super) fn up(&mut self) {
        if self.opening {
            self.rounds = 0;
        }
        self.opening = false;
    }

    /// Whether the session was never up.
    #[must_use]
    pub(super) fn is_opening(&self) -> bool {
        self.opening
    }

    /// Starts the time limit of a lost link anew, because the server was away until `now` and the silence tells nothing
    /// of the other side.
    pub(super) fn excuse(&mut self, now: Duration) {
        if !self.opening {
            self.since = now;
        }
    }

    /// When the next round is due.
    #[must_use]
    pub(super) fn next(&self) -> Duration {
        self.next
    }

    /// Makes the link dial at the next look, because there are new addresses.
    pub(super) fn hurry(&mut self, now: Duration) {
        self.next = self.next.min(now);
    }

    /// Begins a round of dials at `now`. Returns whether new addresses are wanted: after the second round that failed,
    /// and after every third round after that.
    pub(super) fn begin_round(&mut self, now: Duration, jitter: f64) -> bool {
        let failed = self.rounds;
        self.rounds = self.rounds.saturating_add(1);
        self.next = now + self.pause(jitter);
        if let Some(since) = self.refused_since
            && !self.opening
        {
            self.next = self.next.min((since + REFUSED_GONE_AFTER).max(now + REBUILDING_PAUSES[0]));
        }
        !self.opening && failed >= 2 && (failed - 2).is_multiple_of(3)
    }

    /// Notes at `now` whether connections are refused: by every address while the session opens, and later by the
    /// address that had answered before.
    pub(super) fn note(&mut self, refused: bool, now: Duration) {
        self.refused_since = refused.then(|| self.refused_since.unwrap_or(now));
        self.refused_last = now;
    }

    /// Returns whether the session is to be given up at `now`, and why.
    #[must_use]
    pub(super) fn gave_up(&self, now: Duration) -> Option<GaveUp> {
        let (limit, refused) = if self.opening {
            (OPEN_WITHIN, self.refused_since.is_some() && now >= self.since + REFUSED_OPEN_WITHIN)
        } else {
            // There have to be two refusals this far apart; one refusal and then silence is not enough.
            let lasted = self.refused_since.map(|since| self.refused_last.saturating_sub(since));
            (GONE_AFTER, lasted.is_some_and(|lasted| lasted >= REFUSED_GONE_AFTER))
        };
        match refused {
            true => Some(GaveUp::Refused),
            false => (now >= self.since + limit).then_some(GaveUp::TooLong),
        }
    }

    fn pause(&self, jitter: f64) -> Duration {
        let place = usize::try_from(self.rounds.saturating_sub(1)).unwrap_or(usize::MAX);
        if self.opening {
            OPENING_PAUSES[place.min(OPENING_PAUSES.len() - 1)]
        } else {
            REBUILDING_PAUSES[place.min(REBUILDING_PAUSES.len() - 1)].mul_f64(jitter)
        }
    }
}

/// Returns a factor of 0.8 to 1.2, so that many links that are lost at one moment do not come back at one moment.
#[must_use]
pub(super) fn jitter() -> f64 {
    let [byte] = hobnob_protocol::ids::random_bytes::<1>();
    0.8 + 0.4 * f64::from(byte) / 255.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(secs: f64) -> Duration {
        Duration::from_secs_f64(secs)
    }

    /// When the rounds begin if every one fails, and which of them ask for addresses.
    fn rounds(redial: &mut Redial, count: usize) -> Vec<(f64, bool)> {
        let one = |_| {
            let at = redial.next();
            (at.as_secs_f64(), redial.begin_round(at, 1.0))
        };
        (0..count).map(one).collect()
    }

    fn steady_loss(dialled: bool) -> Redial {
        let mut redial = Redial::opening(Duration::ZERO, true);
        redial.up();
        redial.lost(secs(100.0), secs(50.0), dialled, 1.0);
        redial
    }

    #[test]
    fn the_forker_dials_at_once_and_the_other_a_second_later() {
        assert_eq!(Redial::opening(secs(3.0), true).next(), secs(3.0));
        assert_eq!(Redial::opening(secs(3.0), false).next(), secs(4.0));
    }

    #[test]
    fn a_lost_link_is_redialled_with_growing_pauses_and_asks_for_addresses() {
        let plan = rounds(&mut steady_loss(true), 7);
        let expected = [
            (100.0, false),
            (100.5, false),
            (101.5, true),
            (103.5, false),
            (107.5, false),
            (115.5, true),
            (130.5, false),
        ];
        assert_eq!(plan, expected);
        assert_eq!(steady_loss(false).next(), secs(100.5));
    }

    #[test]
    fn a_link_that_breaks_each_time_does_not_reset_the_pauses() {
        let mut redial = steady_loss(true);
        redial.begin_round(secs(100.0), 1.0);
        for (now, next) in [(100.0, 100.5), (100.5, 101.5), (101.5, 103.5)] {
            redial.up();
            redial.lost(secs(now), secs(0.0), true, 1.0);
            assert_eq!(redial.next(), secs(next));
            redial.begin_round(secs(next), 1.0);
        }
    }

    #[test]
    fn an_accepted_link_that_breaks_each_time_does_not_reset_the_pauses_either() {
        let mut redial = steady_loss(false);
        for (now, next) in [(101.0, 101.5), (102.0, 103.0), (104.0, 106.0)] {
            redial.up();
            redial.lost(secs(now), secs(0.5), false, 1.0);
            assert_eq!(redial.next(), secs(next));
        }
    }

    #[test]
    fn opening_fails_after_ten_seconds_or_after_four_if_it_is_refused() {
        let mut redial = Redial::opening(Duration::ZERO, true);
        assert_eq!(redial.gave_up(secs(9.9)), None);
        assert_eq!(redial.gave_up(secs(10.0)), Some(GaveUp::TooLong));
        redial.note(true, secs(0.1));
        assert_eq!(redial.gave_up(secs(3.9)), None);
        assert_eq!(redial.gave_up(secs(4.0)), Some(GaveUp::Refused));
        redial.note(false, secs(4.0));
        assert_eq!(redial.gave_up(secs(4.0)), None);
    }

    #[test]
    fn refusals_in_a_row_over_five_seconds_mean_that_the_process_is_gone() {
        let mut redial = steady_loss(true);
        redial.begin_round(secs(100.0), 1.0);
        redial.note(true, secs(100.0));
        assert_eq!(redial.gave_up(secs(106.0)), None, "silence after one refusal proves nothing");
        for at in [100.5, 101.5, 103.5] {
            redial.begin_round(secs(at), 1.0);
            redial.note(true, secs(at));
        }
        assert_eq!(redial.next(), secs(105.0), "the round that decides is not delayed by the pauses");
        redial.note(true, secs(105.0));
        assert_eq!(redial.gave_up(secs(105.0)), Some(GaveUp::Refused));
        redial.note(false, secs(105.1));
        assert_eq!(redial.gave_up(secs(105.1)), None);
    }

    #[test]
    fn an_absence_of_the_server_does_not_count_as_silence_of_the_peer() {
        let mut redial = steady_loss(true);
        redial.excuse(secs(650.0));
        assert_eq!(redial.gave_up(secs(1249.0)), None);
        assert_eq!(redial.gave_up(secs(1250.0)), Some(GaveUp::TooLong));
        let mut opening = Redial::opening(Duration::ZERO, true);
        opening.excuse(secs(9.0));
        assert_eq!(
            opening.gave_up(secs(10.0)),
            Some(GaveUp::TooLong),
            "a user waits, so opening gets no more time"
        );
    }

    #[test]
    fn ten_minutes_of_silence_end_the_session() {
        let redial = steady_loss(true);
        assert_eq!(redial.gave_up(secs(699.0)), None);
        assert_eq!(redial.gave_up(secs(700.0)), Some(GaveUp::TooLong));
    }

    #[test]
    fn time_while_this_process_was_stopped_does_not_count() {
        let start = Instant::now();
        let mut clock = AwakeClock::new(start);
        assert_eq!(clock.look(start + secs(1.0)), secs(1.0));
        assert_eq!(clock.look(start + secs(3601.0)), secs(3.0));
        assert_eq!(clock.look(start + secs(3602.0)), secs(4.0));
    }
}
