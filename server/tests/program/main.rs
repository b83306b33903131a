//! Scenes with the real server program: real sockets, real TLS, and a real store in a folder that is thrown away
//! afterwards.

#![allow(clippy::unwrap_used, reason = "a scene that finds something missing has failed")]

mod backup;
mod clock;
mod durability;
mod errors;
mod hostile;
mod joining;
mod limits;
mod many;
mod operators;
mod rooms;
mod stage;
mod stopping;
mod store;
