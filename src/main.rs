//! The client's entry: parses the command line, builds the runtime, turns the outcome into an exit
//! code. Nothing else.

use std::io::{IsTerminal, Write};
use std::panic::resume_unwind;
use std::process::ExitCode;

use clap::Parser;
use hobnob::cli::{Cli, ColorChoice};
use hobnob::repl::terminal;
use hobnob::start::exit_code;
use hobnob::subcommands::{self, Outputs};
use hobnob::{config, start};

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(err) => {
            // Standard error may be closed; there is no one left to tell.
            let _untold = writeln!(std::io::stderr(), "hobnob: {err:#}");
            ExitCode::from(
                err.downcast_ref::<start::StartFailure>().map_or(exit_code::USAGE, |failure| failure.exit),
            )
        }
    }
}

fn run() -> anyhow::Result<ExitCode> {
    let (cli, env) = (Cli::parse(), |name: &str| std::env::var_os(name));
    if cli.subcommand.is_some() {
        return instead(cli, &env);
    }
    let settings = config::settings(cli, &env)?;
    // Before there is any other thread.
    terminal::hold_resizes();
    // A client is idle most of its life; two threads keep a hosted lobby apart from its screen.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    // A task like the links', so that what they hand it needs no other thread to wake.
    let running = runtime.spawn(start::run(settings));
    let ended = runtime.block_on(running);
    // A thread that reads standard input cannot be woken; it ends with the process.
    runtime.shutdown_background();
    ended.unwrap_or_else(|ended| resume_unwind(ended.into_panic()))
}

/// Does something else than chatting.
fn instead(cli: Cli, env: &dyn Fn(&str) -> Option<std::ffi::OsString>) -> anyhow::Result<ExitCode> {
    let (mut out, mut err) = (std::io::stdout().lock(), std::io::stderr());
    let wanted = env("NO_COLOR").is_none_or(|value| value.is_empty());
    let color = cli.color.unwrap_or(ColorChoice::Auto).paints(out.is_terminal() && wanted);
    let columns = (out.is_terminal() && !terminal::is_dumb()).then(terminal::columns);
    subcommands::run(cli, env, &mut Outputs { out: &mut out, err: &mut err, color, columns })?;
    Ok(ExitCode::SUCCESS)
}
