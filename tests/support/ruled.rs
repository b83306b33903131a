//! A server with an operator, whose key is made before the server is started.

use std::path::{Path, PathBuf};

use hobnob_protocol::identity::Identity;
use tempfile::TempDir;

use super::client::Client;
use super::home::Home;
use super::server::Server;

/// A lobby in which boss is an operator, named by the server's file.
pub(crate) struct Ruled {
    pub(crate) server: Server,
    boss_home: Home,
    file: PathBuf,
    _dir: TempDir,
}

impl Ruled {
    /// Starts the server with no options of the test's own.
    #[track_caller]
    #[must_use]
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts the server with these additional options.
    #[track_caller]
    #[must_use]
    pub(crate) fn start_with(options: &[&str]) -> Self {
        let (dir, boss_home) = (tempfile::tempdir().unwrap(), Home::new());
        let file = dir.path().join("operators");
        std::fs::write(&file, format!("# ours\n{}  # boss\n", fingerprint(&boss_home, "boss"))).unwrap();
        let args = ["--operators", file.to_str().unwrap()];
        let args: Vec<&str> = args.into_iter().chain(options.iter().copied()).collect();
        Self { server: Server::start(&args), boss_home, file, _dir: dir }
    }

    /// Returns the operator's client, in the lobby.
    #[track_caller]
    #[must_use]
    pub(crate) fn boss(&self) -> Client {
        self.server.client("boss").home(self.boss_home()).join()
    }

    /// Returns the home of the operator, for a test in which he is at a terminal.
    #[must_use]
    pub(crate) fn boss_home(&self) -> &Home {
        &self.boss_home
    }

    /// Returns the path of the file that lists the operators.
    #[must_use]
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }
}

/// Returns the fingerprint of the key for this name in this home.
#[must_use]
pub(crate) fn fingerprint(home: &Home, name: &str) -> String {
    let file = home.key_file(name);
    let folder = file.parent().unwrap();
    hobnob_protocol::identity::create_private_dir(home.data_dir().as_path()).unwrap();
    hobnob_protocol::identity::create_private_dir(folder).unwrap();
    Identity::load_or_create(&file).unwrap().public().fingerprint().to_string()
}
