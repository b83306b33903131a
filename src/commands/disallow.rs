//! `\disallow NAME`: takes back what `\allow` gave a program of the user's own.

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::show::{ErrorCode, Saying};

pub(super) const DISALLOW: Command = Command {
    name: "disallow",
    aliases: &[],
    usage: "\\disallow NAME",
    about: "take back what \\allow gave program hobnob-NAME",
    argument: Argument::Program,
    optional: false,
    group: Group::Yours,
    examples: &["\\disallow weather"],
    traits: Traits { not_for_programs: true, ..Traits::NONE },
    run,
};

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    let name = args.trim_start_matches('\\');
    match state.plugins.disallow(name) {
        Ok(true) => {
            state.emit(Saying::PluginDisallowed { command: name }.into());
            Ok(Progress::Done)
        }
        Ok(false) => {
            let text = format!("\\{name} is not allowed anything; \\allow lists what is");
            Err(CommandError::new(ErrorCode::Refused, text))
        }
        Err(reason) => {
            Err(CommandError::new(ErrorCode::Refused, format!("it may be allowed still: {reason}")))
        }
    }
}
