//! The hobnob client.
