//! The sentences hobnob says on its own account, one variant for each, in a file for each subject. Whoever has something to
//! say picks a variant and fills in the facts; how it is worded is decided here, in one place. Knows neither who says it nor
//! when. What failed is told in the sentences of [`super::failing`].

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

/// Names that one sentence spells out; beyond these it counts the others.
pub(crate) const NAMED: usize = 4;

/// What hobnob has to say, as facts. [`fmt::Display`] words it, and [`Notice::from`] makes a notice of it.
pub(crate) trait Saying: fmt::Display {}

impl<S: Saying> From<S> for Notice {
    fn from(saying: S) -> Self {
        Self::Notice { text: saying.to_string() }
    }
}

/// Names as a sentence has them; of many some, and how many more.
#[must_use]
pub(crate) fn listed(names: &[&str]) -> String {
    let others = names.len().saturating_sub(NAMED);
    // One more name is no longer than a word that counts it.
    match (names, others) {
        ([one], _) => (*one).to_owned(),
        ([head @ .., last], 0 | 1) => format!("{} and {last}", head.join(", ")),
        _ => format!("{} and {others} others", names[..NAMED].join(", ")),
    }
}
