//! What the user's own programs do to the state: a program is called from the current session, says something in the
//! user's name, or has ended. This file does not know how programs are run; [`crate::plugins`] does that.

use hobnob_protocol::text::Text;

use crate::client::State;
use crate::plugins::PluginOutcome;
use crate::plugins::job::{Call, RECENT};
use crate::session::SessionId;
use crate::show::failing::Worded;
use crate::show::unsent::Unsent;
use crate::show::{ErrorCode, Failure, failing, saying};

impl State {
    /// Calls a program from the current session and gives the number of its run; `None` when there is no program of
    /// this name.
    pub(crate) fn call_plugin(&mut self, word: &str, args: &str) -> Option<Result<u32, Failure>> {
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
        Some(called.map_err(|err| Failure::from(Worded::new(ErrorCode::Refused, err)).of_command(word)))
    }

    /// Handles the end of a program's run.
    pub(crate) fn plugin_ended(&mut self, command: &str, outcome: PluginOutcome) {
        match outcome {
            PluginOutcome::Done => {}
            PluginOutcome::Failed(reason) => {
                self.fail(Failure::from(Worded::new(ErrorCode::Refused, reason)).of_command(command));
            }
            PluginOutcome::NotAllowed { path, wants, changed } => {
                let (path, wants) = (path.as_path(), wants.as_str());
                let failing = failing::Plugin::NotAllowed { command, path, wants, changed };
                self.fail(Failure::from(failing).of_command(command));
            }
            PluginOutcome::Allowed(description) => {
                self.emit(saying::Plugin::Allowed { command, wants: &description.wants() }.into());
                self.plugins.allowed_another();
            }
        }
    }

    /// Says a text for a program, in the session from which it was called and in this user's name.
    pub(crate) fn plugin_says(&mut self, command: &str, session: Option<SessionId>, text: Text) {
        match session.filter(|session| self.sessions.contains(*session)) {
            Some(session) => {
                self.emit(saying::Plugin::Speaks { command, text: text.as_str() }.into());
                self.say(session, text, None);
            }
            None => {
                self.report_unsent(session, text.as_str(), &Unsent::SessionOfCallOver);
            }
        }
    }
}
