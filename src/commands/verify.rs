//! `\verify [NAME|yes|no]`: verifies the key of a peer by comparing seven words that both users see.

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::session::SessionId;
use crate::show::failing;

pub(super) const VERIFY: Command = Command {
    name: "verify",
    aliases: &[],
    usage: "\\verify [NAME|yes|no]",
    about: "compare NAME's key by seven words",
    argument: Argument::User,
    optional: true,
    group: Group::People,
    examples: &["\\verify bobby", "\\verify yes"],
    traits: Traits { of_session: true, ..Traits::NONE },
    run,
};

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    if let "yes" | "no" = args {
        let session = state.verified_session()?;
        state.answer_verification(session, args == "yes")?;
        // After a no the session ends, and the script's next text goes nowhere until the script says where.
        return Ok(if args == "yes" { Progress::Verifying(session) } else { Progress::Ending(session) });
    }
    let session = match args {
        "" => state
            .sessions
            .current()
            .filter(|session| *session != SessionId::LOBBY)
            .ok_or(failing::Verification::Nobody)?,
        name => {
            let name = state.parse_name(name)?;
            state.session_named(&name)?.ok_or(failing::Verification::NoSession(&name))?
        }
    };
    state.verify(session)?;
    Ok(Progress::Verifying(session))
}
