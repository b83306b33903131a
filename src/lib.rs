//! The hobnob client: a REPL on a terminal, a script runner on a pipe.
//!
//! [`start`] puts a run together and [`app`] is its one loop; docs/ARCHITECTURE.md has the map.

pub mod app;
pub mod cli;
pub mod client;
pub mod commands;
pub mod config;
pub mod data;
pub mod input;
pub mod lobby;
pub mod peer;
pub mod plugins;
pub mod repl;
pub mod screen;
pub mod session;
pub mod show;
pub mod start;
pub mod subcommands;
pub mod timestamp;
