//! `\ban WHAT [DURATION WHY]`: keeps out a key, or everybody who comes from an address, for a time or for good.

use super::operator_arguments;
use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::client::operators::Doing;

pub(super) const BAN: Command = Command {
    name: "ban",
    aliases: &[],
    usage: "\\ban WHAT [DURATION WHY]",
    about: "keep a NAME, fingerprint or ADDRESS[/BITS] out",
    argument: Argument::UserAndSaid,
    optional: false,
    group: Group::Operators,
    examples: &["\\ban carl 2h spam", "\\ban 192.0.2.0/24 1d"],
    traits: Traits { heard_by_many: true, ..Traits::NONE },
    run,
};

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    let (what, rest) = operator_arguments::first_word(args);
    let (lasts, reason) = operator_arguments::term(rest)?;
    let (name, target) = operator_arguments::name_or_target(state, what)?;
    state.operate(Doing { name, target, lasts, reason, ..Doing::of("ban") }, BAN.name).map(Progress::Acted)
}
