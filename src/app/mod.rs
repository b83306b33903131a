//! The client's one loop. It waits for the next event, lets it change the state, publishes what changed for completion,
//! and hands out the next prompt or takes the next line of a script. It owns the order in which things happen; what an
//! event does to the state stands in [`crate::client`], and what it does to the input in the files beside this one.

mod asked;
pub(crate) mod completion;
#[cfg(test)]
mod consent_tests;
#[cfg(test)]
mod counted_tests;
mod counts;
mod drafts;
mod ending;
pub(crate) mod event;
mod hearers;
mod input_source;
mod interrupts;
#[cfg(test)]
mod look_alike_tests;
mod meaning;
#[cfg(test)]
mod meant_tests;
#[cfg(test)]
mod missed_tests;
#[cfg(test)]
mod name_holder_tests;
mod next_event;
mod plugins;
mod read_ahead;
#[cfg(test)]
mod refused_tests;
#[cfg(test)]
mod request_tests;
mod requests;
#[cfg(test)]
mod room_tests;
mod said_lines;
mod script_queue;
mod settling;
#[cfg(test)]
mod stall_tests;
#[cfg(test)]
mod stays_tests;
#[cfg(test)]
mod stranger_tests;
mod terminal;
mod terminal_events;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod too_early_tests;
#[cfg(test)]
mod unread_private_tests;

pub(crate) use input_source::InputSource;
pub(crate) use next_event::Sources;

use hobnob_protocol::text::Text;
use tokio::time::Instant;

use crate::app::completion::Completion;
use crate::app::event::{Event, Signal};
use crate::client::{State, operators};
use crate::commands::{self, Progress};
use crate::input::line::Source;
use crate::input::meant::{self, Meant};
use crate::input::request::RequestId;
use crate::input::script::ScriptLine;
use crate::lobby::event::LobbyEvent;
use crate::session::SessionId;
use crate::show::unsent::Unsent;
use crate::show::{Failure, failing, saying};
use ending::Ending;
use meaning::{Meaning, Unclear};
use script_queue::Queued;

/// A run of the client that has joined the lobby.
#[derive(Debug)]
pub(crate) struct App {
    state: State,
    completion: Completion,
    sources: Sources,
    input: InputSource,
    ending: Option<Ending>,
    /// How many events of links came in a row, with nothing else between them.
    in_a_row: u32,
    /// Whether the lobby's link has ended for good.
    lobby_left: bool,
    /// The request to answer when the run is over.
    quit_asked: Option<RequestId>,
}

impl App {
    /// Makes a run with this input source. The words that may be completed are published to `completion`.
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

    /// Runs to the end. Returns the state, from which the caller takes the exit code and what is to be closed.
    pub(crate) async fn run(mut self) -> State {
        self.completion.publish(&self.state);
        loop {
            // Everything that is to be shown is shown before a prompt asks for more.
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
        let sent_out = matches!(event, LobbyEvent::SentOut(_));
        let changed = matches!(event, LobbyEvent::KeyChanged { .. }) || sent_out;
        let gone = changed || matches!(event, LobbyEvent::Left);
        let held_back = match &event {
            LobbyEvent::NotAccepted(answer) if operators::is_held_back(answer.code) => {
                self.state.ledger.text(answer.id).cloned().map(|text| (answer.id, text))
            }
            _ => None,
        };
        self.state.lobby_event(event);
        self.lobby_left |= gone;
        if let (Some((id, text)), InputSource::Terminal(terminal)) = (held_back, &mut self.input) {
            terminal.give_back(id, text.as_str());
        }
        if sent_out && matches!(self.input, InputSource::Script(..)) {
            self.give_up_script();
            return self.end_now();
        }
        // A user at a terminal who was sent out reads the reason first, and leaves when he likes.
        if changed && !sent_out && self.state.sessions.peers().next().is_none() {
            // There is no session left to talk in.
            self.give_up_script();
            self.end();
        }
    }

    fn time(&mut self) {
        let overdue = self.state.questions.overdue(Instant::now());
        for open in overdue {
            self.state.give_up(open, failing::Lobby::NoAnswerInTime.into());
        }
        self.state.watch_time(Instant::now());
        self.state.knock_time(Instant::now());
        self.state.verification_time(Instant::now());
        self.state.missed_time(Instant::now());
        self.state.repeats_time(Instant::now());
        self.report_stalled();
        self.state.screen.time(Instant::now());
    }

    /// Reports the texts of a script that wait too long for an acknowledgement, so that a peer that acknowledges
    /// nothing does not hold up the script for ever. A person does not wait for acknowledgements; the prompt shows how
    /// many texts are not answered for.
    fn report_stalled(&mut self) {
        if matches!(self.input, InputSource::Script(..)) {
            let texts = self.state.ledger.take_stalled(Instant::now());
            self.state.report_unanswered(texts, &Unsent::NothingAcknowledged);
        }
    }

    fn signal(&mut self, signal: Signal) {
        if let (Signal::Interrupt, InputSource::Terminal(terminal)) = (signal, &self.input)
            && terminal.is_lent()
        {
            return;
        }
        // Ctrl-C at a terminal is a key, also between two prompts. A signal from elsewhere has the same meaning as that
        // key on an empty line.
        if let (Signal::Interrupt, InputSource::Terminal(terminal)) = (signal, &mut self.input)
            && !terminal.interrupts().interrupted()
        {
            return;
        }
        tracing::info!(?signal, "asked to end");
        self.give_up_script();
        self.end_now();
    }

    fn output_closed(&mut self) {
        self.state.fail(failing::Input::OutputClosed);
        self.give_up_script();
        self.end();
    }

    /// Does what follows from the changes that an event has made.
    fn settle(&mut self) {
        if self.state.sessions.current().is_none()
            && let InputSource::Terminal(terminal) = &mut self.input
        {
            terminal.fall_back();
            self.state.fall_back_to_lobby();
        }
        if let InputSource::Terminal(terminal) = &mut self.input {
            let strangers = &self.state.strangers;
            terminal.settling().look(&self.state.sessions, |session| !strangers.is_unanswered(session));
        }
        self.tell_of_orphans();
        self.state.tell_what_is_not_kept();
        self.state.settle_leaving();
        self.settle_turn();
        if let InputSource::Script(_, queue) = &mut self.input
            && let Some(command) = queue.take_ready_command(
                self.state.ledger.is_empty() && !self.state.awaits_holders(queue.asked_before()),
            )
        {
            self.command(command);
        }
        self.advance_ending();
        self.state.show_title();
        self.completion.publish(&self.state);
    }

    /// Answers the running command of a script if it is finished.
    fn settle_turn(&mut self) {
        if let InputSource::Script(_, queue) = &mut self.input
            && let Some(asked) = queue.settle(&self.state)
        {
            self.command_finished(asked);
        }
    }

    /// Gives the terminal its next prompt when the last line has been dealt with.
    fn prompt(&mut self) {
        if self.ending.is_some() {
            return;
        }
        if let InputSource::Terminal(terminal) = &mut self.input {
            terminal.prompt(&self.state);
        }
    }

    fn script_line(&mut self, line: ScriptLine) {
        match line {
            ScriptLine::Line(line) => self.line_of_script(&line),
            ScriptLine::Request(line) => self.request(&line),
            ScriptLine::NotUtf8 { command, .. } | ScriptLine::TooLong { command, .. } => {
                self.unreadable_line(line);
                self.command_was_lost(command);
            }
            ScriptLine::Failed(_) => self.unreadable_line(line),
        }
    }

    /// Reports an input line that could not be read.
    fn unreadable_line(&mut self, line: ScriptLine) {
        match line {
            ScriptLine::NotUtf8 { line, .. } => self.state.fail(failing::Input::NotUtf8(line)),
            ScriptLine::TooLong { bytes, .. } => self.state.fail(failing::Input::TooLong(bytes)),
            ScriptLine::Failed(reason) => self.state.fail(failing::Input::Unreadable(&reason)),
            ScriptLine::Line(_) | ScriptLine::Request(_) => {}
        }
    }

    fn line_of_script(&mut self, line: &str) {
        match meaning::of(line, Source::Pipe, &self.state.user.aliases, &self.state.me.name) {
            Meaning::Blank => {}
            Meaning::Text(text) => match self.state.sessions.current() {
                Some(session) => {
                    self.text(&text, session, line);
                }
                // After a session has ended, text goes nowhere until the script says where.
                None => self.state.report_unsent(None, &text, &Unsent::NoSession),
            },
            Meaning::Command { word, args } => {
                if let InputSource::Script(_, queue) = &mut self.input {
                    queue.queue_command(Queued::new(word, args, None), self.state.questions.newest());
                }
            }
            Meaning::Unclear(unclear) => {
                self.state.fail(unclear.failing());
                self.command_was_lost(unclear == Unclear::Hidden);
            }
        }
    }

    /// Makes no session current if a command was lost because it could not be read. What the script says next may have
    /// been meant for the user to whom the command was to lead.
    fn command_was_lost(&mut self, lost: bool) {
        if lost {
            self.state.sessions.unset_current();
        }
    }

    /// Says `text`, which the user typed as `line`. Returns false if it was refused at once, which the user was told.
    fn text(&mut self, text: &str, session: SessionId, line: &str) -> bool {
        match Text::new(text) {
            Ok(checked) => {
                self.state.user.has_typed = true;
                self.state.user.mentions = None;
                let said = self.state.say(session, checked, None);
                // A peer refuses no text.
                if let (Some(id), InputSource::Terminal(terminal)) = (said, &mut self.input)
                    && self.state.sessions.is_log(session)
                {
                    terminal.said(id, line);
                }
                said.is_some()
            }
            Err(_) => {
                self.state.fail(failing::Input::TooLong(text.len() as u64));
                if let InputSource::Terminal(terminal) = &mut self.input {
                    // If the draft fills the screen, the message above it is not seen, so the note says it again.
                    let max = hobnob_protocol::MAX_TEXT_BYTES;
                    let note = format!("too long: {} bytes, {max} at most; Ctrl-C empties this", text.len());
                    // The draft is the line as it was typed, because without its escape the text might be a command.
                    terminal.keep_draft(line.to_owned(), &note, session, &self.state);
                }
                false
            }
        }
    }

    fn command(&mut self, Queued { word, args, asked, .. }: Queued) {
        self.state.user.has_typed |= commands::find(&word).is_none_or(|it| !it.traits.moves_no_mark);
        // Failures that are noted from here on belong to this command.
        self.state.failure = None;
        if self.is_for_scripts_alone(&word) {
            return self.state.emit(saying::Terminal::ForScripts { command: &word }.into());
        }
        match commands::dispatch(&mut self.state, &word, &args) {
            Ok(Progress::Quit) => {
                self.quit_asked = asked;
                self.quit();
            }
            Ok(progress) => {
                self.went_somewhere(&word);
                self.refuse_after_opening_beside(&word);
                self.started(progress, asked);
            }
            Err(failure) => {
                self.failed_to_start(&word, &args, failure);
                self.command_finished(asked);
            }
        }
    }

    fn is_for_scripts_alone(&self, word: &str) -> bool {
        let for_scripts = || commands::find(word).is_some_and(|command| command.traits.for_scripts);
        matches!(self.input, InputSource::Terminal(_)) && for_scripts()
    }

    /// Handles a command that failed. What comes after it may have been meant for the user to whom it was to lead. A
    /// script then has to say where its next text goes. At a terminal the prompt still shows the session in which the
    /// command was typed, so the user can see where a line goes; only lines that were finished before anybody can have
    /// read that the command failed go nowhere.
    fn failed_to_start(&mut self, word: &str, args: &str, failure: Failure) {
        // If there is a blank behind the backslash, the word is the first word of what follows.
        let (word, args) = match word {
            "" => args.split_once(char::is_whitespace).unwrap_or((args, "")),
            word => (word, args),
        };
        let leads = commands::probably_leads(word);
        if meant::after_failed(leads, args) == Meant::SomebodyElse {
            match &mut self.input {
                InputSource::Script(..) => self.state.sessions.unset_current(),
                // With an open session of that name, its author expects to be there at once, and types on.
                InputSource::Terminal(terminal)
                    if commands::session_led_to(&self.state, leads, args).is_some() =>
                {
                    terminal.settling().fell_back();
                }
                InputSource::Terminal(terminal) => terminal.settling().failed(),
            }
        }
        self.refuse_after_opening_beside(word);
        self.state.fail(failure);
    }

    fn started(&mut self, progress: Progress, asked: Option<RequestId>) {
        match &mut self.input {
            InputSource::Script(_, queue) => queue.start(progress, asked),
            InputSource::Terminal(_) => {}
        }
        self.settle_turn();
    }
}
