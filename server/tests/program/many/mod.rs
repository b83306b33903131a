//! One lobby on several servers, over nodes of NATS that the scene starts and harms. On a machine without nats-server
//! the scenes say so and are skipped, except in CI.

mod disagreeing;
mod faults;
mod founding;
mod joining;
#[path = "../../../../nats/tests/node/mod.rs"]
mod node;
mod operators;
mod refusals;
mod rooms;
mod trust;

use std::fs;
use std::path::{Path, PathBuf};

use hobnob_nats::{Link, NatsStream, Settings};
use hobnob_order::OrderedStream;
use hobnob_protocol::chain::{LobbyMessage, LogId, Position};
use hobnob_protocol::message::{Change, Cursor, Hello, ServerMessage, Welcome};
use hobnob_server::decide::Proposals;
use tempfile::TempDir;

use self::node::Nodes;
use crate::stage::{Client, ServerProcess, User};

/// A lobby: its nodes of NATS, and a folder for each of its servers.
struct Lobby {
    nodes: Nodes,
    dir: TempDir,
}

impl Lobby {
    /// Makes a lobby over this many nodes, or `None` if this machine has no nats-server.
    fn over(nodes: usize) -> Option<Self> {
        Some(Self { nodes: node::start(nodes, false)?, dir: tempfile::tempdir().unwrap() })
    }

    /// Returns the data directory of a server.
    fn data_dir(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Starts a server, with the key that all servers of the lobby have.
    fn server(&self, name: &str) -> ServerProcess {
        self.server_with(name, &[])
    }

    /// Starts such a server with more options.
    fn server_with(&self, name: &str, more: &[&str]) -> ServerProcess {
        let dir = self.data_dir(name);
        let (key, own) = (self.dir.path().join("server.key"), dir.join("server/server.key"));
        if key.exists() && !own.exists() {
            make_private_folder(&dir.join("server"));
            fs::copy(&key, &own).unwrap();
        }
        let server = ServerProcess::start(&dir, &[&self.options(), more].concat());
        if !key.exists() {
            fs::copy(&own, &key).unwrap();
        }
        server
    }

    /// Drops everything from the stream, as if it were a week old.
    async fn forget_all(&self) {
        let settings = Settings {
            urls: self.nodes.urls(),
            lobby: "scene".parse().unwrap(),
            credentials: None,
            ca: None,
            client_certificate: None,
            replicas: None,
        };
        let link = Link::connect(&settings).await.unwrap();
        let (stream, _) = NatsStream::<Proposals>::find(link, &settings.lobby).await.unwrap().unwrap();
        let (_, newest) = stream.bounds().await.unwrap();
        stream.forget(newest).await;
    }

    fn options(&self) -> [&str; 4] {
        ["--nats", self.urls(), "--lobby", "scene"]
    }

    fn urls(&self) -> &str {
        self.nodes.joined()
    }
}

fn make_private_folder(dir: &Path) {
    hobnob_protocol::identity::create_private_dir(dir).unwrap();
}

/// Returns the cursor of a client that has read up to `last`.
fn cursor(log: LogId, last: &LobbyMessage) -> Option<Cursor> {
    Some(Cursor { log, position: Position { seq: last.seq, hash: last.hash } })
}

/// Returns the hello of the same run, which reads on after `last`.
fn hello_again(user: &User, welcome: &Welcome, last: &LobbyMessage) -> Hello {
    Hello { cursor: cursor(welcome.log, last), ..user.hello() }
}

/// Waits until this client is told of that change.
async fn told_of(client: &mut Client, change: &Change) {
    client
        .find(|message| match message {
            ServerMessage::Presence { changes, .. } => changes.contains(change).then_some(()),
            _ => None,
        })
        .await;
}

fn joined(name: &str) -> Change {
    Change::Joined(name.parse().unwrap())
}

fn left(name: &str) -> Change {
    Change::Left(name.parse().unwrap())
}
