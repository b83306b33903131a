//! Fuzzes the client's config file. The client reads the file at every start, and `\set` edits it although its user has
//! written it.

use std::fs;
use std::path::Path;

use hobnob::cli::Cli;
use hobnob::config::preferences::Preferences;
use hobnob::config::{self, Settings, edit};

/// Checks that a file which was read can be edited. Afterwards the file has the new preferences, and all of its other
/// settings are unchanged.
///
/// # Panics
/// Panics if this does not hold.
pub fn run(data: &[u8]) {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let path = folder.path().join("config.toml");
    fs::write(&path, data).expect("there is room for the file");
    let Some(before) = settings(&path) else { return };
    for preferences in [before.preferences.clone(), Preferences::default()] {
        edit::save(&path, &preferences).expect("what was read can be edited");
        let after = settings(&path).expect("what was edited can be read");
        assert_eq!(after, Settings { preferences, ..before.clone() });
    }
}

fn settings(path: &Path) -> Option<Settings> {
    let cli = Cli { config: Some(path.to_owned()), ..Cli::default() };
    config::settings(cli, &|_| None).ok()
}
