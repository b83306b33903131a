//! `\slow [SECONDS]`: lets each user who is no operator say only one text in this many seconds.

use super::operator_arguments;
use super::{Argument, Command, CommandError, Group, Progress, Traits, usage};
use crate::client::State;
use crate::client::operators::Doing;

pub(super) const SLOW: Command = Command {
    name: "slow",
    aliases: &[],
    usage: "\\slow [SECONDS]",
    about: "a message per SECONDS from each user; alone: off",
    argument: Argument::Text,
    optional: true,
    group: Group::Operators,
    examples: &["\\slow 30", "\\slow"],
    traits: Traits::NONE,
    run,
};

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    let seconds: u32 = if args.is_empty() { 0 } else { args.parse().map_err(|_| usage(&SLOW))? };
    let target = operator_arguments::target(&seconds.to_string());
    state.operate(Doing { target, ..Doing::of("slow") }, SLOW.name).map(Progress::Acted)
}
