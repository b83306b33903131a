//! For whom the lines after a failed line were meant. There is one rule for terminals and one for scripts; their code
//! decides what to do about it. This file knows no commands: the caller hands in what is special about a command.

use super::traits::Leads;

/// For whom the lines after a failed line were meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meant {
    /// They were meant for the same people as without the failed line.
    AsBefore,
    /// They were meant for somebody to whom the failed line should have led. Nobody else may receive them.
    SomebodyElse,
}

/// Decides for whom the lines after a failed command were meant. `leads` belongs to the command, or to the command that
/// its word means in other chat programs. `had` returns whether a session other than the lobby has or had this number.
///
/// This is the rule at a terminal, where the prompt shows where a line will go.
#[must_use]
pub fn after_failed(leads: Leads, args: &str, had: impl Fn(u32) -> bool) -> Meant {
    let leads_somewhere = match leads {
        // A command without its argument is a usage error and was meant for nobody.
        _ if args.is_empty() => false,
        Leads::Nowhere => false,
        Leads::ToUser | Leads::ToRoom => true,
        // A number that no session has ever had is a typing error. Number 0 is the lobby, which is never "somebody
        // else".
        Leads::ToSession => args.parse().map_or(true, had),
    };
    if leads_somewhere { Meant::SomebodyElse } else { Meant::AsBefore }
}

/// Decides the same for a script, which sees no prompt and does not stop. The lines after the command were meant for
/// somebody else even if the argument is missing (perhaps a variable was empty), or if no session has had the number
/// yet (perhaps the other user has not opened the session yet). Number 0 is the lobby, which is never "somebody else".
#[must_use]
pub fn after_failed_in_script(leads: Leads, args: &str) -> Meant {
    match leads {
        Leads::ToUser | Leads::ToRoom => Meant::SomebodyElse,
        Leads::ToSession if args.parse() != Ok(0_u32) => Meant::SomebodyElse,
        Leads::ToSession | Leads::Nowhere => Meant::AsBefore,
    }
}
