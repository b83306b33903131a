//! From the settings to a run, and from the end of the run to an exit code. A run is at a terminal or on a pipe; this
//! file gives it its name, its input and its screen, and owns what is said if it fails before it begins.

pub mod chat_name;
pub mod exit_code;
pub mod host;
pub mod join;
pub mod logging;
mod run;
pub mod signals;
mod whereabouts;
mod writable_by_others;

use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::sync::mpsc;

use self::run::begin;
use crate::app::InputSource;
use crate::app::completion::Completion;
use crate::app::event::Signal;
use crate::client::ExitVerdict;
use crate::config::Settings;
use crate::data::history::entry::Reader;
use crate::input::script;
use crate::repl::{self, ReplOptions};
use crate::screen::folding::Folding;
use crate::screen::pipe::PipeWriter;
use crate::screen::recorder::Recorder;
use crate::screen::{Form, Screen, Sink};
use crate::show::failing::Worded;
use crate::show::human::Human;
use crate::show::terminal::TerminalForm;
use crate::show::{ErrorCode, Failure, Notice, failing};
use crate::start::chat_name::BadName;
use crate::start::exit_code::{FAILED, KEY_CHANGED, NO_LOBBY, USAGE};
use crate::timestamp;

/// How many files this client may have open at once. Each private session needs a socket, and so do outgoing and
/// incoming connection attempts. All of these have limits, and together they need fewer.
const OPEN_FILES: u64 = 4096;

/// Why a run ended before it began.
#[derive(Debug, thiserror::Error)]
#[error("{}", failure.text)]
pub struct StartFailure {
    failure: Failure,
    /// The code with which the program has to exit.
    pub exit: u8,
}

impl StartFailure {
    fn new(exit: u8, failure: impl Into<Failure>) -> Self {
        Self { failure: failure.into(), exit }
    }

    fn usage(err: &anyhow::Error) -> Self {
        Self::new(USAGE, failing::Start::Unusable(format!("{err:#}")))
    }
}

impl From<BadName> for StartFailure {
    fn from(err: BadName) -> Self {
        Self::new(USAGE, Worded::new(ErrorCode::BadName, err))
    }
}

impl From<anyhow::Error> for StartFailure {
    fn from(err: anyhow::Error) -> Self {
        Self::usage(&err)
    }
}

/// How this run communicates with its user.
enum Interface {
    /// The user types and reads at a terminal.
    Terminal { color: bool },
    /// Lines are read from a pipe, and notices are written to one in this form.
    Pipe(Form),
}

/// Runs the client from the question for the name to its end, at a terminal or on a pipe.
///
/// # Errors
/// Fails if the client cannot even show an error in the form that was asked for.
pub async fn run(settings: Settings) -> Result<ExitCode> {
    let interface = interface(&settings);
    start_logging(&settings, matches!(interface, Interface::Terminal { .. }))?;
    raise_file_limit();
    let signals = signals::watch()?;
    match interface {
        Interface::Terminal { color } => at_terminal(settings, color, signals).await,
        Interface::Pipe(form) => {
            if matches!(form, Form::Json) {
                timestamp::tell_in_utc();
            }
            on_pipe(settings, form, signals).await
        }
    }
}

fn interface(settings: &Settings) -> Interface {
    let terminal = io::stdin().is_terminal() && io::stdout().is_terminal() && !repl::terminal::is_dumb();
    let color = settings.color.paints(terminal);
    match (settings.json, terminal) {
        (true, _) => Interface::Pipe(Form::Json),
        (false, true) => Interface::Terminal { color },
        (false, false) => Interface::Pipe(Form::Human(Human { color })),
    }
}

/// Raises the limit of open files. Many systems allow a program only 1,024 files unless it asks for more.
fn raise_file_limit() {
    match rlimit::increase_nofile_limit(OPEN_FILES) {
        Ok(limit) if limit < OPEN_FILES => {
            tracing::info!(limit, wanted = OPEN_FILES, "fewer open files are allowed than might be needed");
        }
        Ok(_) => {}
        Err(err) => tracing::warn!(%err, "cannot raise the number of open files"),
    }
}

fn recorder(settings: &Settings) -> Result<Option<Recorder>> {
    let open = |path: &Path| {
        Recorder::open(path).with_context(|| format!("--record {}: it cannot be written", path.display()))
    };
    settings.record.as_deref().map(open).transpose()
}

fn start_logging(settings: &Settings, terminal: bool) -> Result<()> {
    let file = match (&settings.log_file, terminal) {
        (Some(file), _) => Some(file.clone()),
        // At a terminal, standard error is the screen, so a file is used.
        (None, true) => Some(settings.data_dir.join("hobnob.log")),
        (None, false) => None,
    };
    let level = match (&settings.log, &settings.log_file) {
        (Some(level), _) => level.as_str(),
        (None, Some(_)) => "info",
        (None, None) => return Ok(()),
    };
    if terminal && settings.log_file.is_none() {
        make_data_dir(&settings.data_dir)?;
    }
    logging::start(level, file.as_deref())
}

async fn on_pipe(settings: Settings, form: Form, signals: mpsc::Receiver<Signal>) -> Result<ExitCode> {
    let (mut signals, reader_limit) = signals::limit_reader(signals);
    let (writer, output_closed) = PipeWriter::start(reader_limit)?;
    let mut lines = script::start(settings.json)?;
    let mut screen = Screen::new(form, Sink::Pipe(writer), recorder(&settings)?);
    let begun = async {
        let name = match &settings.name {
            Some(name) => chat_name::parse(name)?,
            None if io::stdin().is_terminal() => chat_name::ask_plainly(&mut lines).await?,
            None => chat_name::from_script(&mut lines).await?,
        };
        begin(&settings, name, Reader::Script).await
    };
    let run = match unless_ended(&mut signals, begun).await {
        Ok(run) => run,
        Err(StartFailure { failure, exit }) => {
            screen.emit(&Notice::Error(failure));
            close_screen(screen).await;
            return Ok(ExitCode::from(exit));
        }
    };
    let output_closed = Some(output_closed);
    let verdict = run.go(screen, Completion::off(), InputSource::script(lines), signals, output_closed).await;
    Ok(ExitCode::from(match verdict {
        ExitVerdict::Done => 0,
        ExitVerdict::Failed => FAILED,
        ExitVerdict::SentOut => NO_LOBBY,
        ExitVerdict::KeyChanged => KEY_CHANGED,
    }))
}

async fn at_terminal(
    settings: Settings,
    color: bool,
    mut signals: mpsc::Receiver<Signal>,
) -> Result<ExitCode> {
    let recorder = recorder(&settings)?;
    let _terminal = repl::terminal::guard();
    let begun = async {
        let name = match &settings.name {
            Some(name) => chat_name::parse(name)?,
            None => chat_name::ask(&mut signals).await?,
        };
        unless_ended(&mut signals, begin(&settings, name, Reader::Person)).await
    };
    let run = match begun.await {
        Ok(run) => run,
        Err(failure) => {
            return Err(failure.into());
        }
    };
    let (completion, words) = Completion::new();
    let history_file = Some(settings.data_dir.join("input_history"));
    let (repl, typed) =
        repl::start(ReplOptions { history_file, color, words }).context("the terminal cannot be used")?;
    let repl = Arc::new(repl);
    let now = timestamp::now().instant();
    let mut form = TerminalForm::new(color, jiff::tz::TimeZone::system(), settings.preferences.clone(), now);
    form.takes_links = repl::terminal::takes_links();
    form.takes_titles = repl::terminal::takes_titles();
    let form = Form::Terminal(Box::new(Folding::new(form)));
    let screen = Screen::new(form, Sink::Terminal(Arc::clone(&repl)), recorder);
    let input = InputSource::terminal(repl, typed, color, run.hosted);
    let verdict = run.go(screen, completion, input, signals, None).await;
    // At a terminal, the user has seen which commands failed. Only a changed key and being removed by an operator give
    // an exit code.
    Ok(ExitCode::from(match verdict {
        ExitVerdict::Done | ExitVerdict::Failed => 0,
        ExitVerdict::SentOut => NO_LOBBY,
        ExitVerdict::KeyChanged => KEY_CHANGED,
    }))
}

/// Waits until `begun` is done, unless a signal asks the program to end before.
async fn unless_ended<T>(
    signals: &mut mpsc::Receiver<Signal>,
    begun: impl Future<Output = Result<T, StartFailure>>,
) -> Result<T, StartFailure> {
    tokio::select! {
        biased;
        Some(signal) = signals.recv() => {
            tracing::info!(?signal, "asked to end before the lobby was joined");
            Err(StartFailure::new(NO_LOBBY, failing::Start::AskedToEnd))
        }
        begun = begun => begun,
    }
}

/// Closes the screen after everything was shown. If the reader of a pipe takes nothing, this waits until the reader
/// takes it, is gone, or has had its time after a signal.
async fn close_screen(screen: Screen) {
    match screen.close().await {
        // The input source also held the line editor, and has ended with the app.
        Sink::Terminal(repl) => {
            if let Some(repl) = Arc::into_inner(repl) {
                repl.close();
            }
        }
        // The writer of a pipe has ended already.
        Sink::Pipe(_) | Sink::Held => {}
    }
}

fn make_data_dir(path: &Path) -> Result<()> {
    hobnob_protocol::identity::create_private_dir(path)
        .with_context(|| format!("the data directory {} cannot be made", path.display()))
}
