//! The runs of the user's own programs. This file owns which programs there are, how many runs there may be, and that
//! no run outlives the client. Each run has a thread of its own; what it does there is in `job`. Nothing here blocks
//! the caller that starts a run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc as blocking;
use std::thread::JoinHandle;

use tokio::sync::mpsc;

use super::describe::Description;
use super::failure::NotStarted;
use super::job::{Call, Job, PluginEvent, PluginOutcome, Report};
use super::permits::{Permits, PermitsError};
use super::place;
use super::program::Over;
use crate::session::SessionId;
use crate::show::HelpRow;

/// How many runs there may be at the same time. A person does not start more. The limit stops programs that call
/// commands again and again.
const MAX_RUNS: usize = 4;

#[derive(Debug)]
struct Run {
    name: String,
    session: Option<SessionId>,
    description: Option<Description>,
    stop: blocking::Sender<Over>,
    thread: JoinHandle<()>,
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
    permits: Permits,
    events: mpsc::Sender<PluginEvent>,
}

impl Plugins {
    /// Makes the programs in these folders available; earlier folders take precedence. Reports about runs are sent to
    /// `events`.
    #[must_use]
    pub fn new(folders: Vec<PathBuf>, data_dir: &Path, events: mpsc::Sender<PluginEvent>) -> Self {
        let (copies, permits) = (data_dir.join("own_commands"), Permits::of(data_dir));
        let world = World { folders, copies, permits, events };
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
    pub fn disallow(&mut self, name: &str) -> Result<bool, PermitsError> {
        let Some(permits) = self.world.as_ref().map(|world| world.permits.clone()) else { return Ok(false) };
        let runs = self.runs.iter().filter(|(_, run)| run.name == name).map(|(job, _)| *job);
        for job in runs.collect::<Vec<_>>() {
            self.ended(job);
        }
        let was_allowed = permits.disallow(name)?;
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
        let mut permitted = world.permits.all().unwrap_or_default();
        let described = |name: String| {
            let description = permitted.remove(&name).map(|permit| permit.description.into());
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
        let (copies, permits, events) = (world.copies.clone(), world.permits.clone(), world.events.clone());
        let job = Job { id, name: name.to_owned(), path, copies, permits, events, over_tx, over };
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

#[cfg(test)]
mod tests;
