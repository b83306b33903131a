//! The runs of the user's own commands: one thread each, which looks at the program, asks what the user
//! allowed, runs it and reports. Owns how many there may be and that none outlives the client; never
//! blocks whoever starts one.

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

/// What a run may take.
const RUN: Limits = Limits { time: Duration::from_secs(10), bytes: 64 * 1024 };

/// What `--describe` may take.
const DESCRIBE: Limits = Limits { time: Duration::from_secs(2), bytes: 64 * 1024 };

/// Runs at once. More than a person starts; a program that calls and calls is stopped here.
const MAX_RUNS: usize = 4;

/// How many of the newest messages a program that may read them is given.
pub(crate) const RECENT: usize = 100;

/// A call, as the program is told of it.
#[derive(Debug, Clone, Serialize)]
pub struct Call {
    /// The command's name, without the backslash.
    pub command: String,
    /// What followed it, word by word; the program gets the same as its arguments.
    pub args: Vec<String>,
    /// The name of the user who calls it.
    pub name: String,
    /// From which session; none where none is current.
    pub session: Option<SessionRow>,
    /// What was said there lately, for a program that may read it.
    #[serde(skip)]
    pub recent: Vec<Message>,
}

/// Something about a run.
#[derive(Debug)]
pub struct PluginEvent {
    /// The number of the run.
    pub job: u32,
    /// What happened to it.
    pub report: Report,
}

/// What a run reports.
#[derive(Debug)]
pub enum Report {
    /// It is allowed and begins.
    Begun(Description),
    /// A line it wrote.
    Line(String),
    /// It is over.
    Ended(PluginOutcome),
}

/// How a run ended.
#[derive(Debug)]
pub enum PluginOutcome {
    /// The program ended well.
    Done,
    /// It did not begin, or did not end well.
    Failed(RunFailure),
    /// The user has not allowed it.
    NotAllowed {
        /// Where the program lies.
        path: PathBuf,
        /// What it wants to do, in words.
        wants: String,
        /// Whether another program of this name was allowed.
        changed: bool,
    },
    /// The user allows it from now on.
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

/// What a run has to do with.
struct Job {
    id: u32,
    name: String,
    path: PathBuf,
    /// Where the copies lie that programs are run from.
    copies: PathBuf,
    grants: Grants,
    events: mpsc::Sender<PluginEvent>,
    over_tx: blocking::Sender<Over>,
    over: blocking::Receiver<Over>,
}

/// The user's own commands and their runs.
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
    /// Programs in these folders, the first one first; what happens to them is told to `events`.
    #[must_use]
    pub fn new(folders: Vec<PathBuf>, data_dir: &Path, events: mpsc::Sender<PluginEvent>) -> Self {
        let (copies, grants) = (data_dir.join("own_commands"), Grants::of(data_dir));
        let world = World { folders, copies, grants, events };
        Self { world: Some(world), last: 0, runs: BTreeMap::new(), changes: 0 }
    }

    /// Whether there is a program of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.world.as_ref().is_some_and(|world| place::find(&world.folders, name).is_some())
    }

    /// Calls a program. Its number is what [`PluginEvent`]s go by.
    ///
    /// # Errors
    /// When it cannot be called now.
    pub fn call(&mut self, call: Call) -> Result<u32, NotStarted> {
        let session = call.session.as_ref().map(|session| session.id);
        self.spawn(&call.command.clone(), session, move |job| job.call(&call))
    }

    /// Allows a program what it asks for now.
    ///
    /// # Errors
    /// When it cannot be looked at now.
    pub fn allow(&mut self, name: &str) -> Result<u32, NotStarted> {
        self.spawn(name, None, |job| job.allow())
    }

    /// Takes back what a program was allowed, and ends its runs. Tells whether it was allowed anything.
    ///
    /// # Errors
    /// When that cannot be written: then it may be allowed still.
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

    /// A run is allowed and begins.
    pub fn begun(&mut self, job: u32, description: Description) {
        if let Some(run) = self.runs.get_mut(&job) {
            run.description = Some(description);
        }
    }

    /// The command of a run, the session it was called from, and what it may do.
    #[must_use]
    pub fn run(&self, job: u32) -> Option<(&str, Option<SessionId>, &Description)> {
        let run = self.runs.get(&job)?;
        Some((&run.name, run.session, run.description.as_ref()?))
    }

    /// Another program may be called from now on.
    pub fn allowed_another(&mut self) {
        self.changes += 1;
    }

    /// How often the programs that may be called became others than they were.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Whether a run is under way.
    #[must_use]
    pub fn is_running(&self, job: u32) -> bool {
        self.runs.contains_key(&job)
    }

    /// Ends a run; its [`Report::Ended`] will not count any more. Gives its command.
    pub fn ended(&mut self, job: u32) -> Option<String> {
        let run = self.runs.remove(&job)?;
        // It may have ended by itself.
        let _over = run.stop.send(Over::Stopped);
        Some(run.name)
    }

    /// Ends all runs and waits until they are dead. Whoever heard of them must have stopped listening.
    pub fn close(&mut self) {
        for run in std::mem::take(&mut self.runs).into_values() {
            let _over = run.stop.send(Over::Stopped);
            // A panic in the thread was shown by the panic hook.
            let _panicked = run.thread.join();
        }
    }

    /// The rows of `\help`: what each allowed program said of itself, and the names of the others.
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

    /// All programs, with what the allowed ones said of themselves. Nothing is run for it.
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
    /// False when nobody listens any more.
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

    /// What the program may do, or what it wants.
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

    /// The program as it is now: what is looked at is what is run.
    fn copy(&self) -> Result<Copy, RunFailure> {
        Copy::make(&self.path, &self.copies)
            .map_err(|error| RunFailure::NoCopy { path: self.path.clone(), error })
    }

    fn describe(&self, copy: &Copy) -> Result<Description, RunFailure> {
        let (line_tx, lines) = blocking::channel();
        let args = ["--describe".to_owned()];
        // The lines fit the bound on its output.
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

/// One line about the call, then what was said lately if the program may read it.
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
