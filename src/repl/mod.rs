//! The client's interface at a terminal: a line editor, and messages that appear above it.
//!
//! The app hands out a [`Grant`] to read one line and gets one [`Typed`] for it. What the app prints meanwhile appears
//! above the prompt, in order, and the line is not disturbed. When the app has judged a line, it tells what stays of it on
//! the screen ([`Stays`]): a text that is said is shown as it is said. There are three threads: the keyboard's, which alone
//! reads the terminal (see `keyboard`), the editor's, which alone draws on it, and the bell's (see `printer`).
//! rustyline edits the line. It reads from and draws on a pseudo-terminal, and `painter` draws what is on the real
//! screen. This folder does not decide what a text says or means, and does not know the network. What is printed must
//! have been made harmless before.
//!
//! A message may have several lines. A `\` that is typed at the end of a line, or Alt-Enter, continues the message in
//! the next line, and a bracketed paste is taken as a whole. A [`Typed::Line`] may therefore begin with a command and
//! have more lines below. It is handed over as it is, and the app must refuse it instead of running the first line or
//! sending the rest.
//!
//! Ctrl-R searches the lines that were typed before. While a search is open, what is typed is a query and never a line.
//! Enter puts what was found into the line, where it can be edited, and a second Enter hands the line over. bash would
//! run the line at once. Here it may have been said in another session than the one that the prompt shows, and a
//! message cannot be taken back. A search goes on under the next grant, so [`Typed::Cancelled`] brings the draft from
//! before the search and not the query.
//!
//! While there is no grant, what is typed waits for the next one and is not shown. This includes Ctrl-C: it clears what
//! was typed ahead before it. The app has to give the next grant soon, because until then no key has an effect.

mod backlog;
mod brought_back;
mod canvas;
mod completer;
mod continuation;
mod editor;
mod ended;
mod found;
mod hinter;
mod interrupts;
mod keyboard;
mod keys;
mod keystrokes;
mod outside;
mod page;
mod painter;
mod past_lines;
mod piece;
mod printer;
mod prompt;
mod search;
mod sheet;
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

pub use self::prompt::{AsSaid, Draft, Edit, Grant, Prompt, Stays};
pub use self::words::{Argument, CommandWord, EditorWords, HabitWord};

use self::editor::LineReader;
use self::keyboard::Keyboard;
use self::printer::SharedTerminal;

/// How long [`ReplHandle::close`] waits for a terminal that accepts no output.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// How many answers may wait for the app. Each grant has only one, so this limit is never reached.
const ANSWERS: usize = 16;

/// The words for completion and hints, as the app published them last.
type Watched = watch::Receiver<Arc<EditorWords>>;

/// The options with which the line editor is started.
#[derive(Debug)]
pub struct ReplOptions {
    /// The file in which typed lines are kept between runs. Its folder must exist. Several clients may share it.
    pub history_file: Option<PathBuf>,
    /// Whether the prompt, the input and the hints have colours. The caller has to obey `NO_COLOR`.
    pub color: bool,
    /// The words for completion and hints.
    pub words: watch::Receiver<Arc<EditorWords>>,
}

/// What the user did. All of these answer a grant, except [`Typed::HistoryLost`], [`Typed::NotUtf8`],
/// [`Typed::Brought`] and [`Typed::NamesRoom`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// The user finished a line, or several; see the text at the top of this file.
    Line {
        /// The text exactly as it was typed. A paste may have put control characters into it.
        text: String,
        /// The session of the grant.
        session: Option<SessionId>,
    },
    /// The user pressed Ctrl-C on an empty line. On a line with text, Ctrl-C clears the line and the grant goes on.
    Interrupted,
    /// The user pressed Ctrl-D on an empty line, or the terminal is gone.
    EndOfInput,
    /// [`ReplHandle::cancel`] or a close ended the line. The prompt and the draft were erased from the screen.
    Cancelled {
        /// What was typed so far, and where the cursor was.
        draft: Draft,
        /// The session of the grant.
        session: Option<SessionId>,
    },
    /// Alt-Down or Alt-Up ended the line, so that the user can go on in another session. The prompt and the draft were
    /// erased from the screen.
    Stepped {
        /// Whether the user wants the next session, or else the previous one.
        forward: bool,
        /// What was typed so far, and where the cursor was.
        draft: Draft,
        /// The session of the grant.
        session: Option<SessionId>,
    },
    /// The text editor that [`ReplHandle::edit`] started has ended.
    Edited {
        /// The edited text, or the original text if editing failed.
        text: String,
        /// The session for which the text is meant.
        session: Option<SessionId>,
        /// Why editing failed; `None` if it did not.
        failed: Option<String>,
    },
    /// The terminal could not be read; the text is the error.
    Failed(String),
    /// Typed lines are no longer kept between runs; the text says why. This is sent at most once and answers no grant.
    HistoryLost(String),
    /// The terminal has sent this byte, which is not UTF-8. The line has U+FFFD in its place. This is sent only once
    /// and answers no grant.
    NotUtf8(u8),
    /// The line that comes next had this text before its end was typed, because a key brought it back (Up, Ctrl-Y). This
    /// answers no grant.
    Brought(Draft),
    /// The line has become one that names a room, which may be completed soon. This answers no grant.
    NamesRoom,
}

/// Why the line editor could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ReplError {
    /// Standard input or output is not a terminal, or is one that cannot move its cursor.
    #[error("standard input and output are not both a terminal")]
    NotATerminal,
    /// The function was called outside a Tokio runtime.
    #[error("the line editor must be started inside the runtime")]
    NoRuntime,
    /// rustyline could not be started.
    #[error("the line editor does not start")]
    Editor(#[source] ReadlineError),
    /// A thread could not be started, or a signal could not be watched.
    #[error("the line editor has no resources")]
    Resources(#[from] io::Error),
}

/// Starts the line editor. The settings of the terminal are remembered for [`terminal::restore`]; `main` should hold
/// the [`terminal::guard`].
///
/// This must be called inside a Tokio runtime with signals enabled. Tokio's handler for SIGINT has to be installed
/// before the first line is read. Otherwise, after each line, the editor would put back a handler that kills the
/// program.
///
/// # Errors
/// Fails with [`ReplError::NotATerminal`] if the caller should read from a pipe instead. The other errors mean that the
/// system refused something.
pub fn start(options: ReplOptions) -> Result<(ReplHandle, mpsc::Receiver<Typed>), ReplError> {
    Handle::try_current().map_err(|_| ReplError::NoRuntime)?;
    // Tokio leaves its handler installed when the stream is dropped.
    drop(signal(SignalKind::interrupt())?);
    let (typed, answers) = mpsc::channel(ANSWERS);
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(ReplError::NotATerminal);
    }
    let screen = Arc::new(SharedTerminal::new());
    terminal::save();
    let keyboard = Keyboard::start(typed.clone(), screen.clone())?;
    let (reader, bell) =
        LineReader::new(options, screen.clone(), typed, keyboard).map_err(ReplError::Editor)?;
    let handle = ReplHandle { screen: screen.clone() };
    thread::Builder::new().name("editor".to_owned()).spawn(move || reader.run())?;
    thread::Builder::new().name("bell".to_owned()).spawn(move || screen.ring(bell))?;
    Ok((handle, answers))
}

/// Controls the line editor. Dropping the handle closes the editor without waiting for it.
pub struct ReplHandle {
    screen: Arc<SharedTerminal>,
}

impl fmt::Debug for ReplHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplHandle").finish_non_exhaustive()
    }
}

impl ReplHandle {
    /// Makes a handle without an editor. What is granted and printed is only kept.
    #[cfg(test)]
    pub(crate) fn without_editor() -> Self {
        Self { screen: Arc::new(SharedTerminal::new()) }
    }

    /// Allows one line to be read now. There is only one grant at a time: a grant that was not begun is replaced.
    pub fn grant(&self, grant: Grant) {
        self.screen.grant(grant);
    }

    /// Tells what stays on the screen of the line that was handed over for a grant whose line is judged. Only the first
    /// word on each line counts. Until it is spoken, the line stands as it was typed, and what is printed appears above
    /// it; the next grant lets the line stay as it was typed.
    pub fn let_stay(&self, stays: Stays) {
        self.screen.let_stay(stays);
    }

    /// Plays the editor that hands over a line.
    #[cfg(test)]
    pub(crate) fn hand_over(&self) {
        self.screen.handed_over();
    }

    /// Returns what stays of the line that was handed over; `None` if the app has not told.
    #[cfg(test)]
    pub(crate) fn stays(&self) -> Option<Stays> {
        self.screen.stays()
    }

    /// Takes back the current grant. The answer is [`Typed::Cancelled`], or the line if it was finished at this moment.
    /// Without a grant this does nothing.
    pub fn cancel(&self) {
        self.screen.cancel();
    }

    /// Shows another prompt before the line that is being read. What was typed so far is not changed.
    pub fn set_prompt(&self, prompt: Prompt) {
        self.screen.set_prompt(prompt);
    }

    /// Makes `line` the newest of the lines that were typed before, so that the Up key shows it. The line that is being
    /// read does not change. `line` is not kept between runs, unless it was typed and kept already.
    pub fn bring_back(&self, line: String) {
        self.screen.bring_back(line);
    }

    /// Returns the lines that were brought back.
    #[cfg(test)]
    pub(crate) fn brought_back(&self) -> Vec<String> {
        self.screen.brought_back()
    }

    /// Lends the terminal to a text editor, instead of granting a line. What is printed meanwhile waits.
    pub fn edit(&self, edit: Edit) {
        self.screen.edit(edit);
    }

    /// Empties the terminal's screen; the prompt is drawn again.
    pub fn clear(&self) {
        self.screen.clear();
    }

    /// Sends a sequence to the terminal that shows no text and moves no cursor, such as its bell.
    pub fn signal(&self, sequence: String) {
        self.screen.signal(sequence);
    }

    /// Sets the title of the terminal, or gives back the one that it had before.
    pub fn set_title(&self, title: Option<String>) {
        let sequence = title::change(title);
        if !sequence.is_empty() {
            self.screen.signal(sequence);
        }
    }

    /// Shows `text`, which must be whole lines, above the prompt. This never blocks. If more is printed than the
    /// terminal accepts, ten thousand lines may wait; then the oldest ones are dropped, and their number is shown.
    pub fn print(&self, text: String) {
        self.screen.print(text);
    }

    /// Takes back a grant, shows everything that was printed, and gives the terminal back. This blocks until it is
    /// done, but at most two seconds.
    pub fn close(self) {
        self.screen.close();
        if !self.screen.wait_until_gone(CLOSE_TIMEOUT) {
            terminal::restore();
        }
    }
}

impl Drop for ReplHandle {
    fn drop(&mut self) {
        // After a panic or a signal the program has already given the terminal back. Closing the screen then would wake
        // the editor, which would change the terminal's settings again and might not live long enough to undo that.
        if !terminal::is_given_back() {
            self.screen.close();
        }
    }
}
