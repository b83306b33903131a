//! What the user's own programs do to the state: a program is called from the current session, speaks in the user's
//! name, or is over. It does not know how programs are run; [`crate::plugins`] does that.

use hobnob_protocol::name::Text;

use crate::client::State;
use crate::plugins::PluginOutcome;
use crate::plugins::jobs::{Call, RECENT};
use crate::session::SessionId;
use crate::show::{ErrorCode, Failure, Saying};

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
        Some(called.map_err(|err| Self::plugin_failure(word, ErrorCode::Refused, err.to_string())))
    }

    /// A run of a program is over.
    pub(crate) fn plugin_ended(&mut self, command: &str, outcome: PluginOutcome) {
        match outcome {
            PluginOutcome::Done => {}
            PluginOutcome::Failed(reason) => {
                self.fail(Self::plugin_failure(command, ErrorCode::Refused, reason.to_string()))
            }
            PluginOutcome::NotAllowed { path, wants, changed } => {
                let changed = if changed { "it was changed since you allowed it; " } else { "" };
                let text = format!(
                    "not allowed yet: {changed}{} wants to {wants}; \\allow {command} lets it, until it is \
                     changed",
                    path.display()
                );
                self.fail(Self::plugin_failure(command, ErrorCode::Refused, text));
            }
            PluginOutcome::Allowed(description) => {
                self.emit(Saying::PluginAllowed { command, wants: &description.wants() }.into());
                self.plugins.allowed_another();
            }
        }
    }

    /// A program says something in the session it was called from, in this user's name.
    pub(crate) fn plugin_says(&mut self, command: &str, session: Option<SessionId>, text: Text) {
        match session.filter(|session| self.sessions.contains(*session)) {
            Some(session) => {
                self.emit(Saying::PluginSpeaks { command, text: text.as_str() }.into());
                self.say(session, text, None);
            }
            None => {
                self.report_unsent(session, text.as_str(), "the session it was called from is over");
            }
        }
    }

    /// What is shown when the program of this command fails.
    pub(crate) fn plugin_failure(command: &str, code: ErrorCode, text: String) -> Failure {
        Failure { code, text, command: Some(command.to_owned()) }
    }
}
