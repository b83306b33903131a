//! The terminal front of the client: a line editor, and messages that appear above it.
//!
//! The app hands out a [`Grant`] to read one line and gets one [`Typed`] for it; what it prints
//! meanwhile appears above the prompt, in order, and the line stays whole. Three threads do it: the
//! keyboard's, which alone reads the terminal (see `keyboard`), the editor's, which alone draws on it,
//! and the bell's (see `printer`). rustyline edits the line; it reads from and draws on a
//! pseudo-terminal of ours, and what stands on the screen is drawn by `painter`. Nothing here
//! decides what a text says or means, and nothing here knows the network; what is printed must have
//! been made harmless before.
//!
//! A message may have several lines: a typed `\` at the end of a line, or Alt-Enter, goes on below,
//! and a bracketed paste comes in whole. A [`Typed::Line`] may therefore begin with a command and
//! have more lines below. It is delivered as it stands; the app must refuse it rather than run the
//! first line, or send the rest.
//!
//! Ctrl-R searches the lines typed before. What is typed then is a query and never a line: Enter
//! takes what was found into the line, where it can be edited, and a second Enter hands it over.
//! bash would run it at once; but here it may have been said in another session than the one the
//! prompt shows, and cannot be called back. A search goes on under the next grant, which is why
//! [`Typed::Cancelled`] brings the draft that was there before it, not the query.
//!
//! While no grant is out, what is typed waits unseen for the next one; Ctrl-C then is a SIGINT to
//! the program, and the app decides what it interrupts.

mod backlog;
mod canvas;
mod completer;
mod continuation;
mod editor;
mod found;
mod hinter;
mod keyboard;
mod keys;
mod keystrokes;
mod outside;
mod page;
mod painter;
mod past_lines;
mod printer;
mod prompt;
mod search;
pub mod terminal;
mod title;
mod words;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io, thread};

use rustyline::error::ReadlineError;
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

use crate::session::id::SessionId;

pub use self::prompt::{Draft, Edit, Grant, Prompt, Said};
pub use self::words::{Argument, CommandWord, HabitWord, Words};

use self::editor::LineReader;
use self::keyboard::Keyboard;
use self::printer::SharedTerminal;

/// How long [`ReplHandle::close`] waits for a terminal that takes no output.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Answers that may wait for the app. There is one a grant, so that this is never reached.
const ANSWERS: usize = 16;

/// The words to offer, as the app published them last.
type Watched = watch::Receiver<Arc<Words>>;

/// What the front is started with.
#[derive(Debug)]
pub struct ReplOptions {
    /// Where lines are kept between runs; its directory must exist. Several clients may share it.
    pub history_file: Option<PathBuf>,
    /// Whether prompt, input and hints have colour. `NO_COLOR` is for the caller to obey.
    pub color: bool,
    /// What can be completed and hinted.
    pub words: watch::Receiver<Arc<Words>>,
}

/// What the user did. All but [`Typed::HistoryLost`], [`Typed::NotUtf8`] and [`Typed::NamesRoom`] answer a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// A whole line, or several: see the module's page.
    Line {
        /// What was typed, as typed: it may hold control characters from a paste.
        text: String,
        /// The session of the grant.
        session: Option<SessionId>,
    },
    /// Ctrl-C on an empty line. On a line with text it clears the line and the grant goes on.
    Interrupted,
    /// Ctrl-D on an empty line, or the terminal has gone.
    EndOfInput,
    /// [`ReplHandle::cancel`] or a close took the line back. Prompt and draft are wiped off.
    Cancelled {
        /// What had been typed, and where the cursor stood.
        draft: Draft,
        /// The session of the grant.
        session: Option<SessionId>,
    },
    /// Alt-Down or Alt-Up took the line back, to go on in another session. Prompt and draft are
    /// wiped off.
    Stepped {
        /// To the next session, or to the one before.
        forward: bool,
        /// What had been typed, and where the cursor stood.
        draft: Draft,
        /// The session of the grant.
        session: Option<SessionId>,
    },
    /// The editor that [`ReplHandle::edit`] started has ended.
    Edited {
        /// The text as it was left, or as it was given where that failed.
        text: String,
        /// The session it is meant for.
        session: Option<SessionId>,
        /// Why the text is as it was given.
        failed: Option<String>,
    },
    /// The terminal could not be read: why.
    Failed(String),
    /// Lines are no longer kept between runs: why. Said at most once; answers no grant.
    HistoryLost(String),
    /// The terminal has sent this byte, which is no UTF-8; U+FFFD stands in its place. Said once;
    /// answers no grant.
    NotUtf8(u8),
    /// The line has become one that names a room, which may be completed soon. Answers no grant.
    NamesRoom,
}

/// Why there is no line editor.
#[derive(Debug, thiserror::Error)]
pub enum ReplError {
    /// Standard input or output is not a terminal, or one that cannot move its cursor.
    #[error("standard input and output are not both a terminal")]
    NotATerminal,
    /// There is no Tokio runtime here.
    #[error("the line editor must be started inside the runtime")]
    NoRuntime,
    /// The line editor could not be made.
    #[error("the line editor does not start")]
    Editor(#[source] ReadlineError),
    /// A thread could not be made, or a signal not be watched.
    #[error("the line editor has no resources")]
    Resources(#[from] io::Error),
}

/// Starts the editor. The terminal's settings are kept for [`terminal::restore`], of which
/// `main` should hold the [`terminal::guard`].
///
/// Must be called inside a Tokio runtime with signals enabled: Tokio's handler for SIGINT has to
/// stand before the first line is read, or the editor would put back one that kills the program.
///
/// # Errors
/// [`ReplError::NotATerminal`] when the caller should read a pipe instead; the others are the
/// machine's.
pub fn start(options: ReplOptions) -> Result<(ReplHandle, mpsc::Receiver<Typed>), ReplError> {
    Handle::try_current().map_err(|_| ReplError::NoRuntime)?;
    // Tokio leaves its handler in place when the stream is dropped.
    drop(signal(SignalKind::interrupt())?);
    let (typed, answers) = mpsc::channel(ANSWERS);
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(ReplError::NotATerminal);
    }
    let screen = Arc::new(SharedTerminal::new());
    terminal::save();
    let keyboard = Keyboard::start(typed.clone())?;
    let (reader, bell) =
        LineReader::new(options, screen.clone(), typed, keyboard).map_err(ReplError::Editor)?;
    let handle = ReplHandle { screen: screen.clone() };
    thread::Builder::new().name("editor".to_owned()).spawn(move || reader.run())?;
    thread::Builder::new().name("bell".to_owned()).spawn(move || screen.ring(bell))?;
    Ok((handle, answers))
}

/// Steers the editor. Dropping it closes the editor without waiting.
pub struct ReplHandle {
    screen: Arc<SharedTerminal>,
}

impl fmt::Debug for ReplHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplHandle").finish_non_exhaustive()
    }
}

impl ReplHandle {
    /// A handle without an editor: what is granted and printed is kept.
    #[cfg(test)]
    pub(crate) fn without_editor() -> Self {
        Self { screen: Arc::new(SharedTerminal::new()) }
    }

    /// Allows one line to be read, now. One grant at a time: one that was not begun is replaced.
    pub fn grant(&self, grant: Grant) {
        self.screen.grant(grant);
    }

    /// Takes the outstanding grant back. Its answer is [`Typed::Cancelled`], or the line, if that
    /// was complete at this moment. Does nothing without a grant.
    pub fn cancel(&self) {
        self.screen.cancel();
    }

    /// Shows another prompt before the line that is granted; what is typed stays as it is.
    pub fn set_prompt(&self, prompt: Prompt) {
        self.screen.set_prompt(prompt);
    }

    /// Lends the terminal to an editor, in the place of a grant. What is printed meanwhile waits.
    pub fn edit(&self, edit: Edit) {
        self.screen.edit(edit);
    }

    /// Empties the screen.
    pub fn clear(&self) {
        self.screen.clear();
    }

    /// Tells the terminal something that shows no text and moves no cursor, such as its bell.
    pub fn signal(&self, sequence: String) {
        self.screen.signal(sequence);
    }

    /// Gives the terminal this title, or the one it had before.
    pub fn set_title(&self, title: Option<String>) {
        let sequence = title::change(title);
        if !sequence.is_empty() {
            self.screen.signal(sequence);
        }
    }

    /// Shows `text`, whole lines, above the prompt. Never blocks. When the terminal takes less than
    /// is printed, the oldest of ten thousand waiting lines go, and their number is shown.
    pub fn print(&self, text: String) {
        self.screen.print(text);
    }

    /// Takes back an outstanding grant, shows all that was printed, gives the terminal back. Blocks
    /// for as long as that takes, two seconds at most.
    pub fn close(self) {
        self.screen.close();
        if !self.screen.wait_until_gone(CLOSE_TIMEOUT) {
            terminal::restore();
        }
    }
}

impl Drop for ReplHandle {
    fn drop(&mut self) {
        // On the way out (a panic, a signal) the terminal was given back already. An editor woken
        // now would set it once more, and maybe not live to undo that.
        if !terminal::is_given_back() {
            self.screen.close();
        }
    }
}
