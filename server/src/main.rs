//! The program `hobnob-server`: it parses the command line, sets up logging and signals, and turns the result into an
//! exit code. It does nothing else.

mod cli;
mod manual;
#[cfg(feature = "nats")]
mod nats;
mod signals;

use std::io::{self, Write};
use std::num::NonZero;
use std::path::Path;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::{CommandFactory, Parser};
use hobnob_protocol::harmless::harmless;
use hobnob_server::backup::{Backup, BackupError};
use hobnob_server::log::check::verify;
#[cfg(feature = "nats")]
use hobnob_server::shared_lobby::found::Report;
use hobnob_server::status::Status;
use hobnob_server::{Server, ServerConfig};
use tokio::runtime::{Builder, Runtime};
use tracing_subscriber::EnvFilter;

use crate::cli::{Cli, Command, LogFormat, Options};

/// The most worker threads. Further ones would only wait for the lobby.
const MAX_WORKERS: usize = 4;

/// How long the runtime may take to end the remaining tasks after the server has ended.
const RUNTIME_END: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(answer) => return told(&answer),
    };
    match &cli.command {
        Some(Command::Verify { data_dir }) => return exit_code(check_log(data_dir.as_deref())),
        Some(Command::Backup { dir, data_dir }) => return exit_code(back_up(data_dir.as_deref(), dir)),
        #[cfg(feature = "nats")]
        Some(Command::Status { data_dir, nats }) => return exit_code(status(data_dir.as_deref(), nats)),
        #[cfg(not(feature = "nats"))]
        Some(Command::Status { data_dir }) => return exit_code(tell_status(data_dir.as_deref()).map(drop)),
        #[cfg(feature = "nats")]
        Some(Command::Found { data_dir, rooms, nats }) => {
            return exit_code(found(data_dir.as_deref(), *rooms, nats));
        }
        Some(Command::Completions { shell }) => return exit_code(print(&manual::completions(*shell))),
        Some(Command::Man) => return exit_code(manual::page().and_then(|page| print(&page))),
        None => {}
    }
    match options(cli) {
        Ok(options) => exit_code(serve(&options)),
        Err(err) => told(&Cli::command().error(clap::error::ErrorKind::ValueValidation, format!("{err:#}"))),
    }
}

/// Prints what is wrong with the command line, or the page that was asked for.
fn told(answer: &clap::Error) -> ExitCode {
    if !answer.use_stderr() {
        answer.exit();
    }
    // The error repeats arguments, which may come from somebody else: names of files, or pasted text.
    let _nobody_reads = io::stderr().write_all(harmless(&answer.render().to_string(), "").as_bytes());
    u8::try_from(answer.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// Returns the exit code 0 or 1. The error is printed here and nowhere else.
fn exit_code(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            let _nobody_reads = writeln!(io::stderr(), "error: {}", harmless(&format!("{err:#}"), ""));
            ExitCode::FAILURE
        }
    }
}

/// Puts together the options of the command line, the environment and the file, and sets up logging.
fn options(cli: Cli) -> anyhow::Result<Options> {
    let file = cli.config.as_deref().map_or_else(|| Ok(Options::default()), Options::read)?;
    let options = cli.options.or(file);
    let filter = EnvFilter::builder()
        .parse(options.log.as_deref().unwrap_or("info"))
        // The text of this error includes its cause. If the cause were kept as well, it would be printed twice.
        .map_err(|err| anyhow::anyhow!("--log takes error, warn, info, debug or trace: {err}"))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(false);
    match options.log_format.unwrap_or(LogFormat::Text) {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(options)
}

fn check_log(data_dir: Option<&Path>) -> anyhow::Result<()> {
    let report = verify(&cli::data_dir(data_dir)?.join("server"))?;
    writeln!(io::stdout(), "{report}")?;
    Ok(())
}

fn back_up(data_dir: Option<&Path>, dir: &Path) -> anyhow::Result<()> {
    let data_dir = cli::data_dir(data_dir)?;
    let runtime = runtime().context("cannot start the runtime")?;
    let made: anyhow::Result<_> = runtime.block_on(async {
        // The signals are taken before anything is made, so that a signal never leaves the backup half made.
        signals::outgrown_files_are_errors().context("cannot take signals")?;
        let cut_short = signals::Ending::taken(true).context("cannot take signals")?.wait();
        let backup = Arc::new(Backup::begin(dir)?);
        let making = Arc::clone(&backup);
        let making = tokio::task::spawn_blocking(move || making.make(&data_dir));
        tokio::select! {
            made = making => Ok(made.context("the backup ended unexpectedly")??),
            () = cut_short => {
                backup.cut_short();
                Err(BackupError::CutShort.into())
            }
        }
    });
    runtime.shutdown_timeout(RUNTIME_END);
    writeln!(io::stdout(), "{}", made?)?;
    Ok(())
}

fn tell_status(data_dir: Option<&Path>) -> anyhow::Result<Status> {
    let status = Status::of(&cli::data_dir(data_dir)?.join("server"));
    writeln!(io::stdout(), "{status}")?;
    Ok(status)
}

#[cfg(feature = "nats")]
fn status(data_dir: Option<&Path>, options: &nats::NatsOptions) -> anyhow::Result<()> {
    let status = tell_status(data_dir)?;
    let Some(settings) = options.settings()? else { return Ok(()) };
    let runtime = runtime().context("cannot start the runtime")?;
    let told = runtime.block_on(nats::NatsOrder::state(settings, status.place()));
    runtime.shutdown_timeout(RUNTIME_END);
    writeln!(io::stdout(), "{}", told?)?;
    Ok(())
}

#[cfg(feature = "nats")]
fn found(data_dir: Option<&Path>, rooms: Option<u32>, options: &nats::NatsOptions) -> anyhow::Result<()> {
    let settings = options.settings()?.context("found needs --nats")?;
    let dir = cli::data_dir(data_dir)?.join("server");
    let rooms = rooms.map_or(ServerConfig::DEFAULT_ROOMS, |rooms| rooms as usize);
    let runtime = runtime().context("cannot start the runtime")?;
    let report = runtime.block_on(async {
        let order = nats::NatsOrder::reach(settings).await?;
        anyhow::Ok(hobnob_server::shared_lobby::found::found(&dir, rooms, &order).await?)
    });
    runtime.shutdown_timeout(RUNTIME_END);
    let Report { head, messages, names, rooms_left } = report?;
    writeln!(
        io::stdout(),
        "the lobby is founded up to message {head}; {messages} messages and {names} names were published. Start \
         hobnob-server with the same --nats and --lobby"
    )?;
    if rooms_left > 0 {
        writeln!(io::stdout(), "{rooms_left} rooms and what was said in them are not taken over")?;
    }
    Ok(())
}

fn print(text: &[u8]) -> anyhow::Result<()> {
    io::stdout().write_all(text).context("cannot write to standard output")
}

/// Returns the runtime, with a worker thread for every second core. What a text costs is done by the lobby's one task,
/// including the writes to each client, and by the log's thread. More workers would only wake one another.
fn runtime() -> io::Result<Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    Builder::new_multi_thread().worker_threads((cores / 2).clamp(1, MAX_WORKERS)).enable_all().build()
}

#[cfg(feature = "nats")]
async fn bind(config: ServerConfig, options: &Options) -> anyhow::Result<Server> {
    let Some(settings) = options.nats.settings()? else { return Ok(Server::bind(config).await?) };
    let order = nats::NatsOrder::reach(settings).await?;
    nats::tell_of_durability(options.nats.nats_monitor.as_deref()).await;
    Ok(Server::bind_shared(config, &order).await?)
}

#[cfg(not(feature = "nats"))]
async fn bind(config: ServerConfig, _options: &Options) -> anyhow::Result<Server> {
    Ok(Server::bind(config).await?)
}

fn serve(options: &Options) -> anyhow::Result<()> {
    let config = options.config()?;
    let runtime = runtime().context("cannot start the runtime")?;
    let result = runtime.block_on(async {
        // Signals are taken before anything else, so that a signal never finds the server half started.
        signals::outgrown_files_are_errors().context("cannot take signals")?;
        let rereads = options.operators.is_some();
        let mut hangups = rereads.then(signals::Hangups::taken).transpose().context("cannot take signals")?;
        let mut shutdown = pin!(signals::Ending::taken(!rereads).context("cannot take signals")?.wait());
        let server = tokio::select! {
            server = bind(config, options) => server?,
            // A long log takes seconds to read, and minutes to bring up to date. What was begun is left as a kill would
            // leave it, which is consistent.
            () = &mut shutdown => return Ok(()),
        };
        let (addr, key) = (server.local_addr(), server.public_key().fingerprint());
        // When the program that started the server does not read its output, that is no reason to stop.
        let _nobody_reads = writeln!(io::stdout(), "hobnob-server listening on {addr}, key {key}")
            .and_then(|()| io::stdout().flush());
        if let Some(metrics) = server.metrics_addr() {
            tracing::info!(%metrics, "metrics are read here");
        }
        let own_files = server.own_files();
        let reread = async {
            while let Some(hangups) = &mut hangups
                && hangups.next().await
            {
                own_files.read_again().await;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            ended = server.run(shutdown) => ended?,
            () = reread => {}
        }
        anyhow::Ok(())
    });
    runtime.shutdown_timeout(RUNTIME_END);
    result
}
