//! Where notices go: rendered in the form this run was started with, then handed to the terminal's
//! printer or the pipe's writer, and to the record. Owns that there is no more than one bell a second.

pub(crate) mod folding;
pub(crate) mod pipe;
pub(crate) mod presence;
pub(crate) mod recorder;

use std::sync::Arc;
use std::time::Duration;

use hobnob_protocol::name::UserName;
use tokio::time::Instant;

use crate::config::preferences::Preferences;
use crate::repl::{ReplHandle, terminal};
use crate::screen::folding::Folding;
use crate::screen::pipe::PipeWriter;
use crate::screen::recorder::Recorder;
use crate::session::SessionId;
use crate::show::human::{Human, Shown};
use crate::show::{COLUMNS, Message, Notice, ROWS, json, saying};
use crate::timestamp::now;

/// Between two bells. In a flood of mentions the first says all there is to say.
const BETWEEN_BELLS: Duration = Duration::from_secs(1);

/// The form of output.
#[derive(Debug)]
pub enum Form {
    /// Plain lines.
    Human(Human),
    /// Rows on a terminal.
    Terminal(Box<Folding>),
    /// NDJSON.
    Json,
}

/// Where the lines go.
#[derive(Debug)]
pub enum Sink {
    /// Above the prompt.
    Terminal(Arc<ReplHandle>),
    /// To standard output and standard error.
    Pipe(PipeWriter),
    /// Nowhere: they stay in the screen, for tests.
    Held,
}

/// Shows notices.
#[derive(Debug)]
pub struct Screen {
    form: Form,
    sink: Sink,
    waiting: Vec<Shown>,
    rang: Option<Instant>,
    recorder: Option<Recorder>,
    /// Lines for the recorder, handed over with what waits.
    unrecorded: String,
}

impl Screen {
    /// Shows in this form, there, and records what is shown.
    #[must_use]
    pub fn new(form: Form, sink: Sink, recorder: Option<Recorder>) -> Self {
        Self { form, sink, waiting: Vec::new(), rang: None, recorder, unrecorded: String::new() }
    }

    /// Renders a notice; it goes out with the next [`flush`](Self::flush).
    pub fn emit(&mut self, notice: &Notice) {
        if self.recorder.is_some() {
            self.unrecorded.push_str(&json::recorded(notice, now()));
        }
        let shown = match &self.form {
            Form::Human(human) => human.show(notice),
            Form::Json => Shown::Out(json::line(notice)),
            Form::Terminal(_) => return self.emit_to_person(notice),
        };
        self.queue(shown);
    }

    /// A message that a person is not shown now: it is recorded, and asks for attention as any.
    pub fn emit_unseen(&mut self, notice: &Notice) {
        if self.recorder.is_some() {
            self.unrecorded.push_str(&json::recorded(notice, now()));
        }
        let Notice::Message(message) = notice else { return };
        let bell = self.bell(message, Instant::now());
        if let Sink::Terminal(repl) = &self.sink
            && !bell.is_empty()
        {
            repl.signal(bell);
        }
    }

    /// The terminal's title tells that so much is unread, where this user wants that.
    pub fn show_title(&mut self, unread: u64) {
        if let (Form::Terminal(folding), Sink::Terminal(repl)) = (&self.form, &self.sink) {
            repl.set_title(folding.form.title(unread));
        }
    }

    /// Notes for the record what was typed under the prompt of `session`.
    pub fn typed(&mut self, session: SessionId, text: &str) {
        if self.recorder.is_some() {
            let typed = json::Keystrokes::Typed { session, text: text.to_owned() };
            self.unrecorded.push_str(&json::recorded(&typed, now()));
        }
    }

    fn queue(&mut self, shown: Shown) {
        if shown != Shown::Nothing {
            self.waiting.push(shown);
        }
    }

    fn emit_to_person(&mut self, notice: &Notice) {
        let (columns, now) = (self.columns(), Instant::now());
        let Form::Terminal(folding) = &mut self.form else { return };
        let (gathered, shown) = folding.show(notice, columns, now);
        self.queue(gathered);
        let bell = match notice {
            Notice::Message(message) => self.bell(message, now),
            _ => String::new(),
        };
        self.queue(match shown {
            Shown::Out(text) if !bell.is_empty() => Shown::Out(bell + &text),
            shown => shown,
        });
    }

    fn bell(&mut self, message: &Message, now: Instant) -> String {
        let Form::Terminal(folding) = &self.form else { return String::new() };
        let form = &folding.form;
        let rang_just_now = self.rang.is_some_and(|rang| now - rang < BETWEEN_BELLS);
        if rang_just_now || !form.wants_attention(message) {
            return String::new();
        }
        self.rang = Some(now);
        form.attention(message)
    }

    /// When something is to be told by time alone.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match &self.form {
            Form::Terminal(folding) => folding.deadline(),
            Form::Human(_) | Form::Json => None,
        }
    }

    /// Tells what is due by now.
    pub fn time(&mut self, now: Instant) {
        let columns = self.columns();
        if let Form::Terminal(folding) = &mut self.form {
            let told = folding.due(columns, now);
            self.queue(told);
        }
    }

    /// Who reads is called `name` from now on.
    pub fn know_own(&mut self, name: &UserName) {
        if let Form::Terminal(folding) = &mut self.form {
            folding.form.know_own(name);
        }
    }

    /// Shows as this user likes it from now on.
    pub fn prefer(&mut self, preferences: Preferences) {
        if let Form::Terminal(folding) = &mut self.form {
            folding.form.preferences = preferences;
        }
    }

    /// Empties the terminal's screen.
    pub fn clear(&mut self) {
        self.waiting.clear();
        if let Sink::Terminal(repl) = &self.sink {
            repl.clear();
        }
    }

    /// Columns and rows of the terminal; where there is none, as many as most have.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        match &self.sink {
            Sink::Terminal(_) => (terminal::columns(), terminal::rows()),
            Sink::Pipe(_) | Sink::Held => (COLUMNS, ROWS),
        }
    }

    fn columns(&self) -> usize {
        match &self.sink {
            Sink::Terminal(_) => terminal::columns(),
            Sink::Pipe(_) | Sink::Held => COLUMNS,
        }
    }

    /// Hands over what was rendered, waiting while a pipe's reader is slow.
    pub async fn flush(&mut self) {
        self.record().await;
        match &self.sink {
            Sink::Terminal(repl) => {
                for shown in self.waiting.drain(..) {
                    if let Shown::Out(text) | Shown::Err(text) = shown {
                        repl.print(text);
                    }
                }
            }
            Sink::Pipe(writer) => {
                for shown in self.waiting.drain(..) {
                    writer.write(shown).await;
                }
            }
            Sink::Held => {}
        }
    }

    /// What was rendered and not yet handed over.
    #[must_use]
    pub fn waiting(&self) -> &[Shown] {
        &self.waiting
    }

    /// Whether a person sits before it.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        matches!(self.sink, Sink::Terminal(_))
    }

    /// Ends: what was shown is recorded and handed over first.
    pub async fn close(mut self) -> Sink {
        self.flush().await;
        if let Some(err) = self.recorder.take().and_then(Recorder::finish) {
            self.emit(&not_recorded(&err));
            self.flush().await;
        }
        self.sink
    }

    async fn record(&mut self) {
        let Some(recorder) = &mut self.recorder else { return };
        let trouble = recorder.trouble();
        if !self.unrecorded.is_empty() {
            recorder.write(std::mem::take(&mut self.unrecorded)).await;
        }
        if let Some(err) = trouble {
            self.recorder = None;
            self.emit(&not_recorded(&err));
        }
    }
}

fn not_recorded(reason: &std::io::Error) -> Notice {
    saying::History::NotRecorded { reason }.into()
}
