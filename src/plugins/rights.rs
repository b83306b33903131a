//! The rights of the user's own programs: which rights there are, and which right a program needs for each thing that
//! it asks for. [`super::permits`] stores which program has which rights. [`super::jobs`] gives the recent messages only
//! to programs with the right `Recent` when it starts them. [`crate::app`] then decides whether to do what a program
//! asks for.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::asks::Ask;

/// A right that a program may be given. No right is needed to show notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Right {
    /// To read the recent messages of the session from which the program is called.
    Recent,
    /// To say something in that session.
    Say,
    /// To run hobnob's own commands.
    Command,
}

impl Right {
    /// Returns what the right allows, in words for the user.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::Recent => "read what was said lately in the session you call it from",
            Self::Say => "say something in your name in the session you call it from",
            Self::Command => "run hobnob's commands",
        }
    }
}

/// The error for a program that asks for something without having this right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("it has no right to {}", .0.about())]
pub(crate) struct NoRight(Right);

/// Checks whether a program with these rights may have what it asks for.
///
/// # Errors
/// Fails with the right that the program lacks.
pub(crate) fn check(ask: &Ask, rights: &[Right]) -> Result<(), NoRight> {
    let needed = match ask {
        Ask::Notice(_) => return Ok(()),
        Ask::Say(_) => Right::Say,
        Ask::Command { .. } => Right::Command,
    };
    if rights.contains(&needed) { Ok(()) } else { Err(NoRight(needed)) }
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::text::Text;

    use super::*;

    #[test]
    fn each_request_needs_its_own_right_and_a_notice_needs_none() {
        let say = Ask::Say(Text::new("x").unwrap());
        let command = Ask::Command { name: "sw".to_owned(), args: "1".to_owned() };
        assert_eq!(check(&Ask::Notice("x".to_owned()), &[]), Ok(()));
        assert_eq!(check(&say, &[Right::Recent, Right::Command]), Err(NoRight(Right::Say)));
        assert_eq!(check(&say, &[Right::Say]), Ok(()));
        assert_eq!(check(&command, &[Right::Recent, Right::Say]), Err(NoRight(Right::Command)));
        assert_eq!(check(&command, &[Right::Command]), Ok(()));
    }
}
