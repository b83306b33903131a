//! The lobby and rendezvous server.
//!
//! Module map:
//! - [`server`](Server) puts the parts together around an [`Engine`], which is a lobby without a socket.
//! - `listener` and `admission` take newcomers, `banned_ranges` keeps some out, whom `kept_out` tells; `network` tells which addresses count
//!   as one.
//! - `operators_file` and `motd` read what whoever runs the server has written; `own_files` reads both again.
//! - `connection` is one client; `wire` its encrypted stream, `rate` how fast it is read.
//! - `lobby` is the one task that gathers what clients want, has it ordered, and does what follows.
//! - [`decide`], a plain state machine, says what follows.
//! - `shared_lobby` makes a server one of several: `founding` is what a lobby is for all of them, [`found`] begins one
//!   with what a single server has, `machine_file` how far one has read their order.
//! - `neighbour` is what servers of one lobby ask each other.
//! - `consent` keeps the questions whether somebody wants a private session; `rendezvous` introduces users to each other;
//!   `allowance` tells how often. `relay` copies bytes between two who cannot reach each other; `tokens` makes and
//!   recognises the tokens of their sessions.
//! - [`log`] keeps it all; [`verify`] checks it; [`status`] tells where a server is in it; [`exposed`] tells which of its
//!   files others have access to.
//! - `metrics` and `scrape` tell how it goes.
//!
//! Nothing here knows the client program.

mod admission;
mod allowance;
mod banned_ranges;
mod config;
mod connection;
mod consent;
pub mod decide;
mod engine;
pub mod exposed;
pub mod found;
mod founding;
mod kept_out;
mod listener;
mod lobby;
pub mod log;
mod machine_file;
mod metrics;
mod motd;
mod neighbour;
mod network;
mod operators_file;
mod own_files;
mod rate;
mod relay;
mod rendezvous;
mod scrape;
mod server;
mod shared_lobby;
pub mod status;
pub mod tokens;
pub mod verify;
mod wire;

pub use config::{Operators, ServerConfig};
pub use engine::{Engine, Streams};
pub use founding::{Found, FoundOrNot, NotOurs, SharedOrder};
pub use lobby::CannotCatchUp;
pub use machine_file::NoMachine;
pub use own_files::{OwnFiles, OwnFilesError};
pub use server::{Server, ServerError};
pub use shared_lobby::CannotShare;
