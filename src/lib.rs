//! The hobnob client.

pub mod peer;
pub mod session_id;
