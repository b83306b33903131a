//! What must hold for any bytes, wherever hobnob reads bytes that somebody else wrote: one module for each reader, each
//! with a `run` that panics where it does not. libFuzzer looks for such bytes (`targets/`, `fuzz/run`); the test here
//! only tries those that are known. Knows no connection and no server.

pub mod codec;
pub mod config_file;
pub mod names;
pub mod peer_lines;
pub mod replay;
pub mod said;

#[cfg(test)]
mod known;
