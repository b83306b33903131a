//! One order of batches for many servers, kept by NATS JetStream, and questions from one server to another over NATS.
//! This crate owns everything that is particular to NATS: how servers reach it, the one stream of a lobby, how that
//! stream is followed although nodes die and elect leaders, and how its durability is checked. It implements the traits
//! of `hobnob-order` and nothing else: it does not know what a batch holds, and decides nothing.
//!
//! - `settings`: which nodes, which lobby, and which credentials.
//! - `connection`: the link to NATS. Once it has stood, it is made again whenever it is lost.
//! - `founding`: the stream of a lobby, which the first server makes and all others find.
//! - `shared`: what publishing to the stream and reading it have in common.
//! - `stream`: publishing to the stream; `following`: reading it without a gap, with a watchdog.
//! - `neighbours`: questions between servers and their answers.
//! - `monitor`: whether a node writes each batch to its disk before it acknowledges the batch.
//! - `version`: which nodes are too old to keep a stream alike.

mod connection;
mod following;
mod founding;
mod monitor;
mod neighbours;
mod settings;
mod shared;
mod stream;
mod version;

pub use connection::{ConnectError, Link};
pub use founding::{Founded, LobbyStreamError};
pub use monitor::{MonitorError, SyncAlways, sync_always};
pub use neighbours::NatsNeighbours;
pub use settings::{LobbyName, LobbyNameError, Settings};
pub use stream::{NatsStream, StreamState};
pub use version::{AGREES_FROM, may_disagree};
