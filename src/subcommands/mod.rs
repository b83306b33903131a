//! What `hobnob` does besides chatting: one module each. They write to what they are given and know
//! nothing of links.

pub mod completions;
pub mod config;
pub mod log;
pub mod man;
pub mod replay;

use std::io::{self, Write};

use anyhow::Result;

use crate::cli::{Cli, Subcommands};

/// Where a subcommand writes.
pub struct Outputs<'a> {
    /// What was asked for.
    pub out: &'a mut dyn Write,
    /// What went wrong on the way.
    pub err: &'a mut dyn Write,
    /// Whether `out` may carry colour.
    pub color: bool,
    /// How many columns `out` has, where it is a terminal that can be drawn on.
    pub columns: Option<usize>,
}

/// Does it; a reader that goes away early is no failure.
///
/// # Errors
/// When a file cannot be read, or the output not be written.
pub fn run(
    cli: Cli,
    env: &dyn Fn(&str) -> Option<std::ffi::OsString>,
    outputs: &mut Outputs<'_>,
) -> Result<()> {
    let done = match cli.subcommand.clone() {
        Some(Subcommands::Completions { shell }) => completions::run(shell, outputs.out),
        Some(Subcommands::Man) => man::run(outputs),
        Some(Subcommands::Config) => config::run(cli, env, outputs.out),
        Some(Subcommands::Replay { file }) => replay::run(&file, cli, env, outputs),
        Some(Subcommands::Log(options)) => log::run(&options, cli, env, outputs),
        None => Ok(()),
    };
    match done {
        Err(err) if is_reader_gone(&err) => Ok(()),
        done => done,
    }
}

fn is_reader_gone(err: &anyhow::Error) -> bool {
    err.downcast_ref::<io::Error>().is_some_and(|err| err.kind() == io::ErrorKind::BrokenPipe)
}
