//! `\kick NAME [REASON]`: sends a user out of the lobby; he may come back.

use super::operator_arguments;
use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::client::operators::Doing;

pub(super) const KICK: Command = Command {
    name: "kick",
    aliases: &[],
    usage: "\\kick NAME [REASON]",
    about: "send NAME out; NAME may come back",
    argument: Argument::UserAndSaid,
    optional: false,
    group: Group::Operators,
    examples: &["\\kick carl", "\\kick carl calm down, then come back"],
    traits: Traits { heard_by_many: true, ..Traits::NONE },
    run,
};

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    let (name, reason) = operator_arguments::first_word(args);
    let name = state.parse_name(name)?;
    let doing = Doing { name: Some(name), reason: operator_arguments::reason(reason)?, ..Doing::of("kick") };
    state.operate(doing, KICK.name).map(Progress::Acted)
}
