//! The client's one loop. It waits for the next event, lets it change the state, publishes what changed for completion,
//! and hands out the next prompt or takes the next line of a script. It owns the order in which things happen; what an
//! event does to the state stands in [`crate::client`], and what it does to the input in the files beside this one.

pub(crate) mod completion;
mod ending;
pub(crate) mod event;
mod input_source;
mod next_event;
mod plugins;
#[cfg(test)]
mod request_tests;
mod requests;
mod script_queue;
mod terminal;
mod terminal_events;
#[cfg(test)]
mod tests;

pub(crate) use input_source::InputSource;
pub(crate) use next_event::Sources;

use hobnob_protocol::name::Text;
use tokio::time::Instant;

use crate::app::completion::Completion;
use crate::app::event::{Event, Signal};
use crate::client::State;
use crate::client::command_error::CommandError;
use crate::commands::{self, Progress};
use crate::input::line::{self, Input};
use crate::input::request::RequestId;
use crate::input::script::ScriptLine;
use crate::lobby::event::LobbyEvent;
use crate::session::SessionId;
use crate::show::{ErrorCode, Failure, Notice};
use ending::Ending;
use script_queue::Queued;

/// A run of the client, once it is in the lobby.
#[derive(Debug)]
pub(crate) struct App {
    state: State,
    completion: Completion,
    sources: Sources,
    input: InputSource,
    ending: Option<Ending>,
    /// How many events of links have come since anything else had its turn.
    in_a_row: u32,
    /// The lobby's link has ended for good.
    lobby_left: bool,
    /// The request to answer when the run is over.
    quit_asked: Option<RequestId>,
}

impl App {
    /// A run with this input source, which publishes the words that may be completed to `completion`.
    #[must_use]
    pub(crate) fn new(state: State, completion: Completion, sources: Sources, input: InputSource) -> Self {
        Self {
            state,
            completion,
            sources,
            input,
            ending: None,
            in_a_row: 0,
            lobby_left: false,
            quit_asked: None,
        }
    }

    /// Runs to the end. Gives back the state, for the exit code and for what is to be closed.
    pub(crate) async fn run(mut self) -> State {
        self.completion.publish(&self.state);
        loop {
            // What there is to see is seen before a prompt asks for more.
            self.state.screen.flush().await;
            self.prompt();
            if self.is_over() {
                return self.state;
            }
            let event = self.next_event().await;
            self.apply(event);
            self.settle();
        }
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Typed(typed) => self.typed(typed),
            Event::Script(Some(line)) => self.script_line(line),
            Event::Script(None) => self.end(),
            Event::Lobby(event) => self.lobby(event),
            Event::Peer(event) => self.state.peer_event(event),
            Event::Plugin(event) => self.plugin(event),
            Event::Signal(signal) => self.signal(signal),
            Event::OutputClosed => self.output_closed(),
            Event::Time => self.time(),
        }
    }

    fn lobby(&mut self, event: LobbyEvent) {
        let gone = matches!(event, LobbyEvent::Left | LobbyEvent::KeyChanged(_));
        let changed = matches!(event, LobbyEvent::KeyChanged(_));
        self.state.lobby_event(event);
        self.lobby_left |= gone;
        if changed && self.state.sessions.peers().next().is_none() {
            // Nothing is left to talk in.
            self.end();
        }
    }

    fn time(&mut self) {
        let overdue = self.state.questions.overdue(Instant::now());
        let error = CommandError::new(
            ErrorCode::LobbyDown,
            "the server did not answer in time; try again, \\ss shows whether the lobby is up",
        );
        for open in overdue {
            self.state.give_up(open, &error);
        }
        self.state.watch_time(Instant::now());
        self.state.screen.time(Instant::now());
    }

    fn signal(&mut self, signal: Signal) {
        if let (Signal::Interrupt, InputSource::Terminal(terminal)) = (signal, &self.input)
            && terminal.is_lent()
        {
            return;
        }
        // At a terminal Ctrl-C is a key. Between two prompts it comes as a signal, and means as much.
        if let (Signal::Interrupt, InputSource::Terminal(terminal)) = (signal, &mut self.input)
            && !terminal.interrupted()
        {
            return;
        }
        tracing::info!(?signal, "asked to end");
        self.give_up_script();
        self.end_now();
    }

    fn output_closed(&mut self) {
        self.state.fail(Failure {
            code: ErrorCode::Usage,
            text: "standard output cannot be written any more; leaving".to_owned(),
            command: None,
        });
        self.end();
    }

    /// Follows up on what an event has changed.
    fn settle(&mut self) {
        if self.state.sessions.current().is_none()
            && let InputSource::Terminal(terminal) = &mut self.input
        {
            terminal.fall_back();
            self.state.sessions.switch(SessionId::LOBBY);
        }
        self.tell_of_orphans();
        self.settle_turn();
        if let InputSource::Script(_, queue) = &mut self.input
            && let Some(command) = queue.take_ready_command(self.state.ledger.is_empty())
        {
            self.command(command);
        }
        self.advance_ending();
        self.completion.publish(&self.state);
    }

    /// Answers for the running command of a script when it is finished.
    fn settle_turn(&mut self) {
        if let InputSource::Script(_, queue) = &mut self.input
            && let Some(asked) = queue.settle(&self.state)
        {
            self.command_finished(asked);
        }
    }

    /// Hands the terminal its next prompt when the last line is dealt with.
    fn prompt(&mut self) {
        if self.ending.is_some() {
            return;
        }
        if let InputSource::Terminal(terminal) = &mut self.input {
            terminal.prompt(&self.state);
        }
    }

    fn script_line(&mut self, line: ScriptLine) {
        let usage = |text| Failure { code: ErrorCode::Usage, text, command: None };
        match line {
            ScriptLine::Line(line) => {
                let line = commands::expand(&self.state, &line).unwrap_or(line);
                match self.state.sessions.current() {
                    Some(session) => self.line(&line, session),
                    None => self.line_without_session(&line),
                }
            }
            ScriptLine::Request(line) => self.request(&line),
            ScriptLine::NotUtf8 { line } => {
                self.state.fail(usage(format!("line {line} of the input is not UTF-8; it was not sent")));
            }
            ScriptLine::TooLong { bytes } => {
                self.state.fail(Failure {
                    code: ErrorCode::TooLong,
                    text: too_long(bytes as usize),
                    command: None,
                });
            }
            ScriptLine::Failed(reason) => {
                self.state.fail(usage(format!("the input cannot be read: {reason}")))
            }
        }
    }

    /// On a pipe, after a session ended: text goes nowhere until the script says where.
    fn line_without_session(&mut self, line: &str) {
        match line::parse(line) {
            Input::Text(text) => {
                self.state.report_unsent(None, &text, "no session is current; \\lobby, \\sw or \\fork first");
            }
            _ => self.line(line, SessionId::LOBBY),
        }
    }

    fn line(&mut self, line: &str, session: SessionId) {
        match line::parse(line) {
            Input::Empty => {}
            Input::Text(text) => self.text(text, session),
            Input::Command { name, args } => {
                let command = Queued { word: name, args, asked: None };
                match &mut self.input {
                    InputSource::Script(_, queue) => queue.queue_command(command),
                    InputSource::Terminal(_) => self.command(command),
                }
            }
            Input::CommandAndMore => self.state.fail(Failure {
                code: ErrorCode::Usage,
                text: "a command is one line; nothing of this paste was done or sent".to_owned(),
                command: None,
            }),
        }
    }

    fn text(&mut self, text: String, session: SessionId) {
        match Text::new(text.as_str()) {
            Ok(checked) => {
                self.tell_of_waiting(session);
                self.state.say(session, checked, None);
            }
            Err(_) => {
                let failure = Failure { code: ErrorCode::TooLong, text: too_long(text.len()), command: None };
                self.state.fail(failure);
                if let InputSource::Terminal(terminal) = &mut self.input {
                    // The message above a draft that fills the screen is not seen.
                    let max = hobnob_protocol::MAX_TEXT_BYTES;
                    let note = format!("too long: {} bytes, {max} at most; Ctrl-C empties this", text.len());
                    terminal.keep_draft(text, &note);
                }
            }
        }
    }

    fn command(&mut self, Queued { word, args, asked }: Queued) {
        // From here on failures are this command's.
        self.state.failure = None;
        match commands::dispatch(&mut self.state, &word, &args) {
            Ok(Progress::Quit) => {
                self.quit_asked = asked;
                self.end();
            }
            Ok(progress) => self.started(progress, asked),
            Err(failure) => {
                self.failed_to_start(failure, &args);
                self.command_finished(asked);
            }
        }
    }

    fn failed_to_start(&mut self, failure: Failure, args: &str) {
        // What comes next may have been meant for a session that did not come to be. A script has to say
        // where it goes; at a terminal the prompt shows it, to whoever had not typed ahead.
        let command = failure.command.as_deref();
        match &mut self.input {
            InputSource::Script(..) if self.state.was_for_a_peer(command, args) => {
                self.state.sessions.unset_current();
            }
            InputSource::Terminal(terminal) if matches!(command, Some("fork" | "switch")) && args != "0" => {
                terminal.distrust_typed_ahead();
            }
            _ => {}
        }
        self.state.fail(failure);
    }

    fn started(&mut self, progress: Progress, asked: Option<RequestId>) {
        match &mut self.input {
            InputSource::Script(_, queue) => queue.start(progress, asked),
            InputSource::Terminal(_) if matches!(progress, Progress::Until(_) | Progress::Watched) => {
                self.state.stop_watching();
                self.state.emit(Notice::say("\\wait is for scripts; at a terminal nothing waits"));
            }
            InputSource::Terminal(_) => {}
        }
        self.settle_turn();
    }
}

fn too_long(bytes: usize) -> String {
    let max = hobnob_protocol::MAX_TEXT_BYTES;
    format!("a message has at most {max} bytes, this one has {bytes}; it was not sent")
}
