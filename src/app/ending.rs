//! How a run ends: the app waits for the last texts, ends the sessions and leaves the lobby. Each step has a time
//! limit, and texts that were not answered for in this time are reported.

use std::time::Duration;

use hobnob_protocol::name::UserName;
use tokio::time::Instant;

use super::{App, InputSource};
use crate::session::SessionId;
use crate::show::unsent::Unsent;
use crate::show::{ClosedReason, saying};

/// How long the end of a script waits while none of its last texts is answered for. A server that is restarted
/// meanwhile gets them, and a server that reads slowly gets all of them.
const SCRIPT_DRAIN: Duration = Duration::from_secs(15);

/// How long the app waits for the last texts of a person who leaves.
const TERMINAL_DRAIN: Duration = Duration::from_secs(2);

/// How long it may take to tell the server and the peers.
const FAREWELL: Duration = Duration::from_secs(3);

/// Which step of the end is under way.
#[derive(Debug)]
pub(super) enum Ending {
    /// The last texts are on their way. `waiting` is how many were open at the last look; each time there are fewer,
    /// the others get the whole time again. `None` means that the time is not extended.
    Draining { until: Instant, waiting: Option<usize> },
    /// The server and the peers are being told.
    Leaving { until: Instant },
    /// Nothing is left to do.
    Over,
}

impl Ending {
    pub(super) fn deadline(&self) -> Instant {
        match self {
            Self::Draining { until, .. } | Self::Leaving { until } => *until,
            Self::Over => Instant::now(),
        }
    }
}

impl App {
    /// Begins the end of the run, with time for the last texts.
    pub(super) fn end(&mut self) {
        match &self.input {
            InputSource::Script(..) => self.begin_ending(SCRIPT_DRAIN, Some(self.state.ledger.len())),
            InputSource::Terminal(_) => self.end_now(),
        }
    }

    /// Leaves, because this user wants to. If this user hosts the lobby, the lobby ends as well; so he is told who is
    /// in it, and asked.
    pub(super) fn quit(&mut self) {
        let others = self.others();
        if let InputSource::Terminal(terminal) = &mut self.input
            && terminal.asks_before_leaving()
            && !others.is_empty()
            && self.ending.is_none()
        {
            terminal.ask_to_leave();
            let others: Vec<&str> = others.iter().map(UserName::as_str).collect();
            return self.state.emit(saying::Terminal::LeavingEndsLobby { others: &others }.into());
        }
        self.end();
    }

    /// Returns who else is in the lobby, as far as this client knows.
    pub(super) fn others(&self) -> Vec<UserName> {
        let own = &self.state.me.name;
        self.state.known_names.here().filter(|name| *name != own).cloned().collect()
    }

    /// Begins the end of the run, because the process was asked to end.
    pub(super) fn end_now(&mut self) {
        self.begin_ending(TERMINAL_DRAIN, None);
    }

    fn begin_ending(&mut self, drain: Duration, waiting: Option<usize>) {
        let until = Instant::now() + drain;
        match &mut self.ending {
            None => {
                self.state.lobby.hurry();
                self.ending = Some(Ending::Draining { until, waiting });
            }
            // The user asked again, and wants to wait no longer than the shorter time.
            Some(Ending::Draining { until: before, waiting: still }) => {
                *before = until.min(*before);
                *still = waiting.and(*still);
            }
            Some(Ending::Leaving { .. } | Ending::Over) => {}
        }
        self.advance_ending();
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.ending, Some(Ending::Over))
    }

    /// Takes the next step if the present one is done or its time is over.
    pub(super) fn advance_ending(&mut self) {
        let now = Instant::now();
        match self.ending {
            Some(Ending::Draining { until, .. }) if self.state.ledger.is_empty() || until <= now => {
                self.begin_leaving(now);
                self.advance_ending();
            }
            Some(Ending::Draining { waiting: Some(before), .. }) if self.state.ledger.len() < before => {
                let (until, waiting) = (now + SCRIPT_DRAIN, Some(self.state.ledger.len()));
                self.ending = Some(Ending::Draining { until, waiting });
            }
            Some(Ending::Leaving { until }) => {
                let all_told = self.lobby_left && self.state.sessions.peers().next().is_none();
                if all_told || until <= now {
                    self.finish();
                }
            }
            _ => {}
        }
    }

    fn begin_leaving(&mut self, now: Instant) {
        self.ending = Some(Ending::Leaving { until: now + FAREWELL });
        let sessions: Vec<SessionId> = self.state.sessions.peers().map(|(id, _)| id).collect();
        for session in sessions {
            self.state.leave(session);
        }
        self.state.lobby.leave();
    }

    fn finish(&mut self) {
        let sessions: Vec<SessionId> = self.state.sessions.peers().map(|(id, _)| id).collect();
        for session in sessions {
            self.state.session_over(session, ClosedReason::Ended, &Unsent::UserLeft);
        }
        // The texts of private sessions were reported with their sessions, so these are the texts of the lobby and of
        // rooms.
        let (in_flight, held) = self.state.ledger.take_all().into_iter().partition(|text| text.in_flight);
        self.state.report_unanswered(in_flight, &Unsent::NotAcknowledged);
        self.state.report_unanswered(held, &Unsent::LobbyDownToTheEnd);
        self.state.tell_repeats();
        self.answer_the_rest();
        self.ending = Some(Ending::Over);
    }
}
