//! Sentences about operators, apart from their acts.

use std::fmt;

use super::Saying;

/// A sentence about operators.
#[derive(Debug)]
pub(crate) enum Operators {
    /// This user was just made an operator.
    YouAreOne,
    /// This user is an operator in this lobby.
    YouAreOneHere,
    /// How a user who was sent out can come back.
    ComeBack {
        /// Whether he is banned, so that he can come back only when the ban is over.
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
