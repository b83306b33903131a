//! The hobnob client.

pub mod repl;
pub mod session_id;
