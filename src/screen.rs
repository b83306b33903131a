//! Where notices go: rendered in the form this run was started with, then handed to the terminal's
//! printer or the pipe's writer. Knows nothing of what the notices mean.

use std::sync::Arc;

use crate::output::PipeWriter;
use crate::recorder::Recorder;
use crate::repl::ReplHandle;
use crate::show::human::{Human, Shown};
use crate::show::{Notice, json};

/// The form of output.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    /// Lines for people.
    Human(Human),
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
    Kept,
}

/// Shows notices.
#[derive(Debug)]
pub struct Screen {
    form: Form,
    sink: Sink,
    waiting: Vec<Shown>,
    recorder: Option<Recorder>,
    /// Lines for the recorder, handed over with what waits.
    unrecorded: String,
}

impl Screen {
    /// Shows in this form, there, and records what is shown.
    #[must_use]
    pub fn new(form: Form, sink: Sink, recorder: Option<Recorder>) -> Self {
        Self { form, sink, waiting: Vec::new(), recorder, unrecorded: String::new() }
    }

    /// Renders a notice; it goes out with the next [`flush`](Self::flush).
    pub fn emit(&mut self, notice: &Notice) {
        if self.recorder.is_some() {
            self.unrecorded.push_str(&json::line(notice));
        }
        let shown = match &self.form {
            Form::Human(human) => human.show(notice),
            Form::Json => Shown::Out(json::line(notice)),
        };
        if shown != Shown::Nothing {
            self.waiting.push(shown);
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
            Sink::Kept => {}
        }
    }

    /// What was rendered and not yet handed over.
    #[must_use]
    pub fn waiting(&self) -> &[Shown] {
        &self.waiting
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

fn not_recorded(err: &std::io::Error) -> Notice {
    Notice::say(format!("what happens is not recorded any more: {err}"))
}
