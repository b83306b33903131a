//! The client's entry: it parses the command line, builds the runtime, and turns the outcome into an exit code.

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

/// Writes a text to standard error that was already made harmless.
fn complain(text: &str) {
    // Standard error may be closed; then there is nobody left to tell.
    let _untold = std::io::stderr().write_all(text.as_bytes());
}

/// Returns what the command line asks for. If it asks for a help page or is wrong, prints that and returns the exit
/// code.
fn command_line() -> Result<Cli, ExitCode> {
    Cli::try_parse().map_err(|answer| {
        if !answer.use_stderr() {
            answer.exit();
        }
        // The answer repeats arguments, which may come from somebody else, such as names of files or pasted text.
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
    // This has to be done before there is any other thread.
    terminal::hold_resizes();
    // A client is idle most of the time; the second thread keeps a hosted lobby apart from the client's own screen.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    // The run is a task like those of the links, so a link wakes it without another thread.
    let running = runtime.spawn(start::run(settings));
    let ended = runtime.block_on(running);
    // A thread that reads standard input cannot be woken; it ends with the process.
    runtime.shutdown_background();
    ended.unwrap_or_else(|ended| resume_unwind(ended.into_panic()))
}

/// Runs a subcommand instead of chatting.
fn instead(cli: Cli, env: &dyn Fn(&str) -> Option<std::ffi::OsString>) -> anyhow::Result<ExitCode> {
    let (mut out, mut err) = (std::io::stdout().lock(), std::io::stderr());
    let wanted = env("NO_COLOR").is_none_or(|value| value.is_empty());
    let color = cli.color.unwrap_or(ColorChoice::Auto).paints(out.is_terminal() && wanted);
    let columns = (out.is_terminal() && !terminal::is_dumb()).then(terminal::columns);
    subcommands::run(cli, env, &mut Outputs { out: &mut out, err: &mut err, color, columns })?;
    Ok(ExitCode::SUCCESS)
}
