//! One run of one of the user's own programs, in its own thread: the program is copied, what the user allowed is
//! checked, the program is run, and all of this is reported. This file owns what is reported and what the program is
//! told; it does not know which other runs there are, nor what is made of the reports.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc as blocking;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::mpsc;

use super::describe::{self, Description};
use super::failure::RunFailure;
use super::permits::{Permit, Permits};
use super::program::{self, Limits, Over};
use super::program_copy::ProgramCopy;
use super::rights::Right;
use crate::session::SessionRow;
use crate::show::{Message, Notice, json};
use crate::timestamp::now;

/// The limits of time and output for one run.
const RUN: Limits = Limits { time: Duration::from_secs(10), bytes: 64 * 1024 };

/// The limits of time and output for a call with `--describe`.
const DESCRIBE: Limits = Limits { time: Duration::from_secs(2), bytes: 64 * 1024 };

/// How many of the newest messages are given to a program with the right to read them.
pub(crate) const RECENT: usize = 100;

/// A call of a program, in the form in which the program is told about it.
#[derive(Debug, Clone, Serialize)]
pub struct Call {
    /// The name of the command, without the backslash.
    pub command: String,
    /// What followed the command, word by word. The program gets the same words as its arguments.
    pub args: Vec<String>,
    /// The name of the user who calls the command.
    pub name: String,
    /// The session from which the command is called; `None` if no session is current.
    pub session: Option<SessionRow>,
    /// The newest messages of that session, for a program with the right to read them.
    #[serde(skip)]
    pub recent: Vec<Message>,
}

/// A report about one run.
#[derive(Debug)]
pub struct PluginEvent {
    /// The number of the run.
    pub job: u32,
    /// What happened to the run.
    pub report: Report,
}

/// What can happen to a run.
#[derive(Debug)]
pub enum Report {
    /// The user has allowed the program, and the run begins.
    Begun(Description),
    /// The program wrote this line.
    Line(String),
    /// The run has ended.
    Ended(PluginOutcome),
}

/// How a run ended.
#[derive(Debug)]
pub enum PluginOutcome {
    /// The program ended without an error.
    Done,
    /// The run could not begin, or the program ended with an error.
    Failed(RunFailure),
    /// The user has not allowed the program.
    NotAllowed {
        /// The path of the program.
        path: PathBuf,
        /// What the program wants to do, in words for the user.
        wants: String,
        /// Whether the user has allowed another program with this name, or an earlier version of this one.
        changed: bool,
    },
    /// The user has just allowed the program.
    Allowed(Description),
}

/// Everything that the thread of a run needs.
pub(super) struct Job {
    pub(super) id: u32,
    pub(super) name: String,
    pub(super) path: PathBuf,
    /// The folder in which the copies of programs are made.
    pub(super) copies: PathBuf,
    pub(super) permits: Permits,
    pub(super) events: mpsc::Sender<PluginEvent>,
    pub(super) over_tx: blocking::Sender<Over>,
    pub(super) over: blocking::Receiver<Over>,
}

impl Job {
    /// Sends a report. Returns false if nobody receives reports any more.
    pub(super) fn report(&self, report: Report) -> bool {
        self.events.blocking_send(PluginEvent { job: self.id, report }).is_ok()
    }

    /// Runs the program if the user has allowed it as it is now.
    pub(super) fn call(&self, call: &Call) -> PluginOutcome {
        let looked_at = self.copy().and_then(|copy| Ok((self.allowed(&copy)?, copy)));
        match looked_at {
            Ok((Ok(description), copy)) => {
                let input = input(call, &description);
                self.report(Report::Begun(description));
                self.run(&copy, call, input)
            }
            Ok((Err(not_allowed), _)) => not_allowed,
            Err(reason) => PluginOutcome::Failed(reason),
        }
    }

    /// Returns the description with the program's rights if the user has allowed it, and otherwise what it wants.
    fn allowed(&self, copy: &ProgramCopy) -> Result<Result<Description, PluginOutcome>, RunFailure> {
        let permit = self.permits.all()?.remove(&self.name);
        match permit {
            Some(permit) if permit.sha256 == copy.sha256 => Ok(Ok(permit.description.into())),
            other => {
                let (path, wants) = (self.path.clone(), self.describe(copy)?.wants());
                Ok(Err(PluginOutcome::NotAllowed { path, wants, changed: other.is_some() }))
            }
        }
    }

    /// Allows the program as it is now what it asks for.
    pub(super) fn allow(&self) -> PluginOutcome {
        let allowed = || -> Result<Description, RunFailure> {
            let copy = self.copy()?;
            let description = self.describe(&copy)?;
            let (path, allowed) = (self.path.display().to_string(), now().to_string());
            let permit = Permit {
                sha256: copy.sha256.clone(),
                path,
                allowed,
                description: description.clone().into(),
            };
            self.permits.allow(&self.name, permit)?;
            Ok(description)
        };
        match allowed() {
            Ok(description) => PluginOutcome::Allowed(description),
            Err(reason) => PluginOutcome::Failed(reason),
        }
    }

    /// Copies the program as it is now. The copy that is checked is also the one that is run.
    fn copy(&self) -> Result<ProgramCopy, RunFailure> {
        ProgramCopy::make(&self.path, &self.copies)
            .map_err(|error| RunFailure::NoCopy { path: self.path.clone(), error })
    }

    fn describe(&self, copy: &ProgramCopy) -> Result<Description, RunFailure> {
        let (line_tx, lines) = blocking::channel();
        let args = ["--describe".to_owned()];
        // The channel needs no limit of its own, because the output of the program is limited.
        let each = move |line: String| line_tx.send(line).is_ok();
        let over = (self.over_tx.clone(), &self.over);
        let ended = program::run(copy.command(&args), Vec::new(), DESCRIBE, over, each);
        well(ended, DESCRIBE)?;
        Ok(describe::parse(&self.name, &lines.try_iter().collect::<Vec<_>>().join("\n"))?)
    }

    fn run(&self, copy: &ProgramCopy, call: &Call, input: Vec<u8>) -> PluginOutcome {
        let (id, events) = (self.id, self.events.clone());
        let each =
            move |line| events.blocking_send(PluginEvent { job: id, report: Report::Line(line) }).is_ok();
        let over = (self.over_tx.clone(), &self.over);
        match well(program::run(copy.command(&call.args), input, RUN, over, each), RUN) {
            Ok(()) => PluginOutcome::Done,
            Err(reason) => PluginOutcome::Failed(reason),
        }
    }
}

/// Returns the input for the program: one line about the call, and then the newest messages if the program may read
/// them.
fn input(call: &Call, description: &Description) -> Vec<u8> {
    #[derive(Serialize)]
    struct Line<'a> {
        event: &'static str,
        #[serde(flatten)]
        call: &'a Call,
    }
    let mut input = serde_json::to_vec(&Line { event: "call", call }).expect("a call is JSON");
    input.push(b'\n');
    if description.may(Right::Recent) {
        for message in &call.recent {
            input.extend_from_slice(json::line(&Notice::Message(message.clone())).as_bytes());
        }
    }
    input
}

fn well(ended: io::Result<program::Ended>, limits: Limits) -> Result<(), RunFailure> {
    let ended = ended.map_err(|err| match err.kind() {
        io::ErrorKind::PermissionDenied => RunFailure::MayNotRun(err),
        _ => RunFailure::NotRun(err),
    })?;
    match ended.over {
        Over::TooLong => Err(RunFailure::TookTooLong { seconds: limits.time.as_secs() }),
        Over::TooMuch => Err(RunFailure::WroteTooMuch { kib: limits.bytes / 1024 }),
        Over::Stopped => Err(RunFailure::Stopped),
        Over::Closed if ended.status.success() => Ok(()),
        Over::Closed if ended.complaint.is_empty() => {
            Err(RunFailure::Failed { complaint: ended.status.to_string() })
        }
        Over::Closed => Err(RunFailure::Failed { complaint: ended.complaint }),
    }
}
