//! The thread that owns the line editor. It waits for a grant, reads a line and hands the line over.
//!
//! Only this thread writes to the terminal (see [`SharedTerminal`]). It must not know what a command or a session is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustyline::config::{BellStyle, Builder};
use rustyline::error::{ReadlineError, Signal};
use rustyline::history::DefaultHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{
    ColorMode, Completer, CompletionType, Config, Editor, Event, EventHandler, ExternalPrinter,
    GraphemeClusterMode, Helper, Highlighter, Hinter, Validator,
};
use tokio::sync::mpsc;

use super::brought_back::make_newest;
use super::completer::{Completions, MAX_CANDIDATES};
use super::ended::Ended;
use super::hinter::Hints;
use super::keyboard::Keyboard;
use super::keys::Keys;
use super::outside;
use super::page::Page;
use super::painter::Painter;
use super::past_lines::{MAX_ENTRIES, PastLines};
use super::printer::{Job, SharedTerminal};
use super::prompt::{Draft, Edit, Grant, Prompt, Stays, Typing};
use super::typing::Keyed;
use super::{ReplOptions, Typed, terminal};
use crate::input::line;
use crate::session::id::SessionId;

/// After how many milliseconds an Escape counts as a key of its own, if nothing follows it. Without this time,
/// rustyline would wait for the next key and show no messages meanwhile. The time is short because the bytes of one key
/// always arrive together (see `keystrokes`).
const ESCAPE_TIMEOUT_MS: u16 = 1;

/// Decides whether Enter ends the line. A text with one `\` at its end goes on in the next line.
pub(super) struct Continuation {
    page: Arc<Mutex<Page>>,
    screen: Arc<SharedTerminal>,
}

impl Validator for Continuation {
    fn validate(&self, context: &mut ValidationContext) -> rustyline::Result<ValidationResult> {
        let mut page = lock(&self.page);
        if page.ended.is_none() && line::continues(context.input()) {
            page.joins.mark(context.input().len() - 1);
            return Ok(ValidationResult::Incomplete);
        }
        drop(page);
        self.screen.leave();
        Ok(ValidationResult::Valid(None))
    }
}

#[derive(Helper, Completer, Hinter, Highlighter, Validator)]
struct Assistant {
    #[rustyline(Completer)]
    completions: Completions,
    #[rustyline(Hinter)]
    hints: Hints,
    #[rustyline(Highlighter)]
    painter: Painter,
    #[rustyline(Validator)]
    continuation: Continuation,
}

/// How the reading of a line ended without a line to hand over.
enum End {
    /// A key ended it, so rustyline has kept what it has read ahead.
    Key(Ended),
    /// A signal ended it. rustyline notices signals only when it has read nothing ahead.
    Signal,
    /// The size of the terminal changed.
    Resized,
    /// The terminal could not be read.
    Failed(String),
}

impl End {
    fn of(error: ReadlineError) -> Self {
        match error {
            ReadlineError::Interrupted | ReadlineError::Signal(Signal::Interrupt) => Self::Signal,
            ReadlineError::Signal(_) => Self::Resized,
            ReadlineError::Eof => Self::Key(Ended::EndOfInput),
            error => Self::Failed(error.to_string()),
        }
    }
}

/// The line editor, and what its thread needs.
pub(super) struct LineReader {
    editor: Editor<Assistant, DefaultHistory>,
    screen: Arc<SharedTerminal>,
    page: Arc<Mutex<Page>>,
    past: Option<PastLines>,
    typed: mpsc::Sender<Typed>,
    keyboard: Arc<Keyboard>,
}

impl LineReader {
    /// Makes the editor. Fails if standard input or output is not a terminal.
    pub(super) fn new(
        options: ReplOptions,
        screen: Arc<SharedTerminal>,
        typed: mpsc::Sender<Typed>,
        keyboard: Arc<Keyboard>,
    ) -> rustyline::Result<(Self, impl ExternalPrinter + Send + 'static)> {
        let ReplOptions { history_file, color, words } = options;
        let widths = GraphemeClusterMode::from_env();
        let page = Arc::new(Mutex::new(Page::new(widths)));
        let mut editor = Editor::with_config(config(widths)?)?;
        let bell = editor.create_external_printer()?;
        let keys = Keys::new(page.clone(), screen.clone());
        editor.bind_sequence(Event::Any, EventHandler::Conditional(Box::new(keys)));
        editor.set_helper(Some(Assistant {
            completions: Completions { words: words.clone(), page: page.clone() },
            hints: Hints::new(color, words.clone(), page.clone(), typed.clone()),
            painter: Painter {
                color,
                words,
                page: page.clone(),
                screen: screen.clone(),
                announced: false.into(),
            },
            continuation: Continuation { page: page.clone(), screen: screen.clone() },
        }));
        let past = history_file.map(PastLines::new);
        Ok((Self { editor, screen, page, past, typed, keyboard }, bell))
    }

    /// Runs until the handle is closed, or until nobody receives what is typed.
    pub(super) fn run(mut self) {
        terminal::hush();
        self.recall();
        loop {
            match self.screen.next_job() {
                Job::Write(text) => self.screen.written(terminal::write(&text)),
                Job::WriteAbove(text) => self.write_above(text),
                Job::Finish(stays) => self.finish(stays),
                Job::Read(grant) => {
                    if !self.read(grant) {
                        break;
                    }
                }
                Job::Edit(edit) => {
                    if !self.edit(&edit) {
                        break;
                    }
                }
                Job::Stop => break,
            }
        }
        let screen = self.screen.clone();
        // The receiver is dropped with it, so that a thread that waits to ring the bell gives up.
        drop(self);
        terminal::restore();
        screen.gone();
    }

    /// Reads a line for one grant and sends it. Returns false if nobody receives it any more.
    fn read(&mut self, grant: Grant) -> bool {
        let Grant { prompt, session, mut draft, mut note, question, is_judged } = grant;
        lock(&self.page).keyed = Keyed::default();
        if question {
            // Questions are not answered with lines that were typed before, so a search is closed.
            lock(&self.page).search.close();
        }
        let answer = loop {
            let read = self.read_once(&prompt, &draft, note.take());
            let ended = lock(&self.page).ended.take();
            let (end, abandoned) = match (read, ended) {
                (Ok(_), Some((ended, typed))) => (End::Key(ended), typed),
                // During a search only the keys that `ended` notes end the line. If another one ever does, the query is
                // not sent.
                (Ok(_), None) if lock(&self.page).search.is_open() => {
                    draft = lock(&self.page).draft();
                    lock(&self.page).search.close();
                    continue;
                }
                (Ok(text), None) => {
                    let typing = lock(&self.page).keyed.take();
                    let (text, _) = lock(&self.page).joins.resolve(&text, text.len());
                    if is_judged {
                        return self.hand_over(text, session, typing);
                    }
                    self.leave();
                    break Typed::Line { text, session, typing };
                }
                (Err(error), _) => (End::of(error), lock(&self.page).draft()),
            };
            if self.screen.interrupted() {
                self.wipe();
                break Typed::Cancelled { draft: abandoned, session };
            }
            let roused = self.screen.take_roused();
            match end {
                End::Signal if roused => {
                    self.wipe();
                    draft = abandoned;
                }
                End::Key(Ended::Stepped { forward }) => {
                    self.wipe();
                    break Typed::Stepped { forward, draft: abandoned, session };
                }
                End::Key(Ended::Interrupted) | End::Signal => {
                    self.wipe();
                    if lock(&self.page).search.close() {
                        draft = abandoned;
                    } else if abandoned.is_empty() {
                        break Typed::Interrupted;
                    } else {
                        draft = Draft::default();
                        if !question {
                            self.keep_cleared(abandoned);
                        }
                    }
                }
                // rustyline has noticed a change of the terminal's size. The line is read on.
                End::Resized => {
                    self.wipe();
                    draft = abandoned;
                }
                End::Key(Ended::EndOfInput) => {
                    self.leave();
                    break Typed::EndOfInput;
                }
                End::Failed(reason) => {
                    self.leave();
                    break Typed::Failed(reason);
                }
            }
        };
        self.answer(answer, question)
    }

    /// Runs the user's text editor and sends the result. Returns false if nobody receives it any more.
    fn edit(&mut self, edit: &Edit) -> bool {
        self.keyboard.lend();
        let (text, failed) = match outside::run(edit, &self.screen) {
            Ok(text) => (text, None),
            Err(reason) => (edit.text.clone(), Some(reason.to_string())),
        };
        self.keyboard.take_back();
        self.screen.answered();
        self.typed.blocking_send(Typed::Edited { text, session: edit.session, failed }).is_ok()
    }

    fn read_once(
        &mut self,
        prompt: &Prompt,
        draft: &Draft,
        note: Option<String>,
    ) -> rustyline::Result<String> {
        self.screen.take_brought_back(|lines| make_newest(self.editor.history_mut(), lines));
        let size = terminal::size().unwrap_or(lock(&self.page).size);
        lock(&self.page).begin(prompt.clone(), size);
        // A search that was open goes on with its query, and remembers the draft.
        let query = lock(&self.page).search.keep(draft).map(Draft::at_end);
        let begun = query.as_ref().unwrap_or(draft);
        if let Some(note) = note {
            lock(&self.page).note(format!("{}{}", draft.left, draft.right), note);
        }
        terminal::begin_line();
        let line = self.editor.readline_with_initial(prompt.raw(), (&begun.left, &begun.right));
        terminal::end_line();
        line
    }

    fn answer(&mut self, answer: Typed, question: bool) -> bool {
        let line = match &answer {
            Typed::Line { text, .. } if !question => Some(text.clone()),
            _ => None,
        };
        self.screen.answered();
        let taken = self.typed.blocking_send(answer).is_ok();
        if let Some(line) = line {
            self.remember(&line);
        }
        taken
    }

    /// Sends a line that the app judges. It is finished on the screen when the app has told what stays of it.
    fn hand_over(&mut self, line: String, session: Option<SessionId>, typing: Typing) -> bool {
        terminal::note_unfinished_row(true);
        self.screen.handed_over();
        let taken = self.typed.blocking_send(Typed::Line { text: line.clone(), session, typing }).is_ok();
        if !taken {
            self.finish(Stays::AsTyped);
        }
        self.remember(&line);
        taken
    }

    /// Finishes the line that was handed over on the screen.
    fn finish(&mut self, stays: Stays) {
        if let Stays::AsSaid(said) = stays {
            lock(&self.page).show_said(said);
        }
        self.leave();
        terminal::note_unfinished_row(false);
    }

    /// Shows what is printed while a line waits for the app.
    fn write_above(&mut self, text: String) {
        if let Some(assistant) = self.editor.helper() {
            assistant.painter.write_above(text);
        }
    }

    /// Erases the abandoned prompt and draft from the screen.
    fn wipe(&mut self) {
        if let Some(assistant) = self.editor.helper() {
            assistant.painter.wipe();
        }
    }

    /// Leaves the prompt and the whole line that was typed on the screen.
    fn leave(&mut self) {
        if let Some(assistant) = self.editor.helper() {
            assistant.painter.leave();
        }
    }

    /// Keeps a draft that Ctrl-C removed. The user can bring it back with Ctrl-Y, and it is among the lines that were
    /// typed before. It was not sent, so it is not stored for the next run.
    fn keep_cleared(&mut self, draft: Draft) {
        let text = draft.left + &draft.right;
        // This fails only for a history in a database.
        let _ = self.editor.add_history_entry(text.as_str());
        lock(&self.page).cleared = Some(text);
    }

    /// Loads the lines that were typed in earlier runs.
    fn recall(&mut self) {
        match self.past.as_ref().map(PastLines::load) {
            None => {}
            Some(Ok(lines)) => {
                for line in lines {
                    // This fails only for a history in a database.
                    let _ = self.editor.add_history_entry(line);
                }
            }
            Some(Err(error)) => self.forget(&error),
        }
    }

    fn remember(&mut self, line: &str) {
        // This fails only for a history in a database. It returns false for an empty line, for a repeated line, and for
        // a line that begins with a space.
        let new = self.editor.add_history_entry(line).unwrap_or(false);
        if new
            && let Some(past) = &mut self.past
            && let Err(error) = past.append(line)
        {
            self.forget(&error);
        }
    }

    /// Goes on without the file, because it cannot be used, and says so once.
    fn forget(&mut self, error: &std::io::Error) {
        self.past = None;
        // An error means that nobody receives messages any more.
        let _ = self.typed.blocking_send(Typed::HistoryLost(error.to_string()));
    }
}

fn config(widths: GraphemeClusterMode) -> rustyline::Result<Config> {
    Ok(Builder::new()
        .keyseq_timeout(Some(ESCAPE_TIMEOUT_MS))
        // The highlighter must be asked at every repaint. The highlighter itself decides whether there are colours.
        .color_mode(ColorMode::Forced)
        .bracketed_paste(true)
        .completion_type(CompletionType::List)
        .completion_show_all_if_ambiguous(true)
        .completion_prompt_limit(MAX_CANDIDATES)
        .max_history_size(MAX_ENTRIES)?
        .history_ignore_dups(true)?
        .history_ignore_space(true)
        .grapheme_cluster_mode(widths)
        .bell_style(BellStyle::Audible)
        .build())
}

fn lock(page: &Mutex<Page>) -> MutexGuard<'_, Page> {
    page.lock().unwrap_or_else(PoisonError::into_inner)
}
