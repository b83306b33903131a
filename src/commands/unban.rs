//! `\unban WHAT`: takes back the ban of a key or address.

use super::operator_arguments;
use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::client::operators::Doing;

pub(super) const UNBAN: Command = Command {
    name: "unban",
    aliases: &[],
    usage: "\\unban WHAT",
    about: "take a ban back",
    argument: Argument::User,
    optional: false,
    group: Group::Operators,
    examples: &["\\unban carl", "\\unban 192.0.2.0/24"],
    traits: Traits::NONE,
    run,
};

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    let (name, target) = operator_arguments::name_or_target(state, args)?;
    state.operate(Doing { name, target, ..Doing::of("unban") }, UNBAN.name).map(Progress::Acted)
}
