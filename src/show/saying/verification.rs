//! Sentences about the verification of keys, apart from its words and its outcome.

use std::fmt;

use hobnob_protocol::name::UserName;

use super::Saying;

/// A sentence about the verification of keys.
#[derive(Debug)]
pub(crate) enum Verification<'a> {
    /// This user has said yes, and the other has not answered yet.
    Unanswered {
        /// The name of the user whose answer is missing.
        name: &'a UserName,
    },
    /// What follows when a user says no, for the help.
    AfterNo,
    /// The words of this key were not the same, so nothing is said to it.
    KeyRefused {
        /// The name of the user with this key.
        name: &'a UserName,
    },
}

impl fmt::Display for Verification<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unanswered { name } => write!(f, "{name} has not answered yet"),
            Self::AfterNo => f.write_str(
                "after \\verify no the key is refused on both sides; to talk again, each of the two has to \\forget the \
                 other by name",
            ),
            Self::KeyRefused { name } => write!(
                f,
                "{name}'s key is refused, because the words were not the same when you compared keys; \\forget {name} \
                 allows it again here, and {name} has to \\forget you, too"
            ),
        }
    }
}

impl Saying for Verification<'_> {}
