//! What this user has set, and what is kept for this user: how the terminal is to be, and where that
//! is written down. Knows nothing of screens or links.

use std::path::PathBuf;

use crate::preferences::Preferences;

/// What this user has set.
#[derive(Debug, Default)]
pub struct Person {
    /// How the terminal is to be.
    pub preferences: Preferences,
    /// The config file, whether it is there or not; none where no place is known for it.
    pub config_file: Option<PathBuf>,
    /// The editor's command line.
    pub editor: String,
    /// A text for which the editor is to be started.
    pub wants_editor: Option<String>,
}
