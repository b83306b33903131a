//! `\mute NAME [DURATION WHY]`: keeps a user from speaking; he still hears the others.

use super::operator_arguments;
use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::client::operators::Doing;

pub(super) const MUTE: Command = Command {
    name: "mute",
    aliases: &[],
    usage: "\\mute NAME [DURATION WHY]",
    about: "NAME can read along, but not speak",
    argument: Argument::UserAndSaid,
    optional: false,
    group: Group::Operators,
    examples: &["\\mute carl 10m"],
    traits: Traits { heard_by_many: true, ..Traits::NONE },
    run,
};

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    let (name, rest) = operator_arguments::first_word(args);
    let (lasts, reason) = operator_arguments::term(rest)?;
    let name = Some(state.parse_name(name)?);
    state.operate(Doing { name, lasts, reason, ..Doing::of("mute") }, MUTE.name).map(Progress::Acted)
}
