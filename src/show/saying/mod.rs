//! The sentences that hobnob says itself: one variant for each, in a file for each subject. The code that has something
//! to say picks a variant and fills in the facts; the words are decided here, in one place. These files know neither
//! who says a sentence nor when. Failures are told in the sentences of [`super::failing`].

mod history;
mod lobby;
mod operators;
mod plugins;
mod private;
mod start;
mod terminal;
mod user;
mod verification;

use std::fmt;

pub(crate) use self::history::History;
pub(crate) use self::lobby::Lobby;
pub(crate) use self::operators::Operators;
pub(crate) use self::plugins::Plugin;
pub(crate) use self::private::Private;
pub(crate) use self::start::Start;
pub(crate) use self::terminal::Terminal;
pub(crate) use self::user::User;
pub(crate) use self::verification::Verification;
use super::Notice;

/// How many names a sentence lists before it counts the others.
pub(crate) const NAMED: usize = 4;

/// A sentence of hobnob's, as facts. [`fmt::Display`] words it, and [`Notice::from`] makes a notice of it.
pub(crate) trait Saying: fmt::Display {}

impl<S: Saying> From<S> for Notice {
    fn from(saying: S) -> Self {
        Self::Notice { text: saying.to_string() }
    }
}

/// Returns a list of names for a sentence. If there are many, some are listed and the others are counted.
#[must_use]
pub(crate) fn listed(names: &[&str]) -> String {
    let others = names.len().saturating_sub(NAMED);
    // If only one name is left, the name itself is no longer than the words that would count it.
    match (names, others) {
        ([one], _) => (*one).to_owned(),
        ([head @ .., last], 0 | 1) => format!("{} and {last}", head.join(", ")),
        _ => format!("{} and {others} others", names[..NAMED].join(", ")),
    }
}
