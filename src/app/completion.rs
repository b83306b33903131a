//! Publishes the words that the editor may complete and hint: commands, aliases, names, sessions. This file decides
//! when the words are built anew: after an event, if a source of the words has changed. Each source counts its own
//! changes, so that no command has to remember to publish.

use std::collections::BTreeMap;
use std::sync::Arc;

use hobnob_protocol::name::UserName;
use tokio::sync::watch;

use crate::client::State;
use crate::commands;
use crate::config::setting::SETTINGS;
use crate::data::word_table::Table;
use crate::plugins::Plugins;
use crate::repl::{Argument, CommandWord, EditorWords};
use crate::session::SessionId;

/// The words that were published last, and the state from which they were made.
#[derive(Debug)]
pub(crate) struct Completion {
    words: watch::Sender<Arc<EditorWords>>,
    published: Option<Published>,
}

/// The state from which the published words were made.
#[derive(Debug)]
struct Published {
    /// The counters of changes in names, sessions, rooms, aliases and ignored users.
    changes: [u64; 5],
    /// The counter of changes in the user's programs.
    plugin_changes: u64,
    /// This user's own name, which is not offered for completion.
    own_name: UserName,
}

impl Completion {
    /// Makes the words for an editor, which borrows them from the receiver. Commands and settings are there at once.
    #[must_use]
    pub(crate) fn new() -> (Self, watch::Receiver<Arc<EditorWords>>) {
        let settings = SETTINGS
            .iter()
            .map(|it| (it.key.to_owned(), it.values().into_iter().map(str::to_owned).collect()));
        let first = EditorWords { settings: settings.collect(), ..commands::words() };
        let (words, receiver) = watch::channel(Arc::new(first));
        (Self { words, published: None }, receiver)
    }

    /// Makes words that nobody reads, for a script, which completes nothing.
    #[must_use]
    pub(crate) fn off() -> Self {
        Self { words: watch::channel(Arc::default()).0, published: None }
    }

    /// Returns the words that were published last.
    pub(super) fn words(&self) -> Arc<EditorWords> {
        self.words.borrow().clone()
    }

    /// Publishes what has changed since the last time.
    pub(super) fn publish(&mut self, state: &State) {
        if self.words.receiver_count() == 0 {
            return;
        }
        let changes = [
            state.known_names.changes(),
            state.sessions.changes(),
            state.rooms.changes(),
            state.user.aliases.changes(),
            state.user.ignored.changes(),
        ];
        let plugin_changes = state.plugins.changes();
        let before = self.published.as_ref();
        let words_differ =
            before.is_none_or(|before| before.changes != changes || before.own_name != state.me.name);
        let commands_differ = before.is_none_or(|before| before.plugin_changes != plugin_changes);
        if !words_differ && !commands_differ {
            return;
        }
        self.words.send_modify(|words| {
            let words = Arc::make_mut(words);
            if words_differ {
                publish_names(words, state);
            }
            if commands_differ {
                publish_commands(words, &state.plugins);
            }
        });
        self.published = Some(Published { changes, plugin_changes, own_name: state.me.name.clone() });
    }
}

fn publish_names(words: &mut EditorWords, state: &State) {
    let lobby = (SessionId::LOBBY, "lobby".to_owned());
    let peers = state.sessions.peers().map(|(id, peer)| (id, peer.peer.to_string()));
    let rooms = state.sessions.rooms().map(|(id, room)| (id, format!("#{}", room.room)));
    words.sessions = std::iter::once(lobby).chain(peers).chain(rooms).collect();
    words.sessions.sort_by_key(|(id, _)| *id);
    words.rooms = state.rooms.known().map(|room| room.as_str().to_owned()).collect();
    let others = state.known_names.iter().filter(|name| **name != state.me.name);
    words.users = others.map(|name| name.as_str().to_owned()).collect();
    words.ignored = state.user.ignored.iter().map(|(_, name)| name.to_owned()).collect();
    words.aliases = alias_words(&state.user.aliases);
}

/// Publishes the commands, including the user's programs. This looks into the folders of the programs.
fn publish_commands(words: &mut EditorWords, plugins: &Plugins) {
    words.commands = commands::words().commands;
    words.own = BTreeMap::new();
    let all = plugins.all();
    words.programs = all.iter().map(|(name, _)| name.clone()).collect();
    for (name, description) in all {
        // One of hobnob's own commands hides a program of the same name.
        let Some(description) = description.filter(|_| commands::find(&name).is_none()) else { continue };
        words.commands.push(CommandWord {
            name: name.clone(),
            aliases: Vec::new(),
            usage: description.usage,
            about: description.about,
            argument: Argument::Text,
        });
        words.own.insert(name, description.words);
    }
}

fn alias_words(aliases: &Table) -> Vec<CommandWord> {
    let word = |(name, text): (&str, &str)| CommandWord {
        name: name.to_owned(),
        aliases: Vec::new(),
        usage: format!("\\{name} [TEXT]"),
        about: format!("stands for: {text}"),
        argument: Argument::Text,
    };
    aliases.iter().map(word).collect()
}
