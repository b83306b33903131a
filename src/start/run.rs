//! A run of the client from the moment it has a name: it joins the lobby, and ends when everything is closed. This file
//! owns the order in which the parts of a run begin and end.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Context;
use hobnob_protocol::chain::Seq;
use hobnob_protocol::content::ShortText;
use hobnob_protocol::identity::Identity;
use hobnob_protocol::ids::RunId;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;
use tokio::sync::mpsc;

use super::{StartFailure, close_screen, make_data_dir, writable_by_others};
use crate::app::completion::Completion;
use crate::app::event::Signal;
use crate::app::{App, InputSource, Sources};
use crate::client::keeping::Keeping;
use crate::client::user::User;
use crate::client::{ExitVerdict, Given, Me, State};
use crate::config::{Settings, Since};
use crate::data::history::History;
use crate::data::history::entry::{Mark, Reader};
use crate::data::identities;
use crate::data::trust::Trust;
use crate::data::word_table::Table;
use crate::lobby::connect::ConnectError;
use crate::peer::{PeerConfig, PeerNetwork};
use crate::plugins::{PluginEvent, Plugins};
use crate::screen::Screen;
use crate::session::SessionId;
use crate::show::failing::Worded;
use crate::show::{ErrorCode, Notice, saying};
use crate::start::exit_code::{KEY_CHANGED, NO_LOBBY, USAGE};
use crate::start::join::{self, Joining, Lobby};
use crate::start::whereabouts::Whereabouts;

/// How many events of peers may wait for the app. When the queue is full, the links stop reading.
const PEER_EVENT_QUEUE: usize = 1024;

/// How many lines of programs may wait for the app. When the queue is full, the programs wait.
const PLUGIN_EVENT_QUEUE: usize = 64;

/// A client that has joined the lobby, before there is a screen and an input for its user.
pub(super) struct Run {
    lobby: Lobby,
    pub(super) hosted: bool,
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

pub(super) async fn begin(settings: &Settings, name: UserName, reader: Reader) -> Result<Run, StartFailure> {
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
    network.dial_filter().lobby_has_key(lobby.joined.server);
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
    pub(super) async fn go(
        self,
        screen: Screen,
        completion: Completion,
        input: InputSource,
        signals: mpsc::Receiver<Signal>,
        output_closed: Option<tokio::sync::oneshot::Receiver<()>>,
    ) -> ExitVerdict {
        let welcome = &self.lobby.joined.welcome;
        let me = Me {
            name: welcome.name.clone(),
            fingerprint: self.identity.public().fingerprint(),
            hosts: self.hosted,
        };
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
        state.tell_unread_private();
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
        state.plugins.close();
        if let Some(network) = state.private_links.take_network() {
            network.close().await;
        }
        if let Some(host) = self.lobby.host {
            host.stop().await;
        }
        let is_all_shown = state.screen.end().await;
        // What the reader of a pipe did not take is missed by the next run.
        if is_all_shown {
            state.end_reading();
        }
        let verdict = match state.verdict {
            ExitVerdict::Done if !is_all_shown => ExitVerdict::Failed,
            verdict => verdict,
        };
        close_screen(state.screen).await;
        verdict
    }
}
