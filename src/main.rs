//! The client's entry: parses the command line, builds the runtime, turns the outcome into an exit
//! code. Nothing else.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use hobnob::cli::Cli;
use hobnob::{config, start};

/// Wrong usage, or a file that cannot be used.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(err) => {
            // Standard error may be closed; there is no one left to tell.
            let _untold = writeln!(std::io::stderr(), "hobnob: {err:#}");
            ExitCode::from(err.downcast_ref::<start::Refused>().map_or(USAGE, |refused| refused.exit))
        }
    }
}

fn run() -> anyhow::Result<ExitCode> {
    let settings = config::settings(Cli::parse(), &|name| std::env::var_os(name))?;
    // A client is idle most of its life; two threads keep a hosted lobby apart from its screen.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let code = runtime.block_on(start::run(settings));
    // A thread that reads standard input cannot be woken; it ends with the process.
    runtime.shutdown_background();
    code
}
