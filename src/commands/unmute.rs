//! `\unmute NAME`: lets a user speak again.

use super::operator_arguments;
use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::client::operators::Doing;

pub(super) const UNMUTE: Command = Command {
    name: "unmute",
    aliases: &[],
    usage: "\\unmute NAME",
    about: "NAME may speak again",
    argument: Argument::User,
    optional: false,
    group: Group::Operators,
    examples: &["\\unmute carl"],
    traits: Traits::NONE,
    run,
};

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    let (name, target) = operator_arguments::name_or_target(state, args)?;
    state.operate(Doing { name, target, ..Doing::of("unmute") }, UNMUTE.name).map(Progress::Acted)
}
