//! `\deop NAME`: takes a user's rights as an operator back.

use super::operator_arguments;
use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::client::operators::Doing;

pub(super) const DEOP: Command = Command {
    name: "deop",
    aliases: &[],
    usage: "\\deop NAME",
    about: "NAME is no operator any more",
    argument: Argument::User,
    optional: false,
    group: Group::Operators,
    examples: &["\\deop bobby"],
    traits: Traits::NONE,
    run,
};

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    let (name, target) = operator_arguments::name_or_target(state, args)?;
    state.operate(Doing { name, target, ..Doing::of("deop") }, DEOP.name).map(Progress::Acted)
}
