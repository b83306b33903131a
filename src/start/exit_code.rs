//! The codes the client exits with, for scripts. The manual page and the README tell what each means.

/// A command failed, or a message was not delivered, on a pipe.
pub const FAILED: u8 = 1;
/// The usage was wrong, or a file cannot be used.
pub const USAGE: u8 = 2;
/// The lobby could not be reached or joined, or an operator sent this user out of it.
pub const NO_LOBBY: u8 = 3;
/// A key is not the one that was trusted.
pub const KEY_CHANGED: u8 = 4;
