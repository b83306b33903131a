//! What programs of the user's own ask for, carried out: a notice, a text in the session they were
//! called from, a command of hobnob's own. Owns the check of their rights.

use hobnob_protocol::name::Text;

use super::{App, InputSource};
use crate::client::State;
use crate::commands::{self, Progress};
use crate::plugins::asks::{self, Ask};
use crate::plugins::describe::{Description, Right};
use crate::plugins::jobs::{Call, RECENT, Report};
use crate::plugins::{PluginEvent, PluginOutcome};
use crate::session::SessionId;
use crate::show::{ErrorCode, Failure, Notice};

impl State {
    /// Calls a program from the current session; none when there is none of this name.
    pub(crate) fn call_plugin(&mut self, word: &str, args: &str) -> Option<Result<Progress, Failure>> {
        if !self.plugins.has(word) {
            return None;
        }
        let rows = self.sessions.rows();
        let session = rows.into_iter().find(|row| Some(row.id) == self.sessions.current());
        let recent = self.sessions.current().map(|id| self.recent.last(id, RECENT));
        let called = self.plugins.call(Call {
            command: word.to_owned(),
            args: args.split_whitespace().map(str::to_owned).collect(),
            name: self.me.name.to_string(),
            session,
            recent: recent.unwrap_or_default(),
        });
        Some(called.map(Progress::Plugin).map_err(|text| failure(word, ErrorCode::Refused, text)))
    }

    fn plugin_ended(&mut self, command: &str, outcome: PluginOutcome) {
        match outcome {
            PluginOutcome::Done => {}
            PluginOutcome::Failed(reason) => self.fail(failure(command, ErrorCode::Refused, reason)),
            PluginOutcome::NotAllowed { path, wants, changed } => {
                let changed = if changed { "it was changed since you allowed it; " } else { "" };
                let text = format!(
                    "not allowed yet: {changed}{} wants to {wants}; \\allow {command} lets it, until it is \
                     changed",
                    path.display()
                );
                self.fail(failure(command, ErrorCode::Refused, text));
            }
            PluginOutcome::Allowed(description) => {
                self.emit(Notice::say(format!("\\{command} may {} now", description.wants())));
                self.publish_commands();
            }
        }
    }

    fn plugin_says(&mut self, command: &str, session: Option<SessionId>, text: Text) {
        match session.filter(|session| self.sessions.contains(*session)) {
            Some(session) => {
                self.emit(Notice::say(format!("\\{command} says for you: {}", text.as_str())));
                self.say(session, text, None);
            }
            None => {
                self.report_unsent(session, text.as_str(), "the session it was called from is over");
            }
        }
    }
}

impl App {
    /// A program of the user's own has something to say.
    pub(super) fn plugin(&mut self, PluginEvent { job, report }: PluginEvent) {
        match report {
            Report::Begun(description) => self.state.plugins.begun(job, description),
            Report::Line(line) => {
                let run = self.state.plugins.run(job);
                let run = run.map(|(name, session, may)| (name.to_owned(), session, may.clone()));
                if let Some((command, session, may)) = run
                    && let Err((code, reason)) = self.plugin_line(&line, &command, session, &may)
                {
                    // One wrong line is enough: what follows was meant to come after it.
                    self.state.plugins.ended(job);
                    self.state.fail(failure(&command, code, reason));
                }
            }
            Report::Ended(outcome) => {
                if let Some(command) = self.state.plugins.ended(job) {
                    self.state.plugin_ended(&command, outcome);
                }
            }
        }
    }

    fn plugin_line(
        &mut self,
        line: &str,
        command: &str,
        session: Option<SessionId>,
        may: &Description,
    ) -> Result<(), (ErrorCode, String)> {
        let wrong = |reason| (ErrorCode::Usage, format!("it wrote a line that asks for nothing: {reason}"));
        let Some(ask) = asks::parse(line).map_err(wrong)? else { return Ok(()) };
        let need = |right: Right| match may.may(right) {
            true => Ok(()),
            false => Err((ErrorCode::Refused, format!("it has no right to {}", right.about()))),
        };
        match ask {
            Ask::Notice(text) => self.state.emit(Notice::say(text)),
            Ask::Say(text) => {
                need(Right::Say)?;
                self.state.plugin_says(command, session, text);
            }
            Ask::Command { name, args } => {
                need(Right::Command)?;
                self.plugin_command(&name, &args)?;
            }
        }
        Ok(())
    }

    /// Only hobnob's own commands, so that no program calls itself for ever or another in its place, and
    /// none that gives rights.
    fn plugin_command(&mut self, word: &str, args: &str) -> Result<(), (ErrorCode, String)> {
        let known = commands::find(word).filter(|known| !["allow", "wait"].contains(&known.name));
        let Some(known) = known else {
            return Err((ErrorCode::Refused, format!("a program may not run \\{word}")));
        };
        match commands::dispatch(&mut self.state, known.name, args) {
            Ok(Progress::Quit) => self.end(),
            Ok(progress) => {
                if let InputSource::Script(_, queue) = &mut self.input {
                    queue.wait_for_more(progress);
                }
            }
            Err(failure) => self.failed_to_start(failure, args),
        }
        Ok(())
    }
}

fn failure(command: &str, code: ErrorCode, text: String) -> Failure {
    Failure { code, text, command: Some(command.to_owned()) }
}
