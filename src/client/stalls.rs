//! For how long the peer of a private session has acknowledged nothing. A peer that answers pings and acknowledges no
//! text would hold up a script for ever. Only the time in which the link was up is counted, so that a peer gains
//! nothing by breaking it. This is plain data and knows neither texts nor links.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::session::SessionId;

/// If nothing is acknowledged for this long, the texts of a script are reported. A program that works acknowledges
/// within a second, and even one that reads slowly acknowledges a full window in less than this time.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long later texts wait until something is acknowledged again, so that the script is not held up as long for each
/// of them.
const PATIENCE_LOST: Duration = Duration::from_secs(5);

/// If the deadline has passed by more than this, this process was stopped, and first hears what came meanwhile.
const STOPPED: Duration = Duration::from_secs(2);

/// A session in which texts wait for their acknowledgement.
#[derive(Debug)]
struct Stall {
    /// How long the link was up between the last acknowledgement and the time at which it went down.
    waited: Duration,
    /// Since when the link is up.
    up: Option<Instant>,
    /// Whether texts were reported and nothing was acknowledged since.
    is_lost: bool,
    /// Whether no text waits at present.
    is_idle: bool,
}

impl Stall {
    fn deadline(&self) -> Option<Instant> {
        let patience = if self.is_lost { PATIENCE_LOST } else { PATIENCE };
        self.up.filter(|_| !self.is_idle).map(|up| up + patience.saturating_sub(self.waited))
    }
}

/// The private sessions in which texts wait, or have waited.
#[derive(Debug, Default)]
pub(crate) struct Stalls {
    sessions: HashMap<SessionId, Stall>,
}

impl Stalls {
    /// Notes that a text was said in a session, and whether its link is up.
    pub(crate) fn waits(&mut self, session: SessionId, is_up: bool, now: Instant) {
        let new = Stall { waited: Duration::ZERO, up: None, is_lost: false, is_idle: true };
        let stall = self.sessions.entry(session).or_insert(new);
        if std::mem::take(&mut stall.is_idle) {
            (stall.waited, stall.up) = (Duration::ZERO, is_up.then_some(now));
        }
    }

    /// Whether texts wait in a session, or have waited.
    #[must_use]
    pub(crate) fn knows(&self, session: SessionId) -> bool {
        self.sessions.contains_key(&session)
    }

    /// Notes that a text was acknowledged, and whether others wait.
    pub(crate) fn acknowledged(&mut self, session: SessionId, others_wait: bool, now: Instant) {
        if let Some(stall) = self.sessions.get_mut(&session) {
            let up = stall.up.map(|_| now);
            *stall = Stall { waited: Duration::ZERO, up, is_lost: false, is_idle: !others_wait };
        }
    }

    /// Notes that the link is up.
    pub(crate) fn up(&mut self, session: SessionId, now: Instant) {
        if let Some(stall) = self.sessions.get_mut(&session) {
            stall.up.get_or_insert(now);
        }
    }

    /// Notes that the link is down.
    pub(crate) fn down(&mut self, session: SessionId, now: Instant) {
        if let Some(stall) = self.sessions.get_mut(&session)
            && let Some(up) = stall.up.take()
        {
            stall.waited += now.duration_since(up);
        }
    }

    /// Forgets a session that is over.
    pub(crate) fn over(&mut self, session: SessionId) {
        self.sessions.remove(&session);
    }

    /// Returns when the next session will have waited for too long.
    #[must_use]
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.sessions.values().filter_map(Stall::deadline).min()
    }

    /// Returns the sessions that have waited for too long by now; their texts are to be reported.
    pub(crate) fn take_overdue(&mut self, now: Instant) -> Vec<SessionId> {
        let mut overdue = Vec::new();
        for (session, stall) in &mut self.sessions {
            match stall.deadline() {
                Some(deadline) if deadline + STOPPED < now => stall.up = Some(now),
                Some(deadline) if deadline <= now => {
                    (stall.is_lost, stall.is_idle) = (true, true);
                    overdue.push(*session);
                }
                _ => {}
            }
        }
        overdue.sort_unstable();
        overdue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: SessionId = SessionId(1);

    #[test]
    fn a_session_without_an_acknowledgement_is_overdue_and_then_has_less_time() {
        let (mut stalls, start) = (Stalls::default(), Instant::now());
        stalls.waits(ONE, true, start);
        stalls.waits(ONE, true, start + PATIENCE / 2);
        assert_eq!(stalls.deadline(), Some(start + PATIENCE), "more texts give no more time");
        assert_eq!(stalls.take_overdue(start + PATIENCE / 2), []);
        let now = start + PATIENCE;
        assert_eq!(stalls.take_overdue(now), [ONE]);
        assert_eq!((stalls.deadline(), stalls.take_overdue(now)), (None, vec![]));
        stalls.waits(ONE, true, now);
        assert_eq!(stalls.deadline(), Some(now + PATIENCE_LOST));
        stalls.acknowledged(ONE, true, now);
        assert_eq!(stalls.deadline(), Some(now + PATIENCE));
        stalls.acknowledged(ONE, false, now);
        assert_eq!(stalls.deadline(), None);
    }

    #[test]
    fn only_the_time_while_the_link_is_up_counts() {
        let (mut stalls, mut now) = (Stalls::default(), Instant::now());
        stalls.waits(ONE, false, now);
        assert_eq!(stalls.deadline(), None);
        for _ in 0..5 {
            stalls.up(ONE, now);
            stalls.up(ONE, now + PATIENCE / 20);
            now += PATIENCE / 10;
            stalls.down(ONE, now);
            now += PATIENCE * 3;
        }
        stalls.up(ONE, now);
        assert_eq!(stalls.deadline(), Some(now + PATIENCE / 2));
        stalls.over(ONE);
        assert_eq!(stalls.deadline(), None);
    }

    #[test]
    fn a_process_that_was_stopped_gives_its_peer_the_full_time_again() {
        let (mut stalls, start) = (Stalls::default(), Instant::now());
        stalls.waits(ONE, true, start);
        let now = start + PATIENCE * 9;
        assert_eq!(stalls.take_overdue(now), []);
        assert_eq!(stalls.deadline(), Some(now + PATIENCE));
    }
}
