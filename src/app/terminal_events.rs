//! What a person does at the terminal, and what the app does then. This file knows nothing of keys or screens.

use hobnob_protocol::MAX_TEXT_BYTES;
use hobnob_protocol::name::UserName;
use tokio::time::Instant;

use super::asked::{Asked, AskedTo, is_no, is_yes};
use super::hearers::{as_said, to};
use super::meaning::{self, Meaning, Unclear};
use super::script_queue::Queued;
use super::{App, InputSource};
use crate::commands::{self, EDIT, SWITCH};
use crate::input::line::Source;
use crate::input::traits::Leads;
use crate::input::typed_behind::has_command_below;
use crate::repl::{Draft, Edit, Stays, Typed, Typing};
use crate::session::SessionId;
use crate::show::unsent::Unsent;
use crate::show::{Failure, failing, room, saying};
use crate::timestamp::now;

/// How many characters of a long text are shown with the question whether to send it.
const SHOWN: usize = 60;

impl App {
    pub(super) fn typed(&mut self, typed: Typed) {
        let InputSource::Terminal(terminal) = &mut self.input else { return };
        match typed {
            Typed::Line { text, session, typing } => {
                self.typed_line(text, session.unwrap_or(SessionId::LOBBY), &typing);
                // A line that was not said does not look as if it was.
                self.let_stay(Stays::AsTyped);
            }
            Typed::Cancelled { draft, session } => {
                if terminal.cancelled(draft, session) {
                    self.state.emit(saying::Terminal::NotRemoved.into());
                }
            }
            Typed::Stepped { forward, draft, session } => {
                self.step(forward, draft, session.unwrap_or(SessionId::LOBBY));
            }
            Typed::Edited { text, session, failed } => {
                terminal.edited(text, session.unwrap_or(SessionId::LOBBY), &self.state);
                if let Some(reason) = failed {
                    let failure = Failure::from(failing::Input::EditorFailed(&reason));
                    self.state.fail(failure.of_command(EDIT.name));
                }
            }
            Typed::Interrupted => self.interrupted(),
            Typed::HistoryLost(reason) => {
                self.state.emit(saying::Terminal::TypedLinesLost { reason: &reason }.into());
            }
            Typed::NotUtf8(byte) => {
                terminal.saw_bad_byte();
                self.state.emit(saying::Terminal::NotUtf8 { byte }.into());
            }
            Typed::NamesRoom => self.state.refresh_rooms(),
            Typed::EndOfInput => {
                if let Some(Asked { text, session, to: AskedTo::Send }) = terminal.take_asked() {
                    self.state.report_unsent(Some(session), &text, &Unsent::LeftBeforeYes);
                }
                self.quit();
            }
            Typed::Failed(reason) => {
                self.state.fail(failing::Input::TerminalUnreadable(&reason));
                self.end();
            }
        }
    }

    fn typed_line(&mut self, line: String, session: SessionId, typing: &Typing) {
        let asks = self.asks_before_saying(&line);
        let InputSource::Terminal(terminal) = &mut self.input else { return };
        terminal.interrupts().went_on();
        if terminal.take_leaving() {
            terminal.answered();
            if is_yes(&line) || matches!(line.trim(), "\\quit" | "\\q") {
                self.end();
            } else {
                self.bring_back_unless_no(&line, SessionId::LOBBY);
            }
            return;
        }
        if terminal.is_spoilt(&line) {
            terminal.answered();
            let note = "not sent: replace each \u{fffd}";
            return terminal.keep_draft(line, note, session, &self.state);
        }
        let (line, session, is_confirmed) = match terminal.take_asked() {
            None if asks => return self.ask(line, session),
            None => (line, session, false),
            Some(Asked { text, session, .. }) if is_yes(&line) => (text, session, true),
            Some(asked) => {
                terminal.answered();
                self.bring_back_unless_no(&line, asked.session);
                return self.answered_no(asked);
            }
        };
        self.judged(&line, session, is_confirmed, typing);
        self.state.note_entered(Instant::now());
        self.ask_of_command(session);
        self.lend();
    }

    /// Brings back what was typed in place of an answer, unless it means no. It was typed before the question was there,
    /// and it is neither said nor lost.
    fn bring_back_unless_no(&mut self, line: &str, session: SessionId) {
        if let InputSource::Terminal(terminal) = &mut self.input
            && !is_no(line)
        {
            terminal.bring_back(line.to_owned());
            self.state.report_unsent(Some(session), line, &Unsent::TypedTooEarly);
        }
    }

    /// Asks the user to confirm a command, if the command wants that.
    fn ask_of_command(&mut self, session: SessionId) {
        if let Some(text) = self.state.user.wants_yes.take()
            && let InputSource::Terminal(terminal) = &mut self.input
        {
            terminal.ask(Asked { text, session, to: AskedTo::Remove });
        }
    }

    /// Finds out what a typed line is to do.
    fn meaning(&self, line: &str) -> Meaning {
        let words = self.completion.words();
        meaning::of(line, Source::Terminal(&*words), &self.state.user.aliases, &self.state.me.name)
    }

    /// Carries out what a line means. A text goes to the session that its prompt showed, or nowhere, and so does a command
    /// that acts on its session. Whether the line `is_confirmed` says that its author was asked about it.
    fn judged(&mut self, line: &str, session: SessionId, is_confirmed: bool, typing: &Typing) {
        let meaning = self.meaning(line);
        let InputSource::Terminal(terminal) = &mut self.input else { return };
        terminal.answered();
        let meaning = match meaning {
            Meaning::Text(text) => return self.judged_text(&text, line, session, is_confirmed, typing),
            other => other,
        };
        // The command may empty the screen, and this line with it.
        terminal.let_stay(Stays::AsTyped);
        self.state.screen.typed(self.state.screen.place_in_record(), session, line, None);
        match meaning {
            // A text was judged above.
            Meaning::Blank | Meaning::Text(_) => terminal.leave_ended(),
            Meaning::Command { word, args } => {
                let of_session = commands::find(&word).filter(|command| command.traits.of_session);
                if let Some(command) = of_session
                    && let Err(why) = terminal.accept(line, typing.begun, session, &self.state)
                {
                    let failure = Failure::from(failing::Input::OfAnotherSession(&why));
                    return self.state.fail(failure.of_command(command.name));
                }
                terminal.leave_ended();
                if !self.refuses_to_go_to_ended(&word, &args) {
                    self.command(Queued::new(word, args, None));
                }
            }
            Meaning::Unclear(unclear) => {
                if unclear == Unclear::CommandAndMore {
                    terminal.leave_ended();
                } else {
                    terminal.keep_draft(line.to_owned(), "not sent", session, &self.state);
                }
                self.state.fail(unclear.failing());
            }
        }
    }

    /// Refuses a command that would have led to a private session a moment ago and leads to a room of the same name now.
    /// Returns whether the command is one.
    fn refuses_to_go_to_ended(&mut self, word: &str, args: &str) -> bool {
        let InputSource::Terminal(terminal) = &mut self.input else { return false };
        let is_switch = commands::find(word).is_some_and(|command| command.name == SWITCH.name);
        let (Ok(name), true) = (args.parse(), is_switch) else { return false };
        let to = commands::session_led_to(&self.state, SWITCH.traits.leads, args);
        let is_room = to.is_some_and(|to| self.state.sessions.room(to).is_some());
        let Some(session) = terminal.settling().ended_with(&name).filter(|_| is_room) else { return false };
        terminal.settling().fell_back();
        let failure = Failure::from(failing::Sessions::JustEnded { name: &name, session });
        self.state.fail(failure.of_command(SWITCH.name));
        true
    }

    /// Says the text of a line, and then shows it in the place of the line as it is said. A text that is refused is not
    /// shown so.
    fn judged_text(
        &mut self,
        text: &str,
        line: &str,
        session: SessionId,
        is_confirmed: bool,
        typing: &Typing,
    ) {
        let InputSource::Terminal(terminal) = &mut self.input else { return };
        let place = self.state.screen.place_in_record();
        let refused = match terminal.accept(line, typing.begun, session, &self.state) {
            Err(why) => Some(why),
            Ok(()) => terminal
                .refuses_command_behind(line, &typing.recalled, &self.completion.words())
                .then_some(Unsent::CommandBehind),
        };
        let is_said = match refused {
            Some(why) => {
                self.state.report_unsent(Some(session), text, &why);
                false
            }
            None => self.text(text, session, line),
        };
        self.state.screen.typed(place, session, line, is_said.then_some(text));
        if is_said {
            self.show_as_said(text, session, is_confirmed);
            self.tell_of_waiting(session);
        }
    }

    /// Shows a text of this user as it is said: in the place of its line or, if its author was asked meanwhile, below the
    /// answer.
    fn show_as_said(&mut self, text: &str, session: SessionId, is_confirmed: bool) {
        let Some(to) = to(session, &self.state.sessions) else { return };
        match is_confirmed {
            true => self.state.screen.show_own(to, text, now()),
            false => self.let_stay(Stays::AsSaid(as_said(to, &self.state, text))),
        }
    }

    fn let_stay(&self, stays: Stays) {
        if let InputSource::Terminal(terminal) = &self.input {
            terminal.let_stay(stays);
        }
    }

    /// Whether a text is sent only after a question, because it is long or has a command below its first line. If the
    /// text could not be sent anyway, nothing is asked.
    fn asks_before_saying(&self, line: &str) -> bool {
        let most = usize::from(self.state.user.preferences.paste_ask);
        let is_long = most > 0 && line.lines().count() > most;
        let asks = is_long || has_command_below(line, Source::Terminal(&*self.completion.words()));
        asks && matches!(self.meaning(line), Meaning::Text(text) if text.len() <= MAX_TEXT_BYTES)
    }

    /// Handles the answer no to a question.
    fn answered_no(&mut self, Asked { text, session, to }: Asked) {
        let InputSource::Terminal(terminal) = &mut self.input else { return };
        match to {
            AskedTo::Send => terminal.keep_draft(text, "not sent", session, &self.state),
            AskedTo::Remove => self.state.emit(saying::Terminal::NotRemoved.into()),
        }
    }

    /// Shows the beginning of a text of several lines, and asks whether to send it.
    fn ask(&mut self, text: String, session: SessionId) {
        let InputSource::Terminal(terminal) = &mut self.input else { return };
        let first: String = text.lines().next().unwrap_or_default().chars().take(SHOWN).collect();
        let lines = text.lines().count();
        terminal.ask(Asked { text, session, to: AskedTo::Send });
        let peer = self.state.sessions.peer(session).map(|peer| peer.peer.to_string());
        let to = peer.unwrap_or_else(|| room::place(self.state.room_of(session).as_ref()));
        self.state.emit(saying::Terminal::LongPaste { lines, to: &to, first: &first }.into());
    }

    fn interrupted(&mut self) {
        let InputSource::Terminal(terminal) = &mut self.input else { return };
        terminal.answered();
        if let Some(asked) = terminal.take_asked() {
            return self.answered_no(asked);
        }
        terminal.take_leaving();
        if terminal.interrupts().interrupted() {
            self.end();
        } else {
            let hosts = terminal.hosts();
            let others = self.others();
            let others: Vec<&str> = others.iter().map(UserName::as_str).collect();
            self.state.emit(saying::Terminal::HowToLeave { hosts, others: &others }.into());
        }
    }

    /// Switches to the session before or after; the unfinished line waits in its own session. If the session that was
    /// there a moment ago has ended, nothing is done: its user may not have seen that, and what he types next is for it.
    fn step(&mut self, forward: bool, draft: Draft, session: SessionId) {
        let InputSource::Terminal(terminal) = &mut self.input else { return };
        if terminal.left(draft, session) {
            self.state.emit(saying::Terminal::NotRemoved.into());
        }
        let to = self.state.sessions.beside(session, forward);
        if let Some(ended) = terminal.settling().ended_between(session, to, forward) {
            terminal.settling().fell_back();
            return self.state.fail(failing::Sessions::SteppedToEnded(ended));
        }
        if to != session
            && let Err(err) = self.state.switch(to)
        {
            self.state.fail(err);
        }
    }

    /// A command has led to a session. Its author said where the next lines go, so none of them is refused because of what
    /// happened before.
    pub(super) fn went_somewhere(&mut self, word: &str) {
        if let InputSource::Terminal(terminal) = &mut self.input
            && commands::find(word).is_some_and(|command| command.traits.leads == Leads::ToSession)
        {
            terminal.settling().settled();
        }
    }

    /// Refuses lines that are finished already behind a command that opens a session beside the current one. Their author
    /// means the user there.
    pub(super) fn refuse_after_opening_beside(&mut self, word: &str) {
        if let InputSource::Terminal(terminal) = &mut self.input
            && commands::find(word).is_some_and(|command| command.traits.opens_beside)
        {
            terminal.settling().failed();
        }
    }

    /// Lends the terminal to an external editor, if `\edit` asked for one.
    fn lend(&mut self) {
        let Some(text) = self.state.user.wants_editor.take() else { return };
        let InputSource::Terminal(terminal) = &mut self.input else { return };
        let (session, editor) = (self.state.sessions.current(), self.state.user.editor.clone());
        terminal.edit(Edit { text, session, editor });
    }

    /// Tells the author of a text that the text waits until the link is back; once for each outage.
    fn tell_of_waiting(&mut self, session: SessionId) {
        let InputSource::Terminal(terminal) = &mut self.input else { return };
        if !terminal.is_first_to_wait(session, self.state.sessions.is_down(session)) {
            return;
        }
        // The lobby's link also carries the rooms.
        let session = if self.state.sessions.is_log(session) { SessionId::LOBBY } else { session };
        self.state.emit(saying::Terminal::WaitsForLink { session }.into());
    }

    /// Reports unfinished lines whose session has ended meanwhile, so that they are not lost silently.
    pub(super) fn tell_of_orphans(&mut self) {
        let InputSource::Terminal(terminal) = &mut self.input else { return };
        for (session, text) in terminal.take_orphans(&self.state) {
            self.state.report_unsent(Some(session), &text, &Unsent::SessionOfLineOver);
        }
    }
}
