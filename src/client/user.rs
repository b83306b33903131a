//! What this user has set, and what is kept for this user: how the terminal is to be, and where that
//! is written down. Knows nothing of screens or links.

use std::path::PathBuf;

use hobnob_protocol::away::AwayText;
use hobnob_protocol::name::{PublicKey, UserName};

use crate::client::found::Search;
use crate::client::mentions::Walk;
use crate::config::preferences::Preferences;
use crate::data::table::Table;
use crate::show::Message;

/// What this user has set.
#[derive(Debug, Default)]
pub struct User {
    /// How the terminal is to be.
    pub preferences: Preferences,
    /// The config file, whether it is there or not; none where no place is known for it.
    pub config_file: Option<PathBuf>,
    /// The editor's command line.
    pub editor: String,
    /// A text for which the editor is to be started.
    pub wants_editor: Option<String>,
    /// A command line that removes something, to be run if this user, who is asked, says yes.
    pub wants_yes: Option<String>,
    /// Words of the user's own: name and text.
    pub aliases: Table,
    /// Who is not to be heard, in the lobby or in private: key and the name it had.
    pub ignored: Table,
    /// Why this user is away, while that is so.
    pub away: Option<AwayText>,
    /// Whether something was typed in this run besides the command that ends it.
    pub has_typed: bool,
    /// The last search, for more of it.
    pub search: Option<Search>,
    /// How far back this user has walked through what names him, since he did anything else.
    pub mentions: Option<Walk>,
    /// The last message of this run that named this user.
    pub last_mention: Option<Message>,
}

impl User {
    /// Whether this key is not to be heard.
    #[must_use]
    pub fn ignores(&self, key: &PublicKey) -> bool {
        !self.ignored.is_empty() && self.ignored.get(&key.to_string()).is_some()
    }

    /// Whether a key was ignored under this name. The server tells who comes and goes by name alone.
    #[must_use]
    pub fn ignores_name(&self, name: &UserName) -> bool {
        self.ignored
            .iter()
            .any(|(_, ignored)| ignored.parse().is_ok_and(|ignored: UserName| ignored == *name))
    }
}
