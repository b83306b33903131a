//! The sentences in which hobnob says that something failed: one variant for each, in a file for each subject. The code
//! that finds a failure picks a variant and fills in the facts; the words and the [`ErrorCode`] are decided here, in
//! one place. Typed errors of other parts word themselves and are repeated here. These files know neither who fails nor
//! when.

mod history;
mod input;
mod lobby;
mod operators;
mod plugins;
mod private;
mod room;
mod sessions;
mod start;
mod user;
mod verification;

use std::fmt;

pub(crate) use self::history::History;
pub(crate) use self::input::{Input, Request, Wait};
pub(crate) use self::lobby::{Lobby, NewServerKey};
pub(crate) use self::operators::{Operators, sent_out};
pub(crate) use self::plugins::Plugin;
pub(crate) use self::private::Private;
pub(crate) use self::room::Room;
pub(crate) use self::sessions::Sessions;
pub(crate) use self::start::Start;
pub(crate) use self::user::User;
pub(crate) use self::verification::Verification;
use super::{ErrorCode, Failure, Notice, unsent};

/// The reason of a failure, as facts. [`fmt::Display`] words it, and [`Failure::from`] makes a failure of it.
pub(crate) trait Failing: fmt::Display {
    /// Returns the kind of reason.
    fn code(&self) -> ErrorCode;
}

/// An error of another part of the program, which words itself.
#[derive(Debug)]
pub(crate) struct Worded<E> {
    code: ErrorCode,
    error: E,
}

impl<E: std::error::Error> Worded<E> {
    /// Makes an error of this kind.
    pub(crate) const fn new(code: ErrorCode, error: E) -> Self {
        Self { code, error }
    }
}

impl<E: fmt::Display> fmt::Display for Worded<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<E: fmt::Display> Failing for Worded<E> {
    fn code(&self) -> ErrorCode {
        self.code
    }
}

/// A text was not sent, for the reason that the user was told.
#[derive(Debug)]
pub(crate) struct NotSent<'a>(pub(crate) &'a str);

impl fmt::Display for NotSent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&unsent::sentence(self.0))
    }
}

impl Failing for NotSent<'_> {
    fn code(&self) -> ErrorCode {
        ErrorCode::PeerUnreachable
    }
}

impl<F: Failing> From<F> for Failure {
    fn from(failing: F) -> Self {
        Self { code: failing.code(), text: failing.to_string(), command: None }
    }
}

impl From<Failure> for Notice {
    fn from(failure: Failure) -> Self {
        Self::Error(failure)
    }
}
