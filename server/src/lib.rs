//! The lobby and rendezvous server.

pub mod log;
pub mod verify;
