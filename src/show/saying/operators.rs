//! What is said of operators besides what they do.

use std::fmt;

use super::Saying;

/// What is said of operators.
#[derive(Debug)]
pub(crate) enum Operators {
    /// This user was made one.
    YouAreOne,
}

impl Saying for Operators {}

impl fmt::Display for Operators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::YouAreOne => f.write_str("you are an operator now: \\help lists what operators do"),
        }
    }
}
