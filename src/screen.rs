//! Where notices go: rendered in the form this run was started with, then handed to the terminal's
//! printer or the pipe's writer. Knows nothing of what the notices mean.

use std::sync::Arc;

use crate::output::PipeWriter;
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
}

impl Screen {
    /// Shows in this form, there.
    #[must_use]
    pub fn new(form: Form, sink: Sink) -> Self {
        Self { form, sink, waiting: Vec::new() }
    }

    /// Renders a notice; it goes out with the next [`flush`](Self::flush).
    pub fn emit(&mut self, notice: &Notice) {
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

    /// Whether a person sits before it.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        matches!(self.sink, Sink::Terminal(_))
    }

    /// Ends: what was handed over is written first.
    pub fn into_sink(self) -> Sink {
        self.sink
    }
}
