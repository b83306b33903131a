//! The exit codes of the client, for scripts. The manual page and the README say what each of them means.

/// On a pipe, a command failed or a message was not delivered.
pub const FAILED: u8 = 1;
/// The command line was wrong, or a file is not usable.
pub const USAGE: u8 = 2;
/// The lobby could not be reached or joined, or an operator removed this user from it.
pub const NO_LOBBY: u8 = 3;
/// A key is not the one that was pinned.
pub const KEY_CHANGED: u8 = 4;
