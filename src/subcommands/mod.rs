//! The subcommands: what `hobnob` does besides chatting, with a file for each. They write to the outputs that they are
//! given, and know nothing of links.

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
    /// The output for what the user asked for.
    pub out: &'a mut dyn Write,
    /// The output for errors and notes.
    pub err: &'a mut dyn Write,
    /// Whether `out` may have colours.
    pub color: bool,
    /// How many columns `out` has, if it is a terminal on which text can be drawn.
    pub columns: Option<usize>,
}

/// Runs the subcommand. If the reader of the output goes away early, that is not a failure.
///
/// # Errors
/// Fails if a file cannot be read, or if an output cannot be written.
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
