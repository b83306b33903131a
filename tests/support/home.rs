//! A person's home directory, and the environment a program started in it sees: nothing of whoever
//! runs the tests.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;

/// A temporary home; clones share it, and the last one removes it.
#[derive(Clone)]
pub(crate) struct Home(Arc<TempDir>);

impl Home {
    /// A new, empty one.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self(Arc::new(tempfile::tempdir().unwrap()))
    }

    /// Where it is.
    #[must_use]
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The XDG data directory of hobnob in it.
    #[must_use]
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.path().join("data/hobnob")
    }

    /// The key file of a name.
    #[must_use]
    pub(crate) fn key_file(&self, name: &str) -> PathBuf {
        self.data_dir().join(format!("identities/{name}.key"))
    }

    /// Clears `command`'s environment down to what a program needs to live here.
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
