//! Whose turn it is in a script: text lines may be in flight together, a command starts when
//! everything before it is answered for and is finished before the next line is read. A plain
//! struct; knows nothing of links.

use tokio::time::Instant;

use crate::commands::Progress;
use crate::session::LinkState;
use crate::state::State;

/// Texts of a script that may be in flight together.
const WINDOW: usize = 256;

/// Where a script stands.
#[derive(Debug, Default)]
pub struct Turn {
    /// A command that was read and waits for the texts before it.
    queued: Option<(String, String)>,
    /// What the running command waits for.
    waiting: Option<Progress>,
}

impl Turn {
    /// Whether the next line may be read while this many texts are in flight.
    #[must_use]
    pub fn takes_line(&self, in_flight: usize) -> bool {
        self.queued.is_none() && self.waiting.is_none() && in_flight < WINDOW
    }

    /// A command was read.
    pub fn queue_command(&mut self, word: String, args: String) {
        self.queued = Some((word, args));
    }

    /// The command that may start now, if one waits and nothing before it does.
    pub fn take_ready_command(&mut self, nothing_in_flight: bool) -> Option<(String, String)> {
        // Leaving has its own way of waiting for the last texts: one with an end.
        let leaves = self.queued.as_ref().is_some_and(|(word, _)| matches!(word.as_str(), "quit" | "q"));
        if nothing_in_flight || leaves { self.queued.take() } else { None }
    }

    /// A command has started.
    pub fn wait_for(&mut self, progress: Progress) {
        self.waiting = match progress {
            Progress::Done | Progress::Quit => None,
            other => Some(other),
        };
    }

    /// When the running command is finished by time alone.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self.waiting {
            Some(Progress::Until(until)) => Some(until),
            _ => None,
        }
    }

    /// Looks whether the running command is finished.
    pub fn settle(&mut self, state: &State) {
        let finished = match self.waiting {
            None | Some(Progress::Done | Progress::Quit) => true,
            Some(Progress::Opening(session)) => {
                state.sessions.peer(session).is_none_or(|peer| peer.state != LinkState::Connecting)
            }
            Some(Progress::Ending(session)) => !state.sessions.contains(session),
            Some(Progress::Answer(request)) => !state.questions.is_open(request),
            Some(Progress::Until(until)) => until <= Instant::now(),
        };
        if finished {
            self.waiting = None;
        }
    }
}
