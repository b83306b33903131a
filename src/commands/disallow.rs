//! `\disallow NAME`: takes back what `\allow` allowed one of the user's own programs.

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::show::{failing, saying};

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
            state.emit(saying::Plugin::Disallowed { command: name }.into());
            Ok(Progress::Done)
        }
        Ok(false) => Err(failing::Plugin::NothingToDisallow(name).into()),
        Err(reason) => Err(failing::Plugin::NotDisallowed(&reason).into()),
    }
}
