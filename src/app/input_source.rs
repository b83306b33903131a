//! Where lines come from: a person at a terminal, or a script. Knows nothing of what lines mean.

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
    /// A program, line after line.
    Script(mpsc::Receiver<ScriptLine>, ScriptQueue),
}

impl InputSource {
    /// The input source of a script.
    #[must_use]
    pub(crate) fn script(lines: mpsc::Receiver<ScriptLine>) -> Self {
        Self::Script(lines, ScriptQueue::default())
    }

    /// The input source at a terminal. Whose user `hosts` the lobby is asked before it ends with him.
    #[must_use]
    pub(crate) fn terminal(
        repl: Arc<ReplHandle>,
        typed: mpsc::Receiver<Typed>,
        color: bool,
        hosts: bool,
    ) -> Self {
        Self::Terminal(Box::new(TerminalInput::new(repl, typed, color, hosts)))
    }

    /// The next line, once it is its turn. Cancel-safe.
    pub(super) async fn next(&mut self, in_flight: usize) -> Event {
        match self {
            Self::Terminal(terminal) => Event::Typed(terminal.next().await),
            Self::Script(lines, queue) if queue.takes_line(in_flight) => Event::Script(lines.recv().await),
            Self::Script(..) => std::future::pending().await,
        }
    }

    /// When something is due by time alone.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            // Nothing it shows changes by time alone but what the state knows.
            Self::Terminal(_) => None,
            Self::Script(_, queue) => queue.deadline(),
        }
    }
}
