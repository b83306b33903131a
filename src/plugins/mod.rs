//! Commands of the user's own: a program `hobnob-NAME` on the path, or in the config directory's
//! `commands/`, is `\NAME`. One file for each part: [`place`] finds the program, [`describe`] reads
//! what it says of itself, [`grants`] keeps what the user allowed, [`copy`] is what is hashed and run,
//! [`program`] runs it, [`strays`] ends what it left behind, [`asks`] reads what it asks for, [`jobs`] owns the runs,
//! [`rights`] are what a program may be given, and the check of what it asks for, [`failure`] says why one failed. Knows
//! nothing of links. What a program asks for is carried out by [`crate::app`].

pub(crate) mod asks;
pub(crate) mod copy;
pub(crate) mod describe;
pub(crate) mod failure;
pub(crate) mod grants;
pub(crate) mod jobs;
pub(crate) mod place;
pub(crate) mod program;
pub(crate) mod rights;
mod strays;

pub(crate) use self::jobs::{PluginEvent, PluginOutcome, Plugins};
