//! Where lines come from: a person at a terminal, or a script. Knows nothing of what lines mean.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::terminal::TerminalFront;
use super::turn::Turn;
use crate::event::Event;
use crate::repl::{ReplHandle, Typed};
use crate::script::ScriptLine;

/// Where lines come from.
#[derive(Debug)]
pub enum Front {
    /// A person at a terminal.
    Terminal(Box<TerminalFront>),
    /// A program, line after line.
    Script(mpsc::Receiver<ScriptLine>, Turn),
}

impl Front {
    /// A script's front.
    #[must_use]
    pub fn script(lines: mpsc::Receiver<ScriptLine>) -> Self {
        Self::Script(lines, Turn::default())
    }

    /// A terminal's front.
    #[must_use]
    pub fn terminal(repl: Arc<ReplHandle>, typed: mpsc::Receiver<Typed>, color: bool) -> Self {
        Self::Terminal(Box::new(TerminalFront::new(repl, typed, color)))
    }

    /// The next line, once it is its turn. Cancel-safe.
    pub(super) async fn next(&mut self, in_flight: usize) -> Event {
        match self {
            Self::Terminal(terminal) => Event::Typed(terminal.next().await),
            Self::Script(lines, turn) if turn.takes_line(in_flight) => Event::Script(lines.recv().await),
            Self::Script(..) => std::future::pending().await,
        }
    }

    /// When something is due by time alone.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Terminal(terminal) => terminal.deadline(),
            Self::Script(_, turn) => turn.deadline(),
        }
    }
}
