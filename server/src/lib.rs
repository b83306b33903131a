//! The lobby and rendezvous server.
//!
//! Module map: [`server`](Server) puts the parts together around an [`Engine`], which is a lobby
//! without a socket; `listener` and `admission` take newcomers (`network` tells which addresses count as
//! one);
//! `connection` is one client; `lobby` is the one task that owns who is here (`roster`) and what was
//! said in which order; `rendezvous` introduces users to each other; [`log`] keeps it all;
//! `outbox` is a bounded memory of it; `metrics` and `scrape` tell how it goes; `exposed` tells what of the store others have access to; [`verify`] checks
//! a log. Nothing here knows the client program.

mod admission;
mod config;
mod connection;
mod decide;
mod engine;
mod exposed;
mod listener;
mod lobby;
pub mod log;
mod metrics;
mod network;
mod outbox;
mod rendezvous;
mod scrape;
mod server;
pub mod verify;

pub use config::ServerConfig;
pub use engine::{Engine, Streams};
pub use server::{Server, ServerError};
