//! Failures of the user's own programs.

use std::error::Error as StdError;
use std::path::Path;

use thiserror::Error;

use super::Failing;
use crate::show::ErrorCode;

/// A failure of one of the user's own programs.
#[derive(Debug, Error)]
pub(crate) enum Plugin<'a> {
    /// The program was called and is not allowed yet, or not any more.
    #[error("not allowed yet: {}{} wants to {wants}; \\allow {command} allows it, until the program is changed",
            if *changed { "it was changed since you allowed it; " } else { "" }, path.display())]
    NotAllowed {
        /// The command, without the backslash.
        command: &'a str,
        /// The path of the program.
        path: &'a Path,
        /// What the program wants to do, in words.
        wants: &'a str,
        /// Whether the program was allowed and has changed since.
        changed: bool,
    },
    /// The program has the name of one of hobnob's own commands.
    #[error("\\{0} is hobnob's own; a program cannot take its place")]
    HobnobsOwn(&'a str),
    /// The program is to be disallowed, and is not allowed anything.
    #[error("\\{0} is not allowed anything; \\allow lists what is")]
    NothingToDisallow(&'a str),
    /// The rights of the program could not be taken back.
    #[error("the program may still be allowed, because its rights could not be taken back: {0}")]
    NotDisallowed(&'a dyn StdError),
    /// The program wrote a line that cannot be understood.
    #[error("the program wrote a line that is no request: {0}")]
    AsksForNothing(&'a dyn StdError),
    /// The program asked for a command that no program may run.
    #[error("a program may not run \\{0}")]
    NotForPrograms(&'a str),
}

impl Failing for Plugin<'_> {
    fn code(&self) -> ErrorCode {
        match self {
            Self::AsksForNothing(_) => ErrorCode::Usage,
            _ => ErrorCode::Refused,
        }
    }
}
