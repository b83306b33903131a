//! Commands of the user's own. A program `hobnob-NAME` in PATH, or in the folder `commands/` of the config directory,
//! is the command `\NAME`. Each part has its file:
//!
//! - [`place`] finds the programs.
//! - [`describe`] reads how a program describes itself.
//! - [`permits`] stores what the user has allowed.
//! - [`program_copy`] makes the copy that is hashed and run.
//! - [`program`] runs it.
//! - [`strays`] ends the processes that it left behind.
//! - [`asks`] reads what it asks for.
//! - [`job`] is one run: from the copy to the report.
//! - [`jobs`] owns the runs.
//! - [`rights`] lists what a program may be allowed, and checks what it asks for.
//! - [`failure`] says why a run failed.
//!
//! This folder knows nothing of links. [`crate::app`] carries out what a program asks for.

pub(crate) mod asks;
pub(crate) mod describe;
pub(crate) mod failure;
pub(crate) mod job;
pub(crate) mod jobs;
pub(crate) mod permits;
pub(crate) mod place;
pub(crate) mod program;
mod program_copy;
pub(crate) mod rights;
mod strays;

pub(crate) use self::job::{PluginEvent, PluginOutcome};
pub(crate) use self::jobs::Plugins;
