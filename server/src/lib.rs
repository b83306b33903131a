//! The lobby and rendezvous server.
//!
//! Module map:
//! - [`server`](Server) puts the parts together around an [`Engine`], which is a lobby without a socket.
//! - `listener` accepts connections, `admission` says which of them are let in, and `network` says which addresses
//!   count as one.
//! - `own_files` reads the files that the server's administrator writes.
//! - `connection` is one client; `wire` is its encrypted stream; `limits` says how fast it is read.
//! - `lobby` is the one task that gathers what clients want, has it ordered, and does what follows.
//! - [`decide`], a plain state machine, says what follows.
//! - [`shared_lobby`] makes a server one of several.
//! - `neighbour` is what servers of one lobby ask each other.
//! - `introductions` keeps the questions whether somebody wants a private session, and introduces users to each other.
//!   `relay` copies bytes between two clients that cannot reach each other; [`tokens`] makes and recognises the tokens
//!   of their sessions.
//! - [`log`] keeps every message, and checks the log; [`backup`] copies it; [`status`] tells how far a server has come;
//!   [`exposed`] tells which of its files others can access.
//! - `metrics` counts what happens, and answers those who read the counters.
//!
//! Nothing here knows the client program.

mod admission;
pub mod backup;
mod config;
mod connection;
pub mod decide;
mod engine;
pub mod exposed;
mod introductions;
mod limits;
mod listener;
mod lobby;
mod lobby_thread;
pub mod log;
mod metrics;
mod neighbour;
mod network;
mod own_files;
mod relay;
mod server;
pub mod shared_lobby;
pub mod status;
pub mod tokens;
mod wire;

pub use config::{Operators, ServerConfig};
pub use engine::{Engine, Streams};
pub use lobby::CannotCatchUp;
pub use own_files::{OwnFiles, OwnFilesError};
pub use server::{Server, ServerError};
pub use shared_lobby::CannotShare;
pub use shared_lobby::founding::{LobbyOrder, NotOurs, OrderOrNone, SharedOrder};
pub use shared_lobby::machine_file::NoMachine;
