//! The runs of the user's own programs. Each run has a thread, which copies the program, checks what the user allowed,
//! runs the program and reports. This file owns how many runs there may be, and makes sure that no run outlives the
//! client. It never blocks the caller that starts a run.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc as blocking;
use std::thread::JoinHandle;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::mpsc;

use super::copy::Copy;
use super::describe::{self, Description};
use super::failure::{NotStarted, RunFailure};
use super::grants::{Grant, Grants, GrantsError};
use super::place;
use super::program::{self, Limits, Over};
use super::rights::Right;
use crate::session::{SessionId, SessionRow};
use crate::show::{HelpRow, Message, Notice, json};
use crate::timestamp::now;

/// The limits of time and output for one run.
const RUN: Limits = Limits { time: Duration::from_secs(10), bytes: 64 * 1024 };

/// The limits of time and output for a call with `--describe`.
const DESCRIBE: Limits = Limits { time: Duration::from_secs(2), bytes: 64 * 1024 };

/// How many runs there may be at the same time. A person does not start more. The limit stops programs that call
/// commands again and again.
const MAX_RUNS: usize = 4;

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

#[derive(Debug)]
struct Run {
    name: String,
    session: Option<SessionId>,
    description: Option<Description>,
    stop: blocking::Sender<Over>,
    thread: JoinHandle<()>,
}

/// Everything that the thread of a run needs.
struct Job {
    id: u32,
    name: String,
    path: PathBuf,
    /// The folder in which the copies of programs are made.
    copies: PathBuf,
    grants: Grants,
    events: mpsc::Sender<PluginEvent>,
    over_tx: blocking::Sender<Over>,
    over: blocking::Receiver<Over>,
}

/// The user's own programs and their runs.
#[derive(Debug, Default)]
pub struct Plugins {
    world: Option<World>,
    last: u32,
    runs: BTreeMap<u32, Run>,
    changes: u64,
}

#[derive(Debug)]
struct World {
    folders: Vec<PathBuf>,
    copies: PathBuf,
    grants: Grants,
    events: mpsc::Sender<PluginEvent>,
}

impl Plugins {
    /// Makes the programs in these folders available; earlier folders take precedence. Reports about runs are sent to
    /// `events`.
    #[must_use]
    pub fn new(folders: Vec<PathBuf>, data_dir: &Path, events: mpsc::Sender<PluginEvent>) -> Self {
        let (copies, grants) = (data_dir.join("own_commands"), Grants::of(data_dir));
        let world = World { folders, copies, grants, events };
        Self { world: Some(world), last: 0, runs: BTreeMap::new(), changes: 0 }
    }

    /// Whether there is a program for this command.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.world.as_ref().is_some_and(|world| place::find(&world.folders, name).is_some())
    }

    /// Starts a run of a program. Returns the number of the run, which its [`PluginEvent`]s carry.
    ///
    /// # Errors
    /// Fails if the program cannot be called now.
    pub fn call(&mut self, call: Call) -> Result<u32, NotStarted> {
        let session = call.session.as_ref().map(|session| session.id);
        self.spawn(&call.command.clone(), session, move |job| job.call(&call))
    }

    /// Starts a run that reads the program's description and allows the program what it asks for.
    ///
    /// # Errors
    /// Fails if the run cannot be started now.
    pub fn allow(&mut self, name: &str) -> Result<u32, NotStarted> {
        self.spawn(name, None, |job| job.allow())
    }

    /// Takes back the permission of a program and ends its runs. Returns whether there was a permission.
    ///
    /// # Errors
    /// Fails if the change cannot be written. The program may then still be allowed.
    pub fn disallow(&mut self, name: &str) -> Result<bool, GrantsError> {
        let Some(grants) = self.world.as_ref().map(|world| world.grants.clone()) else { return Ok(false) };
        let runs = self.runs.iter().filter(|(_, run)| run.name == name).map(|(job, _)| *job);
        for job in runs.collect::<Vec<_>>() {
            self.ended(job);
        }
        let was_allowed = grants.disallow(name)?;
        self.changes += u64::from(was_allowed);
        Ok(was_allowed)
    }

    /// Notes that a run has begun, and what its program may do.
    pub fn begun(&mut self, job: u32, description: Description) {
        if let Some(run) = self.runs.get_mut(&job) {
            run.description = Some(description);
        }
    }

    /// Returns the command of a run, the session from which it was called, and the description with its rights.
    #[must_use]
    pub fn run(&self, job: u32) -> Option<(&str, Option<SessionId>, &Description)> {
        let run = self.runs.get(&job)?;
        Some((&run.name, run.session, run.description.as_ref()?))
    }

    /// Notes that the set of programs that may be called has changed.
    pub fn allowed_another(&mut self) {
        self.changes += 1;
    }

    /// Returns a counter that grows whenever the set of programs that may be called changes.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Whether a run is still under way.
    #[must_use]
    pub fn is_running(&self, job: u32) -> bool {
        self.runs.contains_key(&job)
    }

    /// Ends a run, and returns its command. The [`Report::Ended`] of this run is ignored afterwards.
    pub fn ended(&mut self, job: u32) -> Option<String> {
        let run = self.runs.remove(&job)?;
        // The run may already have ended by itself.
        let _over = run.stop.send(Over::Stopped);
        Some(run.name)
    }

    /// Ends all runs and waits until their programs are dead. The receiver of the reports must be closed before.
    pub fn close(&mut self) {
        for run in std::mem::take(&mut self.runs).into_values() {
            let _over = run.stop.send(Over::Stopped);
            // If the thread panicked, the panic hook has already shown it.
            let _panicked = run.thread.join();
        }
    }

    /// Returns the rows of `\help`: the descriptions of the allowed programs, and the names of the others.
    #[must_use]
    pub fn rows(&self) -> Vec<HelpRow> {
        let row = |name: String, description: Option<Description>| {
            let unknown = format!("not allowed yet: \\allow {name}");
            let (usage, about) = match description {
                Some(it) => (it.usage, it.about),
                None => (format!("\\{name}"), unknown),
            };
            HelpRow {
                name,
                aliases: Vec::new(),
                usage,
                about,
                group: String::new(),
                examples: Vec::new(),
                own: true,
            }
        };
        self.all().into_iter().map(|(name, description)| row(name, description)).collect()
    }

    /// Returns all programs, with the descriptions of those that are allowed. This runs no program.
    #[must_use]
    pub fn all(&self) -> Vec<(String, Option<Description>)> {
        let Some(world) = &self.world else { return Vec::new() };
        let mut granted = world.grants.all().unwrap_or_default();
        let described = |name: String| {
            let description = granted.remove(&name).map(|grant| grant.description.into());
            (name, description)
        };
        place::all(&world.folders).into_keys().map(described).collect()
    }

    fn spawn(
        &mut self,
        name: &str,
        session: Option<SessionId>,
        work: impl FnOnce(&Job) -> PluginOutcome + Send + 'static,
    ) -> Result<u32, NotStarted> {
        let absent = || NotStarted::Absent { name: name.to_owned() };
        let world = self.world.as_ref().ok_or_else(absent)?;
        let path = place::find(&world.folders, name).ok_or_else(absent)?;
        if self.runs.len() >= MAX_RUNS {
            return Err(NotStarted::TooMany { most: MAX_RUNS });
        }
        self.last += 1;
        let id = self.last;
        let (over_tx, over) = blocking::channel();
        let stop = over_tx.clone();
        let (copies, grants, events) = (world.copies.clone(), world.grants.clone(), world.events.clone());
        let job = Job { id, name: name.to_owned(), path, copies, grants, events, over_tx, over };
        let thread = std::thread::Builder::new()
            .name("own-command".to_owned())
            .spawn(move || {
                let outcome = work(&job);
                job.report(Report::Ended(outcome));
            })
            .map_err(NotStarted::NoThread)?;
        let run = Run { name: name.to_owned(), session, description: None, stop, thread };
        self.runs.insert(id, run);
        Ok(id)
    }
}

impl Drop for Plugins {
    fn drop(&mut self) {
        for run in self.runs.values() {
            let _over = run.stop.send(Over::Stopped);
        }
    }
}

impl Job {
    /// Sends a report. Returns false if nobody receives reports any more.
    fn report(&self, report: Report) -> bool {
        self.events.blocking_send(PluginEvent { job: self.id, report }).is_ok()
    }

    fn call(&self, call: &Call) -> PluginOutcome {
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
    fn allowed(&self, copy: &Copy) -> Result<Result<Description, PluginOutcome>, RunFailure> {
        let grant = self.grants.all()?.remove(&self.name);
        match grant {
            Some(grant) if grant.sha256 == copy.sha256 => Ok(Ok(grant.description.into())),
            other => {
                let (path, wants) = (self.path.clone(), self.describe(copy)?.wants());
                Ok(Err(PluginOutcome::NotAllowed { path, wants, changed: other.is_some() }))
            }
        }
    }

    fn allow(&self) -> PluginOutcome {
        let allowed = || -> Result<Description, RunFailure> {
            let copy = self.copy()?;
            let description = self.describe(&copy)?;
            let (path, allowed) = (self.path.display().to_string(), now().to_string());
            let grant =
                Grant { sha256: copy.sha256.clone(), path, allowed, description: description.clone().into() };
            self.grants.allow(&self.name, grant)?;
            Ok(description)
        };
        match allowed() {
            Ok(description) => PluginOutcome::Allowed(description),
            Err(reason) => PluginOutcome::Failed(reason),
        }
    }

    /// Copies the program as it is now. The copy that is checked is also the one that is run.
    fn copy(&self) -> Result<Copy, RunFailure> {
        Copy::make(&self.path, &self.copies)
            .map_err(|error| RunFailure::NoCopy { path: self.path.clone(), error })
    }

    fn describe(&self, copy: &Copy) -> Result<Description, RunFailure> {
        let (line_tx, lines) = blocking::channel();
        let args = ["--describe".to_owned()];
        // The channel needs no limit of its own, because the output of the program is limited.
        let each = move |line: String| line_tx.send(line).is_ok();
        let over = (self.over_tx.clone(), &self.over);
        let ended = program::run(copy.command(&args), Vec::new(), DESCRIBE, over, each);
        well(ended, DESCRIBE)?;
        Ok(describe::parse(&self.name, &lines.try_iter().collect::<Vec<_>>().join("\n"))?)
    }

    fn run(&self, copy: &Copy, call: &Call, input: Vec<u8>) -> PluginOutcome {
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

#[cfg(test)]
mod tests;
