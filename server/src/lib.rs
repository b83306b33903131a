//! The lobby and rendezvous server.
//!
//! Module map: [`server`](Server) puts the parts together around an [`Engine`], which is a lobby
//! without a socket; `listener` and `admission` take newcomers (`network` tells which addresses count as
//! one);
//! `connection` is one client; `lobby` is the one task that gathers what clients want, has it ordered, and does
//! what follows from that; what follows is said by [`decide`], a plain state machine; `rendezvous` introduces
//! users to each other; [`log`] keeps it all; `metrics` and `scrape` tell how it goes; `exposed` tells what of the store
//! others have access to; [`verify`] checks
//! a log. Nothing here knows the client program.

mod admission;
mod allowance;
mod config;
mod connection;
pub mod decide;
mod engine;
mod exposed;
mod listener;
mod lobby;
pub mod log;
mod metrics;
mod network;
mod rendezvous;
mod scrape;
mod server;
pub mod verify;

pub use config::ServerConfig;
pub use engine::{Engine, Streams};
pub use server::{Server, ServerError};
