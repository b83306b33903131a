//! The lines of a script that were read from standard input and have not had their turn when the run is ended from
//! outside. Each of them is answered or reported, for the session for which it was meant, so that none is lost
//! silently. This file finds out that session; this takes some care, because the commands before the line were not
//! carried out either. It knows nothing of how a run ends.
//!
//! Lines are read ahead only as far as their queue has room, and what standard input still holds is not read. If the
//! queue was full, there may be more lines in standard input, and one error says so.

use super::script_queue::Queued;
use super::{App, InputSource, Meaning, Unclear, meaning};
use crate::commands;
use crate::input::invisible::without_mark;
use crate::input::line::Source;
use crate::input::request::{self, Request, RequestId, RequestKind};
use crate::input::script::ScriptLine;
use crate::input::traits::Leads;
use crate::session::SessionId;
use crate::show::unsent::Unsent;
use crate::show::{Failure, RequestAnswer, failing};

/// What happens to the lines after a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// The lines were meant for this session; `None` if the session is not known.
    MeantFor(Option<SessionId>),
    /// The script would have ended by itself before these lines.
    NeverReached,
}

impl App {
    /// Reports the lines that were read of a script, and reads no more, because the run is ended from outside.
    pub(super) fn give_up_script(&mut self) {
        let InputSource::Script(lines, queue) = &mut self.input else { return };
        let is_full = lines.len() >= lines.max_capacity();
        lines.close();
        let mut ahead = Vec::new();
        while let Ok(line) = lines.try_recv() {
            ahead.push(line);
        }
        let queued = queue.take_queued();
        let mut not_run = 0;
        let mut meant = After::MeantFor(self.state.sessions.current());
        if let (Some(command), After::MeantFor(session)) = (queued, meant) {
            meant = self.command_not_run(command, session, &mut not_run);
        }
        for line in ahead {
            let After::MeantFor(session) = meant else { return self.tell_not_run(not_run) };
            meant = self.line_not_run(line, session, &mut not_run);
        }
        self.tell_not_run(not_run);
        if is_full && meant != After::NeverReached {
            self.state.fail(failing::Input::NotReadToItsEnd);
        }
    }

    fn tell_not_run(&mut self, commands: usize) {
        if commands > 0 {
            self.state.fail(failing::Input::CommandsNotRun { count: commands });
        }
    }

    fn line_not_run(&mut self, line: ScriptLine, meant: Option<SessionId>, not_run: &mut usize) -> After {
        match line {
            ScriptLine::Line(line) => {
                match meaning::of(&line, Source::Pipe, &self.state.user.aliases, &self.state.me.name) {
                    Meaning::Blank => {}
                    Meaning::Text(text) => self.text_not_said(meant, &text, None),
                    Meaning::Command { word, args } => {
                        return self.command_not_run(Queued::new(word, args, None), meant, not_run);
                    }
                    Meaning::Unclear(unclear) => {
                        self.state.fail(unclear.failing());
                        return After::MeantFor(meant.filter(|_| unclear != Unclear::Hidden));
                    }
                }
            }
            ScriptLine::Request(line) => match request::parse(without_mark(&line)) {
                Ok(Request { id, kind: RequestKind::Say { text, session } }) => {
                    self.text_not_said(session.or(meant), &text, id);
                }
                Ok(Request { id, kind: RequestKind::Command { name, args } }) => {
                    return self.command_not_run(Queued::new(name, args, id), meant, not_run);
                }
                Err(bad) => {
                    let is_plain = without_mark(&line).starts_with('{');
                    self.refuse_bad_request(bad);
                    return After::MeantFor(meant.filter(|_| is_plain));
                }
            },
            ScriptLine::NotUtf8 { .. } | ScriptLine::TooLong { .. } | ScriptLine::Failed(_) => {
                let is_command = matches!(
                    line,
                    ScriptLine::NotUtf8 { command: true, .. } | ScriptLine::TooLong { command: true, .. }
                );
                self.unreadable_line(line);
                return After::MeantFor(meant.filter(|_| !is_command));
            }
        }
        After::MeantFor(meant)
    }

    fn text_not_said(&mut self, session: Option<SessionId>, text: &str, asked: Option<RequestId>) {
        let why = Unsent::EndedBeforeItsTurn;
        self.state.report_unsent(session, text, &why);
        self.state.answer(asked, |id| RequestAnswer::unsent(id, &why.to_string()));
    }

    /// Reports a command that was not carried out. A command that says a text to one user is reported as that text;
    /// other commands are only counted.
    fn command_not_run(
        &mut self,
        Queued { word, args, ends_run, asked }: Queued,
        meant: Option<SessionId>,
        not_run: &mut usize,
    ) -> After {
        if ends_run {
            self.answer_not_run(asked);
            return After::NeverReached;
        }
        if let Some((name, text)) = commands::said_alone(&word, &args) {
            let session = name.parse().ok().and_then(|name| self.state.sessions.with_name(&name));
            self.text_not_said(session, text, asked);
            return After::MeantFor(meant);
        }
        *not_run += 1;
        self.answer_not_run(asked);
        After::MeantFor(self.led_to(&word, &args, meant))
    }

    fn answer_not_run(&mut self, asked: Option<RequestId>) {
        let failure = Failure::from(failing::Request::RunEnded);
        self.state.answer(asked, |id| RequestAnswer::failed(id, &failure));
    }

    /// Returns the session for which the lines after a command were meant, if the command was not carried out; `None`
    /// if that session is not open.
    fn led_to(&self, word: &str, args: &str, before: Option<SessionId>) -> Option<SessionId> {
        // There is a blank behind the backslash, so the word is the first word of what follows.
        let (word, args) = match word {
            "" => args.split_once(char::is_whitespace).unwrap_or((args, "")),
            word => (word, args),
        };
        match commands::probably_leads(word) {
            _ if commands::leads_to_lobby(word) => Some(SessionId::LOBBY),
            Leads::Nowhere => before,
            leads => commands::session_led_to(&self.state, leads, args),
        }
    }
}
