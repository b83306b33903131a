//! The fuzz targets. hobnob reads bytes from outside in several places, and each has a module here. Its function `run`
//! panics if something does not hold that must hold for any bytes. libFuzzer looks for such bytes (see `targets/` and
//! `fuzz/run`), and the test in this crate tries only those that are known. This crate knows no connection and no
//! server.

pub mod codec;
pub mod config_file;
pub mod names;
pub mod peer_lines;
pub mod replay;
pub mod said;

#[cfg(test)]
mod known;
