//! Whom the words that follow a line were meant for, when the line did not do what it was to do. One
//! rule for terminals and scripts; what each does about it stands with them. Knows no commands: what
//! is special about one is handed in.

use super::traits::Leads;

/// Whom what follows a failed line was meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meant {
    /// Whoever it would have been for without that line.
    AsBefore,
    /// Somebody the line was to lead to. Nobody else may hear it.
    SomebodyElse,
}

/// Whom the words after a command that failed were meant for. `leads` is of the command, or of
/// what its word is in other chats; `had` tells whether there is or was a session
/// of this number besides the lobby.
///
/// This is the rule at a terminal, where the prompt says where a line goes.
#[must_use]
pub fn after_failed(leads: Leads, args: &str, had: impl Fn(u32) -> bool) -> Meant {
    let leads_somewhere = match leads {
        // A usage error, or a command that leads nowhere, was meant for nobody.
        _ if args.is_empty() => false,
        Leads::Nowhere => false,
        Leads::ToUser | Leads::ToRoom => true,
        // A number no session ever had is a slip; the lobby, number 0, is nobody else.
        Leads::ToSession => args.parse().map_or(true, had),
    };
    if leads_somewhere { Meant::SomebodyElse } else { Meant::AsBefore }
}

/// The same in a script, which sees no prompt and does not stop: also where the argument is missing (a variable
/// that was empty) or is a number that no session has had yet (of somebody who has not forked this user), what
/// follows was meant for somebody else. The lobby, number 0, is nobody else.
#[must_use]
pub fn after_failed_in_script(leads: Leads, args: &str) -> Meant {
    match leads {
        Leads::ToUser | Leads::ToRoom => Meant::SomebodyElse,
        Leads::ToSession if args.parse() != Ok(0_u32) => Meant::SomebodyElse,
        Leads::ToSession | Leads::Nowhere => Meant::AsBefore,
    }
}
