//! What this user has set, and what is kept for this user: the preferences for the terminal, and where they are saved.
//! This file knows nothing of screens or links.

use std::path::PathBuf;

use hobnob_protocol::away::AwayText;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;

use crate::client::found::Search;
use crate::client::mentions::Walk;
use crate::config::preferences::Preferences;
use crate::data::word_table::Table;
use crate::show::Message;

/// What this user has set, and what the run remembers for this user, such as the last search and the walk through
/// mentions.
#[derive(Debug, Default)]
pub struct User {
    /// The preferences, most of them for the terminal.
    pub preferences: Preferences,
    /// The path of the config file, which need not exist; `None` if no place is known for it.
    pub config_file: Option<PathBuf>,
    /// The command line of the external editor.
    pub editor: String,
    /// A text for which the external editor is to be started.
    pub wants_editor: Option<String>,
    /// A command line that removes something. It is run if this user, who is asked, says yes.
    pub wants_yes: Option<String>,
    /// The user's own commands, which stand for a text: name and text.
    pub aliases: Table,
    /// The users who are ignored, in the lobby and in private: the key, and the name it had.
    pub ignored: Table,
    /// Why this user is away, if he is.
    pub away: Option<AwayText>,
    /// Whether anything was typed in this run, apart from the command that ends it.
    pub has_typed: bool,
    /// The last search, so that more of it can be shown.
    pub search: Option<Search>,
    /// How far back this user has walked through the messages that name him; any text and any other command ends the
    /// walk.
    pub mentions: Option<Walk>,
    /// The last message of this run that named this user.
    pub last_mention: Option<Message>,
}

impl User {
    /// Whether this key is ignored.
    #[must_use]
    pub fn ignores(&self, key: &PublicKey) -> bool {
        !self.ignored.is_empty() && self.ignored.get(&key.to_string()).is_some()
    }

    /// Whether a key was ignored under this name. The server tells who comes and goes only by name.
    #[must_use]
    pub fn ignores_name(&self, name: &UserName) -> bool {
        self.ignored
            .iter()
            .any(|(_, ignored)| ignored.parse().is_ok_and(|ignored: UserName| ignored == *name))
    }
}
