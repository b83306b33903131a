//! Commands of the user's own: a program `hobnob-NAME` on the path, or in the config directory's
//! `commands/`, is `\NAME`. One file for each part: [`place`] finds the program, [`describe`] reads
//! what it says of itself, [`grants`] keeps what the user allowed, [`program`] runs it, [`asks`] reads
//! what it asks for, [`jobs`] owns the runs. Knows nothing of links; what is asked for is carried out by
//! [`crate::app`].

pub mod asks;
pub mod describe;
pub mod grants;
pub mod jobs;
pub mod place;
pub mod program;

pub use self::jobs::{PluginEvent, PluginOutcome, Plugins};
