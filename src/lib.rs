//! The hobnob client: a REPL on a terminal, a script runner on a pipe.
//!
//! [`start`] puts a run together and [`app`] is its one loop; docs/ARCHITECTURE.md has the map.

pub mod aliases;
pub mod app;
pub mod chat_name;
pub mod cli;
pub mod command_error;
pub mod commands;
pub mod config;
pub mod config_edit;
pub mod event;
pub mod folding;
pub mod forks;
pub mod host;
pub mod identities;
pub mod input;
pub mod join;
pub mod kept;
pub mod ledger;
pub mod link_id;
pub mod lobby;
pub mod logging;
pub mod mention;
pub mod output;
pub mod own;
pub mod peer;
pub mod person;
pub mod preferences;
pub mod presence;
pub mod questions;
pub mod recent;
pub mod record;
pub mod recorder;
pub mod repl;
pub mod request;
pub mod screen;
pub mod script;
pub mod session;
pub mod session_id;
pub mod show;
pub mod signals;
pub mod start;
pub mod state;
pub mod subcommands;
pub mod trust;
pub mod watch;
