//! One order of batches for many servers, kept by NATS JetStream, and questions from one server to another over
//! NATS. Owns all that is particular to NATS: how servers reach it, the one stream of a lobby, how that is followed
//! through dead nodes and elections, and how its durability is checked. Implements the traits of `hobnob-order` and
//! nothing else: it does not know what a batch holds, and decides nothing.
//!
//! - `settings`: which nodes, which lobby, and by which credentials.
//! - `connection`: the link to NATS, which is made again for ever once it has stood.
//! - `founding`: the stream of a lobby, made by the first server, found by all others.
//! - `stream`: publishing to it; `following`: reading it without a gap, with a watchdog.
//! - `neighbours`: questions and their answers.
//! - `monitor`: whether a node writes each batch to its disk before it acknowledges it.

mod connection;
mod following;
mod founding;
mod monitor;
mod neighbours;
mod settings;
mod stream;

pub use connection::{ConnectError, Link};
pub use founding::{FoundError, Founded};
pub use monitor::{MonitorError, SyncAlways, sync_always};
pub use neighbours::NatsNeighbours;
pub use settings::{LobbyName, LobbyNameError, Settings};
pub use stream::{NatsStream, StreamState};
