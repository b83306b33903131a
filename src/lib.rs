//! The hobnob client: a line editor on a terminal, a script runner on a pipe.
//!
//! [`start`] puts a run together, and `app` is its one loop; docs/ARCHITECTURE.md has the map. The public items are
//! those that the program, the tests beside it, the yardstick and the fuzzing use; everything else is only for this
//! crate.

pub(crate) mod app;
pub mod cli;
pub(crate) mod client;
pub mod commands;
pub mod config;
pub(crate) mod data;
pub mod input;
pub mod lobby;
pub mod peer;
pub(crate) mod plugins;
pub mod repl;
pub(crate) mod screen;
pub mod session;
pub mod show;
pub mod start;
pub mod subcommands;
pub(crate) mod timestamp;
