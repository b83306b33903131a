//! What is said of operators besides what they do.

use std::fmt;

use super::Saying;

/// What is said of operators.
#[derive(Debug)]
pub(crate) enum Operators {
    /// This user was made one.
    YouAreOne,
    /// This user is one.
    YouAreOneHere,
    /// How whoever was sent out comes back.
    ComeBack {
        /// Not before a ban is over.
        banned: bool,
    },
}

impl Saying for Operators {}

impl fmt::Display for Operators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::YouAreOne => f.write_str("you are an operator now: \\help lists what operators do"),
            Self::YouAreOneHere => f.write_str("you are an operator here: \\help lists what operators do"),
            Self::ComeBack { banned: false } => f.write_str("\\quit and start hobnob again to come back"),
            Self::ComeBack { banned: true } => {
                f.write_str("\\quit, and start hobnob again when the ban is over")
            }
        }
    }
}
