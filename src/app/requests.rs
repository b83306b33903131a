//! Requests of a program as JSON on standard input: how each kind is begun, and how a request that cannot be begun is
//! answered. [`crate::input::request`] knows what a request looks like.

use hobnob_protocol::text::{Text, TextError};

use super::script_queue::Queued;
use super::{App, InputSource};
use crate::input::invisible::without_mark;
use crate::input::request::{self, BadRequest, RequestId, RequestKind};
use crate::session::SessionId;
use crate::show::failing::Worded;
use crate::show::unsent::Unsent;
use crate::show::{ErrorCode, Failure, RequestAnswer, failing};

impl App {
    /// Handles a line that is a JSON object.
    pub(super) fn request(&mut self, line: &str) {
        match request::parse(without_mark(line)) {
            Ok(request) => match request.kind {
                RequestKind::Say { text, session } => self.say_asked(&text, session, request.id),
                RequestKind::Command { name, args } => {
                    if let InputSource::Script(_, queue) = &mut self.input {
                        queue.queue_command(
                            Queued::new(name, args, request.id),
                            self.state.questions.newest(),
                        );
                    }
                }
            },
            Err(bad) => {
                // If something invisible stands before the brace, the request may have been a fork, as may a line with
                // `\` that cannot be read. What follows goes nowhere until the script says where it goes.
                self.command_was_lost(!without_mark(line).starts_with('{'));
                self.refuse_bad_request(bad);
            }
        }
    }

    fn say_asked(&mut self, text: &str, session: Option<SessionId>, asked: Option<RequestId>) {
        let text = match Text::new(text) {
            Ok(text) => text,
            Err(TextError::Empty) => {
                return self.refuse_request(asked, &failing::Request::NothingToSay.into());
            }
            Err(TextError::TooLong(_)) => {
                return self.refuse_request(asked, &failing::Input::TooLong(text.len() as u64).into());
            }
        };
        let Some(session) = session.or(self.state.sessions.current()) else {
            let why = Unsent::RequestNamesNone;
            self.state.report_unsent(None, text.as_str(), &why);
            return self.state.answer(asked, |id| RequestAnswer::unsent(id, &why.to_string()));
        };
        if self.state.sessions.contains(session) {
            self.state.say(session, text, asked);
            return;
        }
        let failing = failing::Request::NoSession(session);
        self.state.report_unsent(Some(session), text.as_str(), &Unsent::Failed(&failing));
        let failure = Failure::from(failing);
        self.state.answer(asked, |id| RequestAnswer::failed(id, &failure));
    }

    pub(super) fn refuse_bad_request(&mut self, bad: BadRequest) {
        self.refuse_request(bad.id, &Worded::new(ErrorCode::Usage, bad.reason).into());
    }

    fn refuse_request(&mut self, asked: Option<RequestId>, failure: &Failure) {
        self.state.answer(asked, |id| RequestAnswer::failed(id, failure));
        self.state.fail(failure.clone());
    }

    /// Answers the request of the running command, which is finished.
    pub(super) fn command_finished(&mut self, asked: Option<RequestId>) {
        let failure = self.state.failure.take();
        self.state.answer(asked, |id| match &failure {
            Some(failure) => RequestAnswer::failed(id, failure),
            None => RequestAnswer::done(id, None),
        });
    }

    /// Answers every request that was read, because the run ends.
    pub(super) fn answer_the_rest(&mut self) {
        if let InputSource::Script(_, queue) = &mut self.input {
            let failure = Failure::from(failing::Request::RunEnded);
            for id in queue.abandon() {
                self.state.answer(Some(id), |id| RequestAnswer::failed(id, &failure));
            }
        }
        let asked = self.quit_asked.take();
        self.state.answer(asked, |id| RequestAnswer::done(id, None));
    }
}
