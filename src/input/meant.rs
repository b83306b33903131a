//! For whom the lines after a failed line were meant. The rule is the same for terminals and scripts; their code decides
//! what to do about it. This file knows no commands: the caller hands in what is special about a command.

use super::traits::Leads;

/// For whom the lines after a failed line were meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meant {
    /// They were meant for the same people as without the failed line.
    AsBefore,
    /// They were meant for somebody to whom the failed line should have led. Nobody else may receive them.
    SomebodyElse,
}

/// Decides for whom the lines after a failed command were meant. `leads` belongs to the command that was probably meant
/// by its word. The lines were meant for somebody else even if the argument is missing (perhaps a variable was empty, or
/// Enter came too early), or if no session has had the number yet (perhaps the other user has not opened the session
/// yet). Number 0 is the lobby, which is never "somebody else".
#[must_use]
pub fn after_failed(leads: Leads, args: &str) -> Meant {
    match leads {
        Leads::ToUser | Leads::ToRoom => Meant::SomebodyElse,
        Leads::ToSession if args.parse() != Ok(0_u32) => Meant::SomebodyElse,
        Leads::ToSession | Leads::Nowhere => Meant::AsBefore,
    }
}
