//! Where lines come from: a terminal, whose prompt is granted for one line at a time, or a script.
//! Owns the rule that a line goes to the session its prompt showed, or nowhere. Knows nothing of
//! what lines mean.

use std::sync::Arc;
use std::time::Duration;

use nu_ansi_term::Color;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::turn::Turn;
use crate::event::Event;
use crate::repl::{Draft, Grant, Prompt, ReplHandle, Typed};
use crate::script::ScriptLine;
use crate::session::SessionId;
use crate::state::State;

/// Nobody reads a new prompt and types a line in less: a line that is complete so soon after the
/// prompt fell back to the lobby was typed for the session that ended.
const SETTLING: Duration = Duration::from_millis(700);

/// A second Ctrl-C within this time leaves.
const SECOND_INTERRUPT: Duration = Duration::from_secs(3);

/// Why a line was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused(pub(super) &'static str);

/// Where lines come from.
#[derive(Debug)]
pub enum Front {
    /// A person at a terminal.
    Terminal(TerminalFront),
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
        Self::Terminal(TerminalFront {
            repl,
            typed,
            color,
            prompted: false,
            draft: Draft::default(),
            note: None,
            returned: String::new(),
            stale: None,
            settled: None,
            interrupted: None,
        })
    }

    /// The next line, once it is its turn. Cancel-safe.
    pub(super) async fn next(&mut self, in_flight: usize) -> Event {
        match self {
            Self::Terminal(terminal) => match terminal.typed.recv().await {
                Some(typed) => Event::Typed(typed),
                None => Event::Typed(Typed::EndOfInput),
            },
            Self::Script(lines, turn) if turn.takes_line(in_flight) => Event::Script(lines.recv().await),
            Self::Script(..) => std::future::pending().await,
        }
    }

    /// When something is due by time alone.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Terminal(_) => None,
            Self::Script(_, turn) => turn.deadline(),
        }
    }
}

/// A person at a terminal.
#[derive(Debug)]
pub struct TerminalFront {
    repl: Arc<ReplHandle>,
    typed: mpsc::Receiver<Typed>,
    color: bool,
    /// A prompt is out and no line has come back yet.
    prompted: bool,
    /// What the next prompt begins with, and why it came back.
    draft: Draft,
    note: Option<String>,
    /// What the prompt that is out began with.
    returned: String,
    /// The session of the prompt that is out is over, and something was typed under it.
    stale: Option<SessionId>,
    /// The prompt fell back, or did not become the one hoped for; what is complete before this was not
    /// typed for it.
    settled: Option<Instant>,
    interrupted: Option<Instant>,
}

impl TerminalFront {
    /// Grants the next line, unless one is granted already.
    pub(super) fn prompt(&mut self, state: &State) {
        if self.prompted {
            return;
        }
        self.prompted = true;
        let session = self.stale.or(state.sessions.current()).unwrap_or(SessionId::LOBBY);
        let prompt = self.prompt_of(session, state);
        self.returned = format!("{}{}", self.draft.left, self.draft.right);
        self.repl.grant(Grant {
            prompt,
            session: Some(session),
            draft: std::mem::take(&mut self.draft),
            note: self.note.take(),
        });
    }

    /// Whether a line may go where its prompt said. If not, its text is kept as the next draft, unless
    /// more may be typed ahead already: the next Enter would say both.
    pub(super) fn accept(&mut self, text: &str, session: SessionId, state: &State) -> Result<(), Refused> {
        self.prompted = false;
        self.stale = None;
        let command = text.starts_with('\\') && !text.starts_with("\\\\");
        if command || text.trim().is_empty() {
            return Ok(());
        }
        let over = !state.sessions.contains(session);
        if !over && self.settled.is_none_or(|settled| Instant::now() >= settled) {
            self.settled = None;
            return Ok(());
        }
        self.settled = Some(Instant::now() + SETTLING);
        if over || text == self.returned {
            self.keep_draft(text.to_owned(), "not sent");
        }
        let refused = if over {
            Refused(
                "the session it was typed in is over; it is in the editor still, Enter says it in the lobby",
            )
        } else {
            Refused("it was typed before this prompt was there; the Up key brings it back")
        };
        Err(refused)
    }

    /// The current session ended under the prompt. What has been typed stays under the old prompt;
    /// where nothing has, the lobby's prompt comes at once.
    pub(super) fn fall_back(&mut self) {
        self.settled = Some(Instant::now() + SETTLING);
        if self.prompted {
            self.repl.cancel();
        }
    }

    /// The next prompt is not the one that was hoped for: what is complete before anybody can have read
    /// it was meant for another.
    pub(super) fn distrust_typed_ahead(&mut self) {
        self.settled = Some(Instant::now() + SETTLING);
    }

    /// The prompt that was out has its answer.
    pub(super) fn answered(&mut self) {
        self.prompted = false;
    }

    /// The editor gave its draft back.
    pub(super) fn cancelled(&mut self, draft: Draft, session: Option<SessionId>) {
        self.prompted = false;
        self.stale = if draft.is_empty() { None } else { session };
        if draft.is_empty() {
            self.settled = Some(Instant::now() + SETTLING);
        }
        self.draft = draft;
    }

    /// The next prompt begins with this text, which came back for this reason.
    pub(super) fn keep_draft(&mut self, text: String, note: &str) {
        self.note = Some(note.to_owned());
        self.draft = Draft::at_end(text);
    }

    /// Ctrl-C where no text is; true for the second in a row.
    pub(super) fn interrupted(&mut self) -> bool {
        let now = Instant::now();
        let again = self.interrupted.is_some_and(|before| now - before < SECOND_INTERRUPT);
        self.interrupted = Some(now);
        again
    }

    fn prompt_of(&self, session: SessionId, state: &State) -> Prompt {
        let (raw, color) = match state.sessions.peer(session) {
            _ if session == SessionId::LOBBY => ("lobby> ".to_owned(), Color::Green),
            Some(peer) => (format!("{} {} {}> ", session, peer.mode.prefix(), peer.peer), Color::Magenta),
            None => (format!("{session} (over)> "), Color::Red),
        };
        match self.color {
            true => Prompt::styled(&raw, &color.bold().paint(raw.as_str()).to_string()),
            false => Prompt::plain(&raw),
        }
    }
}
