//! The rights of the user's own programs: which there are, and which one each thing that a program asks for takes. What a
//! program was allowed is in [`super::grants`]; that the recent messages are given to none but those with `Recent` is seen to in
//! [`super::jobs`], where a program is started; whether hobnob then does what was asked is for [`crate::app`].

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::asks::Ask;

/// A right a program may be given. To show notices takes none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Right {
    /// To read what was said lately in the session it is called from.
    Recent,
    /// To say something there.
    Say,
    /// To run commands of hobnob's own.
    Command,
}

impl Right {
    /// What it allows, in words.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::Recent => "read what was said lately in the session you call it from",
            Self::Say => "say something in your name in the session you call it from",
            Self::Command => "run hobnob's commands",
        }
    }
}

/// A program asked for something that it was given no right to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("it has no right to {}", .0.about())]
pub(crate) struct NoRight(Right);

/// Whether a program with these rights may have what it asks for.
///
/// # Errors
/// The right that it lacks.
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
    use hobnob_protocol::name::Text;

    use super::*;

    #[test]
    fn each_ask_takes_its_own_right_and_a_notice_takes_none() {
        let say = Ask::Say(Text::new("x").unwrap());
        let command = Ask::Command { name: "sw".to_owned(), args: "1".to_owned() };
        assert_eq!(check(&Ask::Notice("x".to_owned()), &[]), Ok(()));
        assert_eq!(check(&say, &[Right::Recent, Right::Command]), Err(NoRight(Right::Say)));
        assert_eq!(check(&say, &[Right::Say]), Ok(()));
        assert_eq!(check(&command, &[Right::Recent, Right::Say]), Err(NoRight(Right::Command)));
        assert_eq!(check(&command, &[Right::Command]), Ok(()));
    }
}
