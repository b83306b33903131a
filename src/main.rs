//! The client's entry: parses the command line, builds the runtime, turns the outcome into an exit
//! code. Nothing else.

use std::io::{IsTerminal, Write};
use std::panic::resume_unwind;
use std::process::ExitCode;

use clap::Parser;
use hobnob::cli::{Cli, ColorChoice};
use hobnob::repl::terminal;
use hobnob::show::harmless::harmless;
use hobnob::start::exit_code;
use hobnob::subcommands::{self, Outputs};
use hobnob::{config, start};

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(err) => {
            complain(&format!("hobnob: {}\n", harmless(&format!("{err:#}"), "    ")));
            ExitCode::from(
                err.downcast_ref::<start::StartFailure>().map_or(exit_code::USAGE, |failure| failure.exit),
            )
        }
    }
}

/// Writes to standard error what has passed the gate.
fn complain(text: &str) {
    // Standard error may be closed; there is no one left to tell.
    let _untold = std::io::stderr().write_all(text.as_bytes());
}

/// What was asked for on the command line; or the page that was asked for, or what is wrong, and the end.
fn command_line() -> Result<Cli, ExitCode> {
    Cli::try_parse().map_err(|answer| {
        if !answer.use_stderr() {
            answer.exit();
        }
        // It repeats arguments, which may come from somebody else: the names of files, what was pasted.
        complain(&harmless(&answer.render().to_string(), ""));
        ExitCode::from(exit_code::USAGE)
    })
}

fn run() -> anyhow::Result<ExitCode> {
    let env = |name: &str| std::env::var_os(name);
    let cli = match command_line() {
        Ok(cli) => cli,
        Err(code) => return Ok(code),
    };
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
