//! Carries out what the user's own programs ask for: a notice, a text in the session in which they were called, or one
//! of hobnob's own commands. [`crate::plugins::rights`] decides whether they may.

use super::{App, InputSource};
use crate::commands::{self, Progress};
use crate::plugins::PluginEvent;
use crate::plugins::asks::{self, Ask, NotAnAsk};
use crate::plugins::describe::Description;
use crate::plugins::job::Report;
use crate::plugins::rights;
use crate::session::SessionId;
use crate::show::failing::Worded;
use crate::show::{ErrorCode, Failure, failing, saying};

impl App {
    /// Handles a report of one of the user's own programs.
    pub(super) fn plugin(&mut self, PluginEvent { job, report }: PluginEvent) {
        match report {
            Report::Begun(description) => self.state.plugins.begun(job, description),
            Report::Line(line) => {
                let run = self.state.plugins.run(job);
                let run = run.map(|(name, session, may)| (name.to_owned(), session, may.clone()));
                if let Some((command, session, may)) = run
                    && let Err(failure) = self.plugin_line(&line, &command, session, &may)
                {
                    // One wrong line ends the program's requests, because what follows was meant to come after that
                    // line.
                    self.state.plugins.ended(job);
                    self.state.fail(failure.of_command(&command));
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
    ) -> Result<(), Failure> {
        let wrong = |reason: NotAnAsk| Failure::from(failing::Plugin::AsksForNothing(&reason));
        let Some(ask) = asks::parse(line).map_err(wrong)? else { return Ok(()) };
        rights::check(&ask, &may.rights).map_err(|denied| Worded::new(ErrorCode::Refused, denied))?;
        match ask {
            Ask::Notice(text) => self.state.emit(saying::Plugin::Shows { text: &text }.into()),
            Ask::Say(text) => self.state.plugin_says(command, session, text),
            Ask::Command { name, args } => self.plugin_command(&name, &args)?,
        }
        Ok(())
    }

    /// Runs a command for a program. Only hobnob's own commands are allowed, so that a program cannot call itself or
    /// another program in an endless loop, and no command that gives rights.
    fn plugin_command(&mut self, word: &str, args: &str) -> Result<(), Failure> {
        let known = commands::find(word).filter(|known| !known.traits.not_for_programs);
        let Some(known) = known else {
            return Err(failing::Plugin::NotForPrograms(word).into());
        };
        match commands::dispatch(&mut self.state, known.name, args) {
            Ok(Progress::Quit) => {
                self.give_up_script();
                self.end();
            }
            Ok(progress) => {
                if let InputSource::Script(_, queue) = &mut self.input {
                    queue.wait_for_more(progress);
                }
            }
            Err(failure) => self.failed_to_start(known.name, args, failure),
        }
        Ok(())
    }
}
