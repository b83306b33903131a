//! What is said of the verification of keys besides its words and its outcome.

use std::fmt;

use hobnob_protocol::name::UserName;

use super::Saying;

/// What is said of the verification of keys.
#[derive(Debug)]
pub(crate) enum Verification<'a> {
    /// This user has said yes, the other nothing so far.
    Unanswered {
        /// Whose answer is missing.
        name: &'a UserName,
    },
    /// Nothing is said to this key, for its words were others.
    KeyRefused {
        /// Whose key.
        name: &'a UserName,
    },
}

impl fmt::Display for Verification<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unanswered { name } => write!(f, "{name} has not answered yet"),
            Self::KeyRefused { name } => write!(
                f,
                "{name}'s key is refused, for its words were not the same when keys were compared; \\forget {name} \
                 takes that back"
            ),
        }
    }
}

impl Saying for Verification<'_> {}
