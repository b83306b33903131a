//! `\op NAME`: makes a user an operator.

use super::operator_arguments;
use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::client::operators::Doing;

pub(super) const OP: Command = Command {
    name: "op",
    aliases: &[],
    usage: "\\op NAME",
    about: "make NAME an operator, too",
    argument: Argument::User,
    optional: false,
    group: Group::Operators,
    examples: &["\\op bobby"],
    traits: Traits::NONE,
    run,
};

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    let (name, target) = operator_arguments::name_or_target(state, args)?;
    state.operate(Doing { name, target, ..Doing::of("op") }, OP.name).map(Progress::Acted)
}
