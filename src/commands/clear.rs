//! `\clear`: empties the screen.

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::show::failing;

pub(super) const CLEAR: Command = Command {
    name: "clear",
    aliases: &[],
    usage: "\\clear",
    about: "empty the screen",
    argument: Argument::None,
    optional: false,
    group: Group::Reading,
    examples: &[],
    traits: Traits::NONE,
    run,
};

fn run(state: &mut State, _args: &str) -> Result<Progress, CommandError> {
    if !state.screen.is_terminal() {
        return Err(failing::Input::NoScreen.into());
    }
    state.screen.clear();
    Ok(Progress::Done)
}
