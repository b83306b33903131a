//! From the settings to a run, and from the end of the run to an exit code. The steps are the name, the key, the lobby,
//! the listener for peers and the screen. This file owns the order of these steps, and what is said if one of them
//! fails.

pub mod chat_name;
pub mod exit_code;
pub mod host;
pub mod join;
pub mod logging;
pub mod signals;
mod whereabouts;
mod writable_by_others;

use std::collections::HashMap;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use hobnob_protocol::chain::Seq;
use hobnob_protocol::content::ShortText;
use hobnob_protocol::identity::Identity;
use hobnob_protocol::ids::RunId;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;
use tokio::sync::mpsc;

use crate::app::completion::Completion;
use crate::app::event::Signal;
use crate::app::{App, InputSource, Sources};
use crate::config::{Settings, Since};
use crate::data::identities;
use crate::data::table::Table;
use crate::lobby::connect::ConnectError;
use crate::screen::folding::Folding;
use crate::start::chat_name::BadName;
use crate::start::exit_code::{FAILED, KEY_CHANGED, NO_LOBBY, USAGE};
use crate::start::join::{Joining, Lobby};
use crate::start::whereabouts::Whereabouts;

use crate::client::keeping::Keeping;
use crate::client::user::User;
use crate::data::history::History;
use crate::data::history::entry::{Mark, Reader};
use crate::input::script;
use crate::peer::{PeerConfig, PeerNetwork};
use crate::plugins::{PluginEvent, Plugins};
use crate::repl::{self, ReplOptions};
use crate::screen::pipe::PipeWriter;
use crate::screen::recorder::Recorder;
use crate::screen::{Form, Screen, Sink};
use crate::session::SessionId;
use crate::show::failing::Worded;
use crate::show::human::Human;
use crate::show::terminal::TerminalForm;
use crate::show::{ErrorCode, Failure, Notice, failing, saying};
use crate::timestamp;

use crate::client::{ExitVerdict, Given, Me, State};
use crate::data::trust::Trust;

/// How many events of peers may wait for the app. When the queue is full, the links stop reading.
const PEER_EVENT_QUEUE: usize = 1024;

/// How many lines of programs may wait for the app. When the queue is full, the programs wait.
const PLUGIN_EVENT_QUEUE: usize = 64;

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

/// Runs the client.
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

async fn on_pipe(settings: Settings, form: Form, mut signals: mpsc::Receiver<Signal>) -> Result<ExitCode> {
    let (writer, output_closed) = PipeWriter::start()?;
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

/// A client that has joined the lobby, before there is a screen and an input for its user.
struct Run {
    lobby: Lobby,
    hosted: bool,
    notices: Vec<Notice>,
    network: PeerNetwork,
    peer_events: mpsc::Receiver<crate::peer::PeerEvent>,
    trust: Trust,
    strangers: usize,
    keeping: Keeping,
    identity: Identity,
    wished: UserName,
    user: User,
    since: Since,
    plugins: Plugins,
    plugin_events: mpsc::Receiver<PluginEvent>,
}

async fn begin(settings: &Settings, name: UserName, reader: Reader) -> Result<Run, StartFailure> {
    make_data_dir(&settings.data_dir)?;
    let kept = |file: &str| Table::open(settings.data_dir.join(file)).map_err(anyhow::Error::msg);
    let (aliases, ignored) = (kept("aliases.toml")?, kept("ignored.toml")?);
    let trust = Trust::open(&settings.data_dir).map_err(|err| StartFailure::usage(&err.into()))?;
    let identity =
        identities::of(&settings.data_dir, &name).map_err(|err| StartFailure::usage(&err.into()))?;
    let (peer_event_tx, peer_events) = mpsc::channel(PEER_EVENT_QUEUE);
    let pins = trust.clone();
    let peer_config = PeerConfig {
        identity: identity.clone(),
        listen: settings.listen,
        pinned: Arc::new(move |key| pins.knows_user_key(key)),
        path: settings.path,
    };
    let network = PeerNetwork::start(peer_config, peer_event_tx)
        .await
        .with_context(|| format!("--listen {}: peers could not reach this client", settings.listen))?;
    let whereabouts = Arc::new(Whereabouts::new(settings.advertise.clone(), &network));
    let left_out = Arc::clone(&whereabouts);
    let (history, trouble) = open_history(settings, &name);
    let marks = history.marks(reader).unwrap_or_else(|err| {
        tracing::warn!(%err, "how far the lobby was read cannot be told");
        HashMap::new()
    });
    let rooms = rooms_of(&history, reader);
    let joining = Joining {
        choice: settings.lobby.clone(),
        data_dir: settings.data_dir.clone(),
        identity: identity.clone(),
        name: name.clone(),
        run: RunId::random(),
        candidates: Whereabouts::candidates(whereabouts),
        port: network.port(),
        trust: trust.clone(),
        since: settings.since.lobby.map(Seq),
        marks,
        rooms,
    };
    let (lobby, mut notices) = join::lobby(joining).await.map_err(|failure| {
        let (exit, code) = match failure.error {
            _ if failure.is_trust_unreadable => (USAGE, ErrorCode::Usage),
            Some(ConnectError::KeyChanged { .. }) => (KEY_CHANGED, ErrorCode::KeyChanged),
            Some(ConnectError::KeptOut) => (NO_LOBBY, ErrorCode::Banned),
            Some(ConnectError::Refused(ref refused)) => (NO_LOBBY, ErrorCode::of_refusal(refused.code)),
            _ => (NO_LOBBY, ErrorCode::LobbyDown),
        };
        StartFailure::new(exit, Worded::new(code, failure))
    })?;
    network.dial_rules().lobby_has_key(lobby.joined.server);
    notices.extend(trouble);
    notices.extend(left_out.notice());
    let exposed = writable_by_others::find(&settings.data_dir, settings.config_file.as_deref());
    let exposed = exposed.iter().map(|it| {
        let (path, mode, is_folder) = (it.path.as_path(), it.mode, it.is_folder);
        saying::Start::WritableByOthers { path, mode, is_folder }.into()
    });
    let notices: Vec<Notice> = exposed.chain(notices).collect();
    let keeping = Keeping::new(history, (identity.public(), name.clone()), reader);
    tracing::info!(server = %lobby.address, name = ?lobby.joined.welcome.name.as_str(), "in the lobby");
    let hosted = lobby.host.is_some();
    let (plugin_event_tx, plugin_events) = mpsc::channel(PLUGIN_EVENT_QUEUE);
    let plugins = Plugins::new(settings.command_dirs.clone(), &settings.data_dir, plugin_event_tx);
    Ok(Run {
        lobby,
        hosted,
        notices,
        network,
        peer_events,
        trust,
        strangers: settings.strangers,
        keeping,
        identity,
        wished: name,
        user: User {
            preferences: settings.preferences.clone(),
            config_file: settings.config_file.clone(),
            editor: settings.editor.clone(),
            aliases,
            ignored,
            ..User::default()
        },
        since: settings.since.clone(),
        plugins,
        plugin_events,
    })
}

/// Returns the rooms that a person was in at the end of the last run. A run on a pipe begins without rooms.
fn rooms_of(history: &History, reader: Reader) -> HashMap<PublicKey, Vec<(RoomName, Mark)>> {
    let rooms = match reader {
        Reader::Person => history.rooms(reader),
        Reader::Script => Ok(HashMap::new()),
    };
    rooms.unwrap_or_else(|err| {
        tracing::warn!(%err, "which rooms this user is in cannot be told");
        HashMap::new()
    })
}

/// Opens the history of this machine, and returns what the user has to know about it. If the history is not usable,
/// nothing is kept, and the user can chat nevertheless.
fn open_history(settings: &Settings, name: &UserName) -> (History, Option<Notice>) {
    if !settings.history {
        return (History::off(), None);
    }
    match History::open(&settings.data_dir, name, settings.history_size) {
        Ok((history, None)) => (history, None),
        Ok((history, Some(trouble))) => {
            (history, Some(saying::Start::NotBroughtOver { reason: &trouble }.into()))
        }
        Err(err) => (History::off(), Some(saying::Start::NothingKept { reason: &err }.into())),
    }
}

impl Run {
    /// Runs the client to its end, and then closes everything.
    async fn go(
        self,
        screen: Screen,
        completion: Completion,
        input: InputSource,
        signals: mpsc::Receiver<Signal>,
        output_closed: Option<tokio::sync::oneshot::Receiver<()>>,
    ) -> ExitVerdict {
        let welcome = &self.lobby.joined.welcome;
        let me = Me { name: welcome.name.clone(), fingerprint: self.identity.public().fingerprint() };
        let mut state = State::new(Given {
            me,
            network: Some(self.network),
            lobby: self.lobby.handle,
            head: welcome.head.seq.0,
            since_in_rooms: self.since.rooms,
            keeping: self.keeping,
            trust: self.trust.of_lobby(&self.lobby.joined.server),
            strangers: self.strangers,
            user: self.user,
            plugins: self.plugins,
            screen,
        });
        self.notices.into_iter().for_each(|notice| state.emit(notice));
        state.emit(Notice::Welcome {
            name: welcome.name.clone(),
            server: self.lobby.address,
            hosted: self.hosted,
            session: SessionId::LOBBY,
            fingerprint: state.me.fingerprint.clone(),
            key_exchange: self.lobby.joined.key_exchange.clone(),
        });
        if welcome.name != self.wished {
            let (wished, name) = (&self.wished, &welcome.name);
            state.emit(saying::Start::NameTaken { wished, name }.into());
        }
        if let Some(since) = self.since.lobby {
            state.tell_of_since(SessionId::LOBBY, since, welcome.head.seq.0, welcome.start.seq.0);
        }
        state.operates(welcome.operator);
        if let Some(motd) = &welcome.motd {
            state.emit(Notice::Motd { text: motd.as_str().to_owned() });
        }
        state.topic_is(SessionId::LOBBY, welcome.topic.as_ref().map(ShortText::as_str));
        self.lobby.rooms.into_iter().for_each(|(room, mark)| state.return_to_room(room, mark));
        state.begin_reading(self.lobby.mark, &self.lobby.joined, self.since.lobby.is_some());
        state.learn_names();
        state.learn_rooms();
        let sources = Sources {
            lobby: self.lobby.events,
            peers: self.peer_events,
            plugins: self.plugin_events,
            signals,
            output_closed,
        };
        let mut state = App::new(state, completion, sources, input).run().await;
        state.end_reading();
        state.plugins.close();
        if let Some(network) = state.private_links.take_network() {
            network.close().await;
        }
        if let Some(host) = self.lobby.host {
            host.stop().await;
        }
        let verdict = state.verdict;
        close_screen(state.screen).await;
        verdict
    }
}

/// Closes the screen after everything was shown. If the reader of a pipe takes nothing, this waits until the reader
/// takes it or is gone.
async fn close_screen(screen: Screen) {
    match screen.close().await {
        // The input source also held the line editor, and has ended with the app.
        Sink::Terminal(repl) => {
            if let Some(repl) = Arc::into_inner(repl) {
                repl.close();
            }
        }
        Sink::Pipe(writer) => writer.finish(),
        Sink::Held => {}
    }
}

fn make_data_dir(path: &Path) -> Result<()> {
    hobnob_protocol::identity::create_private_dir(path)
        .with_context(|| format!("the data directory {} cannot be made", path.display()))
}
