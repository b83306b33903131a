//! The home directory of a person, and the environment of a program that is started in it: nothing of the environment
//! of the user who runs the tests is in it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;

/// A temporary home. Clones share it, and the last one removes it.
#[derive(Clone)]
pub(crate) struct Home(Arc<TempDir>);

impl Home {
    /// Makes a new, empty home.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self(Arc::new(tempfile::tempdir().unwrap()))
    }

    /// Returns the path of the home.
    #[must_use]
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Returns hobnob's XDG data directory in this home.
    #[must_use]
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.path().join("data/hobnob")
    }

    /// Returns the path of the key file of a name.
    #[must_use]
    pub(crate) fn key_file(&self, name: &str) -> PathBuf {
        self.data_dir().join(format!("identities/{name}.key"))
    }

    /// Reduces the environment of `command` to what a program needs in this home.
    pub(crate) fn furnish(&self, command: &mut Command) {
        command.env_clear();
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command.env("HOME", self.path()).env("TERM", "dumb").env("LANG", "C.UTF-8");
        for (variable, directory) in [
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_DATA_HOME", "data"),
            ("XDG_STATE_HOME", "state"),
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_RUNTIME_DIR", "run"),
        ] {
            command.env(variable, self.path().join(directory));
        }
        command.current_dir(self.path());
    }

    /// Writes the configuration file at its default place.
    pub(crate) fn write_config(&self, toml: &str) {
        let directory = self.path().join("config/hobnob");
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("config.toml"), toml).unwrap();
    }
}
