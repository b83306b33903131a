//! Where notices go. They are rendered in the form that this run was started with, and then handed to the terminal's
//! printer or the writer of the pipe, and to the recorder. This file owns the rule that the bell rings at most once a
//! second.

pub(crate) mod folding;
pub(crate) mod pipe;
pub(crate) mod presence;
pub(crate) mod recorder;

use std::sync::Arc;
use std::time::Duration;

use hobnob_protocol::name::UserName;
use tokio::time::Instant;

use crate::config::preferences::Preferences;
use crate::peer::Receipt;
use crate::repl::{ReplHandle, terminal};
use crate::screen::folding::Folding;
use crate::screen::pipe::PipeWriter;
use crate::screen::recorder::Recorder;
use crate::session::SessionId;
use crate::show::human::{Human, Shown};
use crate::show::terminal::own::To;
use crate::show::{COLUMNS, Message, Notice, ROWS, json, saying};
use crate::timestamp::{Timestamp, now};

/// The shortest time between two bells. In a flood of mentions, one bell is enough.
const BETWEEN_BELLS: Duration = Duration::from_secs(1);

/// The form in which notices are shown.
#[derive(Debug)]
pub enum Form {
    /// Plain lines of text.
    Human(Human),
    /// Rows on a terminal.
    Terminal(Box<Folding>),
    /// JSON, one object on each line.
    Json,
}

/// Where the rendered notices go.
#[derive(Debug)]
pub enum Sink {
    /// They are shown on the terminal above the prompt.
    Terminal(Arc<ReplHandle>),
    /// They are written to standard output and standard error.
    Pipe(PipeWriter),
    /// They stay in the screen. Tests use this.
    Held,
}

/// Shows notices in one form and at one place, and records them if that is wanted.
#[derive(Debug)]
pub struct Screen {
    form: Form,
    sink: Sink,
    waiting: Vec<Shown>,
    /// The receipts of texts that wait, each with the number of lines that have to be shown before it is given.
    receipts: Vec<(usize, Receipt)>,
    rang: Option<Instant>,
    recorder: Option<Recorder>,
    /// Lines for the recorder. They are handed over together with what waits.
    unrecorded: String,
}

impl Screen {
    /// Makes a screen with this form and this sink, and with a recorder if notices are to be recorded.
    #[must_use]
    pub fn new(form: Form, sink: Sink, recorder: Option<Recorder>) -> Self {
        Self {
            form,
            sink,
            waiting: Vec::new(),
            receipts: Vec::new(),
            rang: None,
            recorder,
            unrecorded: String::new(),
        }
    }

    /// Renders a notice. It is shown with the next [`flush`](Self::flush).
    pub fn emit(&mut self, notice: &Notice) {
        self.record_notice(notice);
        match &self.form {
            Form::Human(_) | Form::Terminal(_) => self.emit_to_people(notice),
            Form::Json => self.queue(Shown::Out(json::line(notice))),
        }
    }

    /// Hands a notice to a program that reads events, and to the recorder. A person is not shown it.
    pub fn emit_to_programs(&mut self, notice: &Notice) {
        match &self.form {
            Form::Human(_) | Form::Terminal(_) => self.record_notice(notice),
            Form::Json => self.emit(notice),
        }
    }

    /// Shows a notice to a person. It is no event of this run, so programs and the recorder do not get it.
    pub fn emit_to_people(&mut self, notice: &Notice) {
        match &self.form {
            Form::Human(human) => {
                let shown = human.show(notice);
                self.queue(shown);
            }
            Form::Terminal(_) => self.emit_on_terminal(notice),
            Form::Json => {}
        }
    }

    fn record_notice(&mut self, notice: &Notice) {
        if self.recorder.is_some() {
            self.unrecorded.push_str(&json::recorded(notice, now()));
        }
    }

    /// Records a message that is not shown to the user now. It may ring the bell like any other message.
    pub fn emit_unseen(&mut self, notice: &Notice) {
        self.record_notice(notice);
        let Notice::Message(message) = notice else { return };
        let bell = self.bell(message, Instant::now());
        if let Sink::Terminal(repl) = &self.sink
            && !bell.is_empty()
        {
            repl.signal(bell);
        }
    }

    /// Shows in the terminal's title how many messages are unread and whether the lobby is down, if the user wants that.
    pub fn show_title(&mut self, unread: u64, is_down: bool) {
        if let (Form::Terminal(folding), Sink::Terminal(repl)) = (&self.form, &self.sink) {
            repl.set_title(folding.form.title(unread, is_down));
        }
    }

    /// Shows a text of this user on the terminal, if it was not typed as a line of its own. It is an event for programs
    /// and the recorder already, when it is sent.
    pub fn show_own(&mut self, to: To<'_>, text: &str, at: Timestamp) {
        if let Form::Terminal(folding) = &self.form
            && let Some(said) = folding.form.said(to, text, Some(at))
        {
            self.queue(Shown::Out(said));
        }
    }

    /// Returns the place in the record for a line that was typed just now and is not judged yet.
    #[must_use]
    pub fn place_in_record(&self) -> usize {
        self.unrecorded.len()
    }

    /// Records at this place a line that was typed under the prompt of `session`, and the text that it `said`. What was
    /// recorded since then follows it.
    pub fn typed(&mut self, place: usize, session: SessionId, text: &str, said: Option<&str>) {
        if self.recorder.is_some() {
            let (text, said) = (text.to_owned(), said.map(str::to_owned));
            let typed = json::Keystrokes::Typed { session, text, said };
            self.unrecorded.insert_str(place, &json::recorded(&typed, now()));
        }
    }

    /// Gives a receipt when everything that was rendered so far has been shown: on a pipe when it is written, at a
    /// terminal when it is handed to the printer.
    pub fn then_give(&mut self, receipt: Receipt) {
        let lines = self.waiting.len();
        self.receipts.pop_if(|(before, earlier)| *before == lines && earlier.is_covered_by(&receipt));
        self.receipts.push((lines, receipt));
    }

    fn queue(&mut self, shown: Shown) {
        if shown != Shown::Nothing {
            self.waiting.push(shown);
        }
    }

    fn emit_on_terminal(&mut self, notice: &Notice) {
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

    /// Returns when something has to be shown even if no further notice arrives.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match &self.form {
            Form::Terminal(folding) => folding.deadline(),
            Form::Human(_) | Form::Json => None,
        }
    }

    /// Shows what has to be shown by now.
    pub fn time(&mut self, now: Instant) {
        let columns = self.columns();
        if let Form::Terminal(folding) = &mut self.form {
            let told = folding.due(columns, now);
            self.queue(told);
        }
    }

    /// Notes the name of the user who reads, which may have changed.
    pub fn know_own(&mut self, name: &UserName) {
        if let Form::Terminal(folding) = &mut self.form {
            folding.form.know_own(name);
        }
    }

    /// Notes the preferences that the screen obeys from now on.
    pub fn prefer(&mut self, preferences: Preferences) {
        if let Form::Terminal(folding) = &mut self.form {
            folding.form.preferences = preferences;
        }
    }

    /// Clears the terminal's screen, and drops what was about to be shown.
    pub fn clear(&mut self) {
        self.waiting.clear();
        self.give_receipts();
        if let Sink::Terminal(repl) = &self.sink {
            repl.clear();
        }
    }

    /// Returns the columns and rows of the terminal. Without a terminal, returns those that most terminals have.
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

    /// Hands over everything that was rendered. If the reader of a pipe is slow, this waits.
    pub async fn flush(&mut self) {
        self.record().await;
        match &mut self.sink {
            Sink::Terminal(repl) => {
                for shown in self.waiting.drain(..) {
                    if let Shown::Out(text) | Shown::Err(text) = shown {
                        repl.print(text);
                    }
                }
                self.give_receipts();
            }
            Sink::Pipe(writer) => {
                let mut receipts = self.receipts.drain(..).peekable();
                for (index, shown) in self.waiting.drain(..).enumerate() {
                    let receipt = receipts.next_if(|(lines, _)| *lines <= index + 1);
                    writer.write(shown, receipt.map(|(_, receipt)| receipt)).await;
                }
                for (_, receipt) in receipts {
                    writer.write(Shown::Nothing, Some(receipt)).await;
                }
            }
            Sink::Held => self.give_receipts(),
        }
    }

    fn give_receipts(&mut self) {
        self.receipts.drain(..).for_each(|(_, receipt)| receipt.give());
    }

    /// Returns what was rendered and not handed over yet.
    #[must_use]
    pub fn waiting(&self) -> &[Shown] {
        &self.waiting
    }

    /// Whether notices are shown on a terminal, with a person in front of it.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        matches!(self.sink, Sink::Terminal(_))
    }

    /// Records and hands over what was rendered. A pipe is then written to its end. Returns whether its reader has
    /// taken everything; a terminal always does.
    pub async fn end(&mut self) -> bool {
        self.flush().await;
        if let Some(err) = self.recorder.take().and_then(Recorder::finish) {
            self.emit(&not_recorded(&err));
            self.flush().await;
        }
        match std::mem::replace(&mut self.sink, Sink::Held) {
            Sink::Pipe(writer) => writer.finish().await,
            sink => {
                self.sink = sink;
                true
            }
        }
    }

    /// Ends as [`end`](Self::end) does, and closes the screen.
    pub async fn close(mut self) -> Sink {
        self.end().await;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_receipt_of_a_text_is_given_when_what_was_rendered_before_it_is_handed_over() {
        let (receipts, shown) = Receipt::of_first_texts(3);
        let mut screen = Screen::new(Form::Json, Sink::Held, None);
        for receipt in receipts {
            screen.emit(&Notice::Notice { text: "a line".to_owned() });
            screen.then_give(receipt);
        }
        assert_eq!(shown(), 0, "nothing is handed over yet");
        screen.flush().await;
        assert_eq!(shown(), 3);
    }
}
