//! `\unlock`: opens a locked lobby to everybody.

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::client::operators::Doing;

pub(super) const UNLOCK: Command = Command {
    name: "unlock",
    aliases: &[],
    usage: "\\unlock",
    about: "open a locked lobby",
    argument: Argument::None,
    optional: false,
    group: Group::Operators,
    examples: &[],
    traits: Traits::NONE,
    run,
};

fn run(state: &mut State, _args: &str) -> Result<Progress, CommandError> {
    state.operate(Doing::of("unlock"), UNLOCK.name).map(Progress::Acted)
}
