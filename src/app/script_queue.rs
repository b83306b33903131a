//! Decides when the next line of a script is read. Several texts may be under way together; a command starts when
//! everything before it is answered for, and the next line is read when the command is finished. A plain struct; it
//! knows nothing of links.

use tokio::time::Instant;

use crate::client::State;
use crate::commands::{self, Progress};
use crate::input::request::RequestId;
use crate::session::LinkState;

/// How many texts of a script may be in flight at the same time.
const WINDOW: usize = 256;

/// A command that was read and has not started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Queued {
    /// The word after the backslash.
    pub word: String,
    /// What follows the word, without the blanks around it.
    pub args: String,
    /// Whether the command ends the run.
    pub ends_run: bool,
    /// The request to answer when the command is finished.
    pub asked: Option<RequestId>,
}

impl Queued {
    /// Makes a command with this word.
    #[must_use]
    pub(crate) fn new(word: String, args: String, asked: Option<RequestId>) -> Self {
        let ends_run = commands::find(&word).is_some_and(|command| command.traits.ends_run);
        Self { word, args, ends_run, asked }
    }
}

#[derive(Debug)]
struct Running {
    asked: Option<RequestId>,
    waits_for: Vec<Progress>,
}

/// How far a script has come.
#[derive(Debug, Default)]
pub(crate) struct ScriptQueue {
    /// A command that was read and waits for the texts before it.
    queued: Option<Queued>,
    /// The newest question that was asked when the command was read.
    asked_before: u32,
    running: Option<Running>,
}

impl ScriptQueue {
    /// Whether the next line may be read while this many texts are in flight.
    #[must_use]
    pub(crate) fn takes_line(&self, in_flight: usize) -> bool {
        self.queued.is_none() && self.running.is_none() && in_flight < WINDOW
    }

    /// Queues a command that was read when `newest` was the number of the newest question.
    pub(crate) fn queue_command(&mut self, command: Queued, newest: u32) {
        (self.queued, self.asked_before) = (Some(command), newest);
    }

    /// Returns the number of the newest question that was asked when the command that waits was read.
    pub(crate) fn asked_before(&self) -> u32 {
        self.asked_before
    }

    /// Takes the command that waits, if nothing before it is under way any more: no text, and no answer that decides for
    /// whom a name stands.
    pub(crate) fn take_ready_command(&mut self, nothing_in_flight: bool) -> Option<Queued> {
        // A command that ends the run is not held back, because the end waits for the last texts with a time limit of
        // its own.
        let leaves = self.queued.as_ref().is_some_and(|it| it.ends_run);
        if self.running.is_none() && (nothing_in_flight || leaves) { self.queued.take() } else { None }
    }

    /// Removes the command that waits, because it will not be carried out.
    pub(crate) fn take_queued(&mut self) -> Option<Queued> {
        self.queued.take()
    }

    /// Notes that a command has started.
    pub(crate) fn start(&mut self, progress: Progress, asked: Option<RequestId>) {
        self.running = Some(Running { asked, waits_for: vec![progress] });
    }

    /// Notes that the running command has started another one, for which it waits too.
    pub(crate) fn wait_for_more(&mut self, progress: Progress) {
        if let Some(running) = &mut self.running {
            running.waits_for.push(progress);
        }
    }

    /// Returns when the running command is finished by time alone.
    #[must_use]
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let waits_for = self.running.iter().flat_map(|running| &running.waits_for);
        waits_for
            .filter_map(|progress| match progress {
                Progress::Until(until) => Some(*until),
                _ => None,
            })
            .min()
    }

    /// Checks whether the running command is finished. If it is, returns the request to answer, if there is one.
    pub(crate) fn settle(&mut self, state: &State) -> Option<Option<RequestId>> {
        let running = self.running.as_mut()?;
        running.waits_for.retain(|progress| !is_finished(*progress, state));
        if !running.waits_for.is_empty() {
            return None;
        }
        self.running.take().map(|running| running.asked)
    }

    /// Returns the requests that will not be carried out any more.
    pub(crate) fn abandon(&mut self) -> Vec<RequestId> {
        let running = self.running.take().and_then(|running| running.asked);
        running.into_iter().chain(self.queued.take().and_then(|queued| queued.asked)).collect()
    }
}

fn is_finished(progress: Progress, state: &State) -> bool {
    match progress {
        Progress::Done | Progress::Quit => true,
        Progress::Opening(session) => {
            !state.sessions.contains(session) || state.sessions.state(session) != LinkState::Connecting
        }
        Progress::Verifying(session) => !state.verifications.is_awaited(session),
        Progress::Ending(session) => !state.sessions.contains(session),
        Progress::Answer(request) => !state.questions.is_open(request),
        Progress::Said(text) => !state.ledger.is_open(text),
        Progress::Acted(act) => !state.acts.is_open(act),
        Progress::Until(until) => until <= Instant::now(),
        Progress::Watched => !state.is_watching(),
        Progress::Plugin(job) => !state.plugins.is_running(job),
    }
}
