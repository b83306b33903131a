//! Where lines come from: a person at a terminal, or a script. This file does not know what lines mean.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::script_queue::ScriptQueue;
use super::terminal::TerminalInput;
use crate::app::event::Event;
use crate::input::script::ScriptLine;
use crate::repl::{ReplHandle, Typed};

/// Where lines come from.
#[derive(Debug)]
pub(crate) enum InputSource {
    /// A person at a terminal.
    Terminal(Box<TerminalInput>),
    /// A script, whose lines are read one after another.
    Script(mpsc::Receiver<ScriptLine>, ScriptQueue),
}

impl InputSource {
    /// Makes the input source of a script.
    #[must_use]
    pub(crate) fn script(lines: mpsc::Receiver<ScriptLine>) -> Self {
        Self::Script(lines, ScriptQueue::default())
    }

    /// Makes the input source of a terminal. If the user `hosts` the lobby, he is asked before it ends with him.
    #[must_use]
    pub(crate) fn terminal(
        repl: Arc<ReplHandle>,
        typed: mpsc::Receiver<Typed>,
        color: bool,
        hosts: bool,
    ) -> Self {
        Self::Terminal(Box::new(TerminalInput::new(repl, typed, color, hosts)))
    }

    /// Returns the next line when it may be read. Cancel-safe.
    pub(super) async fn next(&mut self, in_flight: usize) -> Event {
        match self {
            Self::Terminal(terminal) => Event::Typed(terminal.next().await),
            Self::Script(lines, queue) if queue.takes_line(in_flight) => Event::Script(lines.recv().await),
            Self::Script(..) => std::future::pending().await,
        }
    }

    /// Returns when something is due by time alone.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            // For a terminal, the caller asks `Terminal::deadline`, which also needs the state.
            Self::Terminal(_) => None,
            Self::Script(_, queue) => queue.deadline(),
        }
    }
}
